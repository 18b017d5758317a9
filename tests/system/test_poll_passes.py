#!/usr/bin/python3 -B
"""tandem-poll's passes against a real Kafka and a sandbox: every record once, ties, edits under way, kill -9 at every step."""
import collections

from harness import run_tests, wait_for
from poll_tools import Polled
from pipeline import ENTITY, SYSTEM

STEPS = ("poll.page_fetched", "poll.events_put", "poll.settled", "poll.cursor_written")


def backfill(page, count):
    with Polled(page=page).seed(count) as p:
        p.go()
        cursor = p.wait_backfilled()
        events = [(key, event) for key, event in p.events() if event["source"]["pass"] == "backfill"]
        assert len(events) == len({key for key, _ in events}) == count, len(events)
        assert all(e["op"] == "r" and e["source"]["snapshot"] == "true" and e["source"]["generation"] == 1 for _, e in events)
        assert cursor["seq_to"] == count and p.audit_cursors()[f"{SYSTEM}/{ENTITY}/backfill"] == count
        assert not p.missing() and not p.dead()
        # What a second start finds done it does not do again.
        p.polls[0].restart()
        p.wait_captured()
        assert len(p.events()) == len(events)


def test_backfill_pages_of_1():
    backfill(1, 60)


def test_backfill_pages_of_100():
    backfill(100, 1050)


def test_backfill_pages_of_2000():
    backfill(2000, 5000)


def tie_storm(page, count):
    """One modified-at for all of them: the pass ends, each is published once, and the next change is seen."""
    with Polled(page=page).seed(count) as p:
        p.go()
        p.wait_captured()
        p.old.admin("people/bulk", {"object": "Contact", "count": count, "fields": {"Title": "T{n}"}})
        wait_for(lambda: not p.missing(), 240, "every record of the storm", 0.5)
        p.wait_captured()
        storm = collections.Counter(key for key, e in p.events() if e["source"]["pass"] == "incremental")
        assert len(storm) == count and max(storm.values()) == 1, (len(storm), max(storm.values()))
        assert p.polls[0].metrics()[f'tandem_poll_known_total{{entity="{ENTITY}"}}'] >= count, "the overlap was read again"
        assert p.create(Email="late@x.org", LastName="Late", Title="after the storm")
        p.wait_captured()
        assert not p.missing()
        p.audit_cursors()


def test_ties_pages_of_1():
    tie_storm(1, 120)


def test_ties_pages_of_100():
    tie_storm(100, 10000)


def test_ties_pages_of_2000():
    tie_storm(2000, 10000)


def test_edit_during_backfill():
    """The page in its hand says the old value when the process wakes; the newer event holds."""
    with Polled(page=50).seed(400) as p:
        ids = sorted(record["id"] for record in p.old.dump("Contact"))
        # Incremental pages come first in each round: the third page of the backfill is about the sixth page read.
        p.go(failpoint="poll.page_fetched:6", action="stop")
        wait_for(lambda: p.polls[0].failpoints_hit(), 60, "asleep")
        for record in ids[::40]:
            p.edit(record, Title="edited meanwhile")
        p.polls[0].sigcont()
        p.wait_captured()
        assert not p.missing()
        assert sum(e["after"].get("job_title") == "edited meanwhile" for e in p.newest().values()) == 10


def test_killed_in_backfill():
    """kill -9 at each step of a page: nothing is lost, and little is done again."""
    for step in STEPS:
        with Polled(page=50).seed(600) as p:
            poll = p.go(failpoint=f"{step}:7")
            assert poll.wait_exit(60) == -9 and poll.failpoints_hit() == [step], p.tails()
            p.revive()
            p.wait_captured()
            assert not p.missing(), (step, p.missing())
            events = [key for key, e in p.events() if e["source"]["pass"] == "backfill"]
            assert len(events) - 600 <= 3 * 50, f"{step}: {len(events)} events for 600 records in chunks of 50"
            p.audit_cursors()


def test_killed_between_changes():
    """The same for the incremental pass."""
    with Polled(page=20, chunk=20).seed(100) as p:
        poll = p.go()
        p.wait_captured()
        for n, step in enumerate(STEPS):
            poll.term()
            poll.failpoint = f"{step}:2"
            p.old.admin("people/bulk", {"object": "Contact", "count": 100, "fields": {"Title": f"step {n} {{n}}"}})
            poll.start()
            assert poll.wait_exit(60) == -9, step
            p.revive()
            p.wait_captured()
            assert not p.missing(), (step, p.missing())
        assert len(poll.failpoints_hit()) == len(STEPS), poll.failpoints_hit()


def test_mutant_is_guilty():
    """The cursor before the reports: the same kill loses a page."""
    with Polled(page=50, build="tandem-poll-mutant-cursor-before-reports").seed(600) as p:
        poll = p.go(failpoint="mutant.cursor_written:3")
        assert poll.wait_exit(60) == -9, p.tails()
        p.revive()
        p.wait_captured()
        assert p.missing(), "a build that writes its cursor first loses nothing: the test has no teeth"


def test_late_visibility():
    """A write that appears with an old date, behind the cursor: the overlap finds it."""
    with Polled(connector={"salesforce": {"settle_ms": 0, "overlap_ms": 4000}}, old={"visibility_lag_ms": 2000}) as p:
        p.go()
        p.wait_backfilled()
        for n in range(5):
            p.create(Email=f"slow{n}@x.org", LastName=f"Slow {n}", Title=f"S{n}")
            cursor = p.cursor("incremental")["cursor"]["from_ms"]
            wait_for(lambda before=cursor: p.cursor("incremental")["cursor"]["from_ms"] > before, 30, "a pass", 0.1)
        wait_for(lambda: not p.missing(), 60, "all of them", 0.2)


def test_empty_pages_move_the_window():
    """Nobody changes anything: the cursor follows the source's clock all the same, so the window stays small."""
    with Polled().seed(5) as p:
        p.go()
        p.wait_captured()
        for _ in range(2):
            before, events = p.cursor("incremental")["cursor"]["from_ms"], len(p.events())
            wait_for(lambda place=before: p.cursor("incremental")["cursor"]["from_ms"] >= place + 1000, 60, "a cursor that moves", 0.1)
            assert len(p.events()) == events


def test_wrong_pages():
    """Pages that come twice, cut off or as garbage are asked for again; nothing is lost and nothing loops."""
    with Polled(page=40).seed(400) as p:
        for n, kind in enumerate(("duplicate_page", "truncate_body", "garbage_body", "truncate_json", "drop", "status_5xx")):
            p.old.admin("faults", {"kind": kind, "count": 2, "skip": 2 + 2 * n, "match": {"path_contains": "query"}})
        p.go()
        p.wait_captured(180)
        faults = p.old.admin("faults")["faults"]
        assert not p.missing() and not p.dead(), p.missing()
        assert faults and all(fault["hits"] == 2 for fault in faults), faults


def test_pages_too_large():
    """A page that the source will not give is asked for in halves, down to where it works."""
    with Polled(page=40).seed(400) as p:
        for page in (40, 20):
            p.old.admin("faults", {"kind": "status", "status": 413, "count": 0, "match": {"path_contains": f"LIMIT%20{page}"}})
        p.go()
        p.wait_captured()
        assert not p.missing() and not p.dead()
        assert p.polls[0].log_events("page refused, trying a smaller one")


if __name__ == "__main__":
    run_tests(globals())
