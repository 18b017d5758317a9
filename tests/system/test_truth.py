"""
test_truth — a truth that is declared while questions are open: what it would close, counted before; the run that begins with it has
those records looked at again, and they are decided. What it cannot decide stays, with the reason that was told.
"""
import json

import scenario_tools as tools
from harness import Proc, run_tests, wait_for
from pipeline import Pipeline

REVIEW = 'truth = ( { field = "*"; rule = "review"; } );'
DECIDED = """truth = ( { field = "*"; rule = "review"; }, { field = "job_title"; rule = "old"; }, { field = "city"; rule = "new"; },
              { field = "zip"; rule = "newest"; }, { field = "country"; rule = "review"; },
              { field = "country"; rule = "old"; from = "2036-01-01"; } );"""


def groups(p, config):
    """{(field, class): (closes with old, with new, why the others stay)} of the dry run."""
    entity = json.loads(p.tandem("truth", "--dry-run", "--json", "--config", config))[0]
    assert entity["entity"] == "contact"
    return entity, {(g["field"], g["class"]): (g["closes_old"], g["closes_new"], g["stays"]) for g in entity["groups"]}


def test_a_new_rule_decides_what_was_open():
    with Pipeline(entity=REVIEW, top="clock_skew_ms = 500;") as p:
        ann = p.create(Email="ann@x.org", LastName="Lee", Title="T", MailingCity="C", MailingPostalCode="1", MailingCountry="X")
        bob = p.create(Email="bob@x.org", LastName="Roe", Phone="+49 30 1111111")
        p.start()
        p.drain()
        twin = p.twin(ann)["id"]
        with tools.paused(p):
            p.edit(ann, Title="Old", MailingCity="Old", MailingPostalCode="2", MailingCountry="Old")
            p.edit(bob, Phone="+49 30 2222222")
            p.edit_new(twin, jobtitle="New", city="New", zip="3", country="New")
            p.edit_new(p.twin(bob)["id"], phone="+49 30 3333333")
        p.drain()
        asked = {ann: dict.fromkeys(("job_title", "city", "zip", "country"), "conflict"), bob: {"phone": "conflict"}}
        assert p.held() == asked, p.held()
        said = p.tandem("truth")
        assert said == "From the first day to the last, a person decides about every field of a contact where both systems were changed.\n"
        ends = p.ends("hints")
        entity, found = groups(p, p.config)
        assert (entity["open"], entity["closes"]) == (5, 0) and set(map(str, (v[2] for v in found.values()))) == {"{'review': 1}"}, found

        # An edited copy, before anything runs with it.
        edited = p.configure("edited.cfg", entity=DECIDED)
        said = p.tandem("truth", "--config", edited)
        for words in ("salesforce is right about the job_title of a contact: where both systems were changed, its value counts.",
                      "Before 1 January 2036, a person decides about the country of a contact", "As of 1 January 2036, salesforce is right"):
            assert words in said, said
        entity, found = groups(p, edited)
        assert (entity["open"], entity["closes"], entity["records"]) == (5, 2, 1), entity
        assert found == {("job_title", "conflict"): (1, 0, {}), ("city", "conflict"): (0, 1, {}),
                         ("zip", "conflict"): (0, 0, {"not-apart": 1}), ("country", "conflict"): (0, 0, {"review": 1}),
                         ("phone", "conflict"): (0, 0, {"review": 1})}, found
        told = p.tandem("truth", "--dry-run", "--config", edited)
        assert "contact: 5 open questions, 2 would close" in told and "1 would close with the value of salesforce" in told, told
        assert p.ends("hints") == ends and p.held() == asked, "a dry run writes nothing"

        # The run that begins with it.
        p.stop()
        p.config = edited
        run = Proc(["tandem", "run", "--config", edited], name="run")
        p.wait_twin(ann, jobtitle="Old", city="New", zip="3", country="New")
        wait_for(lambda: p.held() == {ann: {"zip": "conflict", "country": "conflict"}, bob: {"phone": "conflict"}}, 60, "decided", 0.1)
        assert "1 record with open questions is looked at again" in run.log_text(), run.log_text()[-3000:]
        assert run.term() == 0
        lost = {(f["name"], f["new_now"]) for o in p.outcomes() if o["what"] == "intent" for f in o["fields"] if f["new_now"] is not None}
        assert ("job_title", "New") in lost, "a value that is written over stands in an intent before"

        # Elsewhere the processes are started one by one, and it is said by hand.
        p.config = p.configure("all.cfg", entity='truth = ( { field = "*"; rule = "new"; } );')
        p.polls, p.applies = [], []
        p.start()
        assert "asked for 2 records" in p.tandem("truth", "--redecide")
        wait_for(lambda: p.held() == {}, 60, "no question is left", 0.1)
        p.drain()
        assert p.twin(ann)["fields"]["zip"] == "3" and p.twin(bob)["fields"]["phone"] == "+49 30 3333333"
        p.assert_redis_is_fold()
        p.assert_review_is_projection()


if __name__ == "__main__":
    run_tests(globals())
