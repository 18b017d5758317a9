"""
test_verify — differences of every class, field and kind of value, planted in both systems, the rows, the audit trail and the dead
letters: tandem-verify names each of them, and nothing else. TANDEM_PLANTED=1000 plants so many of every class; the usual 48 of each are
more than 1,000 as well. Then what moves while it is being compared.
"""
import contextlib
import itertools
import json
import os
import sqlite3
import threading

from harness import run_tests, wait_for, Proc
from pipeline import Pipeline
from relation_tools import CONTACT_COMPANY, DEAL_COMPANY, DEAL_CONTACT, PARENT, Relations
from verify_tools import FIELDS, World, as_system, base_of, canonical, key_of, other, source_id, target_id

EACH = int(os.environ.get("TANDEM_PLANTED", "48"))
UNEXPLAINED = {"not-applied", "unconfirmed", "untraced", "late-write", "unknown-writer", "unreadable-in-old", "in-flight",
               "uncertain", "no-row", "no-twin", "twin-missing", "deleted-row", "shared-twin", "phantom", "second-twin",
               "duplicate", "not-deleted", "link-missing", "link-differs", "dangling"}
TRUTH = 'truth = ( { field = "*"; rule = "new"; } );'


def verify(pipeline, *args, want=0):
    """One pass of tandem-verify: the entity's part of what it says."""
    proc = Proc(["tandem-verify", "--config", pipeline.config, *args], name="verify")
    assert proc.wait_exit(300) == want, proc.log_text()
    return next(json.loads(line) for line in proc.log_text().splitlines() if line.startswith("{"))["entities"][0]


def names():
    """The fields, again and again, so that every class meets every field; those that only tell apart by themselves."""
    return itertools.cycle(FIELDS)


def blank_or_other(name, n, turn):
    return "" if turn % 3 == 2 else other(name, n)


# ---- classes of one field ----

def plant_not_applied(world, name, turn):
    """Old moved on; new and the base did not."""
    n = world.n + 1
    world.pair(old={name: blank_or_other(name, n, turn)}, base_old={name: canonical(n)[name]})
    world.expect("not-applied", n, {name: "not-applied"})


def plant_edited(world, name, turn):
    n = world.n + 1
    value = blank_or_other(name, n, turn)
    world.pair(new={name: value}, base_new={name: canonical(n)[name]},
               history=[("integration", {name: canonical(n)[name]}), ("person:bob", {name: value})])
    world.expect("edited-in-new", n, {name: "edited-in-new"})


def plant_behind(world, name, turn):
    """A value that the history does not know."""
    n = world.n + 1
    world.pair(new={name: blank_or_other(name, n, turn)}, base_new={name: canonical(n)[name]},
               history=[("integration", {name: canonical(n)[name]})])
    world.expect("unknown-writer", n, {name: "unknown-writer"})


def plant_late(world, name, _turn):
    """Our own write, which the row does not know."""
    n = world.n + 1
    value = other(name, n)
    world.pair(new={name: value}, base_new={name: canonical(n)[name]},
               history=[("integration", {name: canonical(n)[name]}), ("integration", {name: value})])
    world.expect("late-write", n, {name: "late-write"})


def plant_conflict(world, name, _turn):
    n = world.n + 1
    value = other(name, n)
    world.pair(new={name: value}, base_old={name: ""}, base_new={name: ""},
               held=[{"class": "conflict", "field": name, "old": canonical(n)[name], "new": value}])
    world.expect("conflict", n, {name: "conflict"})


def plant_stale_question(world, name, _turn):
    """The question is about another old value: the last change never arrived."""
    n = world.n + 1
    value = other(name, n)
    world.pair(new={name: value}, base_old={name: ""}, base_new={name: ""},
               held=[{"class": "conflict", "field": name, "old": None, "new": value}])
    world.expect("not-applied", n, {name: "not-applied"})


def plant_first_meeting(world, name, _turn):
    n = world.n + 1
    value = other(name, n)
    base = {field: {"old": text} for field, text in canonical(n).items() if field != name}
    world.pair(new={name: value}, base=base,
               held=[{"class": "first-meeting", "field": name, "old": canonical(n)[name], "new": value}])
    world.expect("first-meeting", n, {name: "first-meeting"})


