"""links - did what refers to each other in the old system come to refer to each other in the new one? Judged from both ledgers, never with
product code; the mapping (tests/support/relations.cfg) is written by hand here, once more.

  lost       an old record that is not in the new system, a reference that is not a link there, or a value that did not arrive, and nothing
             explains it
  duplicate  two live records, or two creations, for one old record
  wrong      a link of ours between records that the old system never brought together, or one that stands there and should not
  double     a link of ours made where it was, or taken away where none was
  vanished   a link that a person made, and the old system never said, was taken away, and no intent named it before

What explains a difference: an open question about the field or the record, a wait for what is not there, or a person who changed the link after
the old system last said something about it. On T3 a request that was executed late may repeat or overwrite.
"""
import collections
import json
import os

from ledger import Ledger

OBJECTS = {"contact": ("Contact", "contacts"), "company": ("Account", "companies"), "deal": ("Opportunity", "deals")}
# entity, canonical field, field of the old system, the entity that it leads to, type of the association
REFERENCES = (("contact", "company", "AccountId", "company", 279), ("company", "parent", "ParentId", "company", 14),
              ("deal", "company", "AccountId", "company", 341), ("deal", "contact", "ContactId", "contact", 3))
# entity, canonical field, field of the old system, property of the new one
FIELDS = (("contact", "last_name", "LastName", "lastname"), ("contact", "job_title", "Title", "jobtitle"), ("company", "name", "Name", "name"),
          ("deal", "title", "Name", "dealname"))
OURS, RACE_MS = "integration", 3000
Link = collections.namedtuple("Link", "seq wall_ms op who source target changed implied late")


class Explained:
    """What the product says. held, awaited: {(entity, old id): [fields, "*" the record]}; intents: {(entity, old id, field, value)}."""

    def __init__(self, held, awaited, intents):
        self.held, self.awaited, self.intents = held, awaited, intents

    def why(self, entity, source, field, there=False):
        """there: what the field refers to is in the new system, so that nothing is to be waited for."""
        held = self.held.get((entity, source), ())
        return field in held or "*" in held or not there and field in self.awaited.get((entity, source), ())


class Side:
    """One system: records and effects of each entity."""

    def __init__(self, path, which):
        ledger = Ledger(path)
        try:
            self.records = {entity: ledger.records(objects[which]) for entity, objects in OBJECTS.items()}
            self.effects = {entity: ledger.effects(objects[which]) for entity, objects in OBJECTS.items()}
            self.link_effects, self.links = {}, {}
            for entity, field, _, _, kind in REFERENCES if which else ():
                name = OBJECTS[entity][1]
                self.link_effects[entity, field] = [Link(*row) for row in ledger.db.execute(
                    "SELECT seq, wall_ms, op, who, from_id, to_id, changed, implied, late FROM link_effects WHERE type = ? AND from_object = ?"
                    " ORDER BY seq", (kind, name))]
                standing = self.links[entity, field] = collections.defaultdict(set)
                for source, target in ledger.db.execute("SELECT from_id, to_id FROM links WHERE type = ? AND from_object = ?", (kind, name)):
                    standing[source].add(target)
        finally:
            ledger.close()


