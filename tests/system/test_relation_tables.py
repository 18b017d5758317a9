#!/usr/bin/python3 -B
"""Scenarios of contacts, companies and deals that refer to each other, merge and end (scenarios/relations.txt), all at once on one pipeline a
tier; after each phase the oracle of links judges both ledgers. At the end it has to find what is planted."""
import relation_table
import scenario_table
from harness import run_tests
from relation_tools import CONTACT_COMPANY, Relations
import links  # tests/oracle, on the path since pipeline was imported


def tables(tier):
    with Relations(tier=tier, retry_ms=1500) as p:
        scenarios = scenario_table.read("relations")
        scenario_table.run(p, scenarios, relation_table.RelatedRun)
        p.stop()
        assert not links.judge(p)
        planted(p, {scenario.slug: scenario for scenario in scenarios})


def planted(p, named):
    """Each kind of violation, done in our name behind Tandem's back."""
    def ours(verb, contact, company, times=1):
        for _ in range(times):
            p.new.admin(f"people/{verb}", {"from": {"object": "contacts", "id": p.id("contact", contact)}, "type": CONTACT_COMPANY,
                                           "to": {"object": "companies", "id": p.id("company", company)}, "who": "integration"})
    chain, moved, hers, cycle = (named[slug].old for slug in ("chain", "moved", "link-is-hers", "cycle"))
    ours("dissociate", chain["a"], chain["c"])
    ours("associate", moved["a"], cycle["a"])
    ours("dissociate", hers["a"], hers["c"])
    ours("associate", named["merged-both"].old["a"], named["merged-both"].old["w"])
    kinds = sorted(problem.split(":")[0] for problem in links.judge(p))
    assert kinds == ["double", "lost", "lost", "vanished", "wrong"], links.judge(p)


def test_t3():
    tables("T3")


def test_t1():
    tables("T1")


if __name__ == "__main__":
    run_tests(globals())
