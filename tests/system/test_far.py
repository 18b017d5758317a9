#!/usr/bin/python3 -B
"""What a record refers to comes very many offsets later: it waits in its row, not in memory, and ends right.

TANDEM_FAR=5000000 (release build) is the documented long run (tests/bench/README.md); the usual one is small. Between the contact and its company
stand so many events of other companies, on the company's own topic: each is looked up and dropped as old, as a replayed or delayed page is.
"""
import os
import re
import subprocess
import time

import deletes
from harness import http, run_tests
from relation_tools import CONTACT_COMPANY, Relations

FAR = int(os.environ.get("TANDEM_FAR", "20000"))
OTHERS, BLOCK = 2000, 100  # others: so many records repeat; BLOCK: rounds of them that are put at once
PATIENCE_S = 120 + FAR // 2000


def high_water_mib(proc):
    with open(f"/proc/{proc.process.pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) / 1024


def redis_mib(p):
    return int(re.search(r"used_memory:(\d+)", p.redis.cmd("INFO", "memory"))[1]) / 1024 / 1024


def put(p, lines, rounds):
    """kcat -P of the lines, so often."""
    topic = p.topic("changes.company")
    args = ["kcat", "-b", p.kafka.bootstrap, "-P", "-t", topic, "-K", "\t", "-X", "acks=all", "-z", "lz4", "-X", "topic.partitioner=murmur2_random"]
    with subprocess.Popen(args, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as kcat:
        for _ in range(rounds):
            kcat.stdin.write(lines)
        _, said = kcat.communicate(timeout=PATIENCE_S)
        assert kcat.returncode == 0, said


def test_far_away():
    with Relations(partitions=1) as p:
        p.prepare()
        apply = p.add_apply()
        p.add_poll()
        p.new.admin("faults", {"kind": "status", "status": 400, "count": 0, "match": {"path_contains": "companies/batch/upsert"}})
        company = p.company("Late")  # refused by the new system for now: what it says later stands that much later
        waiting = [p.contact(f"w{n}", AccountId=company) for n in range(20)]
        p.wait(lambda: all(p.awaited("contact", contact) for contact in waiting), "they wait")
        http("DELETE", p.new.url + "/admin/faults")
        began, now_ms = time.monotonic(), p.old.admin("stats")["now_ms"]
        lines = "".join("\t".join(deletes.event(f"0019{n:011d}AAA", now_ms, entity="company")) + "\n" for n in range(OTHERS)).encode()
        put(p, lines, 1)
        p.wait(lambda: p.idle("company"), "the others have their rows")
        before = high_water_mib(apply), redis_mib(p)
        far = max(1, FAR // OTHERS)
        put(p, lines, far)
        p.wait(lambda: p.idle("company"), f"{far * OTHERS} events later", PATIENCE_S)
        after = high_water_mib(apply), redis_mib(p)
        seconds = time.monotonic() - began
        print(f"{far * OTHERS} offsets later, {seconds:.0f} s: apply VmHWM {before[0]:.1f} → {after[0]:.1f} MiB, Redis {before[1]:.1f} → {after[1]:.1f} MiB")
        p.change("company", company, Name="Here")
        p.wait(lambda: p.links(CONTACT_COMPANY) == sorted((contact, company) for contact in waiting), "all are linked")
        p.rest()
        p.assert_once(CONTACT_COMPANY)
        p.assert_whole()


if __name__ == "__main__":
    run_tests(globals())
