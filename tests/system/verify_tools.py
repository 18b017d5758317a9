"""
verify_tools — what both systems, the rows, the audit trail and the dead letters say, put straight into the sandboxes' stores and onto
Kafka: thousands of records in every state that a migration can leave them in, without running one. World.expect() notes beside each what
tandem-verify has to say about it; World.check() compares the whole list.
"""
import json
import os
import sqlite3

ENTITY, SYSTEM = "contact", "salesforce"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
NOW_MS = 1767312000000
ZERO = "0" * 64

# canonical name: (old property, new property, what the old system says of record n, another value of it)
FIELDS = {
    "email": ("Email", "email", lambda n: f"person.{n}@example.com", "someone.%d@example.org"),
    "first_name": ("FirstName", "firstname", lambda n: f"Fay{n}", "Gil"),
    "last_name": ("LastName", "lastname", lambda n: f"Lee{n}", "Moe"),
    "phone": ("Phone", "phone", lambda n: f"+49 30 {1000000 + n}", "+49 40 7654321"),
    "mobile": ("MobilePhone", "mobilephone", lambda n: f"+1 555 {2000000 + n}", "+1 777 1234567"),
    "job_title": ("Title", "jobtitle", lambda n: "Head of Sales", "Head of Støre"),
    "street": ("MailingStreet", "address", lambda n: f"{n} Main St", "1 High St"),
    "city": ("MailingCity", "city", lambda n: "Bonn", "Köln"),
    "zip": ("MailingPostalCode", "zip", lambda n: f"{10000 + n}", "99999"),
    "country": ("MailingCountry", "country", lambda n: "Germany", "Norway"),
    "birth_date": ("Birthdate", "date_of_birth", lambda n: "1980-01-02", "1981-02-03"),
    "balance": ("Balance__c", "annualrevenue", lambda n: f"{n}.5", "77777.25"),
    "source": ("LeadSource", "lead_source", lambda n: "web", "partner"),
}
SOURCES = {"web": ("Web", "WEB"), "partner": ("Partner Referral", "PARTNER")}


def source_id(n):
    """As tests/sandbox/sf_id.c makes them."""
    text, rest = "", n
    for _ in range(8):
        text, rest = DIGITS[rest % 62] + text, rest // 62
    text = "0035g00" + text
    sums = "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[sum(1 << i for i in range(5) if text[group + i].isupper())]
                   for group in (0, 5, 10))
    return text + sums


def target_id(n):
    return str(100000000000 + n)


def key_of(n):
    return f"{SYSTEM}:{source_id(n)}"


def canonical(n):
    return {name: field[2](n) for name, field in FIELDS.items()}


def other(name, n):
    """A value that differs from every one that canonical() gives."""
    text = FIELDS[name][3]
    return text % n if "%d" in text else text


def as_system(values, side):
    """Canonical values → properties; blank: left out."""
    found = {}
    for name, value in values.items():
        if value:
            if name == "source":
                value = SOURCES[value][side]
            elif name == "balance" and side == 0:
                value = float(value)
            found[FIELDS[name][side]] = value
    return found


