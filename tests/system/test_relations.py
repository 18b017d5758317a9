"""Three entities that refer to each other: references that come before what they refer to, cycles, chains, owners, links
edited on either side, kills between a record and its links, what is merged or deleted. Judged from the new system's ledger of associations."""
import json
import re

from harness import http, run_tests, wait_for
from relation_tools import CONTACT_COMPANY, DEAL_COMPANY, DEAL_CONTACT, PARENT, Relations


def test_before_their_targets():
    before_their_targets("T3")


def test_before_their_targets_t1():
    before_their_targets("T1")


def before_their_targets(tier):
    """Contacts and deals are applied while what they refer to is not there; a chain, a cycle, a record that is its own parent."""
    with Relations(tier=tier) as p:
        p.prepare()
        apply = p.add_apply()
        top = p.company("Top")
        chain = [top]
        for n in range(3):
            chain.append(p.company(f"Chain {n}", ParentId=chain[-1]))
        one = p.company("One")
        two = p.company("Two", ParentId=one)
        p.change("company", one, ParentId=two)
        own = p.company("Own")
        p.change("company", own, ParentId=own)
        contacts = [p.contact(f"c{n}", AccountId=chain[-1]) for n in range(3)]
        deals = [p.deal(f"d{n}", AccountId=top, ContactId=contacts[n]) for n in range(3)]
        p.add_poll()
        want = {CONTACT_COMPANY: sorted((c, chain[-1]) for c in contacts),
                PARENT: sorted([(chain[n + 1], chain[n]) for n in range(3)] + [(one, two), (two, one), (own, own)]),
                DEAL_COMPANY: sorted((d, top) for d in deals), DEAL_CONTACT: sorted(zip(deals, contacts))}
        for kind, links in want.items():
            p.wait(lambda kind=kind, links=links: p.links(kind) == links, f"associations {kind}: {links}, not {p.links(kind)}")
        p.rest()
        for kind in want:
            p.assert_once(kind)
        # what comes much later
        late = p.contact("late")
        p.change("contact", late, AccountId=chain[0])
        p.change("contact", contacts[0], AccountId=None)
        p.change("contact", contacts[1], AccountId=top, Title="moved")
        moved = sorted([(contacts[1], top), (contacts[2], chain[-1]), (late, chain[0])])
        p.wait(lambda: p.links(CONTACT_COMPANY) == moved, f"{moved}, not {p.links(CONTACT_COMPANY)}")
        p.rest()
        p.assert_once(CONTACT_COMPANY)
        p.assert_whole()
        assert apply.running()
        assert_previewed(p, contacts[1], top)


def assert_previewed(p, contact, company):
    """`tandem preview` says which record a reference leads to, or what it waits for; who an owner is, or that nobody is."""
    people = {user["fields"]["Email"].split("@")[0]: user["id"] for user in p.old.dump("User")}
    early = p.contact("early", AccountId="001000000000009AAA")
    mine, nobodys = (p.deal(who, OwnerId=people[who]) for who in ("alice", "heidi"))

    def previewed():
        """By record, once the old system lists them all: it shows what is new a moment late."""
        text = "".join(p.tandem("preview", entity, "--limit", "50") for entity in ("contact", "deal"))
        shown = {block.split("\n", 1)[0].split(":", 1)[1]: block for block in text.split("\n\n") if block.startswith("salesforce:")}
        return shown if {early, mine, nobodys} <= set(shown) else None
    shown = p.wait(previewed, "all of them in a preview")
    target = f"hubspot:{p.id('company', company)}"
    for record, wanted in ((contact, f"company .* is linked to {target} \\(HUBSPOT_DEFINED:279\\)"), (early, "waits: that company has no twin"),
                           (mine, r"owner .* is hubspot:\d+$"), (nobodys, "owner .* nobody in the new system")):
        assert re.search(wanted, shown[record], re.M), (wanted, shown[record])


