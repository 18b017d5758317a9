"""test_harness — the harness itself: what it starts can be stopped, frozen, killed and found again with its data."""
import os
import signal
import subprocess
import sys

from harness import Kafka, Redis, Sandbox, Timeout, run_tests, wait_for

kafka = Kafka()
redis = Redis(appendfsync="always")


def test_kafka_keeps_data_over_kill_and_stop():
    kafka.create_topic("t", 2, cleanup_policy="compact")
    kafka.produce("t", [("a", "1"), ("b", "2")], headers={"h": "x"})
    kafka.kill()
    assert not kafka.answers()
    kafka.start()
    kafka.produce("t", [("a", None)])
    kafka.restart()
    messages = kafka.consume("t")
    assert sorted((m["key"], m["payload"]) for m in messages if m["payload"]) == [("a", "1"), ("b", "2")], messages
    assert [m["key"] for m in messages if m["payload"] is None] == ["a"], messages
    assert all(m["headers"] == {"h": "x"} for m in messages if m["payload"]), messages
    assert sum(high - low for low, high in kafka.ends("t").values()) == 3
    assert kafka.committed("nobody", "t") == {0: None, 1: None}
    assert kafka.topics()["t"] == 2
    assert kafka.consume("absent", missing_ok=True) == []


def test_kafka_frozen_does_not_answer_and_wakes():
    kafka.sigstop()
    assert not kafka.answers()
    kafka.sigcont()
    wait_for(kafka.answers, 30, "Kafka wakes")


def test_redis_kill_flush_and_rollback():
    redis.cmd("SET", "k", "old")
    copy = redis.snapshot()
    redis.cmd("SET", "k", "new")
    redis.kill()
    redis.start()
    assert redis.cmd("GET", "k") == "new"
    redis.rollback(copy)
    assert redis.cmd("GET", "k") == "old"
    assert redis.cmd("HSET", "h", "f", "é") == 1
    assert redis.cmd("HGETALL", "h") == ["f", "é"]
    redis.flush()
    assert redis.keys() == []


def test_sandbox_keeps_its_records_and_its_port():
    crm = Sandbox("hubspot", seed=20)
    assert crm.admin("stats")["records"] == {"contacts": 20}
    before = crm.dump("contacts")
    crm.kill()
    crm.start()
    assert crm.dump("contacts") == before
    assert crm.term() == 0


def test_wait_for_gives_up():
    try:
        wait_for(lambda: False, 0.1, "never")
    except Timeout:
        return
    raise AssertionError("no Timeout")


def test_a_killed_test_leaves_nothing():
    program = ("import os, signal; from harness import Redis, workdir; redis = Redis(); "
               "print(redis.pid, workdir(), flush=True); os.kill(os.getpid(), signal.SIGKILL)")
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": os.path.dirname(__import__("harness").__file__)})
    assert done.returncode == -signal.SIGKILL
    pid, path = done.stdout.split()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split(") ")[1][0] == "Z",
             30, "Redis is gone")
    wait_for(lambda: not os.path.exists(path), 30, "its directory is gone")


if __name__ == "__main__":
    run_tests(globals())
