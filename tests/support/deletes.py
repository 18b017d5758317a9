"""deletes — what the sweep will publish, published by a test: deletions and merges of the old system as change events.

The versions are the old system's own: a deleted record's SystemModstamp is when it was deleted.
"""
import hashlib
import json
import struct

from pipeline import ENTITY, SYSTEM


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def event(source, modified_ms, merged_into=None, observed_ms=None, entity=ENTITY):
    """A delete as stream/event.h renders it: (key, text)."""
    key = f"{SYSTEM}:{source}"
    content = sha256((merged_into or "").encode())
    event_id = sha256(struct.pack(">Q", len(key)), key.encode(), struct.pack(">QQ", modified_ms, 1), content.encode())
    seen = observed_ms or modified_ms + 500
    origin = {"version": "0.1.0", "connector": "sweep", "name": "tests", "ts_ms": modified_ms, "snapshot": "false",
              "db": SYSTEM, "table": entity, "id": source, "event_id": event_id, "hash": content,
              "modified_ms": modified_ms, "observed_from_ms": seen, "observed_to_ms": seen + 1000, "generation": 1,
              "pass": "incremental", "partial": False, "writer": None}
    if merged_into:
        origin["merged_into"] = merged_into
    return key, json.dumps({"v": 1, "before": None, "after": None, "op": "d", "ts_ms": modified_ms, "source": origin,
                            "transaction": None}, separators=(",", ":"))


def gone(p, source, of="Contact"):
    """The deleted record as the old system has it."""
    return next(r for r in p.old.dump(of, deleted=True) if r["id"] == source)


def publish(p, *sources, entity=ENTITY, of="Contact"):
    """What was deleted or merged away, told to Tandem."""
    told = []
    for source in sources:
        record = gone(p, source, of)
        told.append(event(source, record["modstamp_ms"], record["fields"].get("MasterRecordId"), entity=entity))
    p.kafka.produce(p.topic(f"changes.{entity}"), told)


def delete(p, *sources):
    """Deleted by people, and told."""
    for source in sources:
        p.delete(source)
    publish(p, *sources)


def merge(p, winner, loser, **fields):
    p.old.admin("people/merge", {"object": "Contact", "id": winner, "loser": loser, "fields": fields, "who": "ann"})


def restore(p, source):
    p.old.admin("people/restore", {"object": "Contact", "id": source, "who": "ann"})


def again(p, *texts):
    """A page that was read long ago and is published now."""
    p.kafka.produce(p.topic(f"changes.{ENTITY}"), texts)


def archives(p):
    """How often the ledger says that we ended which target record."""
    import os
    import sqlite3
    db = sqlite3.connect(f"file:{os.path.join(p.new.dir, 'sandbox.db')}?mode=ro", uri=True, timeout=30)
    try:
        rows = db.execute("SELECT record_id FROM effects WHERE op='archive' AND who='integration' ORDER BY seq").fetchall()
    finally:
        db.close()
    return [row[0] for row in rows]


def outcomes(p, source, *whats):
    """(what, class) of a record's outcomes, those named, in order."""
    return [(o["what"], o.get("class")) for o in p.outcomes()
            if o["key"] == f"{SYSTEM}:{source}" and (not whats or o["what"] in whats)]


def row(p, source):
    return p.fold().parsed()[f"{SYSTEM}:{source}"]