def plant_unconfirmed(world, name, turn):
    """Sent, never seen stored: asked about, or not."""
    n = world.n + 1
    value, asked = other(name, n), turn % 2 == 0
    base = {field: {"old": text} for field, text in canonical(n).items()}
    base[name]["unconfirmed"] = True
    held = [{"class": "unconfirmed", "field": name, "old": canonical(n)[name], "new": value}] if asked else []
    world.pair(new={name: value}, base=base, held=held)
    class_ = "held-unconfirmed" if asked else "unconfirmed"
    world.expect(class_, n, {name: class_})


def plant_base(world, name, turn):
    """Both as agreed: it stores what we write another way; or it had a value where old is blank."""
    n = world.n + 1
    if turn % 2:
        world.pair(new={name: other(name, n)})
    else:
        world.pair(old={name: ""}, history=[("person:bob", {})])
    world.expect("base", n, {name: "base"})


def plant_truth(world, name, _turn):
    n = world.n + 1
    value = other(name, n)
    world.pair(new={name: value}, history=[("integration", {name: canonical(n)[name]}), ("person:bob", {name: value})])
    world.put_truth(n, name, canonical(n)[name], value)
    world.expect("truth", n, {name: "truth"})


def plant_untraced(world, name, turn):
    """The base says that both agree, and nothing says why; a truth that names other values does not."""
    n = world.n + 1
    value = other(name, n)
    world.pair(new={name: value}, history=[("integration", {name: canonical(n)[name]}), ("person:bob", {name: value})])
    if turn % 2:
        world.put_truth(n, name, canonical(n)[name], "")
    world.expect("untraced", n, {name: "untraced"})


def plant_in_flight(world, name, turn):
    """On its way, or of unknown outcome: explains nothing."""
    n = world.n + 1
    status = ("waiting", "uncertain", "rebuild")[turn % 3]
    world.pair(old={name: other(name, n)}, base_old={name: canonical(n)[name]}, status=status, due_ms=1, why="later")
    class_ = "in-flight" if status == "waiting" else "uncertain"
    world.expect(class_, n, {name: class_})


def plant_waiting(world, name, _turn):
    n = world.n + 1
    world.pair(old={name: other(name, n)}, base_old={name: canonical(n)[name]}, status="waiting", waits_on="email=x@y.org")
    world.expect("waiting", n, {name: "waiting"})


def plant_refused(world, name, _turn):
    n = world.n + 1
    world.pair(old={name: other(name, n)}, base_old={name: canonical(n)[name]}, held=[{"class": "rejected"}])
    world.expect("rejected", n, {name: "rejected"})


FIELD_PLANTS = (plant_not_applied, plant_edited, plant_behind, plant_late, plant_conflict, plant_stale_question,
                plant_first_meeting, plant_unconfirmed, plant_base, plant_truth, plant_untraced, plant_in_flight,
                plant_waiting, plant_refused)


# ---- classes of the whole record ----

def plant_only_old(world, turn):
    """Nothing in new: what the row says, or that there is none."""
    n = world.next()
    class_, row, letter = ONLY_OLD[turn % len(ONLY_OLD)]
    world.put_old(n)
    if row is not None:
        world.put_row(n, **{"twin": None, **row, **({"twin": n} if "twin" in row else {})})
    if letter:
        world.put_letter(n, letter)
    world.expect(class_, n)


ONLY_OLD = (
    ("no-row", None, None),
    ("no-row", None, "mapping"),  # the letter is of before: it reads well now
    ("dead-letter", None, "rejected"),
    ("no-twin", {}, None),
    ("identity", {"held": [{"class": "identity", "detail": "salesforce:x"}]}, None),
    ("ambiguous", {"held": [{"class": "ambiguous"}]}, None),
    ("in-flight", {"status": "waiting", "due_ms": 1}, None),
    ("waiting", {"status": "waiting", "waits_on": "email=x@y.org"}, None),
    ("uncertain", {"status": "uncertain"}, None),
    ("twin-missing", {"twin": True}, None),
    ("twin-gone", {"twin": True, "held": [{"class": "twin-gone"}]}, None),
    ("deleted-row", {"deleted": True}, None),
)


