"""Records that end: deleted, restored, purged, merged, in both systems, and what the ledger says of it."""
import contextlib
import json
import os
import sqlite3
import urllib.parse

from harness import Sandbox, http, run_tests


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


def ledger(crm, sql, *values):
    with contextlib.closing(sqlite3.connect(f"file:{crm.dir}/sandbox.db?mode=ro", uri=True)) as database:
        return database.execute(sql, values).fetchall()


def check_fold(crm):
    """Every effect begins where the record's last one ended; what stands is the dump."""
    folded = {}
    for record, before, after, version in ledger(crm, "SELECT record_id, before, after, version FROM effects ORDER BY seq"):
        old = folded.get(record)
        assert (json.loads(before) if before else None) == (old[0] if old else None), (record, before, old)
        assert version == (old[1] if old else 0) + 1, (record, version)
        folded[record] = (json.loads(after) if after else None, version)
    objects = [row[0] for row in ledger(crm, "SELECT DISTINCT object FROM effects")]
    dump = {each["id"]: (each["fields"], each["version"]) for name in objects for each in crm.dump(name)}
    assert {key: value for key, value in folded.items() if value[0] is not None} == dump


def deleted(crm, start, end="2099-01-01T00:00:00Z"):
    answer = ok(crm, "GET", "/services/data/v60.0/sobjects/Contact/deleted/?" + urllib.parse.urlencode(
        {"start": start, "end": end}))
    return [each["id"] for each in answer["deletedRecords"]], answer


def test_salesforce_deletes_and_restores():
    crm = Sandbox("salesforce", seed=10, visibility_lag_ms=0, replication_step_ms=1)
    one, two, three = (record["id"] for record in crm.dump("Contact")[:3])
    begin = "2026-01-01T00:00:00Z"
    crm.admin("people/delete", {"object": "Contact", "id": one, "who": "person:alice"})
    assert call(crm, "DELETE", f"/services/data/v60.0/sobjects/Contact/{two}")[0] == 204
    found, answer = deleted(crm, begin)
    assert found == [one, two] or found == [two, one], answer
    assert deleted(crm, answer["latestDateCovered"].replace("+0000", "Z"))[0] == []
    assert call(crm, "GET", f"/services/data/v60.0/sobjects/Contact/{one}")[1][0]["errorCode"] == "ENTITY_IS_DELETED"

    crm.admin("people/restore", {"object": "Contact", "id": one, "who": "person:alice"})
    assert [row["IsDeleted"] for row in soql(crm, f"SELECT IsDeleted FROM Contact WHERE Id = '{one}'")] == [False]
    assert deleted(crm, begin)[0] == [two]
    status, text = http("POST", crm.url + "/admin/people/restore", {"object": "Contact", "id": three})
    assert status == 404, text

    # visible only after its transaction
    crm.admin("settings", {"visibility_lag_ms": 600000})
    crm.admin("people/delete", {"object": "Contact", "id": three})
    found, answer = deleted(crm, begin)
    assert found == [two] and answer["latestDateCovered"] < "2098"
    crm.admin("settings", {"visibility_lag_ms": 0})

    # the recycle bin is emptied: a gap in the log
    found, answer = deleted(crm, begin)
    last = max(each["deletedDate"] for each in answer["deletedRecords"])
    assert answer["earliestDateAvailable"] < last
    assert crm.admin("people/purge", {"object": "Contact"})["count"] == 2
    found, answer = deleted(crm, begin)
    assert found == [] and answer["earliestDateAvailable"] == last, answer
    assert soql(crm, "SELECT Id FROM Contact WHERE IsDeleted = true", "queryAll") == []
    assert call(crm, "GET", f"/services/data/v60.0/sobjects/Contact/{two}")[1][0]["errorCode"] == "NOT_FOUND"
    assert ledger(crm, "SELECT op, who FROM effects WHERE record_id=? ORDER BY seq", one) == [
        ("seed", "seed"), ("archive", "person:alice"), ("restore", "person:alice")]
    check_fold(crm)
    crm.kill()
    crm.start()
    assert crm.admin("people/create", {"object": "Contact", "fields": {"LastName": "New"}})["id"] not in (one, two, three)


def test_salesforce_merges():
    crm = Sandbox("salesforce", seed=6, visibility_lag_ms=0, replication_step_ms=1)
    winner, loser = (crm.admin("people/create", {"object": "Account", "fields": {"Name": name}})["id"] for name in ("W", "L"))
    contact = crm.dump("Contact")[0]["id"]
    crm.admin("people/edit", {"object": "Contact", "id": contact, "fields": {"AccountId": loser}})
    child = crm.admin("people/create", {"object": "Account", "fields": {"Name": "C", "ParentId": loser}})["id"]
    before = soql(crm, f"SELECT LastModifiedDate, SystemModstamp FROM Contact WHERE Id = '{contact}'")[0]
    crm.admin("settings", {"clock_offset_ms": 5000})
    crm.admin("people/merge", {"object": "Account", "id": winner, "loser": loser, "fields": {"Industry": "Software"},
                               "who": "person:bob"})
    rows = soql(crm, "SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true AND MasterRecordId != null", "queryAll")
    assert [(row["Id"], row["MasterRecordId"]) for row in rows] == [(loser, winner)]
    assert soql(crm, f"SELECT Industry FROM Account WHERE Id = '{winner}'")[0]["Industry"] == "Software"
    after = soql(crm, f"SELECT AccountId, LastModifiedDate, SystemModstamp FROM Contact WHERE Id = '{contact}'")[0]
    assert after["AccountId"] == winner and after["LastModifiedDate"] == before["LastModifiedDate"]
    assert after["SystemModstamp"] > before["SystemModstamp"], "automation moves the modstamp only"
    assert soql(crm, f"SELECT ParentId FROM Account WHERE Id = '{child}'")[0]["ParentId"] == winner
    assert ledger(crm, "SELECT record_id, op, merged_into FROM effects WHERE op LIKE 'merge%' ORDER BY seq") == [
        (loser, "merged", winner), (winner, "merge", None)]
    status, text = http("POST", crm.url + "/admin/people/restore", {"object": "Account", "id": loser})
    assert status == 404, text
    check_fold(crm)


