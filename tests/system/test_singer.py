#!/usr/bin/python3 -B
"""tandem-singer: a tap of our own that is killed, hangs, writes garbage and sends everything twice; nothing is lost and nothing is double by the
oracle, STATE is never ahead of its records, and what a whole run does not bring is deleted, behind a brake."""
import json
import os

from harness import run_tests, wait_for
from singer_tools import Tapped

SECRET = "sandbox-token"


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def pids(proc):
    return [event["pid"] for event in proc.log_events("the tap runs")]


def test_what_lines_become():
    """Records, deletes, garbage, records without a key, lines that are too long, streams of nobody; the tap's log, without its secrets."""
    with Tapped(stream='deleted = "IsDeleted";', source='line_max_bytes = 4096; files_max = 100; environment = ["TAP=1"];') as p:
        people = p.team(5, "Team")
        no_key = '{"type":"RECORD","stream":"Contact","record":{"Email":"nobody@x.org","SystemModstamp":"2026-01-01T00:00:00Z"}}'
        no_time = '{"type":"RECORD","stream":"Contact","record":{"Id":"003000000000zzz","SystemModstamp":"soon"}}'
        p.order({"garbage_after": 2, "times": 2, "streams": ["Contact", "Other"], "long": 9000,
                 "say": [no_key, no_time, '{"type":"RECORD","stream":"Other","record":{"Id":"1"}}', '{"type":"HELLO"}', ""]}, {"say": [no_time]})
        proc = p.add_tap()
        p.start(polls=0)
        p.wait_runs(1)
        assert sorted(e["source"]["id"] for e in p.events()) == sorted(people), "each once, however often it is sent"
        event = next(e for e in p.events() if e["source"]["id"] == people[3])
        assert event["after"]["email"] == "team.3@example.com" and event["op"] == "r" and event["source"]["db"] == "salesforce", event
        assert not event["source"]["partial"] and event["source"]["observed_from_ms"] == event["source"]["observed_to_ms"]
        by_reason = {}
        for letter in p.letters():
            by_reason.setdefault(letter["headers"]["tandem.reason"], []).append(letter["payload"])
        # The second run says no_time again: the same content is the same letter.
        assert sorted(by_reason) == ["mapping", "too-large", "undecodable"], by_reason
        assert sorted(by_reason["mapping"]) == sorted([no_key, no_time]), by_reason["mapping"]
        assert sorted(by_reason["undecodable"]) == sorted(["\x1b[1mprogress 50%", '{"type": "RECORD", "stream": "Contact", "rec', "NaN", '{"type":"HELLO"}'])
        assert by_reason["too-large"] == ["x" * 4096]
        assert p.metric("tandem_singer_records_total", stream="other", kind="unmapped") == 1
        log = proc.log_text()
        assert "Finished sync" in log and "with the token ***" in log and SECRET not in log, log[-2000:]
        limits = json.loads(next(e["line"] for e in proc.log_events("tap") if e["line"].startswith("INFO Limits"))[12:])
        assert (limits["core"], limits["files"], limits["memory"], limits["file"]) == (0, 100, 4 << 30, 1 << 30), limits
        assert limits["leader"] and limits["here"] == "tap" and set(limits["names"]) <= {"PATH", "LANG", "HOME", "LC_CTYPE", "TAP"}, limits
        # A delete that the tap tells, and a record that comes back.
        p.delete(people[4])
        p.edit(people[1], Title="CEO")
        p.wait_runs(1)
        gone = [e for e in p.events() if e["op"] == "d"]
        assert [e["source"]["id"] for e in gone] == [people[4]] and gone[0]["after"] is None, gone
        p.wait_twin(people[1], jobtitle="CEO")
        assert json.loads(p.place()["state"])["bookmark"] and p.place()["seq_to"] >= 6, p.place()
        p.settle()
        assert len(p.events()) == 7, "nothing is published again"


def test_a_key_that_the_tap_does_not_know():
    """SCHEMA says another key than the configuration: the process ends with EX_CONFIG and names both; nothing was published."""
    with Tapped(stream='key = ["Id"];', keys=("Email", "Id")) as p:
        p.team(1, "Team")
        proc = p.add_tap()
        assert proc.wait_exit() == 78
        assert "key_properties are [Email, Id], the configured key is [Id]" in proc.log_text(), proc.log_text()[-1000:]
        assert not p.events()


def test_the_tap_dies_and_hangs():
    """Exit codes, signals and silence: started again with what STATE says, after a while; its last words are in /readyz."""
    with Tapped(source="silence_ms = 5000; stop_ms = 200;", lookback_s=3600) as p:
        p.start(polls=0)
        p.team(6, "Team")
        p.order({"die_after": 3}, {"hang_after": 4}, {"exit_after": 5}, {"exit_after": 1})
        proc = p.add_tap()
        wait_for(lambda: any("quota used up" in e.get("why", "") for e in proc.log_events("waiting")), 60, "the exit code", 0.05)
        p.wait_runs(1)
        whys = [e["why"] for e in proc.log_events("waiting")]
        for words in ("signal 9", "has written nothing for 5000 ms", "exit code 2: CRITICAL quota used up"):
            assert any(words in why for why in whys), (words, whys)
        states = [e["line"].split("state ", 1)[1] for e in proc.log_events("tap") if e["line"].startswith("INFO Pid")]
        assert states[0] == "{}" and "bookmark" in states[-1], states
        assert not [pid for pid in pids(proc)[:-2] if alive(pid)]
        p.settle()
        # SIGTERM: in order, and the tap is gone.
        last = pids(proc)[-1]
        assert proc.term() == 0 and not alive(last)


