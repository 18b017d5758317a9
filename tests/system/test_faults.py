#!/usr/bin/python3 -B
"""Kafka, Redis and the two systems misbehave while people work; afterwards nothing is lost, double, backwards or wrong."""
import scenario_tools as tools
from harness import run_tests, wait_for
from pipeline_kills import WRITES, Cycles, two_sided


def away(*processes):
    """Wait until they have noticed: not ready."""
    for proc in processes:
        wait_for(lambda proc=proc: not proc.ready(), 60, f"{proc.name} is not ready")


def test_kafka():
    with two_sided() as p:
        cycles = Cycles(p).begin()
        # Stopped in good order, and killed.
        for stop in (p.kafka.term, p.kafka.kill):
            cycles.traffic()
            stop()
            cycles.traffic()
            away(p.polls[0])
            p.kafka.start()
            cycles.traffic()
            p.check(120)
        # Hung, then awake again: what was sent into the silence may arrive twice, or out of order.
        for _ in range(2):
            cycles.traffic()
            p.kafka.sigstop()
            cycles.traffic()
            away(p.polls[0])
            p.kafka.sigcont()
            p.check(120)


def test_redis():
    with two_sided() as p:
        cycles = Cycles(p).begin()
        p.redis.sigstop()
        cycles.traffic()
        away(p.applies[0])
        p.redis.sigcont()
        p.check()
        p.redis.kill()
        cycles.traffic()
        away(p.applies[0])
        p.redis.start()
        p.check()
        cycles.traffic()
        p.redis.flush()
        p.redis.flush()
        p.check()


TARGET_FAULTS = (
    {"kind": "status_429", "count": 3},
    {"kind": "status_429", "count": 2, "retry_after_s": 1},
    {"kind": "status_5xx", "count": 3},
    {"kind": "status_5xx", "count": 1, "status": 500},
    {"kind": "drop", "count": 2},
    {"kind": "reset", "count": 2},
    {"kind": "drop_after_execute", "count": 2},
    {"kind": "execute_late", "count": 1, "delay_ms": 300},
    {"kind": "garbage_body", "count": 2},
    {"kind": "truncate_body", "count": 2},
    {"kind": "truncate_json", "count": 2},
    {"kind": "latency", "count": 4, "delay_ms": 1000},
)


def target_faults(tier):
    with two_sided(tier=tier) as p:
        cycles = Cycles(p).begin()
        for fault in TARGET_FAULTS:
            for path in WRITES:
                p.new.admin("faults", {**fault, "match": {"method": "POST", "path_contains": path}})
            cycles.traffic()
            cycles.traffic()
            p.drain()
            verdict = p.verdict()
            assert verdict.ok() and not verdict.late_wrong, f"{fault}: {verdict}\n{p.tails()}"
            hit = sum(f["hits"] for f in p.new.admin("faults")["faults"])
            assert hit > 0 or fault["count"] <= hit, f"{fault} was not hit"
            p.new.admin("faults", method="DELETE")
        # The reads misbehave as well.
        for kind in ("status_429", "status_5xx", "drop", "garbage_body", "truncate_json"):
            p.new.admin("faults", {"kind": kind, "count": 2, "match": {"path_contains": "batch/read"}})
            p.new.admin("faults", {"kind": kind, "count": 1, "match": {"path_contains": "search"}})
        for _ in range(5):
            cycles.traffic()
        p.check()
        # Nobody is let in: nothing goes to the dead letters, nothing is lost.
        p.new.admin("faults", {"kind": "status", "status": 403, "count": 3, "match": {"path_contains": "/crm/"}})
        cycles.traffic()
        p.check(200)
        assert not p.dead(), p.dead()


def test_target_t3():
    target_faults("T3")


def test_target_t1():
    target_faults("T1")


def test_source():
    with two_sided(poll="page = 10; ") as p:
        cycles = Cycles(p).begin(60)
        for kind in ("status_429", "status_5xx", "drop", "reset", "garbage_body", "truncate_body", "truncate_json",
                     "duplicate_page"):
            p.old.admin("faults", {"kind": kind, "count": 3, "match": {"path_contains": "query"}})
            for _ in range(3):
                cycles.traffic()
            p.check()
        # A record shows up long after its own modified date.
        p.old.admin("settings", {"visibility_lag_ms": 2000})
        cycles.traffic()
        p.drain()
        p.old.admin("settings", {"visibility_lag_ms": 100})
        cycles.traffic()
        p.check()


def test_two_applies():
    """Two instances, rebalances in the middle of the work, one killed, both restarted."""
    with two_sided(partitions=4) as p:
        cycles = Cycles(p).begin()
        p.add_apply()
        cycles.traffic()
        p.check()
        for victim in (0, 1):
            cycles.traffic()
            p.applies[victim].kill()
            cycles.traffic()
            p.drain()  # the other one takes over once the session has timed out
            p.revive()
            cycles.traffic()
            p.check()
        for proc in p.applies:
            cycles.traffic()
            tools.restart(proc)
            cycles.traffic()
        p.check()
        epochs = p.fold().epochs
        assert len(epochs) == 4, epochs


if __name__ == "__main__":
    run_tests(globals())
