#!/usr/bin/python3 -B
"""Records that the old system deleted or merged away: what becomes of their twins, judged from the new system's ledger.

The events are published by the tests (support/deletes.py) as the sweep will do; everything behind them is the product.
"""
import deletes
import scenario_tools as tools
from harness import run_tests
from pipeline import ENTITY, SYSTEM, Pipeline

POLICIES = {  # of an untouched twin: what outcome, what class, is it still there, what is asked
    "archive": ("archived", None, False, None),
    "delete": ("removed", None, False, None),
    "keep": ("deleted", "kept", True, None),
    "review": ("held", "deleted", True, {"*": "deleted"}),
}


def policy(name, tier="T3"):
    what, class_, stays, asked = POLICIES[name]
    with Pipeline(tier=tier, entity=f'deletes = "{name}";') as p:
        plain, edited, gone, twinless, late = (
            p.create(Email=f"{n}@x.org", FirstName=n, LastName="L", Title="T")
            for n in ("plain", "edited", "gone", "twinless", "late"))
        p.create_new(email="two@x.org", firstname="One")
        two = p.create(Email="two@x.org", FirstName="Two", LastName="L")  # first meeting: a question about a field
        p.start()
        p.check()
        twins = {source: p.twin(source)["id"] for source in (plain, edited, gone, late)}
        page = [(f"{SYSTEM}:{late}", m["payload"]) for m in p.messages(f"changes.{ENTITY}") if m["key"] == f"{SYSTEM}:{late}"]
        p.edit_new(twins[edited], jobtitle="A person's")
        p.new.admin("people/delete", {"object": "contacts", "id": twins[gone]})
        deletes.delete(p, plain, edited, gone, late, two)
        # Never seen before: only a watermark, which an older page does not pass.
        stranger = "003000000000ZZZQA2"
        p.kafka.produce(p.topic(f"changes.{ENTITY}"), [deletes.event(stranger, p.old.admin("stats")["now_ms"])])
        p.check()
        deletes.again(p, page[0])
        p.check()
        assert bool(p.twin(plain)) == stays and bool(p.twin(late)) == stays
        assert deletes.outcomes(p, plain, what) == [(what, class_)], deletes.outcomes(p, plain)
        assert deletes.outcomes(p, late)[-1][0] == "stale", deletes.outcomes(p, late)
        assert p.twin(edited)["fields"]["jobtitle"] == "A person's", "an edit is never ended, whatever the policy"
        assert deletes.outcomes(p, edited)[-1] == ("held", "conflict"), deletes.outcomes(p, edited)
        assert deletes.outcomes(p, gone)[-1] == ("deleted", "twin-gone"), deletes.outcomes(p, gone)
        assert deletes.row(p, stranger)["deleted"] and "twin" not in deletes.row(p, stranger)
        questions = {edited: {"*": "deleted"}, two: {"*": "deleted"}, **({plain: asked, late: asked} if asked else {})}
        assert p.held() == questions, p.held()
        detail = {key: row["held"][0].get("detail") for key, row in p.fold().parsed().items() if row.get("held")}
        assert detail[f"{SYSTEM}:{edited}"] == "job_title" and detail[f"{SYSTEM}:{two}"] == "first_name", detail
        assert sorted(deletes.archives(p)) == ([] if stays else sorted([twins[plain], twins[late]]))
        intents = deletes.outcomes(p, plain, "intent")
        assert intents == ([] if stays else [("intent", name)]), intents
        # Said again, nothing happens again.
        deletes.publish(p, plain, edited)
        p.check()
        assert len(deletes.archives(p)) == (0 if stays else 2)
        assert "deleted" in p.tandem("explain", plain) and p.twin(twinless)
        report = p.report()
        assert report["unexplained"] == 0, report


def test_archive():
    policy("archive", "T1")


def test_delete():
    policy("delete")


def test_keep():
    policy("keep")


def test_review():
    policy("review")


