#!/usr/bin/python3 -B
"""The refresh: what changes in the old system without a modified date is read again in turns, published once, counted per field."""
import json

from harness import run_tests, wait_for
from pipeline import ENTITY, SYSTEM, Pipeline
from relation_tools import CONTACT_COMPANY, OBJECTS, Relations

PERIOD_S = 2
# A year before now: no overlap of an incremental pass reads it again.
LONG_AGO_MS = 365 * 24 * 3600 * 1000


def long_ago(sandbox):
    return sandbox.admin("stats")["now_ms"] - LONG_AGO_MS


def silent(cursor):
    return {each["field"]: each["count"] for each in (cursor or {}).get("silent", ())}


class Refreshed(Pipeline):
    def __init__(self, poll="", **options):
        super().__init__(poll=f"page = 20; refresh_period_s = {PERIOD_S}; {poll}", **options)

    def create(self, who="ann", **fields):
        return self.old.admin("people/create", {"object": "Contact", "fields": fields, "who": who, "modstamp": long_ago(self.old)})["id"]

    def ready(self, count):
        """count records in both systems, at rest, and the first turn under way."""
        people = self.team(count, "member")
        self.start()
        self.drain()
        wait_for(lambda: self.turn() > 0, 60, "a first turn", 0.1)
        return people

    def cursor(self):
        return self.cursors().get(f"{SYSTEM}/{ENTITY}/refresh")

    def turn(self):
        cursor = self.cursor()
        return cursor["cursor"]["from_ms"] if cursor else 0

    def counted(self):
        return silent(self.cursor())

    def whole_turn(self):
        """Until a turn that began after now is over."""
        now = self.old.admin("stats")["now_ms"]
        wait_for(lambda: self.turn() > now and self.cursor()["cursor"]["done"], 120, f"a turn after {now}: {self.cursor()}\n{self.tails()}", 0.1)

    def published(self):
        """[(id, event)] of the refresh, in the order of each partition."""
        found = []
        for message in self.messages(f"changes.{ENTITY}"):
            event = json.loads(message["payload"])
            if event["source"]["pass"] == "refresh":
                found.append((message["key"].split(":", 1)[1], event))
        return found

    def silently(self, record, **fields):
        self.edit(record, silent=True, **fields)


def test_lesson_08_what_moves_no_date_is_read_again():
    """Calculated properties move no date: each of them arrives, nothing else is published, and the lead sees which fields they were."""
    with Refreshed() as p:
        people = p.ready(50)
        p.whole_turn()
        assert not p.published(), "nothing changed: nothing is published, whatever is read again"
        writes = p.new.admin("stats")["effects"]
        for record in people[:7]:
            p.silently(record, Balance__c=4711)
        p.silently(people[3], Balance__c=4712, Title="Chief")
        p.silently(people[49], Title="Last")
        p.edit(people[20], Title="loud")
        for record in people[:3] + people[4:7]:
            p.wait_twin(record, annualrevenue="4711")
        p.wait_twin(people[3], annualrevenue="4712", jobtitle="Chief")
        p.wait_twin(people[49], jobtitle="Last")
        p.whole_turn()
        p.check()
        assert p.new.admin("stats")["effects"] - writes in (9, 10), "one write a change; people[3] may have been seen between its two"
        assert {key for key, _ in p.published()} == {*people[:7], people[49]}, "what moved a date is not the refresh's"
        assert p.counted()["job_title"] == 2 and 7 <= p.counted()["balance"] <= 8 and len(p.counted()) == 2, p.counted()
        assert len(p.published()) in (8, 9)
        metrics = p.polls[0].metrics()
        for field, count in p.counted().items():
            assert metrics[f'tandem_refresh_silent_fields_total{{entity="{ENTITY}",field="{field}"}}'] == count
        (entity,) = json.loads(p.tandem("status", "--json"))["entities"]
        assert entity["silent"] == p.counted(), entity
        assert "silent" in p.tandem("status") and p.report()["silent"] == p.counted()


def test_killed_in_a_turn():
    """kill -9 before and behind the reports: the turn goes on from its place, nothing is lost, at most a page is told twice."""
    with Refreshed(poll_build="tandem-poll-test") as p:
        people = p.ready(50)
        for step in ("poll.refresh_put", "poll.refresh_settled"):
            p.polls[0].term()
            for record in people:
                p.silently(record, Title=step)
            before = len(p.published())
            p.polls[0].failpoint = f"{step}:2"
            p.polls[0].start()
            assert p.polls[0].wait_exit(120) == -9, p.tails()
            p.revive()
            turn = wait_for(lambda: p.polls[0].log_events("refresh: a turn is done"), 120, "that turn's end", 0.1)[0]
            assert turn["records"] < 50, "it went on from its place"
            p.whole_turn()
            p.check()
            assert 50 <= len(p.published()) - before <= 70, (step, len(p.published()) - before)
        assert len(p.polls[0].failpoints_hit()) == 2 and 60 <= p.counted()["job_title"] <= 100, p.counted()