def plant_unreadable(world, turn):
    n = world.next()
    world.put_old(n, raw={"Email": f"bad.{n}@example.com", "LastName": "Bad", "Phone": "call me"})
    if turn % 2:
        world.put_letter(n, "mapping")
    world.expect("dead-letter" if turn % 2 else "unreadable-in-old", n)


def plant_shared(world, _turn):
    """Two rows, one twin."""
    n = world.pair()
    twice = world.next()
    world.put_old(twice)
    world.put_row(twice, twin=n)
    world.expect("shared-twin", n)
    world.expect("shared-twin", twice)


def plant_native(world, _turn):
    world.put_new(world.next(), history=[("person:bob", canonical(world.n))])
    world.natives += 1


def plant_phantom(world, turn):
    """Our id or our marker, and no old record: never known, or gone unnoticed."""
    n = world.next()
    world.put_new(n, external=n if turn % 3 != 1 else None, marker="0.0.1" if turn % 3 else None)
    if turn % 3 == 2:
        world.put_row(n, twin=n)
    world.expect("phantom", n, only_new=True)
    if turn % 3 == 2:
        _with_record(world, n)


def plant_source_gone(world, turn):
    n = world.next()
    world.put_new(n, external=n, marker="0.0.1")
    world.put_row(n, twin=n, **({"redirect": key_of(n + 1)} if turn % 2 else {"deleted": True}))
    world.expect("source-gone", n, only_new=True)
    _with_record(world, n)


def _with_record(world, n):
    """An example that names a row is told by its record."""
    class_, _, fields = world.expected.pop()
    world.expected.append((class_, key_of(n), fields))


def plant_second_twin(world, _turn):
    """A copy that carries the id of a record which has its twin."""
    n = world.pair()
    copy = world.next()
    world.put_new(copy, {**canonical(copy), "email": ""}, external=n, marker="0.0.1")
    world.expect("second-twin", copy, only_new=True)


def plant_duplicate(world, turn):
    """The same person once more, without our id; or a candidate of an open question."""
    if turn % 2:
        n = world.next()
        world.put_old(n)
        world.put_row(n, held=[{"class": "ambiguous"}])
        world.expect("ambiguous", n)
    else:
        n = world.pair()
    copy = world.next()
    world.put_new(copy, {**canonical(copy), "email": canonical(n)["email"].upper()}, history=[("person:bob", canonical(copy))])
    world.expect("candidate" if turn % 2 else "duplicate", copy, only_new=True)


RECORD_PLANTS = (plant_unreadable, plant_shared, plant_native, plant_phantom, plant_source_gone, plant_second_twin,
                 plant_duplicate)


# ---- what is no difference ----

SAME = (
    {},
    {"email": ("Ann.%d@EXAMPLE.com", "ann.%d@example.com")},
    {"first_name": ("  Ann ", "Ann"), "street": ("1 Main St\r\nApt. 5", "1 Main St\nApt. 5")},
    {"phone": ("(555) 123-4567", "+15551234567"), "mobile": ("0049 30 7654321", "+49 30 765-4321")},
    {"balance": ("12.50", "12.5")},
    {"city": ("Zu\u0308rich", "Zürich")},
    {"job_title": ("", ""), "zip": (" ", "")},
)


def plant_same(world, turn):
    """Whatever base and row say, except that nobody has one of them."""
    n = world.next()
    changes = {name: tuple(text % n if "%d" in text else text for text in pair) for name, pair in SAME[turn % len(SAME)].items()}
    world.put_old(n, {**canonical(n), **{name: pair[0] for name, pair in changes.items()}})
    world.put_new(n, {**canonical(n), **{name: pair[1] for name, pair in changes.items()}}, external=n, marker="0.0.1")
    world.put_row(n, {name: {"old": text} for name, text in canonical(n).items()} if turn % 2 else None, n)


