#!/usr/bin/python3 -B
"""tandem-poll's hints, its dead letters, its limits, and two of it side by side."""
import collections
import http.client
import http.server
import json
import threading

from harness import run_tests, wait_for
from poll_tools import Polled
from pipeline import ENTITY, SYSTEM


def hydrated(p, record=None):
    return [e for key, e in p.events() if e["source"]["pass"] in ("hydrate", "repair") and key == (record or key)]


def test_hints():
    """Many hints, one read; missing, foreign and unreadable ones; every offset is committed."""
    with Polled().seed(40) as p:
        p.validated = False  # one hint is none
        ids = sorted(record["id"] for record in p.old.dump("Contact"))
        p.go()
        p.wait_captured()
        p.polls[0].term()
        p.hint(*ids[:30], *ids[:30], why="webhook")
        p.hint(ids[0], why="repair")
        p.hint("003000000000000AAA", why="webhook")
        p.hint("17", system="another")
        p.kafka.produce(p.topic(f"hints.{ENTITY}"), [(f"{SYSTEM}:x", "no hint")])
        p.polls[0].start()
        p.wait_hints()
        passes = [e["source"]["pass"] for e in hydrated(p)]
        assert 30 <= len(passes) <= 40, f"one event for all hints of a record that wait together: {len(passes)}"
        assert [e["source"]["pass"] for e in hydrated(p, ids[0])].count("repair") == 1
        assert sorted(reason for _, reason in p.dead()) == ["missing-in-source", "undecodable"], p.dead()
        assert p.polls[0].metrics()[f'tandem_poll_hydrated_total{{entity="{ENTITY}"}}'] == len(passes) + 1
        # What a hint asks for is published although nothing changed.
        p.hint(ids[5])
        p.wait_hints()
        assert len(hydrated(p, ids[5])) == 2


def test_not_before():
    """A hint waits for the source's clock, not for ours, and holds no other hint up."""
    with Polled(old={"clock_offset_ms": -7200000}).seed(3) as p:
        ids = sorted(record["id"] for record in p.old.dump("Contact"))
        p.go()
        p.wait_captured()
        not_before = p.old.admin("stats")["now_ms"] + 4000
        p.hint(ids[0], not_before_ms=not_before)
        p.hint(ids[1])
        wait_for(lambda: hydrated(p, ids[1]), 30, "the hint that need not wait", 0.1)
        assert not hydrated(p, ids[0])
        p.wait_hints()
        (event,) = hydrated(p, ids[0])
        assert event["source"]["observed_to_ms"] - 1000 >= not_before, (event["source"], not_before)


class NoDate(http.server.ThreadingHTTPServer):
    """Before a server: its answers, without their Date while self.dates is False."""
    daemon_threads = True

    def __init__(self, url):
        super().__init__(("127.0.0.1", 0), NoDate.Handler)
        self.server, self.dates = url.split("//")[1], True
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            client = http.client.HTTPConnection(self.server.server, timeout=30)
            client.request("GET", self.path, headers=dict(self.headers))
            answer = client.getresponse()
            body = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if self.server.dates or name.lower() != "date":
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            client.close()

        def log_message(self, *_):
            pass


def test_no_date():
    """What was read at an unknown time is not published: apply could only ask for it again, at once and for ever."""
    with Polled().seed(3) as p, NoDate(p.old.url) as proxy:
        ids = sorted(record["id"] for record in p.old.dump("Contact"))
        p.config = p.configure("pipeline.cfg", old_url=proxy.url)
        p.go()
        p.wait_captured()
        proxy.dates = False
        p.hint(ids[0])
        p.hint(ids[1], not_before_ms=1)
        wait_for(lambda: "sends no Date: when a record was read cannot be known" in p.polls[0].log_text(), 60, "the refusal")
        wait_for(lambda: "no Date" in p.polls[0].get("/readyz")[1], 60, "not ready, and why")
        assert p.hints_left() == 2 and not hydrated(p)
        proxy.dates = True
        p.wait_hints()
        assert sorted(e["source"]["id"] for e in hydrated(p)) == ids[:2]
        proxy.shutdown()