def as_stored(fields):
    """As the sandbox writes it; it reads nothing else."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def base_of(old, new):
    base = {}
    for name in FIELDS:
        base[name] = {"old": old[name] or None}
        if new[name] != old[name]:
            base[name]["new"] = new[name] or None
    return base


class World:
    """Gathers, then put() puts everything at once. pipeline: made, prepared, with no process at work."""

    def __init__(self, pipeline):
        self.pipeline = pipeline
        self.n = 0
        self.old, self.new, self.effects = [], [], []
        self.rows, self.letters, self.outcomes = [], [], []
        self.expected, self.natives = [], 0

    def next(self):
        self.n += 1
        return self.n

    # ---- what there is ----

    def put_old(self, n, values=None, raw=None):
        """raw: properties as they are, instead of canonical values."""
        fields = raw if raw is not None else as_system(values or canonical(n), 0)
        self.old.append((n, "Contact", source_id(n), NOW_MS, NOW_MS, NOW_MS, "ann", fields.get("Email"), 0, 1,
                         as_stored(fields)))

    def put_new(self, n, values=None, raw=None, external=None, marker=None, history=(), steps=None):
        """
        history: (who, canonical values) from the oldest on; nothing: the integration wrote what stands there. external:
        the number of the old record whose id it carries. steps: a history of properties as they are.
        """
        own = {}
        if external is not None:
            own[self.pipeline.external_id] = source_id(external)
        if marker:
            own[self.pipeline.marker] = marker
        fields = raw if raw is not None else as_system(values or canonical(n), 1)
        steps = ([(who, {**then, **own}) for who, then in steps or ()] or
                 [(who, {**as_system(then, 1), **own}) for who, then in history] or [("integration", {**fields, **own})])
        before = None
        for at, (who, after) in enumerate(steps):
            at_ms = NOW_MS + 1000 * at
            self.effects.append((at_ms, at_ms, "hubspot", "contacts", target_id(n), "update" if before else "create", who,
                                 before and as_stored(before), as_stored(after), at + 1, at_ms))
            before = after
        self.new.append((n, "contacts", target_id(n), NOW_MS, NOW_MS, NOW_MS, "integration", fields.get("email"), 0, 1,
                         as_stored({**fields, **own})))

    def put_row(self, n, base=None, twin=None, held=(), **members):
        row = {"v": 1, "key": key_of(n), "status": "held" if held else "idle", "epoch": 0,
               "version": {"modified_ms": NOW_MS, "observed_from_ms": NOW_MS, "observed_to_ms": NOW_MS + 1000, "generation": 1},
               "hash": ZERO, "event_id": ZERO}
        if twin is not None:
            row.update(twin=target_id(twin), op="0.0.1")
        if base:
            row["base"] = base
        if held:
            row["held"] = list(held)
        row.update(members)
        self.rows.append((row["key"], json.dumps(row, ensure_ascii=False)))

    def pair(self, old=None, new=None, base_old=None, base_new=None, history=(), **members):
        """
        A record that both systems have, with changes of canonical values: n. Without base_old or base_new the base says what
        stands there now.
        """
        n = self.next()
        old_now, new_now = {**canonical(n), **(old or {})}, {**canonical(n), **(new or {})}
        base = base_of({**old_now, **(base_old or {})}, {**new_now, **(base_new or {})})
        self.put_old(n, old_now)
        self.put_new(n, new_now, external=n, marker="0.0.1",
                     history=[(who, {**new_now, **then}) for who, then in history])
        self.put_row(n, members.pop("base", base), n, **members)
        return n

    def put_letter(self, n, reason):
        self.letters.append((reason, key_of(n)))

    def put_truth(self, n, name, old, new):
        self.outcomes.append((key_of(n), json.dumps({
            "v": 1, "what": "agreed", "class": "truth", "entity": ENTITY, "key": key_of(n), "event_id": ZERO, "epoch": 0,
            "topic": self.pipeline.topic(f"changes.{ENTITY}"), "partition": 0, "offset": 0, "version": None,
            "fields": [{"name": name, "old_now": old or None, "new_now": new or None, "verdict": "truth-new"}],
            "ts_ms": NOW_MS}, ensure_ascii=False)))

    # ---- what is to be said of it ----

    def expect(self, class_, n, fields=None, only_new=False):
        """fields: {name: class}, where it is not just one field of the record's own class."""
        who = target_id(n) if only_new else key_of(n)
        self.expected.append((class_, who, tuple(sorted((fields or {}).items()))))

    # ---- doing it ----

    def put(self):
        self.store(self.pipeline.old, self.old, [])
        self.store(self.pipeline.new, self.new, self.effects)
        kafka, topic = self.pipeline.kafka, self.pipeline.topic
        kafka.produce(topic(f"state.{ENTITY}"), self.rows)
        kafka.produce(topic("outcomes"), self.outcomes)
        for reason in sorted({reason for reason, _ in self.letters}):
            kafka.produce(topic("dlq"), [(key, "{}") for why, key in self.letters if why == reason],
                          headers={"tandem.entity": ENTITY, "tandem.reason": reason})

    @staticmethod
    def store(sandbox, records, effects):
        """While it is stopped: its next start takes up what stands there."""
        sandbox.term()
        with sqlite3.connect(os.path.join(sandbox.dir, "sandbox.db")) as database:
            database.executemany("INSERT INTO records VALUES(?,?,?,?,?,?,?,?,?,?,?)", records)
            database.executemany("INSERT INTO effects(wall_ms,server_ms,system,object,record_id,op,who,before,after,version,"
                                 "modstamp_ms) VALUES(?,?,?,?,?,?,?,?,?,?,?)", effects)
        database.close()
        sandbox.start()

    def check(self, report):
        """The report's list of what is not identical is the one that was planted, record by record, field by field."""
        found = [(item["class"], item.get("record") or item["twin"],
                  tuple(sorted((field["field"], field["class"]) for field in item["fields"])))
                 for item in report["examples"]]
        missing, unasked = set(self.expected) - set(found), set(found) - set(self.expected)
        assert len(found) == len(set(found)), "a record is reported twice"
        assert not missing and not unasked, (f"{len(missing)} not found: {sorted(missing)[:10]}\n"
                                             f"{len(unasked)} not planted: {sorted(unasked)[:10]}")
        counts = {}
        for group in ("different", "only_in_old", "only_in_new"):
            for side in ("explained", "unexplained"):
                for class_, count in report[group][side].items():
                    counts[class_] = counts.get(class_, 0) + count
        wanted = {}
        for class_, _, _ in self.expected:
            wanted[class_] = wanted.get(class_, 0) + 1
        if self.natives:
            wanted["native"] = self.natives
        assert counts == wanted, (counts, wanted)