def test_edited_on_both_sides():
    """A link that a person changed in the new system: kept; changed on both sides: a question, or what the declared truth says."""
    with Relations() as p:
        p.start()
        a, b, c = (p.company(name) for name in "abc")
        kept, asked = p.contact("kept", AccountId=a), p.contact("asked", AccountId=a)
        x, y, z = (p.contact(name) for name in "xyz")
        deal = p.deal("ruled", ContactId=x)
        p.wait(lambda: len(p.links(CONTACT_COMPANY)) == 2 and p.links(DEAL_CONTACT) == [(deal, x)], "linked")
        p.rest()
        for record in (kept, asked):
            p.person_links("dissociate", "contact", record, "company", a, CONTACT_COMPANY)
            p.person_links("associate", "contact", record, "company", b, CONTACT_COMPANY)
        p.person_links("dissociate", "deal", deal, "contact", x, DEAL_CONTACT)
        p.person_links("associate", "deal", deal, "contact", y, DEAL_CONTACT)
        p.change("contact", kept, Title="CEO")
        p.change("contact", asked, AccountId=c)
        p.change("deal", deal, ContactId=z)
        p.wait(lambda: p.rows("contact")[asked].get("held"), "a question")
        question = p.rows("contact")[asked]["held"][0]
        company = f"hubspot:{p.id('company', c)}", f"hubspot:{p.id('company', b)}"
        assert (question["class"], question["field"], question["old"], question["new"]) == ("conflict", "company", *company), question
        p.wait(lambda: p.links(DEAL_CONTACT) == [(deal, z)], "the truth is old for this field")
        p.wait(lambda: p.records("contact")[kept]["fields"].get("jobtitle") == "CEO", "the title")
        p.rest()
        assert p.links(CONTACT_COMPANY) == sorted([(kept, b), (asked, b)]), p.links(CONTACT_COMPANY)
        intents = [outcome for outcome in p.outcomes() if outcome["what"] == "intent" and outcome["key"].endswith(deal)]
        assert [field["new_now"] for field in intents[0]["fields"]] == [f"hubspot:{p.id('contact', y)}"], intents
        # the person decides: the old system's company it is
        p.person_links("dissociate", "contact", asked, "company", b, CONTACT_COMPANY)
        p.person_links("associate", "contact", asked, "company", c, CONTACT_COMPANY)
        p.change("contact", asked, Title="decided")
        p.wait(lambda: not p.rows("contact")[asked].get("held"), "the question is closed")
        p.rest()
        p.assert_once(CONTACT_COMPANY)
        p.assert_once(DEAL_CONTACT)


def test_owners():
    """A deal belongs to whom the new system knows by her e-mail; one it does not know is a question with her address, and is found later."""
    with Relations(retry_ms=1500) as p:
        p.start()
        users = {row["fields"]["Email"].split("@")[0]: row["id"] for row in p.old.dump("User")}
        known, unknown = p.deal("known", OwnerId=users["alice"]), p.deal("unknown", OwnerId=users["heidi"])
        p.wait(lambda: p.records("deal").get(known, {"fields": {}})["fields"].get("hubspot_owner_id"), "alice's deal")
        p.wait(lambda: p.rows("deal").get(unknown, {}).get("held"), "a question")
        owners = {row["fields"]["email"]: row["id"] for row in p.new.dump("owners")}
        assert p.records("deal")[known]["fields"]["hubspot_owner_id"] == owners["alice@team.example.com"]
        question = p.rows("deal")[unknown]["held"][0]
        assert (question["class"], question["field"], question["detail"]) == ("reference", "owner", "heidi@team.example.com"), question
        assert not p.records("deal")[unknown]["fields"].get("hubspot_owner_id"), "everything but the owner is there"
        told = p.tandem("explain", f"salesforce:{unknown}")
        assert "heidi@team.example.com" in told, told
        heidi = p.new.admin("people/create", {"object": "owners", "fields": {"email": "heidi@team.example.com"}})["id"]
        p.wait(lambda: p.records("deal")[unknown]["fields"].get("hubspot_owner_id") == heidi, "heidi's deal")
        p.rest()
        assert not p.rows("deal")[unknown].get("held")
        p.assert_whole()


