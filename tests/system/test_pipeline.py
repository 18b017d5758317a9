#!/usr/bin/python3 -B
"""The main job, once on each tier: a backfill into a system that holds twins, then live edits; and what it leaves in Kafka."""
from harness import run_tests
from pipeline import Pipeline


def main_job(tier):
    with Pipeline(tier=tier) as p:
        p.old.admin("seed", {"object": "Contact", "count": 300, "seed": 1, "offset": 0})
        p.new.admin("seed", {"object": "contacts", "count": 40, "seed": 1, "offset": 280})
        mails = {record["fields"].get("Email", "").lower() for record in p.old.dump("Contact")} - {""}
        twins = sum(record["fields"].get("email") in mails for record in p.new.dump("contacts"))
        assert twins > 10
        p.start()
        verdict = p.check()
        assert verdict.checked == 300, verdict
        assert len(p.new.dump("contacts")) == 300 + 40 - twins, (len(p.new.dump("contacts")), twins)
        assert not p.dead(), p.dead()
        # Live: created, changed, cleared, changed again.
        ann = p.create(Email="Ann@X.org", FirstName="Ann", LastName="A", Title="CTO", Balance__c=10.50)
        p.edit(ann, Balance__c=11, MailingCity="Köln")
        p.check()
        p.edit(ann, Title=None)
        p.check()
        twin = p.twin(ann)["fields"]
        assert twin["email"] == "ann@x.org" and twin["city"] == "Köln" and "jobtitle" not in twin, twin
        # Nothing has changed: nothing is written, however often it is read.
        before = p.new.admin("stats")["effects"]
        for proc in p.processes():
            proc.restart()
        p.check()
        assert p.new.admin("stats")["effects"] == before
        assert p.validate() > 600


def test_t3():
    main_job("T3")


def test_t1():
    main_job("T1")


if __name__ == "__main__":
    run_tests(globals())