# ---- the tests ----

def test_everything_planted_is_found_and_nothing_else():
    with Pipeline(entity=TRUTH) as p:
        p.validated = False  # dead letters of one word
        p.prepare()
        world = World(p)
        for plant in FIELD_PLANTS:
            field = names()
            for turn in range(EACH):
                plant(world, next(field), turn)
        for turn in range(EACH * len(ONLY_OLD)):
            plant_only_old(world, turn)
        for plant in RECORD_PLANTS:
            for turn in range(EACH):
                plant(world, turn)
        for turn in range(2 * EACH):
            plant_same(world, turn)
        assert len(world.expected) >= 1000, len(world.expected)
        world.put()
        report = verify(p, "--settle", "0", "--examples", "10000")
        world.check(report)
        assert report["identical"] == 2 * EACH + EACH + EACH // 2, report["identical"]  # and those with a second one in new
        wanted = sum(class_ in UNEXPLAINED for class_, _, _ in world.expected)
        assert report["unexplained"] == wanted, (report["unexplained"], wanted)


def test_what_moves_is_looked_at_again():
    """A change on its way is no difference once it has arrived; one that never stands still is "moving" and explains nothing."""
    with Pipeline() as p:
        p.prepare()
        world = World(p)
        late, restless = world.pair(), world.pair()
        world.put()
        p.edit(source_id(late), MailingCity="Köln")
        verifying = Proc(["tandem-verify", "--config", p.config, "--settle", "60"], name="verify")
        wait_for(lambda: looks(p) >= 2, 60, "a second look at it")
        p.new.admin("people/edit", {"object": "contacts", "id": target_id(late), "who": "integration", "fields": {"city": "Köln"}})
        assert verifying.wait_exit(90) == 0, verifying.log_text()
        report = json.loads(verifying.log_text().splitlines()[-1])["entities"][0]
        assert report["unexplained"] == 0 and report["identical"] == 2 and report["read_again"] == 1, report

        stop = threading.Event()

        def edit():
            for turn in itertools.count():
                if stop.is_set():
                    return
                p.edit(source_id(restless), Title=f"T{turn}")
        thread = threading.Thread(target=edit)
        thread.start()
        try:
            report = verify(p, "--settle", "1")
        finally:
            stop.set()
            thread.join()
        assert report["different"] == {"explained": {}, "unexplained": {"moving": 1}}, report

        def stands():  # the last edits show themselves late
            report = verify(p, "--settle", "0", "--examples", "1")
            return report if report["different"] == {"explained": {}, "unexplained": {"not-applied": 1}} else None
        report = wait_for(stands, 60, "it stands still, and is not applied", 0.2)
        assert [e["record"] for e in report["examples"]] == [key_of(restless)]


def with_boss(pipeline):
    """A mapping whose records refer to each other: a property in both systems."""
    pipeline.old.admin("schema", {"object": "Contact", "name": "Boss__c", "type": "string"})
    pipeline.new.admin("schema", {"object": "contacts", "name": "boss", "type": "string"})
    with open(pipeline.config, encoding="utf-8") as file:
        text = file.read()
    at = text.index('{ name = "source"')
    with open(pipeline.config, "w", encoding="utf-8") as file:
        file.write(text[:at] + '{ name = "boss"; type = "reference"; to = "contact"; old = "Boss__c"; new = "boss"; },\n' + text[at:])


def employee(world, old, new, base, awaits=None, history=None):
    """A record whose boss is record old in old, the record new in new; base: what both last agreed on."""
    n = world.next()
    raw = {**as_system(canonical(n), 1), **({"boss": target_id(new)} if new else {})}
    world.put_old(n, raw={**as_system(canonical(n), 0), "Boss__c": source_id(old)})
    world.put_new(n, raw=raw, external=n, marker="0.0.1", steps=history and [(who, {**raw, **then}) for who, then in history])
    members = {"awaits": [{"field": "boss", "old": key_of(awaits), "since_ms": 1}]} if awaits else {}
    world.put_row(n, {**base_of(canonical(n), canonical(n)), "boss": {"old": f"hubspot:{target_id(base)}" if base else None}}, n,
                  **members)
    return n