def test_killed_between_record_and_links():
    """kill -9 after the record is written and none, or one, of its links; the write of a link gets no answer."""
    with Relations(apply_build="tandem-apply-test") as p:
        p.prepare()
        p.add_poll()
        a, b = p.company("a"), p.company("b")
        apply = p.add_apply()
        p.wait(lambda: len(p.records("company")) == 2, "companies")
        p.rest()
        people = []
        for n, failpoint in enumerate(("apply.linking", "apply.linked", "apply.link_removed")):
            for proc in p.applies:
                proc.term()
            apply.failpoint, apply.action = failpoint, None
            if failpoint == "apply.link_removed":
                p.change("contact", people[0], AccountId=b)
            else:
                people.append(p.contact(f"k{n}", AccountId=a))
            apply.start()
            wait_for(lambda: apply.process.poll() is not None, 60, f"killed at {failpoint}")
            apply.failpoint = apply.action = None
            apply.start()
            want = sorted((record, b if failpoint == "apply.link_removed" and record == people[0] else a) for record in people)
            p.wait(lambda want=want: p.links(CONTACT_COMPANY) == want, f"{failpoint}: {want}")
            p.rest()
            p.assert_once(CONTACT_COMPANY)
        # executed, and the answer is lost
        p.new.admin("faults", {"kind": "drop_after_execute", "match": {"path_contains": "contacts/companies/batch/create"}})
        people.append(p.contact("lost", AccountId=b))
        want = sorted(want + [(people[-1], b)])
        p.wait(lambda: p.links(CONTACT_COMPANY) == want and not p.awaited("contact", people[-1]), "linked, and known to be")
        p.rest()
        p.assert_once(CONTACT_COMPANY)
        p.assert_whole()


def test_flush_while_waiting():
    """A reference that waits survives the loss of Redis; one that waits long is a question; what it waits for wakes it."""
    with Relations(retry_ms=1000) as p:
        p.start()
        company = p.company("there")
        p.wait(lambda: p.records("company"), "the company")
        gone = p.company("gone")  # the new system refuses it: it will have no twin
        p.new.admin("faults", {"kind": "status", "status": 400, "count": 0, "match": {
            "path_contains": "companies/batch/upsert", "body_contains": "gone"}})
        waits, there = p.contact("waits", AccountId=gone), p.contact("there", AccountId=company)
        p.wait(lambda: p.links(CONTACT_COMPANY) == [(there, company)], "the other one")
        p.wait(lambda: p.awaited("contact", waits) == {"company": f"salesforce:{gone}"}, "it waits")
        p.wait(lambda: p.rows("contact")[waits].get("held"), "it is a question by now")
        assert p.rows("contact")[waits]["held"][0]["detail"] == f"salesforce:{gone}"
        assert p.records("contact")[waits]["fields"]["lastname"] == "waits"
        p.redis.cmd("FLUSHALL")
        p.wait(lambda: p.redis.cmd("GET", f"tandem:{p.ns}:incarnation"), "Redis is rebuilt")
        assert p.redis.cmd("SMEMBERS", f"tandem:{p.ns}:refs:company:salesforce:{gone}"), "the wait is rebuilt from the row"
        http("DELETE", p.new.url + "/admin/faults")
        p.change("company", gone, Name="back")
        p.wait(lambda: p.links(CONTACT_COMPANY) == sorted([(there, company), (waits, gone)]), "woken")
        p.rest()
        p.assert_once(CONTACT_COMPANY)
        p.assert_whole()


