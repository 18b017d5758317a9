"""
bench_latency — from a person's edit in the old system to its effect in the new one, by one clock: the wall clock of both sandboxes'
ledgers. 100 edits a second, each of another record; the interval of poll is 1 s.
"""
import http.client
import json
import os
import sqlite3
import time

import harness
from harness import Sandbox, wait_for
from rig import Migration, check

EDITS_A_SECOND, INTERVAL_MS = 100, 1000
EXTRA_PROPERTIES = ("region", "opted_out", "revenue", "numberofemployees", "lead_source")


def start(services, edits, old_limits):
    old = Sandbox("salesforce", seed=edits, visibility_lag_ms=0, daily_quota=10000000)
    new = Sandbox("hubspot", index_lag_ms=0, search_limit_1s=0, rate_limit_10s=0, daily_quota=10000000)
    for name in EXTRA_PROPERTIES:
        new.admin("schema", {"object": "contacts", "name": name, "type": "string"})
    migration = Migration(services, old.url, new.url, interval_ms=INTERVAL_MS, old_limits=old_limits)
    migration.poll()
    migration.apply()
    wait_for(lambda: new.admin("stats")["records"].get("contacts") == edits, 300, f"{edits} contacts in the new system")
    return old, new, migration


def edit(old, ids):
    """One edit every 10 ms, on a connection that stays; late ones are not left out."""
    connection = http.client.HTTPConnection("127.0.0.1", old.port)
    began = time.monotonic()
    for number, record in enumerate(ids):
        wait = began + number / EDITS_A_SECOND - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        body = {"object": "Contact", "id": record, "fields": {"Title": f"Edited {number}"}, "who": "ann"}
        connection.request("POST", "/admin/people/edit", json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read()
        assert reply.status == 200, text
    connection.close()
    return len(ids) / (time.monotonic() - began)


def rows(sandbox, where):
    with sqlite3.connect(f"file:{os.path.join(sandbox.dir, 'sandbox.db')}?mode=ro", uri=True) as database:
        return database.execute(f"SELECT wall_ms, record_id, external_id, after FROM effects WHERE {where}").fetchall()


def delays(old, new):
    """{old id: ms} of every edit that has arrived."""
    edited = {record: (ms, json.loads(after)["Title"])
              for ms, record, _, after in rows(old, "op = 'update' AND who != 'seed'")}
    found = {}
    for ms, _, record, after in rows(new, "op = 'update'"):
        if record in edited and json.loads(after).get("jobtitle") == edited[record][1]:
            found.setdefault(record, ms - edited[record][0])
    return found


def percentile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))]


def measure(services, edits, say, old_limits=""):
    """Percentiles in ms, and the rate that the editor really had."""
    old, new, _ = start(services, edits, old_limits)
    ids = [record["id"] for record in old.dump("Contact")]
    rate = edit(old, ids)
    wait_for(lambda: len(delays(old, new)) >= edits, 60, "every edit in the new system", 0.5)
    found = sorted(delays(old, new).values())
    check("edits applied", len(found), edits)
    for service in harness.started:
        if isinstance(service, harness.Proc) and service.running():
            check(f"{service.name} ends with", service.term(), 0)
    old.kill()
    new.kill()
    result = {"edits": edits, "edits_a_second": rate, "p50_ms": percentile(found, 0.5), "p99_ms": percentile(found, 0.99),
              "min_ms": found[0], "max_ms": found[-1]}
    say(f"latency{' (' + old_limits + ')' if old_limits else ''}: {result}")
    return result
