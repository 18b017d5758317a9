"""
scenario_table - scenarios written as tables that a person can read (scenarios/*.txt), run all at once on one pipeline.

Every scenario has records of its own; a phase is everybody's step 1, then rest, then everybody's step 2. What is edited in one phase
happens before Tandem sees any of it. scenarios/README.md says how a line is written.
"""
import glob
import os
import re
import shlex
import time

import deletes
import scenario_tools as tools
from harness import wait_for
from pipeline import SYSTEM
import ledger  # tests/oracle, on the path since pipeline was imported

HERE = os.path.dirname(os.path.abspath(__file__))
EDITS = ("old", "new", "tandem", "link", "unlink")
EXPECTS = ("is", "absent", "held", "says", "writes", "lost", "dead", "live", "linked")


class Line:
    """`2 old.b Title=B`: phase, later (2+), actor, name and words."""

    def __init__(self, text, where):
        self.where = where
        match = re.fullmatch(r"(\d)(\+?)\s+([a-z]+)(?:\.([a-z]))?(?:\s+(.*))?", text)
        assert match, f"{where}: no line of a scenario: {text}"
        self.phase, self.later = int(match[1]), bool(match[2])
        self.verb, self.name = match[3], match[4] or "a"
        self.words = shlex.split(match[5] or "")
        assert self.verb in EDITS + EXPECTS, f"{where}: {self.verb}"

    def values(self, scenario):
        """{name: text, or None where nothing stands behind the =}"""
        pairs = (word.split("=", 1) for word in self.words if "=" in word)
        return {name: scenario.text(value) for name, value in pairs}


class Scenario:
    def __init__(self, slug, table, about):
        self.slug, self.domain, self.about, self.lines = slug, f"@{slug}.{table}.example", about, []
        self.old, self.new = {}, {}  # a → the record's id

    def text(self, value):
        """Its own e-mail domain behind every @; {a}: the id of old record a."""
        value = re.sub(r"\{([a-z])\}", lambda match: self.old[match[1]], value)
        value = value.encode("ascii", "backslashreplace").decode("unicode_escape") if "\\" in value else value
        return value.replace("@", self.domain) or None


def read(name):
    """The scenarios of scenarios/<name>.txt."""
    path, scenarios = os.path.join(HERE, "scenarios", f"{name}.txt"), []
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            text = re.sub(r"(^|\s)#.*", "", text).strip()
            head = re.fullmatch(r"\[([a-z0-9-]+)\]\s*(.*)", text)
            if head:
                assert all(head[1] != scenario.slug for scenario in scenarios), f"{name}.txt:{number}: twice"
                scenarios.append(Scenario(head[1], name, head[2]))
            elif text:
                scenarios[-1].lines.append(Line(text, f"{name}.txt:{number} [{scenarios[-1].slug}]"))
    return scenarios


def names():
    return sorted(os.path.basename(path)[:-4] for path in glob.glob(os.path.join(HERE, "scenarios", "*.txt")))


