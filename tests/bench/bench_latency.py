"""
bench_latency — from a person's edit in the old system to its effect in the new one, by one clock: the wall clock of both sandboxes'
ledgers. 100 edits a second, each of another record; the interval of poll is 1 s. Or from the moment in which a webhook with the whole
record is sent.
"""
import http.client
import json
import os
import sqlite3
import time

import bench_receive
import harness
from harness import Proc, Sandbox, wait_for
from rig import Migration, check

EDITS_A_SECOND, INTERVAL_MS = 100, 1000
EXTRA_PROPERTIES = ("region", "opted_out", "revenue", "numberofemployees", "lead_source")


def start(services, edits, old_limits="", **more):
    old = Sandbox("salesforce", seed=edits, visibility_lag_ms=0, daily_quota=10000000)
    new = Sandbox("hubspot", index_lag_ms=0, search_limit_1s=0, rate_limit_10s=0, daily_quota=10000000)
    for name in EXTRA_PROPERTIES:
        new.admin("schema", {"object": "contacts", "name": name, "type": "string"})
    migration = Migration(services, old.url, new.url, interval_ms=INTERVAL_MS, old_limits=old_limits, **more)
    poll = migration.poll()
    migration.apply()
    wait_for(lambda: new.admin("stats")["records"].get("contacts") == edits, 300, f"{edits} contacts in the new system")
    return old, new, migration, poll


def post_all(port, path, requests):
    """One request every 10 ms, on a connection that stays; late ones are not left out. requests give (body, headers) when asked for the next."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    began = time.monotonic()
    count = 0
    for body, headers in requests:
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        text = reply.read()
        assert reply.status == 200, text
        count += 1
        wait = began + count / EDITS_A_SECOND - time.monotonic()
        if wait > 0:
            time.sleep(wait)
    connection.close()
    return count / (time.monotonic() - began)


def edits_of(records):
    for number, record in enumerate(records):
        yield json.dumps({"object": "Contact", "id": record["id"], "fields": {"Title": f"Edited {number}"}, "who": "ann"}), {}


def webhooks_of(records, sent):
    """Whole records; sent gets {id: (when, title)}."""
    for number, record in enumerate(records):
        now_ms = int(time.time() * 1000)
        sent[record["id"]] = now_ms, f"Edited {number}"
        modified = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_ms / 1000)) + f".{now_ms % 1000:03d}+0000"
        whole = {name: record["fields"].get(name) for name in bench_receive.record(0)}
        data = {**whole, "Id": record["id"], "Title": f"Edited {number}", "SystemModstamp": modified}
        yield bench_receive.signed(data, number, now_ms // 1000)


def rows(sandbox, where):
    with sqlite3.connect(f"file:{os.path.join(sandbox.dir, 'sandbox.db')}?mode=ro", uri=True) as database:
        return database.execute(f"SELECT wall_ms, record_id, external_id, after FROM effects WHERE {where}").fetchall()


def edited_in(old):
    """{id: (when, title)}"""
    return {record: (ms, json.loads(after)["Title"]) for ms, record, _, after in rows(old, "op = 'update' AND who != 'seed'")}


def delays(edited, new):
    """{old id: ms} of every edit that has arrived."""
    found = {}
    for ms, _, record, after in rows(new, "op = 'update'"):
        if record in edited and json.loads(after).get("jobtitle") == edited[record][1]:
            found.setdefault(record, ms - edited[record][0])
    return found


def percentile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))]


def result_of(found, edits, rate, services, say, what):
    found = sorted(found.values())
    check("edits applied", len(found), edits)
    for service in harness.started:
        if isinstance(service, harness.Proc) and service.running():
            check(f"{service.name} ends with", service.term(), 0)
    for service in services:
        service.kill()
    result = {"edits": edits, "edits_a_second": rate, "p50_ms": percentile(found, 0.5), "p99_ms": percentile(found, 0.99),
              "min_ms": found[0], "max_ms": found[-1]}
    say(f"latency{what and f' ({what})'}: {result}")
    return result


def measure(services, edits, say, old_limits=""):
    """By poll. Percentiles in ms, and the rate that the editor really had."""
    old, new, _, _ = start(services, edits, old_limits)
    rate = post_all(old.port, "/admin/people/edit", edits_of(old.dump("Contact")))
    wait_for(lambda: len(delays(edited_in(old), new)) >= edits, 60, "every edit in the new system", 0.5)
    return result_of(delays(edited_in(old), new), edits, rate, (old, new), say, old_limits)


def measure_webhook(services, edits, say):
    """By webhook, poll stopped."""
    sent = {}
    old, new, migration, poll = start(services, edits, sources=bench_receive.SOURCES, secrets=bench_receive.SECRETS)
    check("tandem-poll ends with", poll.term(), 0)
    hook = Proc(["tandem-webhook", "--config", migration.config, "--source", "hooks", "--listen", "127.0.0.1:0"])
    rate = post_all(bench_receive.port_of(hook, "webhook"), bench_receive.PATHS["webhook"], webhooks_of(old.dump("Contact"), sent))
    wait_for(lambda: len(delays(sent, new)) >= edits, 60, "every webhook in the new system", 0.5)
    return result_of(delays(sent, new), edits, rate, (old, new), say, "webhook")
