#!/usr/bin/python3 -B
"""The oracle must be able to fail: every kind of violation is planted, and so is what is allowed."""
import json
import os
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import expected  # noqa: E402
import oracle  # noqa: E402

EXT, MARK = "tandem_t_salesforce_id", "tandem_t_marker"
TABLES = """
CREATE TABLE effects(seq INTEGER PRIMARY KEY, wall_ms, server_ms, system TEXT, object TEXT, record_id TEXT, op TEXT,
 external_id TEXT, marker TEXT, trace_id TEXT, who TEXT, before TEXT, after TEXT, version INTEGER, modstamp_ms INTEGER,
 request_id INTEGER, late INTEGER);
CREATE TABLE records(object TEXT, id TEXT, created_ms, modified_ms, modstamp_ms, modified_by TEXT, email TEXT,
 deleted INTEGER, version INTEGER, fields TEXT);
"""


class Crm:
    """A ledger by hand. Every write is an effect and the record's new state."""

    def __init__(self, path, system, obj):
        self.path, self.system, self.object = path, system, obj
        self.db = sqlite3.connect(path)
        self.db.executescript(TABLES)
        self.state, self.versions, self.clock = {}, {}, 1000

    def write(self, record, who="person:ann", op=None, late=0, wait_ms=1000, **fields):
        before = self.state.get(record)
        after = {k: v for k, v in {**(before or {}), **fields}.items() if v is not None}
        self.effect(record, op or ("update" if before is not None else "create"), who, before, after, late, wait_ms)

    def archive(self, record, who="person:ann"):
        self.effect(record, "archive", who, self.state[record], None, 0, 1000)

    def effect(self, record, op, who, before, after, late, wait_ms):
        self.clock += wait_ms
        version = self.versions[record] = self.versions.get(record, 0) + 1
        self.db.execute("INSERT INTO effects(wall_ms,system,object,record_id,op,who,before,after,version,late)"
                        " VALUES(?,?,?,?,?,?,?,?,?,?)",
                        (self.clock, self.system, self.object, record, op, who,
                         None if before is None else json.dumps(before),
                         None if after is None else json.dumps(after), version, late))
        kept = after if after is not None else before
        self.state[record] = kept
        self.db.execute("DELETE FROM records WHERE id=?", (record,))
        self.db.execute("INSERT INTO records(object,id,email,deleted,version,fields) VALUES(?,?,?,?,?,?)",
                        (self.object, record, kept.get("Email") or kept.get("email"), after is None, version,
                         json.dumps(kept)))
        self.db.commit()


class OracleTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.old = Crm(os.path.join(self.dir.name, "old.db"), "salesforce", "Contact")
        self.new = Crm(os.path.join(self.dir.name, "new.db"), "hubspot", "contacts")
        self.ops = 0

    def tearDown(self):
        self.old.db.close()
        self.new.db.close()
        self.dir.cleanup()

    def ours(self, record, source="S1", marker=None, **fields):
        self.ops += 1
        late, wait_ms = fields.pop("late", 0), fields.pop("wait_ms", 1000)
        self.new.write(record, who="integration", late=late, wait_ms=wait_ms,
                       **{EXT: source, MARK: marker or f"op{self.ops}"}, **fields)

    def verdict(self, tier="T3", held=None, dead=(), zombies=(), told=(), truth=None):
        return oracle.judge(self.old.path, self.new.path, external_id=EXT, marker=MARK, tier=tier,
                            explained=oracle.Explained(held, dead, told), zombies=zombies, truth=truth)

    def expect(self, counts, explained=None, late=0, late_wrong=0, tier="T3", **given):
        verdict = self.verdict(tier=tier, **given)
        self.assertEqual(verdict.counts(), counts, str(verdict))
        self.assertEqual(dict(verdict.explained), explained or {}, str(verdict))
        self.assertEqual((len(verdict.late), len(verdict.late_wrong)), (late, late_wrong), str(verdict))
        return verdict

    def ann(self):
        self.old.write("S1", Email="Ann@X.org", FirstName="Ann", Title="A")
        self.ours("501", email="ann@x.org", firstname="Ann", jobtitle="A")

    # ---- nothing wrong ----

    def test_clean(self):
        self.ann()
        self.old.write("S1", Title="B")
        self.ours("501", jobtitle="B")
        self.old.write("S1", Title="A")
        self.ours("501", jobtitle="A")  # A, B, A are three changes
        for tier in ("T1", "T3"):
            self.assertEqual(self.expect({}, tier=tier).checked, 1)

    def test_skipped_versions_are_fine(self):
        self.ann()
        for title in "BCD":
            self.old.write("S1", Title=title)
        self.ours("501", jobtitle="D")
        self.expect({})

    def test_typed_values(self):
        self.old.write("S1", Email="a@x.org", Balance__c=1234.50, Birthdate="1980-02-29", LeadSource="Phone Inquiry",
                       Phone=" +49 30 123 ")
        self.ours("501", email="a@x.org", annualrevenue="1234.5", date_of_birth="1980-02-29", lead_source="PHONE",
                  phone="+49 30 123")
        self.expect({})

    def test_adopted_twin(self):
        self.new.write("77", who="seed", op="seed", email="ann@x.org", firstname="Ann", city="Rome")
        self.old.write("S1", Email="ann@x.org", FirstName="Ann", Title="A")
        self.ours("77", jobtitle="A")
        self.expect({}, explained={"edited-in-new": 1})  # the city is theirs, the old side blank

    # ---- lost ----

    def test_lost_record(self):
        self.old.write("S1", Email="a@x.org")
        self.expect({"lost": 1})

    def test_lost_update(self):
        self.ann()
        self.old.write("S1", Title="B")
        self.expect({"lost": 1})

    def test_lost_clearing(self):
        self.ann()
        self.old.write("S1", Title=None)
        self.expect({"lost": 1})

    def test_lost_behind_an_edit_in_new(self):
        self.ann()
        self.new.write("501", jobtitle="Their own")
        self.expect({}, explained={"edited-in-new": 1})
        self.old.write("S1", Title="B")  # both moved now: a question is due
        self.expect({"lost": 1})
        self.expect({}, explained={"conflict": 1}, held={"S1": {"job_title": "conflict"}})

    def test_lost_bad_value(self):
        self.old.write("S1", Email="no address")
        self.expect({"lost": 1})
        self.expect({}, dead=["S1"], explained={"dead letter": 1})
        self.old.write("S1", Email="a@x.org")  # mended: the dead letter is no excuse any more
        self.expect({"lost": 1}, dead=["S1"])

    def test_first_meeting(self):
        self.new.write("77", who="seed", op="seed", email="ann@x.org", jobtitle="Boss")
        self.old.write("S1", Email="ann@x.org", Title="A")
        self.ours("77", firstname=None)
        self.expect({"lost": 1})
        self.expect({}, explained={"first-meeting": 1}, held={"S1": {"job_title": "first-meeting"}})

    def test_identity(self):
        self.ann()
        self.old.write("S2", Email="ann@x.org")
        self.expect({"lost": 1})
        self.expect({}, explained={"identity": 1}, held={"S2": {"*": "identity"}})

    # ---- duplicate, double ----

    def test_two_records(self):
        self.ann()
        self.ours("502", firstname="Ann", email="ann@x.org", jobtitle="A")
        self.assertEqual(self.verdict().counts()["duplicate"], 3)  # created twice, two live, one e-mail twice

    def test_recreated_record(self):
        self.ann()
        self.new.archive("501")
        self.ours("502", firstname="Ann", email="ann@x.org", jobtitle="A")
        self.expect({"duplicate": 1})

    def test_anonymous_creation(self):
        self.new.write("9", who="integration", email="q@x.org")
        self.assertIn("duplicate", self.verdict().counts())

    def test_double_by_marker(self):
        self.ann()
        self.old.write("S1", Title="B")
        self.ours("501", jobtitle="B", marker="m")
        self.old.write("S1", Title="C")
        self.ours("501", jobtitle="C", marker="m")
        self.expect({"double": 1})

    def test_double_by_values(self):
        self.ann()
        self.ours("501", jobtitle="A")
        self.expect({"double": 1})
        self.expect({"double": 1}, tier="T1")

    # ---- backwards, wrong ----

    def test_backwards(self):
        self.ann()
        self.old.write("S1", Title="B")
        self.ours("501", jobtitle="B")
        self.ours("501", jobtitle="A")
        self.ours("501", jobtitle="B")
        self.expect({"backwards": 1})

    def test_backwards_in_the_end(self):
        self.ann()
        self.old.write("S1", Title="B")
        self.ours("501", jobtitle="B")
        self.ours("501", jobtitle="A")
        self.expect({"backwards": 1, "wrong": 1})

    def test_wrong_value(self):
        self.ann()
        self.old.write("S1", Balance__c=10)
        self.ours("501", annualrevenue="1000")
        self.expect({"wrong": 1, "lost": 1})

    def test_invented_record(self):
        self.ours("501", source="S9", email="z@x.org")
        self.assertIn("wrong", self.verdict().counts())

    def test_rebound(self):
        self.ann()
        self.old.write("S2", Email="ann@x.org", FirstName="Ann", Title="A")
        self.ours("501", source="S2")
        self.assertIn("wrong", self.verdict().counts())

    def test_we_archived(self):
        self.ann()
        self.new.archive("501", who="integration")
        self.assertIn("wrong", self.verdict().counts())

    # ---- blind, unfounded, foreign ----

    def test_blind(self):
        self.ann()
        self.new.write("501", jobtitle="Their own")
        self.old.write("S1", Title="B")
        self.ours("501", jobtitle="B", wait_ms=1000)
        self.expect({})                       # T3: between our read and our write
        self.expect({"blind": 1}, tier="T1")  # T1 knows better
        self.new.write("501", jobtitle="Theirs again")
        self.old.write("S1", Title="C")
        self.ours("501", jobtitle="C", wait_ms=60000)
        self.expect({"blind": 1})             # T3: no race lasts a minute

    def test_declared(self):
        """A declared truth may write over a person's value, once an intent has named it."""
        self.ann()
        self.new.write("501", jobtitle="Hers")
        self.old.write("S1", Title="B")
        self.ours("501", jobtitle="B", wait_ms=60000)
        until = self.new.clock
        intent = ("S1", "job_title", "intent", "truth-old", "B", "Hers", until)
        self.expect({}, tier="T1", truth={"job_title": "old"}, told=[intent])
        self.expect({"blind": 1}, tier="T1", told=[intent])
        self.expect({"blind": 1}, tier="T1", truth={"job_title": "new"}, told=[intent])
        for told in ([], [intent[:6] + (until + 1,)], [intent[:5] + ("Other", until)], [("S2",) + intent[1:]]):
            self.expect({"vanished": 1}, truth={"job_title": "old"}, told=told)

    def test_met(self):
        """What stood there when we met and old was blank: old has filled it since, and that it goes must have been said."""
        self.new.write("77", who="seed", op="seed", email="ann@x.org", jobtitle="Hers")
        self.old.write("S1", Email="ann@x.org", FirstName="Ann")
        self.ours("77", firstname="Ann")
        self.old.write("S1", Title="B")
        self.ours("77", jobtitle="B", wait_ms=60000)
        self.expect({"vanished": 1})
        self.expect({}, told=[("S1", "job_title", "intent", "write", "B", "Hers", 1)])

    def test_kept(self):
        """A declared truth keeps hers: the outcome names both values, and the rule is one that may."""
        self.ann()
        self.new.write("501", jobtitle="Hers")
        self.old.write("S1", Title="B")
        told = ("S1", "job_title", "agreed", "truth-new", "B", "Hers", 1)
        self.expect({}, explained={"truth": 1}, truth={"job_title": "new"}, told=[told])
        self.expect({"lost": 1}, truth={"job_title": "old"}, told=[told])
        self.expect({"lost": 1}, truth={"job_title": "new"}, told=[told[:4] + ("C", "Hers", 1)])

    def kept_then(self, found, *later):
        """What was decided for new goes when old says something else, never for the value it was decided against."""
        self.ann()
        self.new.write("501", jobtitle="Hers")
        for title in ("B", *later):
            self.old.write("S1", Title=title)
        self.ours("501", jobtitle=title, wait_ms=60000)
        self.expect(found, truth={"job_title": "new"}, told=[("S1", "job_title", "agreed", "truth-new", "B", "Hers", 1)])

    def test_kept_then_old_moves_on(self):
        self.kept_then({}, "C")

    def test_kept_and_written_over(self):
        self.kept_then({"blind": 1})

    def test_raced(self):
        """T3: written over within the race. Counted, unless something tells of it."""
        self.ann()
        self.new.write("501", jobtitle="Hers")
        self.old.write("S1", Title="B")
        self.ours("501", jobtitle="B")
        self.assertEqual(self.expect({}).raced, [("S1", "jobtitle", "Hers")])
        self.assertEqual(self.expect({}, told=[("S1", "job_title", "repaired", "keep", "B", "Hers", 1)]).raced, [])

    def test_unfounded(self):
        self.ann()
        self.old.write("S1", Title="B")
        self.expect({"unfounded": 1}, held={"S1": {"job_title": "conflict"}})
        self.old.write("S2", Email="b@x.org")
        self.expect({"unfounded": 2}, held={"S1": {"job_title": "conflict"}, "S2": {"*": "identity"}})
        self.expect({"unfounded": 2}, held={"S1": {"job_title": "conflict"}, "S2": {"*": "rejected"}})

    def test_foreign(self):
        self.ann()
        self.old.write("S1", who="integration", Title="B")
        self.assertIn("foreign", self.verdict().counts())

    # ---- tiers ----

    def test_late_overwrite(self):
        self.ann()
        self.old.write("S1", Title="B")
        self.ours("501", jobtitle="B")
        self.ours("501", jobtitle="A", late=1)
        self.expect({"backwards": 1, "wrong": 1}, tier="T1")
        self.expect({}, late=1, late_wrong=1)
        self.ours("501", jobtitle="B")  # repaired
        self.expect({}, late=1)

    def test_late_but_harmless(self):
        self.ann()
        self.old.write("S1", Title="B")
        self.ours("501", jobtitle="B", late=1)
        self.expect({})

    def test_zombie(self):
        self.ann()
        self.old.write("S1", Title="B")
        self.ours("501", jobtitle="B")
        start = self.new.clock + 1
        self.ours("501", jobtitle="A")
        self.expect({}, late=1, late_wrong=1, zombies=[(start, self.new.clock)])
        self.expect({"backwards": 1, "wrong": 1}, tier="T1", zombies=[(start, self.new.clock)])
        self.expect({"backwards": 1, "wrong": 1}, zombies=[(0, start - 1)])

    def test_deleted_in_old(self):
        self.ann()
        self.old.archive("S1")
        self.assertEqual(self.expect({}).only_in_new, 1)


class ExpectedTest(unittest.TestCase):
    def test_bad_values(self):
        for fields in ({"Email": "a@b@c"}, {"Email": "a b@c"}, {"Phone": "12"}, {"Phone": "call me"},
                       {"Birthdate": "2026-02-30"}, {"LeadSource": "Fax"}, {"Balance__c": "much"}):
            with self.assertRaises(expected.Bad, msg=str(fields)):
                expected.wanted(fields)

    def test_decimals(self):
        for given, want in (("10", "10"), ("10.00", "10"), ("-0", "0"), ("0.50", "0.5"), ("1E+2", "100"), ("", None)):
            self.assertEqual(expected.decimal(given), want)


if __name__ == "__main__":
    unittest.main()
