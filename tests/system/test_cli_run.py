"""
test_cli_run — `tandem` on a migration with real Kafka, real Redis and both sandboxes: what is missing is named, a
preview writes nothing, a new migration waits for --go, the dead are started again, a report can fail.
"""
import json
import os
import shutil
import signal
import stat
import sys

from cli_tools import Migration
from harness import Kafka, Proc, Redis, Sandbox, executable, http, new_dir, run_tests, wait_for

_shared = {}


def services():
    if not _shared:
        _shared.update(kafka=Kafka(), redis=Redis())
    return _shared["kafka"], _shared["redis"]


class World:
    """A migration of its own with 60 contacts in old, 10 of them in new."""

    def __init__(self, ns, bin_dir=None, seed=True):
        kafka, redis = services()
        self.old = Sandbox("salesforce", visibility_lag_ms=100)
        self.new = Sandbox("hubspot", index_lag_ms=200, rate_limit_10s=0, search_limit_1s=0)
        self.migration = Migration(kafka.bootstrap, redis.address, self.old.url, self.new.url, ns, bin_dir)
        if seed:
            self.new.admin("schema", {"object": "contacts", "name": "lead_source", "type": "picklist",
                                      "options": "WEB;PHONE;PARTNER;LIST;OTHER"})
            self.old.admin("seed", {"object": "Contact", "count": 60, "seed": 1, "offset": 0})
            self.new.admin("seed", {"object": "contacts", "count": 10, "seed": 1, "offset": 0})
        self.run_proc = None

    def run(self, *args):
        self.run_proc = Proc([self.migration.program, "run", "--config", self.migration.path, *args], name="tandem-run")
        return self.run_proc

    def effects(self):
        return self.new.admin("stats")["effects"]

    def entity(self):
        return self.migration.status()["entities"][0]

    def drained(self):
        entity = self.entity()
        return entity["backfill"]["finished"] and entity["lag_messages"] == 0 and entity["events"] >= 60


