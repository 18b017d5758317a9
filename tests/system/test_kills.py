#!/usr/bin/python3 -B
"""kill -9 of poll and apply at every step between fetch and offset, on T3; zombie, flush and rollback on both tiers.

tests/system/kills is the long run (hundreds of kills, both tiers).
"""
from harness import run_tests
from pipeline_kills import Cycles, failpoints, two_sided


def test_backfill_kills():
    """poll dies at each of its steps while it reads the history, which comes before any refresh."""
    with two_sided(poll="page = 20; ", poll_build="tandem-poll-test") as p:
        p.team(150, "team")
        p.prepare()
        p.add_apply()
        for name, who in failpoints().items():
            if who != "poll" or name.startswith(("poll.hydrate", "poll.refresh")):
                continue
            proc = p.polls[0] if p.polls else p.add_poll(start=False)
            proc.failpoint = f"{name}:2"
            proc.start()
            assert proc.wait_exit(60) == -9 and proc.failpoints_hit()[-1] == name, proc.log_text()[-2000:]
        p.revive()
        p.check()


def test_every_step():
    with two_sided(poll="refresh_period_s = 4; ") as p:
        cycles = Cycles(p).begin()
        for name, who in failpoints().items():
            cycles.kill_at(name, who)
        for when, action in (("before", "drop"), ("before", "go"), ("after", "drop"), ("after", "go")):
            cycles.kill_in_flight(when, action)
        print(cycles.table())


def zombie_flush_rollback(tier):
    with two_sided(tier=tier) as p:
        cycles = Cycles(p).begin()
        cycles.zombie()
        cycles.late_request()
        cycles.flush()
        cycles.rollback()
        cycles.redis_killed()
        print(cycles.table())


def test_zombie_flush_rollback_t3():
    zombie_flush_rollback("T3")


def test_zombie_flush_rollback_t1():
    zombie_flush_rollback("T1")


def test_storm():
    for seed, tier in ((1, "T3"), (2, "T1")):
        with two_sided(tier=tier, partitions=4) as p:
            Cycles(p, seed).begin().storm()


if __name__ == "__main__":
    run_tests(globals())
