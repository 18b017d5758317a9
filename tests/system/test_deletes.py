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


def policy(name):
    what, class_, stays, asked = POLICIES[name]
    with Pipeline(entity=f'deletes = "{name}";') as p:
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
    policy("archive")


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


STEPS = ("apply.begun", "apply.intent", "apply.sending", "apply.answered", "apply.state_put", "apply.state_settled",
         "apply.redis_finished")


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