def test_back_again():
    """Undeleted, entered again under a new id with the same e-mail, and undeleted where the twin was kept."""
    with Pipeline(entity='deletes = "archive";') as p:
        back, again = (p.create(Email=f"{n}@x.org", FirstName=n, LastName="L") for n in ("back", "again"))
        p.start()
        p.check()
        first = p.twin(back)["id"]
        deletes.delete(p, back, again)
        p.check()
        assert p.twin(back) is None and p.twin(again) is None
        deletes.restore(p, back)
        p.edit(back, Title="Risen")
        anew = p.create(Email="again@x.org", FirstName="Again", LastName="L2")
        p.check()
        assert p.twin(back)["fields"]["jobtitle"] == "Risen" and p.twin(back)["id"] != first
        assert p.twin(anew)["fields"]["lastname"] == "L2" and p.twin(again) is None and not p.held()
        assert "deleted" not in deletes.row(p, back)
        # Once more: a record that came back can go again.
        deletes.delete(p, back)
        p.check()
        assert p.twin(back) is None and len(deletes.archives(p)) == 3
    with Pipeline(entity='deletes = "keep";') as p:
        back = p.create(Email="back@x.org", FirstName="B", LastName="L")
        p.start()
        p.check()
        first = p.twin(back)["id"]
        deletes.delete(p, back)
        p.check()
        p.edit_new(first, city="Bonn")
        deletes.restore(p, back)
        p.edit(back, Title="Risen")
        p.check()
        twin = p.twin(back)
        assert twin["id"] == first and twin["fields"]["jobtitle"] == "Risen" and twin["fields"]["city"] == "Bonn"
        assert not p.held() and not deletes.archives(p)


def test_merges():
    """The loser alone has a twin (the winner was held, or comes later, under its own e-mail), both have one, only the winner has one."""
    with Pipeline() as p:
        loser = p.create(Email="same@x.org", FirstName="L", LastName="Held", Title="Loser's")
        p.start()
        p.check()
        held_winner = p.create(Email="same@x.org", FirstName="W", LastName="Held", Title="Winner's")
        two_l, two_w, one_w, later_l = (p.create(Email=f"{n}@x.org", FirstName=n, LastName="M")
                                        for n in ("twol", "twow", "onew", "laterl"))
        p.check()
        held_loser = p.create(Email="onew@x.org", FirstName="x", LastName="M")
        p.check()
        assert p.held() == {held_winner: {"*": "identity"}, held_loser: {"*": "identity"}}, p.held()
        twins = {source: p.twin(source)["id"] for source in (loser, two_l, two_w, one_w, later_l)}
        p.edit_new(twins[loser], city="Bonn")
        # The winner was held because of the loser: it takes the twin over, with what a person did to it.
        deletes.merge(p, held_winner, loser)
        deletes.publish(p, loser)
        # Both have one.
        deletes.merge(p, two_w, two_l)
        deletes.publish(p, two_l)
        # The loser was held because of the winner.
        deletes.merge(p, one_w, held_loser)
        deletes.publish(p, held_loser)
        p.check()
        twin = p.twin(held_winner)
        assert twin["id"] == twins[loser] and twin["fields"]["jobtitle"] == "Winner's", twin
        assert twin["fields"]["city"] == "Bonn" and p.twin(loser) is None
        assert deletes.row(p, loser)["redirect"] == f"{SYSTEM}:{held_winner}" and deletes.row(p, loser)["deleted"]
        assert deletes.outcomes(p, loser)[-1][0] == "merged", deletes.outcomes(p, loser)
        assert p.held() == {two_l: {"*": "duplicate-twin"}}, p.held()
        assert deletes.outcomes(p, held_loser)[-1] == ("merged", "no-twin"), deletes.outcomes(p, held_loser)
        assert p.twin(two_l) and p.twin(two_w) and not deletes.archives(p)
        # The winner comes later, and nothing but the redirect leads it to the twin.
        p.polls[0].term()
        later_w = p.create(Email="laterw@x.org", FirstName="Later", LastName="W")
        deletes.merge(p, later_w, later_l)
        deletes.publish(p, later_l)
        tools.wait_for(lambda: deletes.row(p, later_l)["status"] == "waiting", 60, "the loser waits", 0.1)
        p.polls[0].start()
        p.check()
        assert p.twin(later_w)["id"] == twins[later_l] and p.twin(later_w)["fields"]["email"] == "laterw@x.org"
        assert deletes.outcomes(p, later_l)[-1][0] == "merged", deletes.outcomes(p, later_l)
        assert p.held() == {two_l: {"*": "duplicate-twin"}}, p.held()
        # What the loser said long ago changes nothing.
        old = next(m["payload"] for m in p.messages(f"changes.{ENTITY}") if m["key"] == f"{SYSTEM}:{later_l}")
        deletes.again(p, (f"{SYSTEM}:{later_l}", old))
        p.edit(later_w, Title="Winner")
        p.check()
        assert deletes.outcomes(p, later_l)[-1][0] == "stale" and p.twin(later_w)["fields"]["jobtitle"] == "Winner"
        # The winner goes too: the twin that both had in their time goes by the policy, here a question.
        deletes.delete(p, later_w)
        p.check()
        assert p.held()[later_w] == {"*": "deleted"} and not deletes.archives(p)


