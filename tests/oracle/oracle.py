#!/usr/bin/python3 -B
"""oracle - did the migration do what it promised? Judged from both ledgers, never with product code.

What the old system said (every version of every record) and what the new system did (every effect)
are compared through a mapping written by hand (expected.py):

  lost       the latest state of an old record never reached the new system, and nothing explains it
  duplicate  two records, or two creations, for one old record; two live records with one e-mail
  double     the same operation executed twice: one marker twice, or an effect that changes nothing
  backwards  a field set to an older value of the old record after a newer one was there
  wrong      a value that the old record never had, or a final value other than the expected one
  blind      a value that somebody else put into the new system was overwritten without a base
  vanished   a person's edit in the new system was written over as the rules say, and no intent named it before
  unfounded  a question that nothing in the ledgers gives reason for
  foreign    an effect of ours on the old system

A record that we archive counts as `wrong` unless its source was deleted before, as `blind` if a value of somebody else's ends with it.

Tier T1 excuses nothing. On T3 a request of ours that was executed late (the ledger says so), or that
a zombie sent (the test says when one was awake), may overwrite or repeat: each is counted in `late`.

Command line: oracle.py --old DB --new DB --external-id P --marker P [--tier T1|T3]
[--explained FILE] [--zombie FROM_MS-TO_MS] prints the verdict; exit 1 if anything is wrong.
"""
import argparse
import collections
import json
import sys

import expected
from ledger import Ledger

KINDS = ("lost", "duplicate", "double", "backwards", "wrong", "blind", "vanished", "unfounded", "foreign")
# Declared truths under which a value of the new system may be written over, and under which it may stay.
OVERWRITING, KEEPING = ("old", "newest", "enforce"), ("new", "newest")
Finding = collections.namedtuple("Finding", "kind source record text")


class Explained:
    """What the product says about records that differ; read from Kafka by the test.

    held: {old id: {canonical field or "*": class}}; dead: old ids with a dead letter;
    told: what outcomes say of a field: (old id, canonical field, what, verdict, old value, new value, its time).
    """

    def __init__(self, held=None, dead=(), told=()):
        self.held, self.dead, self.told = held or {}, set(dead), collections.defaultdict(list)
        for source, name, *what in told:
            self.told[source, name].append((*what[:2], *(expected.said(name, value) for value in what[2:4]), what[4]))

    def intended(self, source, field, value, until_ms):
        """Did an intent name the value before it was written over?"""
        return any(what == "intent" and new == value and ms <= until_ms
                   for what, _, _, new, ms in self.told[source, field])

    def traced(self, source, field, value):
        return any(new == value for _, _, _, new, _ in self.told[source, field])

    def kept(self, source, field, old, new=None):
        """Did the truth decide between just these two values for the new system? new None: whatever stood there."""
        return any(verdict == "truth-new" and then == old and new in (None, there)
                   for _, verdict, then, there, _ in self.told[source, field])

    def settled(self, source, field, value, written, until_ms):
        """Was this value of the new system decided for, and so agreed on? Then a later change of old alone may write over it (design §6, first
        row), but never the value of old against which it was decided."""
        return any(verdict == "truth-new" and new == value and then != written and ms <= until_ms
                   for _, verdict, then, new, ms in self.told[source, field])

    def class_of(self, source, field):
        held = self.held.get(source, {})
        return held.get(field) or held.get("*")


class Verdict:
    def __init__(self):
        self.findings = []
        self.late = []             # effects excused on T3
        self.late_wrong = []       # (old id, field) whose final value is such an effect's
        self.explained = collections.Counter()
        self.raced = []            # T3: (old id, field, value) of a person, written over within the race, without a trace
        self.only_in_new = 0
        self.checked = 0

    def add(self, kind, source, record, text):
        assert kind in KINDS
        self.findings.append(Finding(kind, source, record, text))

    def count(self, kind):
        return sum(1 for finding in self.findings if finding.kind == kind)

    def counts(self):
        return {kind: self.count(kind) for kind in KINDS if self.count(kind)}

    def ok(self):
        return not self.findings

    def __str__(self):
        lines = [f"{self.checked} old records; " +
                 (", ".join(f"{n} {kind}" for kind, n in self.counts().items()) or "nothing wrong") +
                 f"; {len(self.late)} late overwrites, {len(self.late_wrong)} of them still there; {len(self.raced)} raced; explained: " +
                 (", ".join(f"{n} {why}" for why, n in sorted(self.explained.items())) or "nothing") +
                 f"; {self.only_in_new} only in new"]
        for finding in self.findings[:20]:
            lines.append(f"  {finding.kind}: {finding.source or '-'} -> {finding.record or '-'}: {finding.text}")
        return "\n".join(lines)