class Run:
    """Scenarios on a pipeline that is not started yet."""

    def __init__(self, p, scenarios):
        self.p, self.scenarios, self.problems = p, scenarios, []
        self.outcomes_seen = self.effects_seen = 0

    def go(self):
        """All phases; every expectation that is not met is in the error."""
        self.p.prepare()
        for phase in range(1, 1 + max(line.phase for scenario in self.scenarios for line in scenario.lines)):
            self.outcomes_seen, self.effects_seen = len(self.said()), self.last_effect()
            self.act(phase)
            self.rest(f"phase {phase}")
            self.look(phase)
        # What was right once stays right.
        for scenario in self.scenarios:
            self.look_at(scenario, max(line.phase for line in scenario.lines), ("is", "absent", "held", "live", "linked"))
        assert not self.problems, f"{len(self.problems)} expectations are not met:\n" + "\n".join(self.problems)

    def rest(self, when):
        try:
            self.p.check(120)
        except AssertionError as error:
            self.problems.append(f"{when}: {error}")

    # ---- edits ----

    def act(self, phase):
        lines = [(scenario, line) for scenario in self.scenarios for line in scenario.lines
                 if line.phase == phase and line.verb in EDITS]
        if phase > 1:
            self.p.old.admin("hold", {"match": {"path_contains": "/services/data"}, "when": "before", "count": 0})
            wait_for(lambda: self.p.old.admin("held")["held"], 30, "poll waits for the old system", 0.05)
        for later in (False, True):
            if later and any(line.later for _, line in lines):
                self.wait(2500)
            for scenario, line in lines:
                if line.later == later:
                    try:
                        getattr(self, line.verb)(scenario, line)
                    except AssertionError as error:
                        self.problems.append(f"{line.where}: {error}")
        if phase > 1:
            self.wait(300)  # until the last edit is visible as well
            self.p.old.admin("release", {"action": "go"})
        else:
            self.p.start()

    def wait(self, ms):
        now = lambda: self.p.old.admin("stats")["now_ms"]  # noqa: E731
        then = now() + ms
        wait_for(lambda: now() > then, 30, "the systems' clock moves on")

    def old(self, scenario, line):
        record, fields = scenario.old.get(line.name), line.values(scenario)
        if fields.get("Balance__c"):
            fields["Balance__c"] = float(fields["Balance__c"])
        if line.words == ["delete"]:
            self.p.delete(record)
        elif record:
            options = {word: True for word in line.words if word in ("silent", "automation")}
            body = {"object": "Contact", "id": record, "fields": fields, "who": "ann", **options}
            self.p.old.admin("people/edit", body)
        else:
            scenario.old[line.name] = self.p.create(**fields)

    def new(self, scenario, line):
        fields = {self.p.external_id if name == "external_id" else name: value
                  for name, value in line.values(scenario).items()}
        record = scenario.new.get(line.name) or (self.twins().get(scenario.old.get(line.name)) or {}).get("id")
        if line.words in (["delete"], ["restore"]):
            scenario.new[line.name] = record
            self.p.new.admin(f"people/{line.words[0]}", {"object": "contacts", "id": record, "who": "bob"})
        elif record:
            self.p.edit_new(record, **fields)
        else:
            scenario.new[line.name] = self.p.create_new(**fields)

    def tandem(self, scenario, line):
        """hint: somebody asks for a read; replay N: its Nth event arrives once more; gone: deleted in old, and seen by the sweep."""
        record = scenario.old[line.name]
        if line.words == ["hint"]:
            tools.hint(self.p, record)
            return
        if line.words == ["gone"]:
            deletes.delete(self.p, record)
            return
        assert line.words[0] == "replay", line.where
        key = f"{SYSTEM}:{record}"
        message = [m for m in self.p.messages("changes.contact") if m["key"] == key][int(line.words[1]) - 1]
        self.p.kafka.produce(self.p.topic("changes.contact"), [(key, message["payload"])], headers=message["headers"],
                             partition=message["partition"])

    # ---- expectations ----

    def twins(self):
        found = {}
        for record in self.p.new.dump("contacts"):
            found.setdefault(record["fields"].get(self.p.external_id), record)
        found.pop(None, None)
        return found

    def said(self):
        return self.p.outcomes() if self.p.prepared else []

    def effects(self):
        """Ours in this phase: the new system's ids."""
        book = ledger.Ledger(os.path.join(self.p.new.dir, "sandbox.db"))
        try:
            return [effect.record_id for effect in book.effects("contacts")
                    if effect.seq > self.effects_seen and effect.who == "integration"]
        finally:
            book.close()

    def last_effect(self):
        return self.p.new.admin("stats")["effects"]

    def look(self, phase):
        for scenario in self.scenarios:
            if any(line.phase == phase for line in scenario.lines):
                self.look_at(scenario, phase, EXPECTS)

    def look_at(self, scenario, phase, kinds):
        seen = self.seen()
        held, lines = {}, [line for line in scenario.lines if line.phase == phase]
        for line in lines:
            if line.verb == "held":
                held.setdefault(scenario.old[line.name], {}).update(word.split("=") for word in line.words)
        for line in lines:
            if line.verb in kinds and line.verb != "held":
                why = getattr(self, f"expect_{line.verb}")(scenario, line, seen)
                if why:
                    self.problems.append(f"{line.where}: {line.verb} {' '.join(line.words)}: {why}")
        for name, record in scenario.old.items():
            have, want = seen["held"].get(record, {}), held.get(record, {})
            if have != want:
                self.problems.append(f"{lines[-1].where}: questions of {name} after phase {phase}: {have}, expected {want}")

    def seen(self):
        """Everything there is to look at, once per phase (the pipeline is at rest)."""
        if not self.cache or self.cache["effects"] != self.last_effect() or self.cache["n"] != len(self.said()):
            self.cache = {"effects": self.last_effect(), "n": len(self.said()), "twins": self.twins(), "held": self.p.held(),
                          "live": {r["id"]: r for r in self.p.new.dump("contacts")}, "dead": set(self.p.dead()),
                          "outcomes": self.said()[self.outcomes_seen:], "writes": self.effects()}
        return self.cache

    cache = None

    def expect_is(self, scenario, line, seen):
        record = seen["live"].get(scenario.new.get(line.name)) or seen["twins"].get(scenario.old.get(line.name))
        if record is None:
            return "it is not in the new system"
        wrong = {name: record["fields"].get(name) for name, want in line.values(scenario).items()
                 if (record["fields"].get(name) or None) != want}
        return wrong and f"{wrong}"

    def expect_absent(self, scenario, line, seen):
        twin = seen["twins"].get(scenario.old[line.name])
        return twin and f"it is there: {twin['fields']}"

    def expect_says(self, scenario, line, seen):
        said = [o["what"] + (f"/{o['class']}" if o.get("class") else "") for o in seen["outcomes"]
                if o["key"] == f"{SYSTEM}:{scenario.old[line.name]}" and o["what"] != "intent"]
        return None if all(word in said for word in line.words) else f"outcomes are {said}"

    def expect_writes(self, scenario, line, seen):
        twin = seen["twins"].get(scenario.old[line.name])
        n = seen["writes"].count(twin["id"]) if twin else 0
        return None if n == int(line.words[0]) else f"{n} writes of ours"

    def expect_lost(self, scenario, line, seen):
        """An intent named these values before they were written over."""
        gone = {f["name"]: f.get("new_now") for o in seen["outcomes"] if o["what"] == "intent"
                and o["key"] == f"{SYSTEM}:{scenario.old[line.name]}" for f in o["fields"]}
        wrong = {name: gone.get(name) for name, want in line.values(scenario).items() if gone.get(name) != want}
        return wrong and f"intents name {gone}"

    def expect_dead(self, scenario, line, seen):
        return None if (scenario.old[line.name], line.words[0]) in seen["dead"] else "no such dead letter"

    def expect_live(self, scenario, line, seen):
        mails = [r["fields"].get("email") or "" for r in seen["live"].values()]
        mails = [mail for mail in mails if mail.endswith(scenario.domain)]
        return None if len(mails) == int(line.words[0]) else f"live records: {mails}"


def run(p, scenarios, kind=Run):
    began = time.monotonic()
    kind(p, scenarios).go()
    print(f"{len(scenarios)} scenarios on {p.tier}, {time.monotonic() - began:.0f} s")