def test_merged_in_new():
    """People merge two twins in the new system: the one is followed there, the other is a question; deleting that one ends nothing."""
    with Pipeline(entity='deletes = "archive";') as p:
        ann, bob, eva = (p.create(Email=f"{n}@x.org", FirstName=n, LastName="N") for n in ("ann", "bob", "eva"))
        p.start()
        p.check()
        native = p.create_new(email="native@x.org", firstname="Nat")
        merged = p.new.admin("people/merge", {"object": "contacts", "id": p.twin(ann)["id"], "loser": p.twin(bob)["id"], "who": "bob"})["id"]
        other = p.new.admin("people/merge", {"object": "contacts", "id": p.twin(eva)["id"], "loser": native, "who": "bob"})["id"]
        p.edit(ann, Title="Boss")
        p.edit(bob, Title="Clerk")
        p.edit(eva, Title="CTO")
        p.drain()
        assert p.twin(ann)["id"] == merged and p.twin(ann)["fields"]["jobtitle"] == "Boss"
        assert p.twin(eva)["id"] == other and p.twin(eva)["fields"]["jobtitle"] == "CTO"
        assert deletes.row(p, ann)["twin"] == merged and deletes.outcomes(p, ann)[-1] == ("updated", "twin-merged")
        assert p.held() == {bob: {"*": "identity"}}, p.held()
        deletes.delete(p, bob)
        p.drain()
        assert deletes.outcomes(p, bob)[-1] == ("deleted", "another-record") and p.twin(ann) and not p.held()
        assert not deletes.archives(p)
        deletes.delete(p, eva)
        p.check()
        assert deletes.archives(p) == [other] and p.twin(eva) is None


def test_hints():
    """A hint about a record that is gone becomes a delete or a merge, where the old system remembers; purged, it is a dead letter."""
    with Pipeline(old={"visibility_lag_ms": 0}, entity='deletes = "archive";') as p:
        gone, loser, winner, purged = (p.create(Email=f"{n}@x.org", FirstName=n, LastName="H")
                                       for n in ("gone", "loser", "winner", "purged"))
        p.start()
        p.check()
        p.delete(purged)
        p.old.admin("people/purge", {"object": "Contact"})
        p.delete(gone)
        deletes.merge(p, winner, loser)
        for source in (gone, loser, purged):
            tools.hint(p, source)
        p.check()
        event = tools.events(p, gone)[-1]
        assert event["op"] == "d" and event["source"]["modified_ms"] == deletes.gone(p, gone)["modstamp_ms"], event
        assert "merged_into" not in event["source"] and tools.events(p, loser)[-1]["source"]["merged_into"] == winner
        assert p.twin(gone) is None and deletes.outcomes(p, gone)[-1] == ("archived", None)
        assert p.held() == {loser: {"*": "duplicate-twin"}}, p.held()
        assert p.dead() == [(purged, "missing-in-source")] and p.twin(purged), p.dead()
        # The hint comes again: the same delete, nothing new.
        tools.hint(p, gone)
        p.check()
        assert len(deletes.archives(p)) == 1


STEPS = ("apply.begun", "apply.sending", "apply.answered", "apply.state_settled")


def test_kills():
    """kill -9 at each step, a reply that is lost, Redis lost in between: each twin is archived once."""
    with Pipeline(entity='deletes = "archive";', apply_build="tandem-apply-test") as p:
        sources = [p.create(Email=f"k{i}@x.org", FirstName="K", LastName=f"{i}") for i in range(len(STEPS) + 3)]
        p.start()
        p.check()
        twins = [p.twin(source)["id"] for source in sources]
        apply = p.applies[0]
        for step, source in zip(STEPS, sources):
            tools.restart(apply, failpoint=step)
            deletes.delete(p, source)
            assert apply.wait_exit(60) == -9 and apply.failpoints_hit()[-1] == step, apply.log_text()[-2000:]
            if step in ("apply.answered", "apply.state_settled"):
                p.redis.flush()
            p.revive()
            p.check()
            assert p.twin(source) is None, step
        for source, kind in zip(sources[len(STEPS):], ("drop", "drop_after_execute", "status_5xx")):
            p.new.admin("faults", {"kind": kind, "match": {"path_contains": "batch/archive"}, "count": 1})
            deletes.delete(p, source)
            p.check()
            assert p.twin(source) is None, kind
        assert sorted(deletes.archives(p)) == sorted(twins), "each once"
        assert all(deletes.outcomes(p, source, "intent") for source in sources)


if __name__ == "__main__":
    run_tests(globals())