def test_merged_and_deleted():
    """What a contact refers to was merged into another company, or deleted, before the contact is applied or after. (The rows of
    scenarios/relations.txt tell the rest.)"""
    with Relations(retry_ms=1500) as p:
        p.start()
        winner, loser, other, ended = (p.company(name) for name in ("winner", "loser", "other", "ended"))
        after = [p.contact(name, AccountId=company) for name, company in (("after-l", loser), ("after-e", ended))]
        linked = sorted(zip(after, (loser, ended)))
        p.wait(lambda: p.links(CONTACT_COMPANY) == linked, "linked")
        # Read in the old system before, applied after.
        p.tandem("pause", "--entity", "contact")
        before = [p.contact(name, AccountId=company) for name, company in (("before-l", loser), ("before-e", ended))]
        p.wait(lambda: {m["key"].split(":")[1] for m in p.messages("changes.contact")} >= set(before), "read while the company was there")
        p.polls[0].term()
        p.merge("company", winner, loser)
        p.gone("company", ended)
        p.wait(lambda: all(p.rows("company").get(record, {}).get("deleted") for record in (loser, ended)) or
               p.rows("company")[loser].get("held") and p.rows("company")[ended].get("deleted"), "told")
        p.tandem("resume", "--entity", "contact")
        # The deleted one has no twin: the contact is there, and asks. The merged one's twin stays until a person merged it there, too: a question.
        p.wait(lambda: p.rows("contact").get(before[1], {}).get("held"), "a question")
        p.wait(lambda: p.rows("contact").get(before[0], {}).get("twin"), "the other one is there")
        question = p.rows("contact")[before[1]]["held"][0]
        assert (question["class"], question["field"], question["detail"]) == ("reference", "company", f"salesforce:{ended}"), question
        assert p.rows("company")[loser]["held"][0]["class"] == "duplicate-twin", p.rows("company")[loser]
        # The old system tells where its references lead now.
        p.polls[0].start()
        p.wait(lambda: p.links(CONTACT_COMPANY) == sorted([(after[0], winner), (before[0], winner)]), "both at the winner")
        p.change("contact", after[1], Title="CEO")
        p.wait(lambda: p.records("contact")[after[1]]["fields"].get("jobtitle") == "CEO", "the title flows")
        p.change("contact", before[1], AccountId=other)
        p.change("contact", after[1], AccountId=None)
        p.wait(lambda: p.links(CONTACT_COMPANY) == sorted([(after[0], winner), (before[0], winner), (before[1], other)]), "told otherwise")
        p.rest()
        assert not any(row.get("held") for row in p.rows("contact").values()), p.rows("contact")
        p.assert_once(CONTACT_COMPANY)
        p.assert_whole()


def test_very_many_waiters():
    """Thousands wait for one company: they are woken a part at a time (waking:<entity> says how far), also when apply is killed meanwhile."""
    with Relations(partitions=1, session_timeout_ms=10000) as p:
        p.prepare()
        apply = p.add_apply()
        company = p.company("Everybody's")
        contacts = [p.contact(f"w{n}", AccountId=company) for n in range(2000)]
        p.new.admin("faults", {"kind": "status", "status": 400, "count": 0, "match": {"path_contains": "companies/batch/upsert"}})
        p.add_poll()
        refs = f"tandem:{p.ns}:refs:company:salesforce:{company}"
        p.wait(lambda: p.redis.cmd("SCARD", refs) == len(contacts), "all of them wait", 120)
        http("DELETE", p.new.url + "/admin/faults")
        p.change("company", company, Name="Here")
        waking = f"tandem:{p.ns}:waking:company"
        wait_for(lambda: p.redis.cmd("HLEN", waking), 60, "waking has begun", 0.005)
        apply.kill()
        assert p.redis.cmd("SCARD", refs) > 0
        apply.start()
        p.wait(lambda: not p.redis.cmd("EXISTS", waking) and not p.redis.cmd("EXISTS", refs), "all are woken", 120)
        p.rest()
        assert p.links(CONTACT_COMPANY) == sorted((contact, company) for contact in contacts)
        p.assert_once(CONTACT_COMPANY)
        p.assert_whole()


if __name__ == "__main__":
    run_tests(globals())
