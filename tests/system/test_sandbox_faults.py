"""The sandbox's own switches: faults, holds, lags, limits, people, the ledger, and that nothing brings it down."""
import contextlib
import email.utils
import http.client
import json
import os
import socket
import sqlite3
import struct
import threading
import time
import urllib.parse

from harness import Sandbox, run_tests, wait_for

TOKEN = {"Authorization": "Bearer sandbox-token"}
UPSERT = "/crm/v3/objects/contacts/batch/upsert"


def call(crm, method, path, body=None, token="sandbox-token", headers=None):
    """(status, headers, text); what breaks on the wire is raised."""
    connection = http.client.HTTPConnection("127.0.0.1", crm.port, timeout=30)
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    try:
        connection.request(method, path, data, {"Authorization": "Bearer " + token, **(headers or {})})
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read().decode()
    finally:
        connection.close()


def broken(crm, *arguments):
    """The exception's class name of a call that must not be answered."""
    try:
        answer = call(crm, *arguments)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    raise AssertionError(f"answered: {answer}")


def ledger(crm, sql, *values):
    with contextlib.closing(sqlite3.connect(f"file:{crm.dir}/sandbox.db?mode=ro", uri=True)) as database:
        return database.execute(sql, values).fetchall()


def hubspot(**settings):
    settings = {"index_lag_ms": 0, "rate_limit_10s": 0, "search_limit_1s": 0, **settings}
    crm = Sandbox("hubspot", **settings)
    for name, unique in (("t_sf_id", True), ("t_marker", False)):
        status, _, text = call(crm, "POST", "/crm/v3/properties/contacts", {
            "name": name, "label": name, "type": "string", "fieldType": "text", "groupName": "contactinformation",
            "hasUniqueValue": unique})
        assert status == 201, text
    return crm


def upsert(name, **values):
    return {"inputs": [{"id": name, "idProperty": "t_sf_id", "objectWriteTraceId": "trace-" + name,
                        "properties": {"t_marker": "m-" + name, **values}}]}


def soql(crm, text):
    status, _, body = call(crm, "GET", "/services/data/v60.0/query?" + urllib.parse.urlencode({"q": text}))
    assert status == 200, body
    return json.loads(body)["records"]


def names(crm):
    return sorted(row[0] for row in ledger(crm, "SELECT external_id FROM effects WHERE op='create'"))


def test_faults_and_what_the_ledger_says():
    crm = hubspot()

    def fault(kind, **more):
        crm.admin("faults", method="DELETE")
        return crm.admin("faults", {"kind": kind, "match": {"path_contains": "batch/upsert"}, **more})["id"]

    def effect(name):
        rows = ledger(crm, "SELECT e.op, e.marker, e.trace_id, e.late, r.status, r.fault FROM effects e LEFT JOIN "
                           "requests r USING (request_id) WHERE external_id=?", name)
        assert len(rows) < 2, rows
        return rows[0] if rows else None

    fault("drop")
    assert broken(crm, "POST", UPSERT, upsert("drop")) == "RemoteDisconnected" and effect("drop") is None
    fault("reset")
    assert broken(crm, "POST", UPSERT, upsert("reset")) in ("ConnectionResetError", "RemoteDisconnected")
    assert effect("reset") is None
    fault("drop_after_execute")
    assert broken(crm, "POST", UPSERT, upsert("dropped")) == "RemoteDisconnected"
    assert effect("dropped") == ("create", "m-dropped", "trace-dropped", 0, 0, "drop_after_execute")
    fault("truncate_body")
    assert broken(crm, "POST", UPSERT, upsert("truncated")) == "IncompleteRead"
    assert effect("truncated")[4:] == (200, "truncate_body")
    for kind in ("garbage_body", "truncate_json"):
        fault(kind)
        status, _, text = call(crm, "POST", UPSERT, upsert(kind))
        assert status == 200 and effect(kind)[5] == kind
        try:
            json.loads(text)
        except ValueError:
            continue
        raise AssertionError(f"{kind}: {text}")
    fault("status_429", policy="SECONDLY", retry_after_s=3)
    status, headers, text = call(crm, "POST", UPSERT, upsert("refused"))
    assert (status, headers["Retry-After"], json.loads(text)["policyName"]) == (429, "3", "SECONDLY")
    fault("status_5xx", status=502)
    assert call(crm, "POST", UPSERT, upsert("refused"))[0] == 502 and effect("refused") is None
    fault("latency", delay_ms=20)
    assert call(crm, "POST", UPSERT, upsert("slow"))[0] == 200

    fault("execute_late", delay_ms=300)
    assert broken(crm, "POST", UPSERT, upsert("late")) == "RemoteDisconnected"
    assert crm.admin("stats")["late_pending"] == 1 or effect("late")
    wait_for(lambda: crm.admin("stats")["late_pending"] == 0, 20, "the late execution")
    assert effect("late") == ("create", "m-late", "trace-late", 1, 0, "execute_late")

    ident = fault("status_5xx", count=2, skip=1)
    assert [call(crm, "POST", UPSERT, upsert("count"))[0] for _ in range(5)] == [200, 503, 503, 200, 200]
    rule = crm.admin("faults")["faults"][0]
    assert (rule["id"], rule["hits"]) == (ident, 2), rule
    crm.admin("faults", method="DELETE")
    crm.admin("faults", {"kind": "status_5xx", "probability": 0.5, "count": 0, "match": {"object": "contacts"}})
    seen = {call(crm, "GET", "/crm/v3/objects/contacts")[0] for _ in range(40)}
    assert seen == {200, 503}, seen
    crm.admin("faults", method="DELETE")
    assert crm.term() == 0


