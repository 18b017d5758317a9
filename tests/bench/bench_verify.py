"""
bench_verify — a whole migration of N contacts, and its proof: backfill by tandem-poll, applied by tandem-apply, compared by tandem-verify
beside a bare read of both systems. What every process and Redis took in memory is a result too.
"""
import json
import os
import re
import subprocess
import time

from harness import executable, wait_for
from rig import PARTITIONS, Migration, Server, bench, check, cpu_s, from_output, rss_mib, run, wait_log

PAGES = 2000, 100  # of the connectors as shipped
SUBJECTS = ("tandem-verify", "floor")


def redis_bytes(services):
    return int(re.search(r"used_memory:(\d+)", services.redis.cmd("INFO", "memory")).group(1))


def consumed(proc):
    return int(proc.metrics().get("tandem_consumed_messages_total", 0))


def migrate(services, source, target, records, instances):
    """Everything moved; the migration, and what it took: {process: MiB}, bytes a record in Redis, seconds."""
    migration = Migration(services, source.url, target.url)
    before, began = redis_bytes(services), time.monotonic()
    applies = [migration.apply(i) for i in range(1, instances + 1)]
    poll = migration.poll()
    patience_s = 300 + records // 500
    wait_log(poll, "backfill done", patience_s)
    wait_for(lambda: target.get("/admin/stats")["created"] >= records, patience_s, f"{records} created", 0.5)
    wait_for(lambda: sum(map(consumed, applies)) >= records, 120, "the last offset", 0.2)
    seconds = time.monotonic() - began
    memory = {"tandem-poll": rss_mib(poll.pid)}
    memory.update({f"tandem-apply/{number}": rss_mib(proc.pid) for number, proc in enumerate(applies, 1)})
    for proc in (poll, *applies):
        check(f"{proc.name} ends with", proc.term(), 0)
    stats = target.get("/admin/stats")
    check("created, updated", (stats["created"], stats["updated"]), (records, 0))
    return migration, {"memory_mib": memory, "redis_bytes": (redis_bytes(services) - before) / records, "seconds": seconds}


def census(migration, records):
    """No log of deletions: one turn of the refresh, each record against its row, and every row against that turn. Nothing is missing."""
    path = os.path.join(migration.dir, "connectors", "salesforce.cfg")
    for name, old, new in ((path, r"\n    (ended|deleted) = \{.*?\n    \};", ""),
                           (migration.config, "refresh_period_s = 0; sweep_interval_ms = 0;", "refresh_period_s = 1; sweep_interval_ms = 1000;")):
        with open(name, encoding="utf-8") as file:
            text, n = re.subn(old, new, file.read(), flags=re.S)
        check(f"{name}: replaced", n > 0, True)
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    began, poll = time.monotonic(), migration.poll()
    said = "listed: what is known and was not there is read"
    wait_log(poll, said, 300 + records // 500)
    line = poll.log_events(said)[0]
    taken = {"seconds": time.monotonic() - began, "memory_mib": rss_mib(poll.pid)}
    check("listed, found", (line["listed"], line["found"]), (records, 0))
    check("tandem-poll ends with", poll.term(), 0)
    return taken


def measured(args, records, **others):
    """A program that ends by itself: its output, and what it took."""
    before = {name: cpu_s(pid) for name, pid in others.items()}
    began = time.monotonic()
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output = process.stdout.read()
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    assert process.returncode == 0, f"{args[0]}: {process.returncode} {said[-2000:]}"
    return output, {"rate": records / seconds, "s_per_million": (usage.ru_utime + usage.ru_stime) * 1e6 / records,
                    "rss_mib": usage.ru_maxrss / 1024,
                    "others": {name: (cpu_s(pid) - before[name]) * 1e6 / records for name, pid in others.items()}}


def verify(services, migration, source, target, records):
    output, result = measured([executable("tandem-verify"), "--config", migration.config, "--settle", "0"], records,
                              source=source.pid, target=target.pid, kafka=services.kafka.pid)
    entity = json.loads(output)["entities"][0]
    check("identical, unexplained, only in new", (entity["identical"], entity["unexplained"], entity["only_in_new"]["explained"]),
          (records, 0, {}))
    return result


def floor(migration, source, target, records):
    with open(migration.config, encoding="utf-8") as file:
        names = re.findall(r'new = "(\w+)"', file.read())
    before = cpu_s(source.pid), cpu_s(target.pid)
    output = run([bench("floor_verify"), source.url, str(PAGES[0]), target.url, str(PAGES[1]),
                  ",".join([*names, migration.external_id, migration.marker])])
    spent = [(now - then) * 1e6 / records for now, then in zip((cpu_s(source.pid), cpu_s(target.pid)), before)]
    line = json.loads(output)
    check("floor: records of both", line["records"], 2 * records)
    return from_output(json.dumps({**line, "records": records}), source=spent[0], target=spent[1])


def measure(services, records, rounds, say, instances=3):
    """({subject: [result, …]}, what the migration took). Rates and CPU count pairs."""
    assert instances <= PARTITIONS
    source, target = Server("bench_source", records), Server("bench_target", records)
    source.get("/admin/generation/1")
    migration, taken = migrate(services, source, target, records, instances)
    say(f"verify: {records:,} contacts moved in {taken['seconds']:.0f} s; {taken['redis_bytes']:.0f} bytes a record in Redis; " +
        ", ".join(f"{name} {mib:.0f} MiB" for name, mib in taken["memory_mib"].items()))
    results = {name: [] for name in SUBJECTS}
    for number in range(1, rounds + 1):
        for name, result in (("tandem-verify", verify(services, migration, source, target, records)),
                             ("floor", floor(migration, source, target, records))):
            results[name].append(result)
            say(f"verify {number}/{rounds} {name}: {result['rate']:,.0f} pairs/s, {result['s_per_million']:.1f} s/M, "
                f"{result['rss_mib']:.0f} MiB")
    taken["census"] = census(migration, records)
    say(f"verify: every record listed and compared in {taken['census']['seconds']:.0f} s, tandem-poll {taken['census']['memory_mib']:.0f} MiB")
    source.kill()
    target.kill()
    return results, taken