def test_whole_tables():
    """Full-table runs: each content once; a run that is cut short deletes nothing; what a whole one does not bring is deleted; a lost file of
    known records is filled from Kafka; the brake."""
    with Tapped(full=True, deleted=False) as p:
        p.start(polls=0)
        people = p.team(30, "Team")
        proc = p.add_tap()
        p.wait_runs(2)
        assert len(p.events()) == 30
        p.order({"exit_after": 10})
        wait_for(lambda: proc.log_events("waiting"), 60, "the cut run", 0.05)
        p.wait_runs(1)
        assert not [e for e in p.events() if e["op"] == "d"]
        p.delete(people[0])
        p.edit(people[1], Title="CEO")
        p.wait_runs(1)
        assert [e["source"]["id"] for e in p.events() if e["op"] == "d"] == [people[0]]
        assert len(p.events()) == 32, "only what differs is published"
        # The file is gone: what is there is published once more, and what was deleted meanwhile is found.
        p.delete(people[2])
        proc.kill()
        os.unlink(os.path.join(p.dir, "tap", "known.db"))
        proc.start()
        p.wait_runs(3)
        gone = [e["source"]["id"] for e in p.events() if e["op"] == "d"]
        assert sorted(set(gone)) == sorted([people[0], people[2]]), gone
        # More than the brake lets through.
        p.order(*[{"hide": people[3:20]}] * 200)
        why = wait_for(lambda: proc.log_events("the brake holds deletes"), 60, "the brake", 0.05)[0]["why"]
        assert "17 of 28 records" in why, why
        assert proc.get("/readyz")[0] == 503
        assert p.metric("tandem_singer_braked", stream="Contact") == 17
        p.edit(people[25], Title="CTO")
        p.wait_twin(people[25], jobtitle="CTO")
        p.order()
        wait_for(lambda: p.metric("tandem_singer_braked", stream="Contact") == 0, 60, "all is there again", 0.05)
        assert proc.get("/readyz")[0] == 200
        assert sorted(set(e["source"]["id"] for e in p.events() if e["op"] == "d")) == sorted([people[0], people[2]])


def test_difference_without_times():
    """A stream without ACTIVATE_VERSION and without a time of modification: later is newer, and missing twice is gone."""
    with Tapped(full=True, deleted=False, sources=""", { name = "tap"; type = "singer"; system = "salesforce"; state_dir = "tap";
            config_file = "tap.json"; command = [$command]; interval_ms = 100; commit_ms = 50;
            streams = ( { stream = "Contact"; entity = "contact"; deletes = "difference"; } ); }""") as p:
        p.start(polls=0)
        people = p.team(12, "Team")
        p.add_tap()
        p.wait_runs(1)
        p.order({"hide": people[:1]})  # once is not enough
        p.wait_runs(3)
        assert len(p.events()) == 12
        for title in ("A", "B", "A"):
            p.edit(people[5], silent=True, Title=title)
            p.wait_runs(1)
        p.wait_twin(people[5], jobtitle="A")
        assert [e["after"]["job_title"] for e in p.events() if e["source"]["id"] == people[5]] == ["T0", "A", "B", "A"]
        p.delete(people[0])
        p.wait_runs(3)
        assert [e["source"]["id"] for e in p.events() if e["op"] == "d"] == [people[0]]


def test_kills():
    """kill -9 of tandem-singer at each failpoint and at any moment, the tap killed and cut short, Kafka frozen: by the oracle nothing is lost and
    nothing double; the tap never outlives its parent; STATE is never ahead of what is on Kafka."""
    with Tapped(source="chunk = 20; stop_ms = 500;", columns=("CreatedDate",)) as p:
        p.start(polls=0)
        people = p.team(25, "Team")
        proc = p.add_tap()
        points = ["singer.started", "singer.line", "singer.settled", "singer.known", "singer.place_put", "singer.committed"]
        for cycle in range(30):
            seen = len(p.messages("changes.contact"))
            for n in range(3):
                p.edit(people[(cycle * 3 + n) % len(people)], Title=f"T{cycle}.{n}")
            if cycle % 6 == 5:
                p.order({"die_after": 2}, {"exit_after": 1}, {"garbage_after": 1, "times": 2})
            if cycle % 10 == 9:
                p.kafka.sigstop()
                proc.kill()
                p.kafka.sigcont()
            elif not proc.failpoint:
                wait_for(lambda: len(p.messages("changes.contact")) > seen, 60, f"cycle {cycle}", 0.01)
                proc.kill()
            else:
                wait_for(lambda: not proc.running(), 60, f"cycle {cycle}: {proc.failpoint}", 0.01)
                proc.wait_exit()
            wait_for(lambda: not [pid for pid in pids(proc) if alive(pid)], 30, "the tap dies with its parent", 0.01)
            proc.failpoint = f"{points[cycle % 6]}:{1 + cycle % 3}" if cycle % 5 else None
            proc.start()
        proc.kill()
        proc.failpoint = None
        proc.start()
        p.settle()
        assert set(proc.failpoints_hit()) == set(points), proc.failpoints_hit()
        place = p.place()
        assert json.loads(place["state"])["bookmark"] and place["cursor"]["from_ms"] > 0, place


if __name__ == "__main__":
    run_tests(globals())
