"""relation_table — scenarios of records that refer to each other (scenarios/relations.txt), on a pipeline of three entities."""
from relation_tools import CONTACT_COMPANY, DEAL_COMPANY, DEAL_CONTACT, ENTITIES, OBJECTS, PARENT
from scenario_table import Run
import links  # tests/oracle, on the path since pipeline was imported

KINDS = {("contact", "company"): CONTACT_COMPANY, ("company", "parent"): PARENT, ("deal", "company"): DEAL_COMPANY,
         ("deal", "contact"): DEAL_CONTACT}
TO = {"company": "company", "parent": "company", "contact": "contact"}
# What a record needs besides what the line says.
NEEDS = {"deal": {"StageName": "Prospecting", "CloseDate": "2027-01-01"}}


class RelatedRun(Run):
    """As Run; `old.c company Name=…` creates a record of that entity, without a word it is a contact."""

    def __init__(self, p, scenarios):
        super().__init__(p, scenarios)
        self.entity = {}  # old id → entity

    def rest(self, when):
        try:
            self.p.arrived()
            self.p.wait(self.asked, "what waits is a question by now")
            self.p.rest()
            problems = links.judge(self.p)
            assert not problems, "\n".join(problems)
        except AssertionError as error:
            self.problems.append(f"{when}: {str(error)[:6000]}")

    def asked(self):
        self.p.rest()
        return all(each["field"] in [h.get("field") for h in row.get("held") or ()] for entity in ENTITIES
                   for row in self.p.rows(entity).values() for each in row.get("awaits") or ())

    # ---- edits ----

    def old(self, scenario, line):
        record, fields = scenario.old.get(line.name), line.values(scenario)
        if record:
            self.p.change(self.entity[record], record, **fields)
            return
        entity = line.words[0] if "=" not in line.words[0] else "contact"
        scenario.old[line.name] = self.p.put(entity, **NEEDS.get(entity, {}), **fields)
        self.entity[scenario.old[line.name]] = entity

    def new(self, scenario, line):
        record = scenario.old[line.name]
        entity = self.entity[record]
        self.p.new.admin(f"people/{line.words[0]}", {"object": OBJECTS[entity][1], "id": self.p.id(entity, record), "who": "bob"})

    def tandem(self, scenario, line):
        """gone; merged {l}: l was merged into this one. Both as the old system's people did it, and as the sweep tells it."""
        record = scenario.old[line.name]
        if line.words == ["gone"]:
            self.p.gone(self.entity[record], record)
        else:
            assert line.words[0] == "merged", line.where
            self.p.merge(self.entity[record], record, scenario.text(line.words[1]))

    def link(self, scenario, line, verb="associate"):
        record = scenario.old[line.name]
        entity = self.entity[record]
        for name, other in line.values(scenario).items():
            self.p.person_links(verb, entity, record, TO[name], other, KINDS[entity, name])

    def unlink(self, scenario, line):
        self.link(scenario, line, "dissociate")

    # ---- expectations ----

    def twins(self):
        return {old: record for entity in ENTITIES for old, record in self.p.records(entity).items()}

    def said(self):
        return self.p.outcomes() if self.p.prepared else []

    def seen(self):
        linked = {}
        for (entity, name), kind in KINDS.items():
            for source, target in self.p.links(kind):
                linked.setdefault((source, name), []).append(target)
        return {"twins": self.twins(), "live": {}, "linked": linked,
                "held": {record: {h.get("field") or "*": h["class"] for h in row["held"]} for entity in ENTITIES
                         for record, row in self.p.rows(entity).items() if row.get("held")}}

    def expect_linked(self, scenario, line, seen):
        record = scenario.old[line.name]
        have = {name: seen["linked"].get((record, name), []) for name in line.values(scenario)}
        want = {name: [value] if value else [] for name, value in line.values(scenario).items()}
        return have != want and f"linked to {have}"
