"""What the scenarios share: small things done to a pipeline."""
import contextlib
import json
import os
import subprocess

from harness import wait_for, workdir
from pipeline import ENTITY, SYSTEM

# The failpoint at which poll has read a page and put nothing of it yet.
POLL_READ = "poll.page_fetched"


@contextlib.contextmanager
def paused(p):
    """Nothing is captured or applied within."""
    for proc in p.processes():
        proc.term()
    yield
    for proc in p.processes():
        proc.start()


def restart(proc, failpoint=None, action=None):
    if proc.running():
        proc.term()
    proc.failpoint, proc.action = failpoint, action
    proc.start()


def drain_without(p, asleep):
    """Drain while one process sleeps (it is no failure that it does nothing)."""
    p.drain()
    assert asleep.running()


def events(p, source):
    return [json.loads(m["payload"]) for m in p.messages(f"changes.{ENTITY}")
            if m["key"] == f"{SYSTEM}:{source}"]


def wait_event(p, source, condition, timeout=60):
    """Until the newest event of a record satisfies condition(after)."""
    wait_for(lambda: condition(events(p, source)[-1]["after"]), timeout, f"an event of {source}", 0.1)


def hint(p, source, why="repair"):
    """Ask for a record to be read back, as apply itself does."""
    value = {"v": 1, "system": SYSTEM, "id": source, "why": why, "not_before_ms": 0}
    p.kafka.produce(p.topic(f"hints.{ENTITY}"), [(f"{SYSTEM}:{source}", json.dumps(value))])


def clock(offset_s):
    """Environment of a host whose clock is off (clock_skew.c says why not libfaketime)."""
    library = os.path.join(workdir(), "clock_skew.so")
    if not os.path.exists(library):
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock_skew.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, source], check=True)
    asan = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": library, "CLOCK_SKEW_S": str(offset_s),
            "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0".lstrip(":")}
