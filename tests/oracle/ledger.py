"""ledger - what one sandbox CRM remembers, read straight from its SQLite file.

Read-only and independent of the product: effects in the order in which they happened, and the
records as they stand. tests/sandbox/README.md documents the tables.
"""
import json
import sqlite3
from decimal import Decimal


class Effect:
    """One change of one record. before and after are dicts of fields; a blank field is absent."""

    def __init__(self, row):
        self.seq, self.wall_ms, self.record_id, self.op, self.who = row[0:5]
        self.before, self.after = fields(row[5]), fields(row[6])
        self.version, self.modstamp_ms, self.request_id = row[7:10]
        self.late = bool(row[10])

    def __repr__(self):
        return f"#{self.seq} {self.op} of {self.record_id} by {self.who}{' LATE' if self.late else ''}"


class Record:
    def __init__(self, row):
        self.id, self.email, self.deleted, self.version = row[0], row[1], bool(row[2]), row[3]
        self.fields = fields(row[4])


def fields(text):
    # Numbers keep their digits: a float would invent some.
    return json.loads(text, parse_float=Decimal) if text else {}


class Ledger:
    def __init__(self, path):
        self.db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)

    def close(self):
        self.db.close()

    def effects(self, obj):
        rows = self.db.execute(
            "SELECT seq,wall_ms,record_id,op,who,before,after,version,modstamp_ms,request_id,late"
            " FROM effects WHERE object=? ORDER BY seq", (obj,))
        return [Effect(row) for row in rows]

    def records(self, obj):
        rows = self.db.execute(
            "SELECT id,email,deleted,version,fields FROM records WHERE object=?", (obj,))
        return {row[0]: Record(row) for row in rows}
