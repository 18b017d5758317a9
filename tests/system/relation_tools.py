"""relation_tools — a pipeline of three entities that refer to each other (support/relations.cfg), and what the new system's ledger says of
their associations."""
import contextlib
import json
import sqlite3

import deletes
from harness import http, wait_for
from pipeline import SYSTEM, Pipeline, end_of

ENTITIES = ("contact", "company", "deal")
OBJECTS = {"contact": ("Contact", "contacts"), "company": ("Account", "companies"), "deal": ("Opportunity", "deals")}
CONTACT_COMPANY, PARENT, DEAL_COMPANY, DEAL_CONTACT = 279, 14, 341, 3


class Relations(Pipeline):
    template = "relations.cfg"

    def __init__(self, retry_ms=600000, **more):
        self.retry_ms = retry_ms
        super().__init__(**more)
        self.validated = False  # schemas/ describe the model entity

    def configure(self, name, **changes):
        return super().configure(name, reference_retry_ms=self.retry_ms, **changes)

    # ---- people ----

    def put(self, entity, who="ann", **fields):
        return self.old.admin("people/create", {"object": OBJECTS[entity][0], "fields": fields, "who": who})["id"]

    def change(self, entity, record, **fields):
        self.old.admin("people/edit", {"object": OBJECTS[entity][0], "id": record, "fields": fields, "who": "ann"})

    def company(self, name, **fields):
        return self.put("company", Name=name, **fields)

    def contact(self, name, **fields):
        return self.put("contact", Email=f"{name}@x.org", LastName=name, **fields)

    def deal(self, name, **fields):
        return self.put("deal", Name=name, StageName="Prospecting", CloseDate="2027-01-01", **fields)

    def gone(self, entity, *records):
        """People delete these in the old system, and Tandem is told."""
        for record in records:
            self.old.admin("people/delete", {"object": OBJECTS[entity][0], "id": record})
        deletes.publish(self, *records, entity=entity, of=OBJECTS[entity][0])

    def merge(self, entity, winner, loser):
        self.old.admin("people/merge", {"object": OBJECTS[entity][0], "id": winner, "loser": loser, "fields": {}, "who": "ann"})
        deletes.publish(self, loser, entity=entity, of=OBJECTS[entity][0])

    def person_links(self, verb, entity, record, to, other, kind):
        self.new.admin(f"people/{verb}", {"from": {"object": OBJECTS[entity][1], "id": self.id(entity, record)},
                                          "to": {"object": OBJECTS[to][1], "id": self.id(to, other)},
                                          "type": kind, "who": "bob"})

    # ---- what is there ----

    def records(self, entity):
        return {record["fields"][self.external_id]: record for record in self.new.dump(OBJECTS[entity][1])
                if record["fields"].get(self.external_id)}

    def id(self, entity, record):
        found = self.records(entity).get(record)
        return found and found["id"]

    def links(self, kind):
        """[(old id or new id, …)] of the associations of one type, by the records' old ids; what leads to an archived record is none."""
        names = {}
        for _, new_object in OBJECTS.values():
            names.update({(new_object, record["id"]): record["fields"].get(self.external_id) for record in self.new.dump(new_object)})
        objects = {CONTACT_COMPANY: ("contacts", "companies"), PARENT: ("companies", "companies"), DEAL_COMPANY: ("deals", "companies"),
                   DEAL_CONTACT: ("deals", "contacts")}[kind]
        pairs = [tuple(zip(objects, pair)) for pair in self.standing(objects[0], kind)]
        return sorted(tuple(names[end] or end[1] for end in pair) for pair in pairs if set(pair) <= set(names))

    def standing(self, new_object, kind):
        """[(from id, to id)] of the associations of a type."""
        _, text = http("GET", self.new.url + "/admin/links?object=" + new_object)
        return [(link["from_id"], link["to_id"]) for link in map(json.loads, text.splitlines()) if link["type"] == kind]

    def effects(self, kind):
        """What became of the associations of a type: [(op, who, from id, to id, changed)] in order."""
        with contextlib.closing(sqlite3.connect(f"file:{self.new.dir}/sandbox.db?mode=ro", uri=True)) as database:
            return database.execute("SELECT op, who, from_id, to_id, changed FROM link_effects WHERE type = ? ORDER BY seq", (kind,)).fetchall()

    def rows(self, entity):
        self.messages(f"state.{entity}")
        rows = {}
        for message in self.messages(f"state.{entity}"):
            if not message["key"].startswith("!") and message["payload"]:
                rows[message["key"].split(":", 1)[1]] = json.loads(message["payload"])
        return rows

    def awaited(self, entity, record):
        return {each["field"]: each["old"] for each in self.rows(entity).get(record, {}).get("awaits", ())}

    def wait(self, condition, what, timeout=60):
        def there():
            for proc in self.processes():
                code = proc.process.poll() if proc.process is not None else None
                assert code in (None, 0, -9), f"{proc.name} ended with {code}: {end_of(proc)}"
            return condition()
        try:
            return wait_for(there, timeout, what, 0.1)
        except AssertionError as error:
            rows = [row for entity in ENTITIES for row in self.rows(entity).values() if row["status"] != "idle" or row.get("awaits")]
            linked = {kind: self.links(kind) for kind in (CONTACT_COMPANY, PARENT, DEAL_COMPANY, DEAL_CONTACT)}
            raise AssertionError(f"{error}\n{linked}\n{json.dumps(rows)[:6000]}\n{self.last_words(rows)}\n{self.tails()}") from None

    def last_words(self, rows):
        """What was said last of these rows, and what was asked of the new system."""
        keys = {row["key"] for row in rows}
        said = [o for o in self.outcomes() if o["key"] in keys][-12:]
        with contextlib.closing(sqlite3.connect(f"file:{self.new.dir}/sandbox.db?mode=ro", uri=True)) as database:
            asked = database.execute("SELECT method, path, status, items, fault, late FROM requests ORDER BY request_id DESC LIMIT 20").fetchall()
        return "\n".join(json.dumps(each) for each in said + asked)

    def arrived(self):
        """Everything that was edited so far has been read in the old system."""
        since_ms = self.old.admin("stats")["now_ms"]

        def read():
            cursors = self.cursors()
            marks = [cursors.get(f"{SYSTEM}/{entity}/incremental") for entity in ENTITIES]
            return all(mark and mark["cursor"]["from_ms"] >= since_ms for mark in marks) and \
                all(cursors.get(f"{SYSTEM}/{entity}/backfill", {"cursor": {}})["cursor"].get("done") for entity in ENTITIES)
        self.wait(read, "read by poll", 90)

    def rest(self):
        """Every event is applied, no operation is in flight, nothing is due, and nothing has moved between two looks."""
        seen = {}

        def resting():
            ends = {entity: self.client().ends(self.topic(f"state.{entity}"), self.partitions) for entity in ENTITIES}
            still = ends == seen.get("ends") and all(self.idle(entity) for entity in ENTITIES)
            seen["ends"] = ends
            return still
        self.wait(resting, "at rest")

    def idle(self, entity):
        topic, prefix = self.topic(f"changes.{entity}"), f"tandem:{self.ns}:"
        ends = self.client().ends(topic, self.partitions)
        committed = self.client(f"{self.ns}.apply").committed(topic, self.partitions)
        if any(committed[p] < end for p, end in ends.items()) or self.redis.cmd("HLEN", f"{prefix}ops:{entity}"):
            return False
        seconds, micros = self.redis.cmd("TIME")
        now = int(seconds) * 1000 + int(micros) // 1000
        return not self.redis.cmd("EXISTS", f"{prefix}waking:{entity}") and \
            not any(self.redis.cmd("ZCOUNT", f"{prefix}due:{entity}:{p}", 0, now) for p in range(self.partitions)) and \
            not any(row["status"] in ("waiting", "uncertain") for row in self.rows(entity).values())

    def assert_once(self, kind):
        """Each association was made once, or taken away; nothing we did changed nothing."""
        made = {}
        for op, who, source, target, changed in self.effects(kind):
            assert changed or who != "integration", f"{op} {source} → {target} changed nothing"
            made[(source, target)] = made.get((source, target), 0) + (1 if op == "associate" else -1)
        assert set(made.values()) <= {0, 1}, made

    def assert_whole(self):
        """Nothing leads to a record that is not there; nothing waits."""
        for entity in ENTITIES:
            for old, row in self.rows(entity).items():
                assert not row.get("awaits"), f"{entity} {old} waits: {row}"
        assert not [key for entity in ENTITIES for key in self.redis.keys(f"tandem:{self.ns}:refs:{entity}*")], "waits left in Redis"
