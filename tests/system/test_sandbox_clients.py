"""The vendors' own client libraries (tests/requirements.txt) against the sandbox CRMs: simple-salesforce over TLS
with a certificate authority of our own, hubspot-api-client over plain HTTP."""
import os
import ssl
import subprocess
import sys
import urllib.request

from harness import SOURCE, Sandbox, new_dir, run_tests, wait_for

try:
    import requests
    from hubspot import HubSpot
    from hubspot.crm import companies, contacts, properties
    from hubspot.crm.associations import v4
    from simple_salesforce import Salesforce
    from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound
except ImportError:
    if os.environ.get("TANDEM_TEST_VENV"):
        raise
    python = subprocess.run([os.path.join(SOURCE, "tests", "support", "venv")], stdout=subprocess.PIPE, text=True,
                            check=True).stdout.strip()
    os.environ["TANDEM_TEST_VENV"] = python
    os.execv(python, [python, "-B", os.path.abspath(__file__), *sys.argv[1:]])


def certificates():
    """(authority, certificate, key): files for 127.0.0.1."""
    where = new_dir("tls")

    def path(name):
        return os.path.join(where, name)

    def run(*words):
        subprocess.run(["openssl", *words], check=True, stderr=subprocess.DEVNULL)

    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path("ca.key"), "-out", path("ca.pem"), "-days", "2",
        "-subj", "/CN=sandbox authority", "-addext", "keyUsage=critical,keyCertSign")
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", path("crm.key"), "-out", path("crm.csr"), "-subj", "/CN=127.0.0.1")
    with open(path("ext"), "w", encoding="utf-8") as file:
        file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    run("x509", "-req", "-in", path("crm.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial",
        "-days", "2", "-extfile", path("ext"), "-out", path("crm.pem"))
    return path("ca.pem"), path("crm.pem"), path("crm.key")


def test_simple_salesforce():
    authority, certificate, key = certificates()
    os.environ["REQUESTS_CA_BUNDLE"] = authority  # a machine's own setting would win over session.verify
    # the harness's own calls trust it too
    urllib.request.install_opener(urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority))))
    crm = Sandbox("salesforce", tls=(certificate, key), seed=4500, visibility_lag_ms=0)
    session = requests.Session()
    session.verify = authority
    client = Salesforce(instance_url=crm.url, session_id="sandbox-token", session=session, version="60.0")

    everything = client.query_all("SELECT Id, Email, SystemModstamp FROM Contact")
    assert everything["totalSize"] == 4500 and everything["done"] and len(everything["records"]) == 4500
    assert len({record["Id"] for record in everything["records"]}) == 4500, "three pages without a double"
    with_mail = client.query("SELECT COUNT() FROM Contact WHERE Email != null")["totalSize"]
    assert with_mail == sum(record["Email"] is not None for record in everything["records"]) < 4500

    fields = {field["name"]: field["type"] for field in client.Contact.describe()["fields"]}
    assert fields["Email"] == "email" and fields["SystemModstamp"] == "datetime" and fields["Balance__c"] == "currency"

    made = client.Contact.create({"LastName": "Łukasz \"L\" O'Brien", "Email": "l@example.com"})
    assert made["success"]
    assert client.Contact.update(made["id"], {"Title": "Boss"}) == 204
    found = client.query("SELECT Id, LastName, Title FROM Contact WHERE LastName = 'Łukasz \"L\" O\\'Brien'")["records"]
    assert [(each["Id"], each["Title"]) for each in found] == [(made["id"], "Boss")]
    assert client.Contact.delete(made["id"]) == 204
    for wrong, error in ((lambda: client.Contact.get(made["id"]), SalesforceResourceNotFound),
                         (lambda: client.query("SELECT Nothing FROM Contact"), SalesforceMalformedRequest)):
        try:
            wrong()
        except error:
            continue
        raise AssertionError(f"{error.__name__} is expected")
    gone = client.query("SELECT Id FROM Contact WHERE IsDeleted = true", include_deleted=True)
    assert gone["totalSize"] == 1
    assert client.api_usage["api-usage"].total == 100000 and client.api_usage["api-usage"].used > 5
    assert crm.term() == 0