def test_references_are_compared_by_the_twin():
    with Pipeline() as p:
        p.validated = False  # rows with a field that the schemas do not know
        with_boss(p)
        p.prepare()
        world = World(p)
        ann, bea = world.pair(), world.pair()
        nobody = world.next()  # in neither system
        stranger = world.next()
        world.put_old(stranger)  # not moved
        world.expect("no-row", stranger)
        employee(world, ann, ann, ann)  # the same
        moved = employee(world, bea, ann, ann)
        edited = employee(world, ann, bea, ann, history=[("integration", {"boss": target_id(ann)}), ("person:bob", {})])
        waits = employee(world, stranger, None, None, awaits=stranger)
        late = employee(world, ann, None, None, awaits=ann)  # it has its twin by now
        dangling = employee(world, ann, nobody, ann)
        for n, class_ in ((moved, "not-applied"), (edited, "edited-in-new"), (waits, "waiting"), (late, "not-applied"),
                          (dangling, "dangling")):
            world.expect(class_, n, {"boss": class_})
        world.put()
        report = verify(p, "--settle", "0", "--examples", "100")
        world.check(report)
        assert report["identical"] == 3, report


class Linked:
    """Three entities as a real run left them, with every process stopped; then what nobody said is planted behind everybody's back."""
    TYPES = {"contact": ("company", CONTACT_COMPANY), "company": ("parent", PARENT), "deal": ("contact", DEAL_CONTACT)}

    def __init__(self, pipeline, each):
        self.p, self.each = pipeline, each
        self.expected = {"contact": [], "company": [], "deal": []}
        self.people = {user["fields"]["Email"]: user["id"] for user in pipeline.old.dump("User")}
        self.a, self.b = (pipeline.company(name) for name in "ab")
        self.x, self.y = (pipeline.contact(name) for name in "xy")
        self.made = {entity: [self.make(entity, f"{entity}{n}") for n in range(6 * each)] for entity in self.expected}

    def make(self, entity, name, linked=True):
        if entity == "contact":
            return self.p.contact(name, AccountId=self.a if linked else None)
        if entity == "company":
            return self.p.company(name, ParentId=self.a if linked else None)
        return self.p.deal(name, ContactId=self.x if linked else None, AccountId=self.a, OwnerId=self.user("alice"))

    def user(self, name):
        return self.people[f"{name}@team.example.com"]

    def take(self, entity):
        return [self.made[entity].pop() for _ in range(self.each)]

    def expect(self, class_, entity, record, field=None):
        self.expected[entity].append((class_, f"salesforce:{record}", ((field, class_),) if field else ()))

    def plant(self, entity, twins, database):
        """Every class of the field that is an association; the new system's own tables."""
        field, kind = self.TYPES[entity]
        ids = {old: record["id"] for old, record in twins[entity].items()}
        to = "contact" if entity == "deal" else "company"
        names = {"contact": "contacts", "company": "companies", "deal": "deals"}
        other_end = twins[to][self.y if to == "contact" else self.b]["id"]

        def unlink(record):
            done = database.execute("DELETE FROM links WHERE from_object=? AND from_id=? AND type=?", (names[entity], ids[record], kind))
            assert done.rowcount == 1, f"{entity} {record} had {done.rowcount} links"

        def link(record, target):
            database.execute("INSERT INTO links VALUES(?,?,?,?,?)", (names[entity], ids[record], names[to], target, kind))
        for record in self.take(entity):
            unlink(record)
            self.expect("link-missing", entity, record, field)
        for record in self.take(entity):
            unlink(record)
            link(record, other_end)
            self.expect("link-differs", entity, record, field)
        for record in self.take(entity):
            link(record, other_end)  # one more is no difference