def test_duplicate_page():
    crm = Sandbox("hubspot", seed=6, rate_limit_10s=0)
    crm.admin("faults", {"kind": "duplicate_page", "match": {"object": "contacts"}, "skip": 1})

    def page(after=""):
        body = json.loads(call(crm, "GET", f"/crm/v3/objects/contacts?limit=2{after}")[2])
        return [each["id"] for each in body["results"]], "&after=" + body.get("paging", {}).get("next", {}).get("after", "")
    first, after = page()
    second, after = page(after)
    again, same = page(after)
    assert again == second and same == after and first != second
    third, _ = page(after)
    assert third not in (first, second)


def test_held_requests():
    crm = hubspot()
    crm.admin("hold", {"when": "before", "match": {"path_contains": "batch/upsert"}, "count": 2})
    clients = []
    for name in ("one", "two"):
        client = socket.create_connection(("127.0.0.1", crm.port))
        body = json.dumps(upsert(name))
        client.sendall((f"POST {UPSERT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox-token\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        clients.append(client)
        wait_for(lambda: len(crm.admin("held")["held"]) == len(clients), 20, "held")
    held = crm.admin("held")["held"]
    assert {each["when"] for each in held} == {"before"} and held[0]["path"] == UPSERT, held
    assert crm.admin("stats")["held"] == 2 and names(crm) == []
    clients[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    clients[0].close()  # its client is dead, it runs all the same
    crm.admin("release", {"request_id": held[0]["request_id"]})
    wait_for(lambda: names(crm) == ["one"], 20, "executed after the release")
    assert ledger(crm, "SELECT late FROM effects") == [(1,)]
    crm.admin("release", {"action": "drop"})
    assert clients[1].recv(100) == b"" and names(crm) == ["one"]

    crm.admin("hold", {"when": "after", "match": {"body_contains": "m-three"}})
    answer = []
    thread = threading.Thread(target=lambda: answer.append(call(crm, "POST", UPSERT, upsert("three"))[0]))
    thread.start()
    wait_for(lambda: names(crm) == ["one", "three"] and crm.admin("held")["held"], 20, "executed, not answered")
    assert not answer
    assert crm.admin("release", {})["released"] == 1
    thread.join(20)
    assert answer == [200] and crm.admin("held") == {"holds": [], "held": []}
    assert ledger(crm, "SELECT late FROM effects WHERE external_id='three'") == [(0,)]

    crm.admin("hold", {"match": {}})
    thread = threading.Thread(target=lambda: answer.append(broken(crm, "POST", UPSERT, upsert("four"))))
    thread.start()
    wait_for(lambda: crm.admin("held")["held"], 20, "held")
    assert crm.term() == 0, "it ends while it holds a request"
    thread.join(20)
    assert answer[1:] == ["RemoteDisconnected"]


def test_state_survives_kill_9():
    crm = hubspot(seed=20)
    assert call(crm, "POST", UPSERT, upsert("kept", email="kept@example.com"))[0] == 200
    before = crm.dump("contacts")
    crm.kill()
    crm.start()
    assert crm.dump("contacts") == before and len(before) == 21
    assert call(crm, "POST", UPSERT, upsert("kept", lastname="New"))[2].count('"new":false') == 1
    assert call(crm, "POST", UPSERT, upsert("more"))[0] == 200
    assert len({each["id"] for each in crm.dump("contacts")}) == 22
    ids = [row[0] for row in ledger(crm, "SELECT request_id FROM requests ORDER BY rowid")]
    assert ids == sorted(set(ids))
    assert ledger(crm, "SELECT group_concat(version) FROM effects WHERE external_id='kept'") == [("1,2",)]


def test_the_fold_of_effects_is_the_dump():
    crm = hubspot(seed=30)
    for round_ in range(3):
        for name in ("a", "b", "c"):
            call(crm, "POST", UPSERT, upsert(name, lastname=f"{name}{round_}", phone="" if round_ == 2 else "1"))
    gone = crm.dump("contacts")[0]["id"]
    call(crm, "DELETE", "/crm/v3/objects/contacts/" + gone)
    crm.admin("people/edit", {"object": "contacts", "email": crm.dump("contacts")[0]["fields"]["email"],
                              "fields": {"jobtitle": "Edited"}, "who": "person:eve"})
    folded = {}
    for record, before, after, version in ledger(crm, "SELECT record_id, before, after, version FROM effects ORDER BY seq"):
        old = folded.get(record)
        assert (json.loads(before) if before else None) == (old[0] if old else None), (record, before, old)
        assert version == (old[1] if old else 0) + 1
        folded[record] = (json.loads(after) if after else None, version)
    dump = {each["id"]: (each["fields"], each["version"]) for each in crm.dump("contacts")}
    assert {key: value for key, value in folded.items() if value[0] is not None} == dump and folded[gone][0] is None
    assert ledger(crm, "SELECT DISTINCT who FROM effects ORDER BY 1") == [("integration",), ("person:eve",), ("seed",)]


def test_people_and_their_clocks():
    crm = Sandbox("salesforce", seed=50, visibility_lag_ms=0)
    storm = crm.admin("people/bulk", {"object": "Contact", "count": 30, "fields": {"Title": "Storm {n}"}})
    assert storm["count"] == 30
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(storm["modstamp_ms"] / 1000))
    tied = soql(crm, f"SELECT Id, Title FROM Contact WHERE SystemModstamp = {stamp} ORDER BY SystemModstamp, Id")
    assert [each["Title"] for each in tied] == [f"Storm {n}" for n in range(30)]

    ident = tied[0]["Id"]
    read = f"SELECT Title, SystemModstamp, LastModifiedDate FROM Contact WHERE Id = '{ident}'"
    was = soql(crm, read)[0]
    crm.admin("people/edit", {"object": "Contact", "id": ident, "fields": {"Title": "Silent"}, "silent": True})
    now = soql(crm, read)[0]
    assert now["Title"] == "Silent" and now["SystemModstamp"] == was["SystemModstamp"]
    crm.admin("people/edit", {"object": "Contact", "id": ident[:15], "fields": {"Title": "Old"},
                              "modstamp": "2020-01-02T03:04:05Z"})
    assert soql(crm, read)[0]["SystemModstamp"] == "2020-01-02T03:04:05.000+0000"
    crm.admin("people/edit", {"object": "Contact", "id": ident, "fields": {"Title": "Robot"}, "automation": True})
    now = soql(crm, read)[0]
    assert now["LastModifiedDate"] == "2020-01-02T03:04:05.000+0000" < now["SystemModstamp"]

    made = crm.admin("people/create", {"object": "Contact", "fields": {"LastName": "New", "Email": "n@example.com"}})
    crm.admin("people/delete", {"object": "Contact", "email": "n@example.com"})
    assert soql(crm, f"SELECT Id FROM Contact WHERE Id = '{made['id']}'") == []
    assert crm.admin("stats")["deleted"] == {"Contact": 1}

    crm.admin("settings", {"clock_offset_ms": -3600000})
    status, headers, _ = call(crm, "PATCH", f"/services/data/v60.0/sobjects/Contact/{ident}", {"Title": "Skewed"})
    date = email.utils.parsedate_to_datetime(headers["Date"]).timestamp()
    assert status == 204 and date < time.time() - 3500
    stamped = soql(crm, read)[0]["SystemModstamp"]
    assert stamped <= time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(date + 1))


def test_late_visibility_shows_the_old_state_with_its_old_date():
    crm = Sandbox("salesforce", seed=20, visibility_lag_ms=0)
    first = crm.dump("Contact")[0]
    crm.admin("settings", {"visibility_lag_ms": 2500})
    read = f"SELECT Id, Title, SystemModstamp FROM Contact WHERE Id = '{first['id']}'"
    old = soql(crm, read)[0]
    for title in ("second", "third"):
        crm.admin("people/edit", {"object": "Contact", "id": first["id"], "fields": {"Title": title}})
    crm.admin("people/create", {"object": "Contact", "fields": {"LastName": "Unborn"}})
    assert soql(crm, read)[0] == old
    assert len(soql(crm, "SELECT Id FROM Contact ORDER BY SystemModstamp")) == 20
    path = "/services/data/v60.0/sobjects/Contact/" + first["id"]
    assert json.loads(call(crm, "GET", path)[2])["Title"] == old["Title"], "single reads see no more"
    assert crm.dump("Contact")[0]["fields"]["Title"] == "third"
    wait_for(lambda: soql(crm, read)[0]["Title"] == "third", 20, "the lag is over")
    wait_for(lambda: len(soql(crm, "SELECT Id FROM Contact ORDER BY SystemModstamp")) == 21, 20, "the new one too")
    edited = soql(crm, read)[0]["SystemModstamp"]
    assert edited > old["SystemModstamp"]


def test_tokens_and_limits():
    crm = Sandbox("salesforce", token_uses=3, daily_quota=8)
    status, _, text = call(crm, "POST", "/services/oauth2/token",
                           b"grant_type=client_credentials&client_id=poll&client_secret=sandbox%2Dsecret")
    assert status == 200, text
    token = json.loads(text)["access_token"]
    path = "/services/data/v60.0/limits"
    assert [call(crm, "GET", path, token=token)[0] for _ in range(5)] == [200, 200, 200, 401, 401]
    assert [call(crm, "GET", path)[0] for _ in range(6)] == [200] * 5 + [403]
    assert crm.admin("stats")["quota_used"] == 8
    assert ledger(crm, "SELECT count(*) FROM requests WHERE who='poll' AND status=200") == [(3,)]

    crm = Sandbox("hubspot", rate_limit_10s=5)
    statuses = [call(crm, "GET", "/crm/v3/objects/contacts")[0] for _ in range(12)]
    assert 5 <= statuses.count(200) <= 10 and set(statuses) == {200, 429}, statuses
    assert call(crm, "GET", "/crm/v3/objects/contacts", token="person-ann")[0] == 200, "a limit per token"


def raw(crm, data):
    with socket.create_connection(("127.0.0.1", crm.port), timeout=30) as client:
        with contextlib.suppress(OSError):
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(OSError):
            while chunk := client.recv(65536):
                answer += chunk
        return answer


def test_garbage_does_not_bring_it_down():
    for shape in ("salesforce", "hubspot"):
        crm = Sandbox(shape, seed=10, rate_limit_10s=0)
        base = "/services/data/v60.0" if shape == "salesforce" else "/crm/v3/objects"
        for path in ("/", "//", "/%00", "/admin", "/admin/nothing", base, base + "/%ff%fe", base + "/x" * 300,
                     base + "/query?q=%00", base + "/query/-", base + "/query/01g-99999999999999999999",
                     base + "/contacts/batch/read", base + "/contacts?limit=99999999999999999999999&after=%27",
                     base + "/sobjects/Contact/%27%20OR%201=1", base + "/sobjects/Contact/deleted?start=x&end=%00",
                     "/oauth/v1/token", "/services/oauth2/token"):
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
                for body in (None, b"\xff\xfe\x00", b"[]", b"{" * 5000, b'{"inputs":{"a":1}}', b'{"inputs":[1,null,"x",{}]}',
                             b'{"properties":[1]}', b'{"filterGroups":[{"filters":[{}]}]}',
                             b"grant_type=%&client_id=%zz"):
                    with contextlib.suppress(http.client.HTTPException, OSError):
                        status = call(crm, method, path, body)[0]
                        assert status < 600, (path, status)
        for text in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"A" * 300000,
                     b"POST " + UPSERT.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"):
            raw(crm, text)
        status, _, text = call(crm, "POST", base + "/contacts/batch/read", b" " * (16 * 1024 * 1024 + 1))
        assert status == 413 and json.loads(text)
        head = f"POST {base}/contacts/search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        assert b" 413 " in raw(crm, head + chunk * 17 + b"0\r\n\r\n")[:100]
        for query in ("SELECT Id FROM Contact WHERE " + "(" * 60 + "Id = null" + ")" * 60, "SELECT", "'", "\\", "SELECT Id FROM",
                      "SELECT Id FROM Contact WHERE Id IN ()", "SELECT Id FROM Contact LIMIT 99999999999999999999",
                      "SELECT Id FROM Contact WHERE Title = '\\", "SELECT COUNT( FROM Contact"):
            call(crm, "GET", base + "/query?" + urllib.parse.urlencode({"q": query}))
        assert crm.running() and crm.admin("stats")["records"]
        assert crm.term() == 0


def test_garbage_about_links_and_merges():
    crm = hubspot(seed=10)
    for path in ("/crm/v4/associations/contacts/companies/batch/create",
                 "/crm/v4/associations/deals/companies/batch/read",
                 "/crm/v4/associations/contacts/companies/batch/archive", "/crm/v4/associations/0-1/0-9/batch/read",
                 "/crm/v4/objects/contacts/%ff/associations/default/companies/%ff",
                 "/crm/v4/objects/contacts/1/associations", "/crm/v3/objects/contacts/merge",
                 "/crm/v3/owners?limit=x", "/crm/v3/pipelines/deals/%ff", "/crm/v4", "/crm/v3/objects/deals",
                 "/admin/people/merge", "/admin/people/associate", "/admin/pipelines",
                 "/oauth/v2/private-apps/get/access-token-info", "/oauth/v1/access-tokens/%ff"):
        for method in ("GET", "POST", "PUT"):
            for body in (None, b"[]", b'{"inputs":{"a":1}}', b'{"inputs":[1,null,"x",{}]}',
                         b'{"properties":{"dealstage":"\\u00ff","hubspot_owner_id":"x"}}',
                         b'{"inputs":[{"id":"\\u00e4","from":{"id":"\\u00e4\\u0000"},"to":{"id":7},"types":{}}]}',
                         b'{"primaryObjectId":"\\u00e4","objectIdToMerge":1}',
                         b'{"object":"deals","from":1,"stages":[1]}'):
                with contextlib.suppress(http.client.HTTPException, OSError):
                    status = call(crm, method, path, body)[0]
                    assert status < 500, (path, status)
    assert crm.running() and crm.admin("stats")["records"] == {"contacts": 10}
    assert crm.term() == 0


def test_three_hundred_connections_at_once():
    crm = hubspot(seed=10)
    clients = [http.client.HTTPConnection("127.0.0.1", crm.port, timeout=60) for _ in range(300)]
    for _ in range(3):
        for client in clients:
            client.request("GET", "/crm/v3/objects/contacts?limit=5", headers=TOKEN)
        assert [client.getresponse().read()[:12] for client in clients] == [b'{"results":['] * 300
    for client in clients:
        client.close()
    assert crm.term() == 0


def test_seeds_are_the_same_people_everywhere():
    old, new = Sandbox("salesforce", seed=200), Sandbox("hubspot", seed=50, seed_offset=100, seed_drift=20)
    theirs = {each["fields"]["Email"].lower(): each["fields"] for each in old.dump("Contact") if "Email" in each["fields"]}
    twins = [each["fields"] for each in new.dump("contacts") if "email" in each["fields"]]
    assert len(twins) == 47 and len(old.dump("Contact")) == 200 and len(theirs) < 200
    for twin in twins:
        assert theirs[twin["email"]]["LastName"] == twin["lastname"] and theirs[twin["email"]].get("Phone") == twin.get("phone")
    assert 0 < sum(theirs[twin["email"]]["Title"] != twin["jobtitle"] for twin in twins) < 25
    again = new.admin("seed", {"object": "contacts", "count": 50, "seed": 1, "offset": 100})
    assert again["count"] == 3, "only those without an e-mail can be put in twice"
    assert os.path.exists(os.path.join(new.dir, "sandbox.db"))


if __name__ == "__main__":
    run_tests(globals())