def test_from_nothing_to_a_report():
    world = World("cli1")
    migration = world.migration

    _, out, _ = migration.tandem("check", "--connect", want=69)
    assert "topic cli1.state.contact: does not exist" in out and "tandem topics apply" in out, out
    assert "property tandem_quickstart_salesforce_id: the external id" in out, out
    _, out, err = migration.tandem("run", want=78)
    assert "tandem topics plan" in err, err

    _, out, _ = migration.tandem("topics", "plan", want=0)
    assert "create cli1.changes.contact" in out, out
    migration.tandem("topics", "verify", want=78)
    migration.tandem("topics", "apply", want=0)
    migration.tandem("topics", "verify", want=0)

    before = world.effects()
    _, out, _ = migration.tandem("preview", "contact", "--limit", "15", want=0)
    assert "found by email" in out and "none yet, it would be created" in out, out
    assert "/batch/upsert" in out and "/batch/update" in out, out
    assert "person.1." not in out and "***" in out, "a pii value was shown"
    assert "person.1." in migration.tandem("preview", "contact", "--limit", "15", "--unmask", want=0)[1]
    assert world.effects() == before, "a preview wrote"

    # A new migration captures, and writes nothing.
    run = world.run()
    wait_for(lambda: world.entity()["backfill"]["finished"], 60, "the backfill")
    status = migration.status()
    assert not status["go"] and status["running"] and world.effects() == before, status
    assert status["entities"][0]["lag_messages"] == 60, status
    waits = {process["name"]: process["why"] for process in status["processes"] if not process["ready"]}
    assert "--go" in waits.get("apply/1", ""), status
    _, out, _ = migration.tandem("status", want=0)
    assert "nothing is written before `tandem run --go`" in out and "days left" in out, out

    # Twice is refused; but go may be said from beside.
    _, _, err = migration.tandem("run", want=69)
    assert "runs already" in err, err
    _, out, err = migration.tandem("run", "--go", want=0)
    assert "created the property tandem_quickstart_marker" in err and "said go" in out, (out, err)
    wait_for(world.drained, 90, "apply is at the end")

    # A bad value and a person entered twice: explained, not hidden.
    world.old.admin("people/create", {"object": "Contact", "fields": {"LastName": "Bad", "MobilePhone": "none"}})
    for name in ("Ann", "Anne"):
        world.old.admin("people/create", {"object": "Contact", "fields": {"LastName": name, "Email": "ann@x.org"}})
    wait_for(lambda: world.entity()["dead_letters"].get("mapping") == 1 and world.entity()["held"].get("identity") == 1,
             60, "the dead letter and the question")

    # What became of each of them, in sentences.
    people = {record["fields"]["LastName"]: record["id"] for record in world.old.dump("Contact")}
    _, out, _ = migration.tandem("explain", f"salesforce:{people['Bad']}", want=0)
    assert "a dead letter, mapping: " in out and "now: no row" in out, out
    known = sorted(record["id"] for record in world.old.dump("Contact"))[0]
    _, out, _ = migration.tandem("explain", known, want=0)
    for words in (f"contact salesforce:{known}\n", "captured by poll in its pass backfill: changed in salesforce at ", "now\n  settled: nothing is open",
                  " in hubspot\n", "birth_date (write): salesforce ***, hubspot blank"):
        assert words in out, (words, out)
    told = {name: json.loads(migration.tandem("explain", f"contact/salesforce:{people[name]}", "--json", want=0)[1]) for name in ("Ann", "Anne")}
    assert sorted(len(story["now"]["open"]) for story in told.values()) == [0, 1], told
    held = next(story for story in told.values() if story["now"]["open"])
    assert held["now"]["open"][0] == {"class": "identity"} and any("a question for a person" in step["text"] for step in held["steps"]), held
    event = next(step["event_id"] for step in held["steps"] if step["topic"] == "changes")
    _, out, _ = migration.tandem("explain", event, "--unmask", want=0)
    assert f"contact {held['key']}\n" in out and "\n> " in out, out
    for nobody in ("salesforce:nobody", "0" * 64):
        _, _, err = migration.tandem("explain", nobody, want=66)
        assert "nothing is known of" in err and "such as salesforce:<id>" in err, err

    # Paused: captured and not written; an entity of its own, too.
    migration.tandem("pause", "--why", "a fair", want=0)
    wait_for(lambda: "paused by" in {p["name"]: p["why"] for p in migration.status()["processes"]}["apply/1"], 30, "apply rests")
    world.old.admin("people/create", {"object": "Contact", "fields": {"LastName": "Late", "Email": "late@x.org"}})
    wait_for(lambda: world.entity()["lag_messages"] == 1, 60, "the change is captured, and waits")
    _, out, _ = migration.tandem("status", want=0)
    assert ": a fair; `tandem resume` goes on" in out, out
    migration.tandem("pause", "--entity", "contact", want=0)
    migration.tandem("resume", want=0)
    status = migration.status()
    assert status["paused"] is None and status["entities"][0]["paused"]["who"], status
    wait_for(lambda: all(p["ready"] for p in migration.status()["processes"]), 30, "only contacts rest")
    assert world.entity()["lag_messages"] == 1
    migration.tandem("resume", "--entity", "contact", want=0)
    wait_for(lambda: world.entity()["lag_messages"] == 0, 60, "what waited is applied")

    # kill -9: started again, and said so.
    pid = migration.processes()["apply/1"]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: migration.processes()["apply/1"]["pid"] not in (0, pid), 30, "apply is started again")
    assert "apply/1 ended with code 137; again in" in run.log_text()
    assert migration.processes()["apply/1"]["restarts"] == 1

    code, out, err = migration.tandem("report", "--json", "--settle", "60", "--examples", "5", want=0)
    report = json.loads(out)["entities"][0]
    assert report["old_records"] == 64 and report["unexplained"] == 0, report
    assert report["only_in_old"]["explained"] == {"dead-letter": 1, "identity": 1}, report
    assert report["identical"] == 62 and report["different"]["explained"] == {}, report
    _, out, _ = migration.tandem("report", want=0)
    assert "what to look at next" in out and "Mend the value or the mapping" in out, out

    # SIGTERM: everybody goes, in good order.
    pids = [process["pid"] for process in migration.processes().values()]
    assert run.term() == 0, run.log_text()
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
    assert migration.processes() == {} and not migration.status()["running"]

    # While nobody works: what is different and unexplained is found and fails the report.
    ids = sorted(record["id"] for record in world.old.dump("Contact"))
    twins = {record["fields"].get("tandem_quickstart_salesforce_id"): record["id"] for record in world.new.dump("contacts")}
    world.old.admin("people/edit", {"object": "Contact", "id": ids[20], "fields": {"MailingCity": "Nowhere"}})
    world.new.admin("people/delete", {"object": "contacts", "id": twins[ids[21]]})
    world.new.admin("people/edit", {"object": "contacts", "id": twins[ids[22]], "fields": {"jobtitle": "Queen"}})
    world.old.admin("people/delete", {"object": "Contact", "id": ids[23]})
    wait_for(lambda: len(world.old.dump("Contact")) == 63, 10, "the deletion")
    _, out, _ = migration.tandem("report", "--json", "--settle", "0", "--examples", "5", want=65)
    report = json.loads(out)["entities"][0]
    assert report["different"]["unexplained"] == {"not-applied": 1}, report
    assert report["different"]["explained"] == {"edited-in-new": 1}, report
    assert report["only_in_old"]["unexplained"] == {"twin-missing": 1}, report
    assert report["only_in_new"] == {"explained": {"native": 1},  # one of the ten has no e-mail
                                     "unexplained": {"phantom": 1}}, report  # nobody told Tandem of the deletion
    examples = {example["class"]: example for example in report["examples"]}
    assert [field["field"] for field in examples["not-applied"]["fields"]] == ["city"], examples
    _, out, _ = migration.tandem("report", "--settle", "0", want=65)
    assert f"such as salesforce:{ids[20]} and {twins[ids[20]]} in city" in out, out