def test_hubspot_api_client():
    crm = Sandbox("hubspot", seed=250, index_lag_ms=300, search_limit_1s=0)
    client = HubSpot(access_token="sandbox-token", host=crm.url)
    client.crm.properties.core_api.create("contacts", properties.PropertyCreate(
        name="t_sf_id", label="Old id", type="string", field_type="text", group_name="contactinformation",
        has_unique_value=True))

    everyone = client.crm.contacts.get_all(properties=["email", "lastname"])
    assert len(everyone) == 250 and len({each.id for each in everyone}) == 250

    one = next(each for each in everyone if each.properties["email"])
    read = client.crm.contacts.batch_api.read(contacts.BatchReadInputSimplePublicObjectId(
        id_property="email", properties=["email", "lastname"], properties_with_history=[],
        inputs=[contacts.SimplePublicObjectId(id=one.properties["email"].upper())]))
    assert read.status == "COMPLETE" and [each.id for each in read.results] == [one.id]
    partial = client.crm.contacts.batch_api.read(contacts.BatchReadInputSimplePublicObjectId(
        properties=["email"], properties_with_history=[],
        inputs=[contacts.SimplePublicObjectId(id=one.id), contacts.SimplePublicObjectId(id="12")]))
    assert [each.id for each in partial.results] == [one.id], partial
    assert partial.num_errors == 1 and partial.errors[0].context == {"ids": ["12"]}, partial

    def upsert(*items):
        return client.crm.contacts.batch_api.upsert(contacts.BatchInputSimplePublicObjectBatchInputUpsert(inputs=[
            contacts.SimplePublicObjectBatchInputUpsert(id=id_, id_property="t_sf_id", object_write_trace_id="t" + id_,
                                                        properties=values) for id_, values in items]))
    made = upsert(("A", {"email": "a@example.com", "lastname": "Ä"}), ("B", {"lastname": "B"}))
    assert sorted(each.new for each in made.results) == [True, True]
    again = upsert(("A", {"lastname": "A2"}), ("B", {"email": "no mail at all"}))
    assert [(each.new, each.properties["lastname"]) for each in again.results] == [(False, "A2")]
    assert again.num_errors == 1 and again.errors[0].category == "VALIDATION_ERROR"
    assert again.errors[0].context == {"objectWriteTraceId": ["tB"]}

    def search():
        return client.crm.contacts.search_api.do_search(contacts.PublicObjectSearchRequest(
            filter_groups=[{"filters": [{"propertyName": "email", "operator": "EQ", "value": "a@example.com"}]}],
            properties=["t_sf_id"], limit=10))
    found = wait_for(lambda: [each for each in search().results if each.properties["t_sf_id"] == "A"], 20, "the index")
    client.crm.contacts.basic_api.archive(found[0].id)
    wait_for(lambda: search().total == 0, 20, "the archived record leaves the index")
    try:
        client.crm.contacts.basic_api.get_by_id(found[0].id)
    except contacts.ApiException as error:
        assert error.status == 404
    else:
        raise AssertionError("an archived record is read")
    link_with_the_client(client, one.id)
    assert crm.term() == 0


def link_with_the_client(client, contact):
    company = client.crm.companies.basic_api.create(companies.SimplePublicObjectInputForCreate(properties={"name": "Acme"}))
    batch = client.crm.associations.v4.batch_api
    made = batch.create("contacts", "companies", v4.BatchInputPublicAssociationMultiPost(inputs=[
        v4.PublicAssociationMultiPost(_from={"id": contact}, to={"id": company.id}, types=[
            v4.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=1)])]))
    assert made.status == "COMPLETE" and made.results[0].labels == ["Primary"]
    read = batch.get_page("contacts", "companies", v4.BatchInputPublicFetchAssociationsBatchRequest(
        inputs=[v4.PublicFetchAssociationsBatchRequest(id=contact)]))
    assert [(to.to_object_id, sorted(spec.type_id for spec in to.association_types)) for to in read.results[0].to] == [
        (company.id, [1, 279])]
    batch.archive("contacts", "companies", v4.BatchInputPublicAssociationMultiArchive(
        inputs=[v4.PublicAssociationMultiArchive(_from={"id": contact}, to=[{"id": company.id}])]))
    assert client.crm.associations.v4.basic_api.get_page("contacts", contact, "companies").results == []
    owners = client.crm.owners.owners_api.get_page(email="bob@team.example.com").results
    assert [owner.first_name for owner in owners] == ["Bob"]
    stages = client.crm.pipelines.pipelines_api.get_all("deals").results[0].stages
    assert "closedwon" in [stage.id for stage in stages]


if __name__ == "__main__":
    run_tests(globals())