def verify_all(pipeline, *args):
    proc = Proc(["tandem-verify", "--config", pipeline.config, *args], name="verify")
    assert proc.wait_exit(300) == 0, proc.log_text()
    found = next(json.loads(line) for line in proc.log_text().splitlines() if line.startswith("{"))["entities"]
    return {entity["entity"]: entity for entity in found}


def listed(report):
    return sorted((item["class"], item.get("record") or item["twin"], tuple((field["field"], field["class"]) for field in item["fields"]))
                  for item in report["examples"])


def test_links_and_owners_of_three_entities():
    """Links that are missing, others, doubled, gone with what they led to; owners by their e-mail; all else the same."""
    each = max(2, EACH // 16)
    with Relations(retry_ms=600000) as p:
        p.prepare()
        world = Linked(p, each)
        nobodys = p.deal("nobody's", OwnerId=world.user("heidi"))  # the new system does not know her
        early = p.contact("early", AccountId="001000000000009AAA")  # a company that does not come
        free = p.contact("free")
        gone = p.company("gone")
        orphan = p.contact("orphan", AccountId=gone)
        p.start()
        p.wait(lambda: len(p.records("deal")) == 6 * each + 1 and len(p.links(DEAL_CONTACT)) == 6 * each and
               len(p.links(DEAL_COMPANY)) == 6 * each and len(p.links(CONTACT_COMPANY)) == 6 * each + 1 and
               len(p.links(PARENT)) == 6 * each and p.rows("deal").get(nobodys, {}).get("held") and p.awaited("contact", early),
               "three entities", 120)
        p.rest()
        p.stop()
        world.expect("waiting", "deal", nobodys, "owner")
        world.expect("waiting", "contact", early, "company")
        for entity, report in verify_all(p, "--settle", "0", "--examples", "1000").items():
            assert listed(report) == sorted(world.expected[entity]), (entity, listed(report))
            assert report["unexplained"] == 0, report

        owners = [world.take("deal") for _ in range(2)]
        twins = p.records("deal")
        for record in owners[0]:  # old moved on, nobody followed
            p.change("deal", record, OwnerId=world.user("bob"))
            world.expect("not-applied", "deal", record, "owner")
        for record in owners[1]:
            p.new.admin("people/edit", {"object": "deals", "id": twins[record]["id"], "who": "person:bob", "fields": {
                "hubspot_owner_id": next(o["id"] for o in p.new.dump("owners") if o["fields"]["email"] == "carol@team.example.com")}})
            world.expect("edited-in-new", "deal", record, "owner")
        for record in world.take("contact"):
            p.change("contact", record, AccountId=world.b)
            world.expect("link-differs", "contact", record, "company")
        for record in world.take("company"):
            p.change("company", record, ParentId=None)
            world.expect("link-differs", "company", record, "parent")
        p.person_links("associate", "contact", free, "company", world.a, CONTACT_COMPANY)
        world.expect("edited-in-new", "contact", free, "company")
        twins = {entity: p.records(entity) for entity in world.expected}
        p.new.admin("people/delete", {"object": "companies", "id": twins["company"][gone]["id"], "who": "person:bob"})
        world.expect("twin-missing", "company", gone)
        world.expect("link-missing", "contact", orphan, "company")
        p.new.term()
        with contextlib.closing(sqlite3.connect(os.path.join(p.new.dir, "sandbox.db"))) as database:
            for entity in world.expected:
                world.plant(entity, twins, database)
            database.commit()
        p.new.start()
        for entity, report in verify_all(p, "--settle", "0", "--examples", "1000").items():
            assert listed(report) == sorted(world.expected[entity]), \
                (entity, set(listed(report)) ^ set(world.expected[entity]), report["different"])
            assert report["unexplained"] == sum(class_ in UNEXPLAINED for class_, _, _ in world.expected[entity]), report


def looks(pipeline):
    """How often suspects were read singly in the new system."""
    with sqlite3.connect(f"file:{pipeline.new.dir}/sandbox.db?mode=ro", uri=True) as database:
        return database.execute("SELECT COUNT(*) FROM requests WHERE path LIKE '%/batch/read%' AND object='contacts'").fetchone()[0]


if __name__ == "__main__":
    run_tests(globals())
