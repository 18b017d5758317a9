"""
bench_apply — events that lie on Kafka to a HubSpot-shaped target in memory, in batches of 100, or one record a write: tandem-apply beside
the bare requests. Two cases: every record is new, then one field of every record has changed. Once with one process, once with two that
share the partitions.
"""
from harness import wait_for
from rig import PARTITIONS, Machine, Migration, Server, Window, bench, check, cpu_s, from_output, run, wait_log

CASES = (("create", "created"), ("update", "updated"))
INSTANCES = (1, 2)


def subject(instances, case):
    return f"{instances} × tandem-apply {case}"


SUBJECTS = [name for case, _ in CASES for name in (*(subject(n, case) for n in INSTANCES), f"floor {case}")]


def publish(migration, services, records, wanted):
    """The whole source once more onto the changes topic, by tandem-poll itself; not measured."""
    poll = migration.poll()
    wait_log(poll, "backfill done")
    check("tandem-poll ends with", poll.term(), 0)
    check("events", services.count(migration.topic("changes.contact")), wanted)


def consumed(proc):
    return int(proc.metrics().get("tandem_consumed_messages_total", 0))


def asleep(migration, instances):
    """Processes that own their partitions, stopped until the events lie there."""
    applies = [migration.apply(i) for i in range(1, instances + 1)]
    owned = PARTITIONS // instances
    wait_for(lambda: all(len(proc.log_events("partition gained")) - len(proc.log_events("partition lost")) == owned and
                         proc.ready() for proc in applies), 120, "each owns its share", 0.1)
    for proc in applies:
        proc.sigstop()
    return applies


def tandem(migration, services, target, applies, records, counter):
    """From the moment they are let go to the last offset."""
    before = target.get("/admin/stats")
    window = Window(tandem=applies[0].pid, **{f"tandem{i}": proc.pid for i, proc in enumerate(applies[1:], 2)},
                    target=target.pid, kafka=services.kafka.pid, redis=services.redis.pid)
    for proc in applies:
        proc.sigcont()
    wait_for(lambda: target.get("/admin/stats")[counter] >= before[counter] + records, 900, f"{records} {counter}", 0.05)
    wait_for(lambda: sum(map(consumed, applies)) >= records, 60, "the last offset", 0.01)
    result = window.end(records)
    result["s_per_million"] += sum(result["others"].pop(f"tandem{i}") for i in range(2, len(applies) + 1))
    for apply in applies:
        check("tandem-apply ends with", apply.term(), 0)
    after = target.get("/admin/stats")
    check(counter, after[counter] - before[counter], records)
    check("records in the target", after["records"], records)
    check("outcomes", services.count(migration.topic("outcomes")), (1 if counter == "created" else 2) * records)
    check("rows", services.distinct_keys(migration.topic("state.contact")) // records, 1)
    return result


def floor(target, migration, records, case, counter, write):
    before = target.get("/admin/stats")
    spent, machine = cpu_s(target.pid), Machine()
    output = run([bench("floor_apply"), target.url, str(records), case, migration.external_id, migration.marker, str(write)])
    result = from_output(output, machine, target=(cpu_s(target.pid) - spent) * 1e6 / records)
    check(f"floor {counter}", target.get("/admin/stats")[counter] - before[counter], records)
    return result


def one_round(services, source, records, instances, write=100):
    """{subject: result}; so many records a write"""
    found = {}
    source.get("/admin/generation/1")
    target = Server("bench_target", records)
    migration = Migration(services, source.url, target.url, new_limits=f"write = {write};")
    for number, (case, counter) in enumerate(CASES, 1):
        if number > 1:
            source.get(f"/admin/generation/{number}")
            migration.forget_backfill()
        applies = asleep(migration, instances)
        publish(migration, services, records, number * records)
        found[subject(instances, case)] = tandem(migration, services, target, applies, records, counter)
    target.get("/admin/clear")
    for case, counter in CASES if instances == 1 else ():
        found[f"floor {case}"] = floor(target, migration, records, case, counter, write)
    target.kill()
    return found


def measure(services, records, rounds, say, write=100):
    source = Server("bench_source", records)
    results = {name: [] for name in SUBJECTS}
    for number in range(1, rounds + 1):
        found = {}
        for instances in INSTANCES:
            found.update(one_round(services, source, records, instances, write))
        for name, result in found.items():
            results[name].append(result)
            others = ", ".join(f"{key} {value:.1f}" for key, value in result["others"].items())
            say(f"apply {number}/{rounds} {name}: {result['rate']:,.0f}/s, {result['s_per_million']:.1f} s/M ({others}); "
                f"stolen {result['stolen']:.0f} %, idle {result['idle']:.0f} %")
    source.kill()
    return results
