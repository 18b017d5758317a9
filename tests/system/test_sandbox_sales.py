"""Accounts, opportunities, users; companies, deals, owners: the people of both systems, their seeds and the admin calls."""
import contextlib
import json
import sqlite3
import urllib.parse

from harness import Sandbox, http, run_tests, wait_for

TOKEN = {"Authorization": "Bearer sandbox-token"}


def call(crm, method, path, body=None, token="sandbox-token"):
    """(status, parsed body or None)"""
    status, text = http(method, crm.url + path, body, {"Authorization": "Bearer " + token})
    return status, json.loads(text) if text else None


def ok(crm, method, path, body=None):
    status, answer = call(crm, method, path, body)
    assert status < 300, (path, status, answer)
    return answer


def soql(crm, text, verb="query"):
    return ok(crm, "GET", f"/services/data/v60.0/{verb}?" + urllib.parse.urlencode({"q": text}))["records"]


def effects(crm, sql, *values):
    with contextlib.closing(sqlite3.connect(f"file:{crm.dir}/sandbox.db?mode=ro", uri=True)) as database:
        return database.execute(sql, values).fetchall()


def test_seeds_refer_to_each_other():
    old, new = Sandbox("salesforce", seed=200, visibility_lag_ms=0), Sandbox("hubspot", seed=20, index_lag_ms=0)
    dangling = {row["AccountId"] for row in soql(old, "SELECT AccountId FROM Contact")}
    for crm, company, deal in ((old, "Account", "Opportunity"), (new, "companies", "deals")):
        assert crm.admin("seed", {"object": company, "count": 500})["count"] == 500
        assert crm.admin("seed", {"object": deal, "count": 40})["count"] == 40
    assert old.admin("seed", {"object": "Account", "count": 500})["count"] == 0, "they are there already"
    accounts = {row["Id"]: row for row in soql(old, "SELECT Id, Name, Website, ParentId, OwnerId FROM Account")}
    assert dangling <= set(accounts), "contacts name companies that are seeded later"
    assert all(row["ParentId"] in accounts for row in accounts.values() if row["ParentId"])
    users = {row["Id"]: row["Email"] for row in soql(old, "SELECT Id, Email FROM User")}
    contacts = {row["Id"]: row["AccountId"] for row in soql(old, "SELECT Id, AccountId FROM Contact")}
    deals = soql(old, "SELECT Name, StageName, Amount, CloseDate, AccountId, ContactId, OwnerId FROM Opportunity")
    assert len(deals) == 40
    assert all(contacts[deal["ContactId"]] == deal["AccountId"] and deal["OwnerId"] in users for deal in deals)

    owners = {owner["id"]: owner["email"] for owner in ok(new, "GET", "/crm/v3/owners")["results"]}
    twins = {record["fields"]["dealname"]: record["fields"] for record in new.dump("deals")}
    for deal in deals:
        twin = twins[deal["Name"]]
        assert float(twin["amount"]) == deal["Amount"] and twin["closedate"][:10] == deal["CloseDate"]
        assert owners[twin["hubspot_owner_id"]] == users[deal["OwnerId"]]
    domains = {record["fields"]["domain"] for record in new.dump("companies")}
    assert domains == {row["Website"].removeprefix("https://www.") for row in accounts.values()}


