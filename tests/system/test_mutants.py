#!/usr/bin/python3 -B
"""Five wrong builds, each with one rule of the design broken. A directed schedule makes the oracle fail each of them;
the real build passes the same schedule. If a mutant passes, the tests have lost their teeth.
"""
import contextlib

import scenario_tools as tools
from harness import Timeout, run_tests, wait_for
from pipeline import ENTITY, SYSTEM, Pipeline
from pipeline_kills import WRITES


def fails(schedule, mutant, kinds, **options):
    """schedule(p) with the mutant: the oracle must find one of kinds; with the real build: nothing."""
    which = "poll_build" if mutant.startswith("tandem-poll") else "apply_build"
    real = mutant.split("-mutant-")[0] + "-test"
    with Pipeline(partitions=1, **{which: real}, **options) as p:
        schedule(p)
        p.check()
    p = Pipeline(partitions=1, **{which: mutant}, **options)
    try:
        schedule(p)
        with contextlib.suppress(Timeout):
            p.drain(20)  # a mutant may never come to rest; what it did is on the ledger
        verdict = p.verdict()
        assert set(verdict.counts()) & set(kinds), f"{mutant} got away with it: {verdict}\n{p.tails()}"
        print(f"{mutant}: {verdict.counts()}")
    finally:
        p.__exit__(True)


def begin(p):
    ann = p.create(Email="ann@x.org", FirstName="Ann", LastName="A", Title="A")
    p.start()
    p.check()
    return ann


def hold_writes(p):
    for path in WRITES:
        p.new.admin("hold", {"match": {"method": "POST", "path_contains": path}, "when": "before", "count": 1})


def kill_before_execution(p):
    """The process dies while its write waits in the target, and that is never executed."""
    ann = begin(p)
    hold_writes(p)
    p.edit(ann, Title="B")
    bob = p.create(Email="bob@x.org", FirstName="Bob", LastName="B")
    wait_for(lambda: p.new.admin("held")["held"], 60, "a write held")
    # A build that moves its offset too early does so now; the right one never does, so this waits in vain (for less
    # time than the request has: nobody must have learned yet that there will be no answer).
    with contextlib.suppress(Timeout):
        wait_for(lambda: all(p.committed(f"{p.ns}.apply", "changes")[n] >= end
                             for n, end in p.ends("changes").items()), 1, "offset moved on")
    p.applies[0].kill()
    p.new.admin("release", {"action": "drop"})
    p.revive()
    return ann, bob


def test_offset_first():
    fails(kill_before_execution, "tandem-apply-mutant-offset-first", {"lost"})


def test_redis_first():
    fails(kill_before_execution, "tandem-apply-mutant-redis-first", {"lost"})


def test_no_version_check():
    def delayed(p):
        ann = begin(p)
        for title in "BA":
            p.edit(ann, Title=title)
            p.wait_twin(ann, jobtitle=title)
        p.check()
        old = [m for m in p.messages(f"changes.{ENTITY}") if m["key"] == f"{SYSTEM}:{ann}"
               and '"job_title":"B"' in m["payload"]]
        p.kafka.produce(p.topic(f"changes.{ENTITY}"), [(old[0]["key"], old[0]["payload"])], headers=old[0]["headers"])
        tools.wait_event(p, ann, lambda after: after.get("job_title") == "B")
    fails(delayed, "tandem-apply-mutant-no-version-check", {"backwards", "wrong", "lost"})


def test_no_marker():
    def lost_reply(p):
        ann = begin(p)
        for path in WRITES:
            p.new.admin("faults", {"kind": "drop_after_execute", "count": 1, "match": {"path_contains": path}})
        p.edit(ann, Title="B")
        p.wait_twin(ann, jobtitle="B")
    fails(lost_reply, "tandem-apply-mutant-no-marker", {"double"})


def test_cursor_before_reports():
    def killed(p):
        """poll dies with the second page of the history in its hands; nothing but the backfill will read it again."""
        p.old.admin("seed", {"object": "Contact", "count": 100, "seed": 1, "offset": 0})
        p.prepare()
        p.add_apply()
        poll = p.add_poll(failpoint="poll.events_put:2")
        assert poll.wait_exit(60) == -9 and poll.failpoints_hit() == ["poll.events_put"]
        p.revive()
    fails(killed, "tandem-poll-mutant-cursor-before-reports", {"lost"}, poll="page = 20; backfill = true; ")


if __name__ == "__main__":
    run_tests(globals())
