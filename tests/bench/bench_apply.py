"""
bench_apply — events that lie on Kafka to a HubSpot-shaped target in memory, in batches of 100: tandem-apply beside the bare requests.
Two cases: every record is new, then one field of every record has changed.
"""
from harness import wait_for
from rig import Migration, Server, Window, bench, check, cpu_s, from_output, run, wait_log

CASES = (("create", "created"), ("update", "updated"))
SUBJECTS = ("tandem-apply create", "floor create", "tandem-apply update", "floor update")


def publish(migration, services, records, wanted):
    """The whole source once more onto the changes topic, by tandem-poll itself; not measured."""
    poll = migration.poll()
    wait_log(poll, "backfill done")
    check("tandem-poll ends with", poll.term(), 0)
    check("events", services.count(migration.topic("changes.contact")), wanted)


def consumed(proc):
    return int(proc.metrics().get("tandem_consumed_messages_total", 0))


def tandem(migration, services, target, records, counter):
    """From the first batch that the target sees to the last offset."""
    before = target.get("/admin/stats")
    apply = migration.apply()
    wait_for(lambda: target.get("/admin/stats")["read"] > before["read"], 120, "the first batch", 0.005)
    window = Window(tandem=apply.pid, target=target.pid, kafka=services.kafka.pid, redis=services.redis.pid)
    wait_for(lambda: target.get("/admin/stats")[counter] >= before[counter] + records, 900, f"{records} {counter}", 0.05)
    wait_for(lambda: consumed(apply) >= records, 60, "the last offset", 0.01)
    result = window.end(records)
    check("tandem-apply ends with", apply.term(), 0)
    after = target.get("/admin/stats")
    check(counter, after[counter] - before[counter], records)
    check("records in the target", after["records"], records)
    check("outcomes", services.count(migration.topic("outcomes")), (1 if counter == "created" else 2) * records)
    check("rows", services.distinct_keys(migration.topic("state.contact")) // records, 1)
    return result


def floor(target, migration, records, case, counter):
    before = target.get("/admin/stats")
    spent = cpu_s(target.pid)
    output = run([bench("floor_apply"), target.url, str(records), case, migration.external_id, migration.marker])
    result = from_output(output, target=(cpu_s(target.pid) - spent) * 1e6 / records)
    check(f"floor {counter}", target.get("/admin/stats")[counter] - before[counter], records)
    return result


def one_round(services, source, records):
    """{subject: result}"""
    found = {}
    source.get("/admin/generation/1")
    target = Server("bench_target", records)
    migration = Migration(services, source.url, target.url)
    for number, (case, counter) in enumerate(CASES, 1):
        if number > 1:
            source.get(f"/admin/generation/{number}")
            migration.forget_backfill()
        publish(migration, services, records, number * records)
        found[f"tandem-apply {case}"] = tandem(migration, services, target, records, counter)
    target.get("/admin/clear")
    for case, counter in CASES:
        found[f"floor {case}"] = floor(target, migration, records, case, counter)
    target.kill()
    return found


def measure(services, records, rounds, say):
    source = Server("bench_source", records)
    results = {name: [] for name in SUBJECTS}
    for number in range(1, rounds + 1):
        for name, result in one_round(services, source, records).items():
            results[name].append(result)
            others = ", ".join(f"{key} {value:.1f}" for key, value in result["others"].items())
            say(f"apply {number}/{rounds} {name}: {result['rate']:,.0f}/s, {result['s_per_million']:.1f} s/M ({others})")
    source.kill()
    return results