def test_killed_while_hydrating():
    with Polled().seed(20) as p:
        ids = sorted(record["id"] for record in p.old.dump("Contact"))
        p.go()
        p.wait_captured()
        for n, step in enumerate(("poll.hydrate_put", "poll.hydrate_settled")):
            p.polls[0].term()
            p.polls[0].failpoint = step
            p.polls[0].start()
            p.hint(*ids)
            assert p.polls[0].wait_exit(60) == -9, step
            p.revive()
            p.wait_hints()
            times = collections.Counter(e["source"]["id"] for e in hydrated(p))
            assert len(times) == 20 and min(times.values()) > n, (step, times)


def test_bad_values():
    """A value that cannot be mapped takes its own record out, with field, value and reason; personal data is masked."""
    with Polled(page=10) as p:
        good = p.team(25, "good")
        fax = p.create(Email="fax@x.org", LastName="Fax", LeadSource="Fax")
        phone = p.create(Email="ok@x.org", LastName="Phone", Phone="call my secret uncle")
        good += p.team(25, "more")
        p.go()
        p.wait_captured()
        assert {key for key, _ in p.events()} == set(good)
        letters = {m["key"].split(":")[1]: m for m in p.kafka.consume(p.topic("dlq"))}
        assert set(letters) == {fax, phone}, letters.keys()
        for record, field, shown in ((fax, "source", "Fax"), (phone, "phone", "***")):
            letter = letters[record]
            reason = letter["headers"]["__connect.errors.exception.message"]
            assert letter["headers"]["tandem.reason"] == "mapping" and field in reason and shown in reason, reason
            assert "secret uncle" not in reason and "secret uncle" not in p.polls[0].log_text()
            assert json.loads(letter["payload"])["Id"] == record, "the raw bytes of the source"
        p.edit(fax, LeadSource="Other")
        wait_for(lambda: fax in dict(p.events()), 60, "mended, it comes like any other", 0.2)


def test_two_instances():
    """One runs the passes, both hydrate; the owner dies in the middle and the other goes on from its cursor."""
    with Polled(page=20, partitions=4).seed(1000) as p:
        p.old.admin("faults", {"kind": "latency", "match": {"path_contains": "query"}, "count": 0, "delay_ms": 300})
        p.go()
        p.add_poll()
        wait_for(lambda: p.cursor("backfill"), 60, "some of the backfill is durable", 0.1)
        owner = wait_for(lambda: [x for x in p.polls if x.log_events("passes are ours")], 60, "an owner")[-1]
        owner.kill()
        assert not p.backfilled(), "it was killed in the middle"
        p.old.admin("faults", method="DELETE")
        p.wait_captured(180)
        assert not p.missing()
        owner.start()
        ids = sorted(record["id"] for record in p.old.dump("Contact"))
        wait_for(lambda: all(x.ready() for x in p.polls), 60, "both are there again")
        p.hint(*ids)
        p.wait_hints(120)
        assert {e["source"]["id"] for e in hydrated(p)} == set(ids)


def test_quota():
    """A quota that is spent: poll waits, says why, hints wait with it; once there is some again it goes on."""
    with Polled(page=20).seed(100) as p:
        p.go()
        p.wait_captured()
        p.old.admin("faults", {"kind": "status_429", "count": 0, "match": {"path_contains": "/services/data"}, "retry_after_s": 3})
        status = wait_for(lambda: p.polls[0].get("/readyz")[0] == 503 and p.polls[0].get("/readyz"), 60, "not ready")
        assert "salesforce" in status[1], status
        ids = sorted(record["id"] for record in p.old.dump("Contact"))
        p.hint(ids[3])
        p.edit(ids[4], Title="while nobody could read")
        assert p.hints_left() == 1 and p.polls[0].running()
        p.old.admin("faults", method="DELETE")
        p.wait_hints(90)
        p.wait_captured()
        assert not p.missing() and p.polls[0].ready()