class Judge:
    def __init__(self, old, new, external_id, explained, tier):
        self.old, self.new, self.external_id, self.explained, self.tier = old, new, external_id, explained, tier
        self.problems = []
        self.twins = {entity: {record.fields[external_id]: record for record in records.values()
                               if record.fields.get(external_id) and not record.deleted}
                      for entity, records in new.records.items()}
        # What leads to an archived record is no link: the new system shows it to nobody.
        for entity, field, _, to, _ in REFERENCES:
            live = {record.id for record in new.records[to].values() if not record.deleted}
            for targets in new.links[entity, field].values():
                targets &= live
        # Whose a record of the new system ever was: ids of the old one.
        self.owners = collections.defaultdict(set)
        self.ended, self.gone = set(), set()  # twins that were archived there: by people; by anybody
        for entity, effects in new.effects.items():
            for effect in effects:
                if not effect.after:
                    self.gone.add((entity, effect.before.get(external_id)))
                if not effect.after and effect.who != OURS:
                    self.ended.add((entity, effect.before.get(external_id)))
                for fields in (effect.before, effect.after):
                    if fields.get(external_id):
                        self.owners[entity, effect.record_id].add(fields[external_id])

    def heir(self, entity, source):
        """The record of the old system that this one was merged into, at last."""
        for _ in range(8):
            record = self.old.records[entity].get(source)
            master = record and record.fields.get("MasterRecordId")
            if not master:
                break
            source = master
        return source

    def judge(self):
        for entity, records in self.old.records.items():
            for source, record in records.items():
                if not record.deleted and source not in self.twins[entity] and not self.explained.why(entity, source, "*") and \
                        (entity, source) not in self.ended:
                    self.problems.append(f"lost: {entity} {source} is not in the new system")
            self.judge_once(entity)
        for entity, field, name, property_name in FIELDS:
            for source, record in self.old.records[entity].items():
                if not record.deleted and source in self.twins[entity]:
                    self.judge_value(entity, source, field, record.fields.get(name), name, property_name)
        for reference in REFERENCES:
            self.judge_effects(*reference)
            for source, record in self.old.records[reference[0]].items():
                if not record.deleted and source in self.twins[reference[0]]:
                    self.judge_record(source, record, *reference)
        return self.problems

    def judge_once(self, entity):
        live, made = collections.Counter(), collections.Counter()
        for record in self.new.records[entity].values():
            live[record.fields.get(self.external_id)] += not record.deleted
        for effect in self.new.effects[entity]:
            made[effect.after.get(self.external_id)] += effect.op == "create" and effect.who == OURS
            made[effect.before.get(self.external_id)] -= not effect.after  # what was brought back may be created once more
        for source in {*live, *made} - {None}:
            if max(live[source], made[source]) > 1:
                self.problems.append(f"duplicate: {entity} {source}: {live[source]} live records, {made[source]} creations")

    def judge_value(self, entity, source, field, want, name, property_name):
        twin = self.twins[entity][source]
        have = twin.fields.get(property_name)
        if have == want or self.explained.why(entity, source, field):
            return
        hers = [effect for effect in self.new.effects[entity] if effect.record_id == twin.id and
                effect.before.get(property_name) != effect.after.get(property_name)]
        said = self.said(entity, source, name)
        if not hers or hers[-1].who == OURS or hers[-1].wall_ms < said[-1][0]:
            self.problems.append(f"lost: {entity} {source}: {field} is {have!r}, should be {want!r}")

    def said(self, entity, source, name):
        """[(ms, what the old record referred to)], oldest first."""
        told = []
        for effect in self.old.effects[entity]:
            if effect.record_id == source and effect.after and (not told or told[-1][1] != effect.after.get(name)):
                told.append((effect.wall_ms, effect.after.get(name)))
        return told

    def judge_record(self, source, record, entity, field, name, to, _):
        twin = self.twins[entity][source]
        refers = record.fields.get(name)
        want = self.twins[to].get(self.heir(to, refers)) if refers else None
        have = self.new.links[entity, field][twin.id]
        if have == ({want.id} if want else set()) and (want or not refers):
            return
        if not have and not want and (to, self.heir(to, refers)) in self.gone:
            return  # the link went with what it led to
        mine = [link for link in self.new.link_effects[entity, field] if link.source == twin.id and link.changed and not link.implied]
        said = self.said(entity, source, name)
        hers = mine and mine[-1].who != OURS and (not said or mine[-1].wall_ms >= said[-1][0])
        if not hers and not self.explained.why(entity, source, field, want is not None):
            self.problems.append(f"lost: {entity} {source}: {field} is {sorted(have)}, should be {want.id if want else None} ({refers})")

    def judge_effects(self, entity, field, name, to, _):
        made_by = {}
        for link in self.new.link_effects[entity, field]:
            late = self.tier == "T3" and link.late
            pair = link.source, link.target
            if link.who != OURS or link.implied:
                if link.changed:
                    made_by[pair] = (link.who, link.wall_ms) if link.op == "associate" else (OURS, 0)
                continue
            where = f"{link.op} {entity} {link.source} {field} {link.target} (#{link.seq})"
            if not link.changed and not late:
                self.problems.append(f"double: {where} changed nothing")
            if link.op == "associate" and not self.founded(entity, name, to, pair):
                self.problems.append(f"wrong: {where}: the old system never said so")
            who, made_ms = made_by.get(pair, (OURS, 0))
            if link.op == "dissociate" and who != OURS and not late and link.wall_ms - made_ms > RACE_MS and \
                    not self.founded(entity, name, to, pair) and not self.intended(entity, field, pair):
                self.problems.append(f"vanished: {where}: {who} had made it, and no intent says so")
            made_by[pair] = OURS, 0

    def founded(self, entity, name, to, pair):
        sources = {heir for owner in self.owners[entity, pair[0]] for heir in (owner, self.heir(entity, owner))}
        targets = {heir for owner in self.owners[to, pair[1]] for heir in (owner, self.heir(to, owner))}
        return any({refers, self.heir(to, refers)} & targets for source in sources for _, refers in self.said(entity, source, name) if refers)

    def intended(self, entity, field, pair):
        return any((entity, source, field, f"hubspot:{pair[1]}") in self.explained.intents for source in self.owners[entity, pair[0]])


def judge(p):
    """What is wrong; [] when nothing is. p: a pipeline at rest (tests/system/relation_tools.py)."""
    held, awaited = {}, {}
    for entity in OBJECTS:
        for source, row in p.rows(entity).items():
            held[entity, source] = [question.get("field") or "*" for question in row.get("held") or ()]
            awaited[entity, source] = [each["field"] for each in row.get("awaits") or ()]
    intents = {(o.get("entity"), o["key"].split(":", 1)[1], f["name"], f.get("new_now"))
               for o in map(json.loads, (m["payload"] for m in p.messages("outcomes"))) if o["what"] == "intent" for f in o["fields"]}
    return Judge(Side(os.path.join(p.old.dir, "sandbox.db"), 0), Side(os.path.join(p.new.dir, "sandbox.db"), 1), p.external_id,
                 Explained(held, awaited, intents), p.tier).judge()
