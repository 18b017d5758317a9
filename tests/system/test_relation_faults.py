#!/usr/bin/python3 -B
"""The fault matrix with contacts, companies and deals: the team edits both systems and moves links on both sides while Kafka, Redis, the target, the
source and tandem-apply misbehave; after each fault the oracle of links judges both ledgers."""
import itertools
import random

from harness import http, run_tests, wait_for
from relation_tools import CONTACT_COMPANY, DEAL_CONTACT, ENTITIES, Relations
import links  # tests/oracle, on the path since pipeline was imported


class Team:
    """People of both systems. seed: who does what; every run the same."""

    def __init__(self, p, seed):
        self.p, self.random, self.numbers = p, random.Random(seed), itertools.count(1)
        self.companies, self.contacts, self.deals = [], [], []

    def work(self):
        """A company and its contact and deal, in an order in which references come before what they lead to; then edits on both sides."""
        p, n, pick = self.p, next(self.numbers), self.random.choice
        self.companies.append(p.company(f"Company {n}", ParentId=pick(self.companies) if self.companies else None))
        self.contacts.append(p.contact(f"contact{n}", AccountId=self.companies[-1]))
        self.deals.append(p.deal(f"Deal {n}", AccountId=pick(self.companies), ContactId=self.contacts[-1]))
        p.change("contact", pick(self.contacts), AccountId=pick(self.companies), Title=f"T{n}")
        p.change("company", self.companies[0], ParentId=pick(self.companies))  # a cycle, as often as not
        p.change("deal", pick(self.deals), ContactId=pick(self.contacts), Name=f"Deal of {n}")
        self.edit_new(n)

    def edit_new(self, n):
        """In the new system: a title, and a contact that somebody moves to another company."""
        twins, companies = self.p.records("contact"), self.p.records("company")
        if not twins or len(companies) < 2:
            return
        self.p.new.admin("people/edit", {"object": "contacts", "id": self.random.choice(list(twins.values()))["id"], "who": "bob",
                                         "fields": {"jobtitle": f"N{n}"}})
        contact, company = self.random.choice(list(twins.values()))["id"], self.random.choice(list(companies.values()))["id"]
        now = [link for link in self.p.standing("contacts", CONTACT_COMPANY) if link[0] == contact]
        for verb, ends in [("dissociate", end) for _, end in now] + [("associate", company)]:
            self.p.new.admin(f"people/{verb}", {"from": {"object": "contacts", "id": contact}, "to": {"object": "companies", "id": ends},
                                                "type": CONTACT_COMPANY, "who": "bob"})


TARGET = ({"kind": "status_429", "count": 2}, {"kind": "status_5xx", "count": 2}, {"kind": "drop", "count": 2},
          {"kind": "drop_after_execute", "count": 2}, {"kind": "garbage_body", "count": 2}, {"kind": "truncate_json", "count": 2})
WRITES = ("contacts/batch/", "deals/batch/", "/batch/create", "labels/archive")
SOURCE = ({"kind": "status_5xx", "count": 2}, {"kind": "drop", "count": 1}, {"kind": "truncate_body", "count": 1}, {"kind": "duplicate_page", "count": 1})


def whole(p, team, fault):
    """At rest nothing is wrong."""
    for crm in (p.old, p.new):
        http("DELETE", crm.url + "/admin/faults")
    p.arrived()
    p.wait(lambda: not any(row.get("awaits") for entity in ENTITIES for row in p.rows(entity).values()), f"after {fault}: nothing waits")
    p.rest()
    problems = links.judge(p)
    assert not problems, f"after {fault}:\n" + "\n".join(problems) + p.tails()
    assert len(p.links(DEAL_CONTACT)) == len(team.deals), f"after {fault}: a deal without its contact"


def services(p, team):
    for name, begin, end in (("Redis hung", p.redis.sigstop, p.redis.sigcont), ("Redis killed", p.redis.kill, p.redis.start),
                             ("Redis emptied", p.redis.flush, lambda: None), ("Kafka hung", p.kafka.sigstop, p.kafka.sigcont),
                             ("Kafka killed", p.kafka.kill, p.kafka.start)):
        team.work()
        begin()
        team.work()
        end()
        team.work()
        whole(p, team, name)


def systems(p, team):
    for crm, kinds, paths in ((p.new, TARGET, WRITES), (p.old, SOURCE, ("query",))):
        for fault in kinds:
            for path in paths:
                crm.admin("faults", {**fault, "match": {"path_contains": path}})
            team.work()
        whole(p, team, f"faults of {crm.name}")


def kills(p, team):
    apply = p.applies[0]
    for failpoint in ("apply.sending", "apply.linking", "apply.link_removed", "apply.linked", "apply.state_settled"):
        apply.term()
        apply.failpoint = failpoint
        apply.start()
        wait_for(lambda: team.work() or not apply.running(), 60, f"killed at {failpoint}", 0.5)
        apply.failpoint = None
        apply.start()
        team.work()
    whole(p, team, "kills")


def matrix(tier, *faults):
    with Relations(tier=tier, apply_build="tandem-apply-test") as p:
        team = Team(p, tier)
        p.start()
        team.work()
        whole(p, team, "nothing")
        for fault in faults:
            fault(p, team)


def test_t3():
    matrix("T3", services, systems)


def test_t1():
    matrix("T1", kills)


if __name__ == "__main__":
    run_tests(globals())