OBEDIENT = """
import signal, sys
def bye(*_):
    print("bye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
print('{"level":"info","msg":"here"}', flush=True)
while True:
    signal.pause()
"""


def fake(bin_dir, name, script):
    path = os.path.join(bin_dir, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!{sys.executable}\n{script}")
    os.chmod(path, stat.S_IRWXU)


def test_the_hopeless_are_given_up_and_their_log_is_named():
    """The real `tandem` beside processes that do what they are told here."""
    bin_dir = new_dir("bin")
    shutil.copy(executable("tandem"), bin_dir)
    shutil.copy(executable("tandem-verify"), bin_dir)
    fake(bin_dir, "tandem-poll", "import sys; print('the mapping is wrong', file=sys.stderr); sys.exit(78)\n")
    fake(bin_dir, "tandem-apply", OBEDIENT)
    world = World("cli2", bin_dir, seed=False)
    world.migration.tandem("topics", "apply", want=0)
    run = world.run("--go")
    wait_for(lambda: "is not started again" in run.log_text(), 30, "poll is given up")
    wait_for(lambda: 'apply/1: {"level":"info","msg":"here"}' in run.log_text(), 30, "apply's line")
    wait_for(lambda: world.migration.processes()["poll/salesforce-poll"]["state"] == "given up", 30, "processes.json")
    log = world.migration.processes()["poll/salesforce-poll"]["log"]
    assert f"poll/salesforce-poll ended with code 78 and is not started again; see {log}" in run.log_text()
    with open(log, encoding="utf-8") as file:
        assert file.read() == "the mapping is wrong\n"
    assert "poll/salesforce-poll: the mapping is wrong" in run.log_text()
    assert run.running()
    assert run.term() == 70, "a run that lost a process does not end well"
    assert "apply/1: bye" in run.log_text()


def test_run_ends_when_nobody_is_left():
    bin_dir = new_dir("bin")
    shutil.copy(executable("tandem"), bin_dir)
    fake(bin_dir, "tandem-poll", "raise SystemExit(64)\n")
    fake(bin_dir, "tandem-apply", "raise SystemExit(77)\n")
    world = World("cli3", bin_dir, seed=False)
    world.migration.tandem("topics", "apply", want=0)
    run = world.run()
    assert run.wait_exit(60) == 70, run.log_text()


def test_killed_run_takes_its_processes_along():
    bin_dir = new_dir("bin")
    shutil.copy(executable("tandem"), bin_dir)
    for name in ("tandem-poll", "tandem-apply"):
        fake(bin_dir, name, OBEDIENT)
    world = World("cli4", bin_dir, seed=False)
    world.migration.tandem("topics", "apply", want=0)
    run = world.run()
    wait_for(lambda: len(world.migration.processes()) == 2 and
             all(process["pid"] for process in world.migration.processes().values()), 30, "both run")
    pids = [process["pid"] for process in world.migration.processes().values()]
    run.kill()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 30, "they are gone")


def test_a_kafka_that_hangs_is_said():
    """Idle processes notice by themselves, name the broker, and are ready again when it is back."""
    kafka, _ = services()
    world = World("cli5")
    migration = world.migration
    migration.change(f'"bootstrap.servers={kafka.bootstrap}"', f'"bootstrap.servers={kafka.bootstrap}", "statistics.interval.ms=1000"')
    migration.tandem("topics", "apply", want=0)
    world.run("--go")

    def readiness():
        try:
            return [http("GET", f"http://{process['address']}/readyz?verbose") for process in migration.processes().values()]
        except OSError:  # one is on its way: a join that timed out in the dark fences itself, and `run` starts it again
            return [(0, "")]
    wait_for(lambda: world.drained() and all(status == 200 and "[+]kafka ok" in text for status, text in readiness()), 60, "all is well")
    kafka.sigstop()
    wait_for(lambda: len(readiness()) == 2 and all(status == 503 and f"Kafka at {kafka.bootstrap}" in text
                                                   for status, text in readiness()), 60, "both notice")
    wait_for(lambda: any("[-]kafka failed: " in text for _, text in readiness()), 60, "an idle process sees it in its own statistics")
    status = migration.status()
    assert f"no answer from Kafka at {kafka.bootstrap}" in status["why"] and status["running"], status
    _, out, _ = migration.tandem("check", "--connect", want=69)
    assert f"missing  Kafka: asking Kafka: no answer from Kafka at {kafka.bootstrap} (" in out and "ok       Redis" in out, out
    kafka.sigcont()
    wait_for(lambda: all(status == 200 and "[+]kafka ok" in text for status, text in readiness()), 90, "ready again")


if __name__ == "__main__":
    run_tests(globals())
