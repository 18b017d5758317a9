#!/usr/bin/python3 -B
"""What properties the old system has is asked again and again: one that is gone is an alarm and blanks nothing, a new one is named."""
from harness import run_tests, wait_for
from pipeline import ENTITY, Pipeline
from poll_tools import Polled


def hide(p, name, hidden):
    p.old.admin("schema", {"object": "Contact", "name": name, "hidden": hidden})


def gauge(p, name, prop):
    return p.polls[0].metrics().get(f'tandem_poll_{name}_property{{entity="{ENTITY}",property="{prop}"}}')


def test_a_field_that_vanished_blanks_nothing():
    """Phone is taken away while people work: the others flow, what the new system has of it stays, and it comes back with its value of then."""
    with Pipeline(poll="describe_interval_ms = 500; refresh_period_s = 0;") as p:
        people = p.team(6, "vanish")
        p.start()
        p.drain()
        phones = {record: p.twin(record)["fields"]["phone"] for record in people}
        assert all(phones.values())
        hide(p, "Phone", True)
        p.edit(people[0], Title="without a phone")
        fresh = p.create(Email="fresh@x.org", LastName="Fresh", Title="T")
        p.wait_twin(people[0], jobtitle="without a phone")
        p.wait_twin(fresh, jobtitle="T")
        p.drain()
        assert {record: p.twin(record)["fields"].get("phone") for record in people} == phones, "gone is not blank"
        assert gauge(p, "vanished", "Phone") == 1 and p.polls[0].starts == 1 and not p.dead() and not p.held()
        hide(p, "Phone", False)
        wait_for(lambda: gauge(p, "vanished", "Phone") == 0, 60, "it is there again", 0.1)
        p.edit(people[1], Phone="+49 30 7777")
        p.wait_twin(people[1], phone="+49 30 7777")
        p.check()


def test_a_refused_page_asks_what_is_there():
    """Nobody looks between pages and reads: the refusal itself says that something is gone, for passes and for hints."""
    with Polled(page=10, poll="describe_interval_ms = 0; refresh_period_s = 0;").seed(40) as p:
        hide(p, "Phone", True)
        p.go()
        p.wait_captured()
        assert not p.missing() and not p.dead() and p.polls[0].log_events("a property is not there any more: its field stays as it is in the new system")
        assert all("phone" not in event["after"] for _, event in p.events()), "unknown is left out, blank would be null"
        hide(p, "Title", True)
        record = p.old.dump("Contact")[0]["id"]
        p.hint(record)
        p.wait_hints()
        assert "job_title" not in dict(p.events())[record]["after"] and not p.dead() and p.polls[0].starts == 1


def test_lesson_11_new_fields_are_noticed():
    """A custom field that people add while poll runs is named, in the status too; so is one that they take away."""
    with Polled(poll="describe_interval_ms = 300; refresh_period_s = 0;").seed(3) as p:
        p.go()
        p.wait_captured()
        before = p.status()
        assert before["new_properties"] == "" and before["vanished"] == "", before
        p.old.admin("schema", {"object": "Contact", "name": "Fresh__c", "type": "string"})
        hide(p, "Title", True)
        wait_for(lambda: gauge(p, "new", "Fresh__c") == 1 and gauge(p, "vanished", "Title") == 1, 60, "both are noticed", 0.1)
        after = p.status()
        assert after["new_properties"] == "Fresh__c" and after["vanished"] == "Title", after
        text = p.tandem("status")
        assert "ALARM         Title: not in the old system" in text and "Fresh__c: properties that appeared" in text, text


if __name__ == "__main__":
    run_tests(globals())