def test_daily_quota_is_a_checkpoint():
    """403 REQUEST_LIMIT_EXCEEDED in the middle of the backfill: what was read is durable, the reason is visible."""
    with Polled(page=20, chunk=100000).seed(400) as p:
        p.old.admin("faults", {"kind": "latency", "match": {"path_contains": "query"}, "count": 0, "delay_ms": 30})
        p.go()
        wait_for(lambda: p.events(), 60, "some pages", 0.1)
        p.old.admin("settings", {"quota_used": 100000})
        why = wait_for(lambda: p.polls[0].get("/readyz")[0] == 503 and p.polls[0].get("/readyz")[1], 60, "not ready")
        assert "REQUEST_LIMIT_EXCEEDED" in why or "requests are used" in why, why
        cursor = p.cursor("backfill")
        assert cursor and cursor["seq_to"] == len([e for _, e in p.events() if e["source"]["pass"] == "backfill"]), cursor
        p.old.admin("settings", {"quota_used": 0})
        p.wait_captured()
        assert not p.missing() and len({key for key, _ in p.events()}) == 400


def test_denied():
    """401 with every token: a person must act. poll stays, says why, and looks again every minute; after a while it is an alarm."""
    with Polled(page=20, poll="stall_alarm_s = 3;").seed(60) as p:
        p.go()
        p.wait_captured()
        p.old.admin("faults", {"kind": "status", "status": 401, "count": 0, "match": {"path_contains": "query"}})
        why = wait_for(lambda: p.polls[0].get("/readyz")[0] == 503 and p.polls[0].get("/readyz")[1], 60, "not ready")
        assert "401" in why or "token" in why, why
        lag = f'tandem_poll_lag_seconds{{entity="{ENTITY}"}}'
        behind = p.polls[0].metrics()[lag]
        wait_for(lambda: p.polls[0].metrics()[lag] >= behind + 2, 60, "what an alarm looks at grows", 0.1)
        stalled = f'tandem_poll_stalled{{entity="{ENTITY}",pass="incremental"}}'
        wait_for(lambda: p.polls[0].metrics().get(stalled) == 1, 60, "the alarm", 0.1)
        assert p.status()["stalled"] == "incremental" and "ALARM" in p.tandem("status")
        p.create(Email="locked@x.org", LastName="Out")
        p.old.admin("faults", method="DELETE")
        p.wait_captured(100)
        assert not p.missing() and p.polls[0].starts == 1
        wait_for(lambda: p.polls[0].metrics()[stalled] == 0, 60, "the alarm ends by itself", 0.1)


def test_lesson_13_running_and_dead():
    """Nobody says no, every answer is 200, and nothing moves: the source's clock was set back two hours. That is seen, and over with the clock."""
    with Polled(poll="stall_alarm_s = 3;").seed(3) as p:
        p.go()
        p.wait_captured()
        p.old.admin("settings", {"clock_offset_ms": -7200000})
        p.hint(p.old.dump("Contact")[0]["id"])  # its answer says what time it is now
        wait_for(lambda: "incremental makes no progress" in p.polls[0].get("/readyz?verbose")[1], 60, "not ready, and why", 0.1)
        assert p.polls[0].get("/readyz")[0] == 503 and p.polls[0].log_events("no progress")
        p.old.admin("settings", {"clock_offset_ms": 0})
        p.hint(p.old.dump("Contact")[1]["id"])
        wait_for(p.polls[0].ready, 60, "it goes on by itself", 0.1)
        p.create(Email="after@x.org", LastName="After", Title="after the clock")
        p.wait_captured()
        assert not p.missing() and p.polls[0].starts == 1


if __name__ == "__main__":
    run_tests(globals())
