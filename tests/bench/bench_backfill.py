"""
bench_backfill — pages of 100 from a source that is never the bottleneck to Kafka: tandem-poll beside the home-made script and beside
the bare floor, which carries as many bytes. All three read the same source, one after the other in each round.
"""
import os

from rig import HERE, PARTITIONS, Migration, Server, Window, bench, check, cpu_s, from_output, run, script_python, wait_log

PAGE = 100
SUBJECTS = ("tandem-poll", "home-made script", "floor")


def tandem(services, source, target, records):
    migration = Migration(services, source.url, target.url, page=PAGE)
    poll = migration.poll()
    wait_log(poll, "passes begin")
    window = Window(tandem=poll.pid, source=source.pid, kafka=services.kafka.pid)
    wait_log(poll, "backfill done")
    result = window.end(records)
    check("tandem-poll ends with", poll.term(), 0)
    services.check_topic(migration.topic("changes.contact"), records)
    result["value_bytes"] = services.mean_value_bytes(migration.topic("changes.contact"))
    return result


def program(services, source, records, topic, args):
    """One that prints its own figures; it is done when it ends."""
    services.kafka.create_topic(topic, PARTITIONS, message_timestamp_type="LogAppendTime")
    before = cpu_s(source.pid), cpu_s(services.kafka.pid)
    output = run(args)
    spent = [(now - then) * 1e6 / records for now, then in zip((cpu_s(source.pid), cpu_s(services.kafka.pid)), before)]
    result = from_output(output, source=spent[0], kafka=spent[1])
    check(f"{args[0]}: records", result["records"], records)
    services.check_topic(topic, records)
    result["value_bytes"] = services.mean_value_bytes(topic)
    return result


def one_round(services, source, target, records, python, number):
    """{subject: result}; the floor carries values as large as tandem-poll's."""
    found = {"tandem-poll": tandem(services, source, target, records)}
    found["home-made script"] = program(services, source, records, f"script-{number}", [
        python, os.path.join(HERE, "home_made_backfill.py"), source.url, services.kafka.bootstrap, f"script-{number}",
        str(PAGE), os.path.join(source.dir, "cursor")])
    found["floor"] = program(services, source, records, f"floor-{number}", [
        bench("floor_backfill"), source.url, services.kafka.bootstrap, f"floor-{number}", str(PAGE),
        str(found["tandem-poll"]["value_bytes"])])
    return found


def measure(services, records, rounds, say):
    """{subject: [result, ...]}. The first round warms the broker up and does not count."""
    source, target = Server("bench_source", records), Server("bench_target", 1)
    python = script_python()
    say(f"source: {source.said.splitlines()[0]}")
    results = {name: [] for name in SUBJECTS}
    for number in range(rounds + 1):
        found = one_round(services, source, target, records, python, number)
        for name, result in found.items() if number else ():
            results[name].append(result)
            say(f"backfill {number}/{rounds} {name}: {result['rate']:,.0f}/s, {result['s_per_million']:.1f} s/M, "
                f"{result['value_bytes']} B a value")
    source.kill()
    target.kill()
    return results
