"""poll_tools — tandem-poll alone between a sandbox and Kafka: what its tests ask of the events it puts.

Nothing is applied: the judge is the set of events against the source's own dump. A record is captured when the newest of
its events (by modified-at, then by when it was seen) says what the source says now.
"""
import json
import os
import subprocess

from harness import wait_for
from pipeline import ENTITY, SYSTEM, Pipeline

# A year before now: no incremental pass of a test reads it.
LONG_AGO_MS = 365 * 24 * 3600 * 1000


class Polled(Pipeline):
    def __init__(self, page=0, chunk=None, poll="", build="tandem-poll-test", **options):
        words = f"page = {page}; chunk = {chunk or page or 20000}; {poll}"
        super().__init__(poll=words, poll_build=build, **options)

    def seed(self, count, ago_ms=LONG_AGO_MS):
        now = self.old.admin("stats")["now_ms"]
        self.old.admin("seed", {"object": "Contact", "count": count, "seed": 7, "modstamp": now - ago_ms})
        return self

    def go(self, **options):
        self.prepare()
        return self.add_poll(**options)

    # ---- what came of it ----

    def events(self):
        """[(id, event)] in the order of each partition."""
        return [(m["key"].split(":", 1)[1], json.loads(m["payload"]))
                for m in self.kafka.consume(self.topic(f"changes.{ENTITY}"))]

    def newest(self):
        """{id: the event that holds}: later modified, or seen later."""
        best = {}
        for key, event in self.events():
            source = event["source"]
            order = (source["modified_ms"], source["observed_from_ms"])
            if key not in best or order >= best[key][0]:
                best[key] = (order, event)
        return {key: event for key, (_, event) in best.items()}

    def missing(self):
        """Records of the source whose newest event does not say what the source says; "" when all are captured."""
        newest, wrong = self.newest(), []
        for record in self.old.dump("Contact"):
            event = newest.get(record["id"])
            if event is None or (event["after"].get("job_title") or None) != (record["fields"].get("Title") or None):
                wrong.append(record["id"])
        return wrong

    def cursors(self):
        """{key: cursor}. kcat sees an end only in a fetch that brings nothing: it must not wait for the next cursor."""
        done = subprocess.run(["kcat", "-b", self.kafka.bootstrap, "-C", "-t", self.topic("cursors"), "-o", "beginning", "-e",
                               "-q", "-K", "\t", "-X", "fetch.wait.max.ms=1"], stdout=subprocess.PIPE, timeout=60, check=True)
        pairs = (line.split("\t", 1) for line in done.stdout.decode().splitlines())
        return {key: json.loads(value) for key, value in pairs}

    def cursor(self, name):
        return self.cursors().get(f"{SYSTEM}/{ENTITY}/{name}")

    def backfilled(self):
        cursor = self.cursor("backfill")
        return cursor and cursor["cursor"]["done"] and cursor

    def wait_backfilled(self, timeout=120):
        return wait_for(self.backfilled, timeout, f"the backfill's end: {self.cursor('backfill')}\n{self.tails()}", 0.2)

    def wait_captured(self, timeout=120):
        """Until the backfill is done and the incremental pass is past everything edited so far."""
        now = self.old.admin("stats")["now_ms"]
        self.wait_backfilled(timeout)
        wait_for(lambda: self.cursor("incremental")["cursor"]["from_ms"] >= now, timeout,
                 f"the incremental cursor beyond {now}", 0.2)

    def hint(self, *ids, why="webhook", not_before_ms=0, system=SYSTEM):
        self.kafka.produce(self.topic(f"hints.{ENTITY}"), [
            (f"{system}:{i}", json.dumps({"v": 1, "system": system, "id": i, "why": why, "not_before_ms": not_before_ms}))
            for i in ids])

    def hints_left(self):
        """Hints whose offset is not committed."""
        topic = self.topic(f"hints.{ENTITY}")
        committed = self.kafka.committed(f"{self.ns}.poll.{SYSTEM}", topic)
        return sum(end - (committed.get(p) or low) for p, (low, end) in self.kafka.ends(topic).items())

    def wait_hints(self, timeout=60):
        wait_for(lambda: self.hints_left() == 0, timeout, "every hint's offset committed", 0.2)

    def status(self):
        """What `tandem status` shows of the entity; our processes are not under `tandem run`, so we say where they are."""
        processes = [{"name": proc.name, "state": "running", "address": proc.address(), "pid": proc.pid, "restarts": 0, "exit": 0, "log": proc.log}
                     for proc in self.polls]
        with open(os.path.join(self.dir, "run", "processes.json"), "w", encoding="utf-8") as file:
            json.dump({"pid": os.getpid(), "processes": processes}, file)
        (entity,) = json.loads(self.tandem("status", "--json"))["entities"]
        return entity

    def audit_cursors(self):
        """seq_from … seq_to of each pass leave no gap (duplicates after a crash begin at the last durable number again)."""
        last = {}
        for message in self.kafka.consume(self.topic("cursors")):
            cursor = json.loads(message["payload"])
            assert cursor["count"] == cursor["seq_to"] - cursor["seq_from"] + 1, cursor
            assert cursor["seq_from"] <= last.get(message["key"], 0) + 1, (message["key"], last, cursor)
            last[message["key"]] = max(cursor["seq_to"], last.get(message["key"], 0))
        return last