def test_hubspot_archives_restores_and_merges():
    crm = Sandbox("hubspot", seed=5, index_lag_ms=0)
    a, b, c = ({**record["fields"], "id": record["id"]} for record in crm.dump("contacts")[:3])
    crm.admin("people/delete", {"object": "contacts", "id": a["id"]})
    listed = ok(crm, "GET", "/crm/v3/objects/contacts?archived=true")["results"]
    assert [each["id"] for each in listed] == [a["id"]] and listed[0]["archivedAt"]
    crm.admin("people/edit", {"object": "contacts", "id": b["id"], "fields": {"email": a["email"]}})
    status, text = http("POST", crm.url + "/admin/people/restore", {"object": "contacts", "id": a["id"]})
    assert status == 409 and b["id"] in text, "its e-mail is another's by now"
    crm.admin("people/edit", {"object": "contacts", "id": b["id"], "fields": {"email": b["email"]}})
    crm.admin("people/restore", {"object": "contacts", "id": a["id"], "who": "person:eve"})
    assert ok(crm, "GET", f"/crm/v3/objects/contacts/{a['email']}?idProperty=email")["id"] == a["id"]

    companies = [crm.admin("people/create", {"object": "companies", "fields": {"name": name}})["id"] for name in "XYZ"]
    for contact, company, kind in ((a, 0, 1), (b, 1, 1), (b, 2, 279)):
        crm.admin("people/associate", {"from": {"object": "contacts", "id": contact["id"]},
                                       "to": {"object": "companies", "id": companies[company]}, "type": kind})
    merged = crm.admin("people/merge", {"object": "contacts", "id": a["id"], "loser": b["id"], "who": "person:eve"})["id"]
    assert merged not in (a["id"], b["id"])
    links = ok(crm, "GET", f"/crm/v4/objects/contacts/{merged}/associations/companies")["results"]
    assert [(each["toObjectId"], [spec["typeId"] for spec in each["associationTypes"]]) for each in links] == [
        (companies[0], [1, 279]), (companies[1], [279]), (companies[2], [279])], "the primary's primary company"
    assert ledger(crm, "SELECT count(*) FROM links WHERE from_id IN (?1, ?2) OR to_id IN (?1, ?2)", a["id"], b["id"]) == [(0,)]
    assert ledger(crm, "SELECT DISTINCT implied FROM link_effects WHERE who='person:eve'") == [(1,)]

    # once more: chains of merges, and the e-mails of all lead to the last one
    last = crm.admin("people/merge", {"object": "contacts", "id": c["id"], "loser": merged})["id"]
    for contact in (a, b, c):
        assert ok(crm, "GET", f"/crm/v3/objects/contacts/{contact['id']}")["id"] == last
        assert ok(crm, "GET", f"/crm/v3/objects/contacts/{contact['email']}?idProperty=email")["id"] == last
    record = ok(crm, "GET", f"/crm/v3/objects/contacts/{last}?properties=hs_merged_object_ids,email")["properties"]
    assert record["hs_merged_object_ids"].split(";") == [a["id"], b["id"], c["id"], merged] and record["email"] == c["email"]
    assert ok(crm, "GET", "/crm/v3/objects/contacts?archived=true")["results"] == []
    assert len(crm.dump("contacts")) == 3
    assert ledger(crm, "SELECT record_id, op, merged_into FROM effects WHERE op LIKE 'merge%' ORDER BY seq") == [
        (a["id"], "merged", merged), (b["id"], "merged", merged), (merged, "merge", None),
        (c["id"], "merged", last), (merged, "merged", last), (last, "merge", None)]
    crm.admin("people/delete", {"object": "contacts", "id": last})
    for contact in (a, b, c):
        made = ok(crm, "POST", "/crm/v3/objects/contacts", {"properties": {"email": contact["email"]}})
        assert made["id"] not in (last, merged), "its e-mails are free again"
    check_fold(crm)


def test_a_file_of_before_merges_is_still_read():
    crm = Sandbox("hubspot", seed=3, index_lag_ms=0)
    assert crm.term() == 0
    with contextlib.closing(sqlite3.connect(os.path.join(crm.dir, "sandbox.db"))) as database:
        database.executescript("ALTER TABLE effects DROP COLUMN merged_into; DROP TABLE merges; DROP TABLE links; "
                               "DROP TABLE link_effects; DELETE FROM records WHERE object='owners'; DROP TABLE pipelines")
    crm.start()
    one, two = (record["id"] for record in crm.dump("contacts")[:2])
    crm.admin("people/merge", {"object": "contacts", "id": one, "loser": two})
    assert len(ok(crm, "GET", "/crm/v3/owners")["results"]) == 6 and len(crm.dump("contacts")) == 2


if __name__ == "__main__":
    run_tests(globals())