class Setter:
    """Who put the present value of one property there."""

    def __init__(self, who, before):
        # ours | foreign | late; before: of foreign the value before the first of them, else somebody's that was overtaken
        self.who, self.before = who, before


class Target:
    """One record of the new system and how it came to be."""

    def __init__(self, record_id):
        self.id = record_id
        self.effects, self.setters = [], {}
        self.reached = collections.defaultdict(set)        # property -> values that we ever wrote
        self.touched = set()                               # properties somebody else set
        self.theirs = collections.defaultdict(set)         # property -> values that somebody else set
        self.agreed = {}                                   # property -> value of our last request that was not late
        self.late = False
        self.met = None                                    # what was there before our first write


class Oracle:
    def __init__(self, old, new, external_id, marker, tier="T3", explained=None, ours=("integration",),
                 zombies=(), race_ms=3000, truth=None, normalises=False, match=("email",), posts=None):
        """truth: {canonical field: "old" | "new" | "newest" | "enforce"}, as the test declared it; normalises: the new system does,
        as expected.normalised() says; match: properties by which a twin is found; posts: {id: fields by the old system's names} of records
        that a form took, each with the one version that its visitor posted."""
        assert tier in ("T1", "T3")
        self.truth, self.match = truth or {}, match
        self.stored_as = expected.normalised if normalises else dict
        self.rewritten = collections.Counter()  # changes of old that the new system stores as what it has
        self.external_id, self.marker, self.tier = external_id, marker, tier
        self.explained = explained or Explained()
        self.ours, self.zombies, self.race_ms = set(ours), list(zombies), race_ms
        self.old_records = old.records(expected.OLD_OBJECT)
        self.new_records = new.records(expected.NEW_OBJECT)
        self.verdict = Verdict()
        self.ended_ms = {}  # old id -> when the old system deleted it first
        self.versions = self.read_versions(old.effects(expected.OLD_OBJECT))
        self.posts = {source: self.stored_as(expected.wanted(fields)) for source, fields in (posts or {}).items()}
        self.versions.update({source: [version] for source, version in self.posts.items()})
        self.handed_over = set()  # posts whose target record their heir took over, by an effect of ours
        self.targets = collections.OrderedDict()
        for effect in new.effects(expected.NEW_OBJECT):
            self.targets.setdefault(effect.record_id, Target(effect.record_id)).effects.append(effect)

    def read_versions(self, effects):
        """{old id: [wanted() or None for a version with a bad value]}, oldest first."""
        versions, said = collections.defaultdict(list), {}
        for effect in effects:
            if effect.who in self.ours:
                self.verdict.add("foreign", effect.record_id, None, f"{effect}: Tandem wrote to the old system")
            if not effect.after:
                self.ended_ms.setdefault(effect.record_id, effect.wall_ms)
                continue
            try:
                wanted = expected.wanted(effect.after)
                version = self.stored_as(wanted)
                # Another text that the new system normalises to what it has (design §6, "targets normalise what they store"): old has changed, so
                # there is one write, whose effect changes nothing. One for each such change; a second one is a double.
                same = versions[effect.record_id][-1:] == [version] and said[effect.record_id] != wanted
                self.rewritten[effect.record_id] += same
                said[effect.record_id] = wanted
            except expected.Bad:
                version = None
            versions[effect.record_id].append(version)
        return versions

    def judge(self):
        creations = collections.Counter()
        for target in self.targets.values():
            self.replay(target, creations)
        for source, n in creations.items():
            if n > 1:
                self.verdict.add("duplicate", source, None, f"created {n} times")
        self.judge_mails()
        self.by_source = collections.defaultdict(list)
        for record in self.new_records.values():
            source = record.fields.get(self.external_id)
            if source and not record.deleted:
                self.by_source[source].append(record)
        for source, record in self.old_records.items():
            self.judge_record(source, record)
        for source, want in self.posts.items():
            self.judge_post(source, want)
        for source, records in self.by_source.items():
            # What carries our external id by somebody else's hand is a phantom, which tandem-verify tells (design §7, divergence): the oracle judges
            # what we did, and one effect of ours on such a record is wrong.
            if source not in self.old_records and source not in self.posts and any(effect.who in self.ours for effect in self.targets[records[0].id].effects):
                self.verdict.add("wrong", source, records[0].id, "no such record in the old system")
        return self.verdict

    # ---- the effects, one target record after the other ----

    def excused(self, effect):
        return self.tier == "T3" and (
            effect.late or any(start <= effect.wall_ms <= end for start, end in self.zombies))

    def replay(self, target, creations):
        markers, reached_at, last_foreign_ms = set(), {}, {}
        for effect in target.effects:
            ours = effect.who in self.ours
            source = effect.after.get(self.external_id) or effect.before.get(self.external_id)
            before, after = expected.stored(effect.before), expected.stored(effect.after)
            changed = [name for name in after if before[name] != after[name]]
            if not effect.after:
                if ours:
                    self.judge_end(target, effect, source, before)
                    creations[source] -= 1  # brought back in the old system, it may be created once more
                continue
            if not ours:
                for name in changed:
                    target.touched.add(name)
                    target.theirs[name].add(after[name])
                    last_foreign_ms[name] = effect.wall_ms
                    was = target.setters.get(name)
                    streak = was is not None and was.who == "foreign"
                    target.setters[name] = Setter("foreign", was.before if streak else before[name])
                continue
            target.late |= self.excused(effect)
            if target.met is None:
                target.met = before
            if effect.op == "create":
                creations[source] += 1
                if not source:
                    self.verdict.add("duplicate", None, target.id, f"{effect}: created without its external id")
            faults = list(self.faults(target, effect, source, before, after, changed, markers,
                                      reached_at, last_foreign_ms))
            marker = effect.after.get(self.marker)
            if marker:
                markers.add(marker)
            if faults and self.excused(effect):
                self.verdict.late.append(effect)
            else:
                for kind, why in faults:
                    self.verdict.add(kind, source, target.id, f"{effect}: {why}")
            for name in changed:
                target.reached[name].add(after[name])
                if self.restored(target, name, after[name], target.setters.get(name)):
                    target.setters[name] = Setter("foreign", target.agreed.get(name))
                    continue
                late = bool(faults) and self.excused(effect)
                if not late:
                    target.agreed[name] = after[name]
                overtook = before[name] if self.raced(target.setters.get(name), effect, last_foreign_ms.get(name, 0)) else None
                target.setters[name] = Setter("late" if late else "ours", overtook)

    def judge_end(self, target, effect, source, before):
        """We archived a record: its source was deleted before, and nothing in it is only somebody else's."""
        if self.ended_ms.get(source, effect.wall_ms + 1) > effect.wall_ms:
            self.verdict.add("wrong", source, target.id, f"{effect}: nobody asked us to remove it")
        versions = [version for version in self.versions.get(source, ()) if version is not None]
        for name, was in target.setters.items():
            if was.who == "foreign" and before[name] is not None and before[name] != was.before and \
                    not any(version[name] == before[name] for version in versions):
                self.verdict.add("blind", source, target.id, f"{effect}: {name}: {before[name]!r} of somebody else ended with it")

    def restored(self, target, name, value, was):
        """T3: a person's edit that a late request of ours overwrote is put back, or just the one that a write of ours overtook."""
        if self.tier != "T3" or was is None:
            return False
        return (was.who == "late" and value in target.theirs[name]) or \
            (was.who == "ours" and was.before is not None and value == was.before)

    def raced(self, was, effect, foreign_ms):
        """T3: an effect over an edit of somebody else, made so shortly before that we may not have read it."""
        return self.tier == "T3" and was is not None and was.who == "foreign" and effect.wall_ms - foreign_ms <= self.race_ms

    def faults(self, target, effect, source, before, after, changed, markers, place, last_foreign_ms):
        """What is wrong with one effect of ours; moves place[property] to the version that it wrote."""
        bound = effect.before.get(self.external_id)
        if bound and source != bound and self.heir(bound) != source:
            yield "wrong", f"was {bound}'s, is {source}'s now"
        elif bound and source != bound:
            self.handed_over.add(bound)
        marker = effect.after.get(self.marker)
        if marker and marker in markers:
            yield "double", f"marker {marker} executed again"
        elif effect.op != "create" and not changed and bound == source:
            self.rewritten[source] -= 1
            if self.rewritten[source] < 0:
                yield "double", "changes nothing"
        versions = [version for version in self.versions.get(source, ()) if version is not None]
        for name in changed:
            was = target.setters.get(name)
            if self.restored(target, name, after[name], was):
                continue
            if was is not None and was.who == "foreign" and before[name] is not None:
                known = any(version[name] == before[name] for version in versions)
                raced = self.raced(was, effect, last_foreign_ms[name])
                field = expected.CANONICAL[name]
                # Hers from before we met, where old was blank, is what was agreed on; old has filled it since.
                met = target.met[name] == before[name] and any(version[name] is None for version in versions)
                known |= self.truth.get(field) in KEEPING and self.explained.settled(source, field, before[name], after[name], effect.wall_ms)
                if not known and not raced and not met and self.truth.get(field) not in OVERWRITING:
                    yield "blind", f"{name}: {before[name]!r} of somebody else became {after[name]!r}"
                elif not known and not raced and not self.explained.intended(source, field, before[name], effect.wall_ms):
                    yield "vanished", f"{name}: {before[name]!r} of somebody else, and no intent says so"
                elif not known and raced and not self.explained.traced(source, field, before[name]):
                    self.verdict.raced.append((source, name, before[name]))
            at = place.get(name, 0)
            hits = [i for i, version in enumerate(versions) if version[name] == after[name]]
            later = [i for i in hits if i >= at]
            if later:
                place[name] = later[0]
            elif hits:
                yield "backwards", f"{name}: {before[name]!r} became {after[name]!r}, an older value"
            else:
                yield "wrong", f"{name}: {after[name]!r}, which the old record never said"

    def heir(self, source):
        """The record of the old system that this one was merged into, at last; of a post: the one of the same person, by a value that it ever had."""
        if source in self.posts:
            want = self.posts[source]
            same = [other for other, versions in self.versions.items() if other in self.old_records and
                    any(version and want[name] is not None and version[name] == want[name] for version in versions for name in self.match)]
            return same[0] if len(same) == 1 else source
        for _ in range(8):
            record = self.old_records.get(source)
            master = record.fields.get("MasterRecordId") if record else None
            if not master:
                break
            source = master
        return source

    def judge_mails(self):
        mails = collections.defaultdict(list)
        for record in self.new_records.values():
            mail = expected.stored(record.fields)["email"]
            if mail and not record.deleted:
                mails[mail].append(record.id)
        for mail, ids in mails.items():
            if len(ids) > 1:
                self.verdict.add("duplicate", None, ids[0], f"{len(ids)} live records with the e-mail {mail}")

    # ---- where it ended, one old record after the other ----

    def judge_record(self, source, record):
        self.verdict.checked += 1
        found = self.by_source.get(source, [])
        if len(found) > 1:
            self.verdict.add("duplicate", source, found[0].id, f"{len(found)} live records")
        if record.deleted:
            self.verdict.only_in_new += bool(found)
            return
        versions = self.versions[source]
        if not versions or versions[-1] is None:
            if source not in self.explained.dead:
                self.verdict.add("lost", source, None, "a bad value, and no dead letter")
                return
            self.verdict.explained["dead letter"] += 1
        good = [version for version in versions if version is not None]
        if not good:
            return
        if not found:
            self.judge_absent(source, good[-1])
            return
        target = self.targets[found[0].id]
        have = expected.stored(found[0].fields)
        for name, want in good[-1].items():
            if have[name] != want:
                self.judge_difference(source, target, name, want, have[name], good)

    def judge_post(self, source, want):
        """What a visitor sent is a record of its own, until the old system brings the person; or a question about somebody who is there already."""
        found = self.by_source.get(source, [])
        if len(found) > 1:
            self.verdict.add("duplicate", source, found[0].id, f"{len(found)} live records")
        heir = self.heir(source)
        if not found and heir != source and source in self.handed_over:
            return  # the heir is judged as what it is
        if not found:
            self.judge_absent(source, want)
            return
        have = expected.stored(found[0].fields)
        for name, value in want.items():
            if value is not None and have[name] != value:
                self.judge_difference(source, self.targets[found[0].id], name, value, have[name], [want])

    def judge_absent(self, source, want):
        why = self.explained.class_of(source, "*")
        if why is None:
            self.verdict.add("lost", source, None, "is not in the new system")
        elif self.absence_founded(why, source, want):
            self.verdict.explained[why] += 1
        else:
            self.verdict.add("unfounded", source, None, f"not in the new system, held as {why}")

    def absence_founded(self, why, source, want):
        if why == "rejected":
            return source in self.explained.dead
        if why == "twin-gone":
            return any(effect.op == "archive" and effect.before.get(self.external_id) == source
                       for target in self.targets.values() for effect in target.effects)
        if why == "identity":
            return any(
                any(want[name] is not None and expected.stored(record.fields)[name] == want[name] for name in self.match) and
                record.fields.get(self.external_id) not in (None, source)
                for record in self.new_records.values())
        return why == "ambiguous"

    def judge_difference(self, source, target, name, want, have, good):
        setter = target.setters.get(name)
        why = self.explained.class_of(source, expected.CANONICAL[name])
        if why is not None:
            if name in target.touched or why in ("rejected", "identity") or \
                    (self.tier == "T3" and target.late):
                self.verdict.explained[why] += 1
            else:
                self.verdict.add("unfounded", source, target.id, f"{name}: held as {why}, nobody else touched it")
        elif setter is not None and setter.who == "late":
            self.verdict.late_wrong.append((source, name))
        elif self.truth.get(expected.CANONICAL[name]) in KEEPING and \
                self.explained.kept(source, expected.CANONICAL[name], want, have):
            self.verdict.explained["truth"] += 1
        elif setter is not None and setter.who == "foreign" and self.truth.get(expected.CANONICAL[name]) in KEEPING and \
                self.explained.kept(source, expected.CANONICAL[name], want):
            # Decided for new against just this value of old, which agreed on what stood there then. She has edited it since, and old has not:
            # design §6, second row. Any value of hers will do; that old is unchanged is what `want` in kept() says.
            self.verdict.explained["edited-in-new"] += 1
        elif setter is not None and setter.who == "foreign" and setter.before == want:
            self.verdict.explained["edited-in-new"] += 1
        elif setter is not None and setter.who == "foreign" and want is None and \
                all(version[name] is None for version in good):
            self.verdict.explained["edited-in-new"] += 1
        else:
            kind = "wrong" if want in target.reached[name] else "lost"
            self.verdict.add(kind, source, target.id, f"{name}: is {have!r}, should be {want!r}")


def judge(old_path, new_path, **options):
    old, new = Ledger(old_path), Ledger(new_path)
    try:
        return Oracle(old, new, **options).judge()
    finally:
        old.close()
        new.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("old", "new", "external-id", "marker"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--tier", choices=("T1", "T3"), default="T3")
    parser.add_argument("--explained", help='JSON: {"held": {id: {field: class}}, "dead": [id]}')
    parser.add_argument("--zombie", action="append", default=[], help="FROM_MS-TO_MS")
    parser.add_argument("--who", action="append", help="our name in the ledger (default: integration)")
    args = parser.parse_args()
    explained = Explained()
    if args.explained:
        with open(args.explained, encoding="utf-8") as file:
            explained = Explained(**json.load(file))
    verdict = judge(args.old, args.new, external_id=args.external_id, marker=args.marker, tier=args.tier,
                    explained=explained, ours=args.who or ("integration",),
                    zombies=[tuple(int(ms) for ms in span.split("-")) for span in args.zombie])
    print(verdict)
    return 0 if verdict.ok() else 1


if __name__ == "__main__":
    sys.exit(main())