def test_people_edit_both_systems():
    old, new = Sandbox("salesforce", seed=10, visibility_lag_ms=0), Sandbox("hubspot", seed=10, index_lag_ms=0)
    alice = soql(old, "SELECT Id FROM User WHERE FirstName = 'Alice'")[0]["Id"]
    account = old.admin("people/create", {"object": "Account", "fields": {"Name": "Acme"}, "who": "person:alice"})["id"]
    deal = old.admin("people/create", {"object": "Opportunity", "fields": {
        "Name": "D", "StageName": "Prospecting", "CloseDate": "2027-01-01", "AccountId": account, "OwnerId": alice}})["id"]
    old.admin("people/edit", {"object": "Opportunity", "id": deal, "fields": {"StageName": "Closed Won"}, "who": "person:alice"})
    old.admin("people/bulk", {"object": "Account", "count": 5, "fields": {"Industry": "I{n}"}})
    row = soql(old, "SELECT StageName, LastModifiedById, AccountId FROM Opportunity")[0]
    assert (row["StageName"], row["LastModifiedById"], row["AccountId"]) == ("Closed Won", alice, account), "a who is a User"
    old.admin("people/edit", {"object": "User", "email": "bob@team.example.com", "fields": {"IsActive": False}})
    assert len(soql(old, "SELECT Id FROM User WHERE IsActive = true")) == 5

    new.admin("pipelines", {"id": "renewal", "label": "Renewals", "stages": [
        {"id": "open", "label": "Open"}, {"id": "done", "label": "Done", "probability": "1.0"}]})
    new.kill()
    new.start()
    pipelines = ok(new, "GET", "/crm/v3/pipelines/deals")["results"]
    assert [pipeline["id"] for pipeline in pipelines] == ["default", "renewal"]
    deal = new.admin("people/create", {"object": "deals", "fields": {"dealname": "D", "dealstage": "closedwon"}})["id"]
    assert ok(new, "GET", f"/crm/v3/objects/deals/{deal}?properties=pipeline")["properties"]["pipeline"] == "default"
    status, answer = call(new, "PATCH", f"/crm/v3/objects/deals/{deal}", {"properties": {"dealstage": "open"}})
    assert status == 400 and "INVALID_OPTION" in answer["message"], "a stage of another pipeline"
    new.admin("people/edit", {"object": "deals", "id": deal, "fields": {"dealstage": "open", "pipeline": "renewal"}})
    owner = new.admin("people/create", {"object": "owners", "fields": {"email": "Ivan@team.example.com", "firstName": "Ivan"}})["id"]
    found = ok(new, "GET", "/crm/v3/owners?email=ivan@team.example.com")["results"]
    assert [each["id"] for each in found] == [owner]
    new.admin("people/edit", {"object": "deals", "id": deal, "fields": {"hubspot_owner_id": owner}})
    new.admin("people/delete", {"object": "owners", "id": owner})
    assert ok(new, "GET", "/crm/v3/owners?email=ivan@team.example.com")["results"] == []
    company = new.admin("people/create", {"object": "companies", "fields": {"name": "Acme", "domain": "acme.example.com"}})["id"]
    new.admin("people/bulk", {"object": "companies", "count": 3, "fields": {"city": "C{n}"}})
    assert ok(new, "GET", f"/crm/v3/objects/companies/{company}?properties=city")["properties"]["city"] == "C0"
    assert new.admin("stats")["records"] == {"contacts": 10, "companies": 1, "deals": 1}, "the team is not counted"


def test_associations_and_their_ledger():
    crm = Sandbox("hubspot", seed=3, index_lag_ms=0)
    contact, other = (record["id"] for record in crm.dump("contacts")[:2])
    acme, bolt = (crm.admin("people/create", {"object": "companies", "fields": {"name": name}})["id"]
                  for name in ("Acme", "Bolt"))

    def create(to, kind, **more):
        return call(crm, "POST", "/crm/v4/associations/contacts/companies/batch/create", {"inputs": [
            {"from": {"id": contact}, "to": {"id": to}, **more,
             "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]}]})

    assert create(acme, 1)[0] == 201
    assert create(acme, 1)[0] == 201, "again changes nothing"
    crm.admin("people/associate", {"from": {"object": "contacts", "id": contact}, "to": {"object": "companies", "id": bolt},
                                   "type": 1, "who": "person:nora"})
    crm.admin("people/dissociate", {"from": {"object": "companies", "id": acme}, "to": {"object": "contacts", "id": contact},
                                    "who": "person:nora"})
    rows = effects(crm, "SELECT op, who, from_object, to_id, type, changed, implied FROM link_effects ORDER BY seq")
    us, nora = ("integration", "contacts"), ("person:nora", "contacts")
    assert rows == [
        ("associate", *us, acme, 279, 1, 1), ("associate", *us, acme, 1, 1, 0),
        ("associate", *us, acme, 279, 0, 1), ("associate", *us, acme, 1, 0, 0),
        ("dissociate", *nora, acme, 1, 1, 1), ("associate", *nora, bolt, 279, 1, 1), ("associate", *nora, bolt, 1, 1, 0),
        ("dissociate", "person:nora", "companies", contact, 280, 1, 0)], rows
    status, text = http("GET", crm.url + "/admin/links?object=contacts")
    assert [json.loads(line)["type"] for line in text.splitlines()] == [1, 279] and bolt in text and acme not in text

    # an archived end hides the association
    crm.admin("people/delete", {"object": "companies", "id": bolt})
    path = f"/crm/v4/objects/contacts/{contact}/associations/companies"
    assert ok(crm, "GET", path)["results"] == []
    assert create(bolt, 1)[0] == 207
    status, text = http("POST", crm.url + "/admin/people/associate", {
        "from": {"object": "contacts", "id": other}, "to": {"object": "companies", "id": bolt}})
    assert status == 404, text

    # executed late, for the ledger to tell
    crm.admin("faults", {"kind": "execute_late", "delay_ms": 50, "match": {"path_contains": "batch/create", "object": "contacts"}})
    try:
        create(acme, 279)
    except OSError:
        pass
    wait_for(lambda: crm.admin("stats")["late_pending"] == 0, 20, "the late association")
    assert effects(crm, "SELECT late, changed FROM link_effects ORDER BY seq DESC LIMIT 1") == [(1, 1)]
    status, _ = call(crm, "POST", "/crm/v4/associations/contacts/companies/batch/read",
                     {"inputs": [{"id": str(n)} for n in range(1001)]})
    assert status == 400


if __name__ == "__main__":
    run_tests(globals())