def test_changes_come_first():
    """A page of the refresh that the source does not answer holds no change up."""
    with Refreshed(connector={"salesforce": {"timeout_ms": 90000}}) as p:
        people = p.ready(30)
        p.old.admin("hold", {"match": {"path_contains": "ORDER%20BY%20Id"}, "when": "before", "count": 0})
        wait_for(lambda: p.old.admin("held")["held"], 60, "a page that nobody answers", 0.1)
        p.edit(people[0], Title="meanwhile")
        p.wait_twin(people[0], 60, jobtitle="meanwhile")
        assert len(p.old.admin("held")["held"]) == 1 and p.polls[0].ready(), "it is still not answered"
        p.old.admin("release", {"action": "go"})
        p.whole_turn()
        p.check()


def test_waits_for_rows():
    """While Redis holds no rows nothing is published for being unknown: the refresh waits, says so, and goes on by itself."""
    with Refreshed() as p:
        people = p.ready(30)
        p.applies[0].term()
        p.redis.cmd("FLUSHALL")
        waiting = f'tandem_poll_waiting{{entity="{ENTITY}",pass="refresh"}}'
        wait_for(lambda: p.polls[0].metrics().get(waiting) == 1, 60, "the refresh waits", 0.1)
        p.silently(people[5], Title="unseen")
        p.edit(people[6], Title="seen")
        assert p.polls[0].ready() and not p.published()
        p.applies[0].start()
        p.wait_twin(people[5], 90, jobtitle="unseen")
        p.check()
        # people[6] may have been read before apply had its event: whether that is news was not known.
        assert {people[5]} <= {key for key, _ in p.published()} <= {people[5], people[6]}, p.published()
        assert p.polls[0].metrics()[waiting] == 0


def test_apply_is_behind():
    """Two turns find what apply has not had yet: it is counted once; undone before apply had it, it is undone there too."""
    with Refreshed() as p:
        person = p.ready(10)[3]
        p.applies[0].term()
        p.silently(person, Title="there")

        def told(title):
            return len([key for key, event in p.published() if key == person and event["after"]["job_title"] == title])
        wait_for(lambda: told("there") >= 2, 60, "two turns that say so", 0.1)
        p.silently(person, Title="T0")
        wait_for(lambda: told("T0") >= 1, 60, "and back again", 0.1)
        p.applies[0].start()
        p.check()
        assert p.twin(person)["fields"]["jobtitle"] == "T0" and p.counted() == {"job_title": 1}, (p.twin(person), p.counted())


class Related(Relations):
    def configure(self, name, **changes):
        path = super().configure(name, **changes)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert "refresh_period_s = 0;" in text
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("refresh_period_s = 0;", f"refresh_period_s = {PERIOD_S};"))
        return path

    def put(self, entity, who="ann", **fields):
        return self.old.admin("people/create", {"object": OBJECTS[entity][0], "fields": fields, "who": who, "modstamp": long_ago(self.old)})["id"]

    def silently(self, entity, record, **fields):
        self.old.admin("people/edit", {"object": OBJECTS[entity][0], "id": record, "fields": fields, "who": "ann", "silent": True})


def test_lesson_10_a_parents_change_alters_its_children():
    """A formula of a contact follows its company's name: the company says that it changed, the contacts do not."""
    with Related() as p:
        company = p.company("Old & Sons")
        people = [p.contact(f"child{n}", AccountId=company, Title="works at Old & Sons") for n in range(4)]
        p.start()
        p.wait(lambda: len(p.records("contact")) == 4, "the children", 90)
        p.change("company", company, Name="New & Sons")
        for record in people:
            p.silently("contact", record, Title="works at New & Sons")
        p.wait(lambda: {p.records("contact")[record]["fields"]["jobtitle"] for record in people} == {"works at New & Sons"}, "each child's formula", 90)
        p.rest()
        p.assert_whole()


def test_lesson_12_an_association_changes_without_its_record():
    """A contact is moved to another company, and its date does not move: the association follows, once."""
    with Related() as p:
        one, two = p.company("One"), p.company("Two")
        person = p.contact("mover", AccountId=one)
        p.start()
        p.wait(lambda: p.links(CONTACT_COMPANY) == [(person, one)], "the first association", 90)
        p.silently("contact", person, AccountId=two)
        p.wait(lambda: p.links(CONTACT_COMPANY) == [(person, two)], "the second one", 90)
        p.rest()
        p.assert_once(CONTACT_COMPANY)
        counted = silent(p.cursors()[f"{SYSTEM}/contact/refresh"])
        assert counted == {"company": 1}, counted


if __name__ == "__main__":
    run_tests(globals())
