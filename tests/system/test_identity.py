#!/usr/bin/python3 -B
"""Who is who while the target's index lags: one person is one record, two candidates are a question, one id has two spellings.

Persons are found by their mobile number here, which nothing in the new system keeps unique, and every look-up goes through its
search, which sees a write only after the lag.
"""
import json
import os

import scenario_tools as tools
from form_tools import Formed
from harness import run_tests, wait_for
from pipeline import Pipeline
from third_api import ThirdApi, third_connector

MOBILE = '{ name = "mobile"; type = "phone"; old = "MobilePhone"; new = "mobilephone"; '
# The connector's `read`, by a property: the search, where batch/read would have no lag.
READ = (('path = "{objects_path}/{object}/batch/read";\n      body = "{\'properties\': [{fields_json}], \'propertiesWithHistory\': [], "\n'
         '             "{?id_property:\'idProperty\': \'{id_property}\', }\'inputs\': [{each}]}";\n      each = "{\'id\': \'{id}\'}";',
         'path = "{objects_path}/{object}/{?id_property:search}{!id_property:batch/read}";\n      body = "{'
         '{?id_property:\'limit\': 200, \'filterGroups\': [{\'filters\': [{\'propertyName\': \'{id_property}\', \'operator\': \'IN\','
         ' \'values\': [{each}]}]}], }{!id_property:\'inputs\': [{each}], }\'properties\': [{fields_json}]}";\n'
         '      each = "{?id_property:\'{id}\'}{!id_property:{\'id\': \'{id}\'}}";'),)


def change(path, before, after):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text.count(before) == 1, f"{path}: {before}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(before, after))


def of_mobile(p, mobile):
    return [record for record in p.new.dump("contacts") if record["fields"].get("mobilephone") == mobile]


def lagging(tier, lag_ms):
    with Formed(tier=tier, partitions=4, new={"index_lag_ms": lag_ms}, connector={"hubspot": {"index_lag_ms": lag_ms + 300}},
                  judge={"match": ("email", "mobilephone")}) as p:
        change(p.config, MOBILE, MOBILE + "match = true; ")
        for before, after in READ:
            change(os.path.join(p.dir, "hubspot.cfg"), before, after)
        p.start(applies=2)
        p.check()
        # Two who are one, seen together by two applies.
        pairs = [[p.create(LastName=f"{side}{i}", MobilePhone=f"+49 170 10{i}") for side in "LR"] for i in range(8)]
        persons = of_two_sources(p)
        # The second one comes when the first is there, and the index does not show it.
        for i in range(2):
            first = p.create(LastName=f"First{i}", MobilePhone=f"+49 170 20{i}")
            p.wait_twin(first)
            pairs.append([first, p.create(LastName=f"Second{i}", MobilePhone=f"+49 170 20{i}")])
        # A person created one in the new system a moment ago; and two who look alike.
        native = p.create_new(lastname="Native", mobilephone="+49 170 300")
        late = p.create(LastName="Native", MobilePhone="+49 170 300", Title="CTO")
        for name in "AB":
            p.create_new(lastname=name, mobilephone="+49 170 400")
        either = p.create(LastName="A", MobilePhone="+49 170 400")
        p.check(180)
        held = p.held()
        posts = {source: why for source, why in held.items() if source in p.judge["posts"]}  # nobody edits a post
        for mobile, pair in persons.items():
            there = of_mobile(p, mobile)
            assert len(there) == 1 and there[0]["fields"][p.external_id] in pair, (mobile, pair, there)
            other = next(source for source in pair if source != there[0]["fields"][p.external_id])
            # A post that came first was taken over; one that came second is a question. The old system's record is never one.
            assert other in p.judge["posts"] and held.pop(other, {"*": "identity"}) == {"*": "identity"}, (mobile, pair, held)
        for pair in pairs:
            here = [source for source in pair if p.twin(source)]
            there = [source for source in pair if source not in here]
            mobile = p.twin(here[0])["fields"]["mobilephone"]
            assert len(here) == 1 and len(of_mobile(p, mobile)) == 1, (pair, of_mobile(p, mobile))
            assert held.pop(there[0]) == {"*": "identity"}
        assert p.twin(late)["id"] == native and p.twin(late)["fields"]["jobtitle"] == "CTO", p.twin(late)
        assert held.pop(either) == {"*": "ambiguous"} and not held, held
        assert len(of_mobile(p, "+49 170 400")) == 2 and p.twin(either) is None
        # With numbers of their own they come over.
        losers = [source for pair in (*pairs, *persons.values()) for source in pair if not p.twin(source)]
        losers = [source for source in losers if source not in p.judge["posts"]]
        for i, source in enumerate(losers + [either]):
            p.edit(source, MobilePhone=f"+49 170 5{i:02d}")
        p.check(180)
        assert p.held() == posts and all(p.twin(source) for source in losers + [either]), p.held()
        two_spellings(p, late)


def of_two_sources(p):
    """The old system and a form bring the same person: together, and either first by less than the index shows. {mobile: their ids}"""
    p.add_form()
    p.judge["posts"], persons = {}, {}

    def post(mobile, name):
        assert p.submit(mobile=mobile, last_name=name)[0] == 303
        event = next(e for e in p.events() if e["after"]["mobile"] == mobile)
        p.judge["posts"][event["source"]["id"]] = {"LastName": name, "MobilePhone": mobile}
        return event["source"]["id"]
    for i in range(6):
        mobile, name = f"+49 170 60{i}", f"Both{i}"
        pair = [make(mobile, name) for make in ((post, typed(p)) if i % 2 else (typed(p), post))]
        persons[mobile] = pair
    for i, first in enumerate((post, typed(p))):
        mobile, name = f"+49 170 61{i}", f"After{i}"
        pair = [first(mobile, name)]
        p.wait_twin(pair[0])
        persons[mobile] = pair + [(typed(p) if first is post else post)(mobile, name)]
    return persons


def typed(p):
    return lambda mobile, name: p.create(LastName=name, MobilePhone=mobile)


def two_spellings(p, source):
    """The 15 characters of an id are its 18."""
    assert len(source) == 18
    before = set(p.fold().rows)
    p.old.admin("settings", {"visibility_lag_ms": 0})  # the hint leads to the edit
    p.edit(source, Title="CFO", silent=True)
    tools.hint(p, source[:15])
    p.wait_twin(source, jobtitle="CFO")
    p.check()
    assert set(p.fold().rows) == before
    keys = {m["key"] for m in p.messages("changes.contact")}
    assert {len(key) for key in keys if key.startswith("salesforce:")} == {len("salesforce:") + 18}, keys


def of_email(p, email):
    return [record["fields"] for record in p.new.dump("contacts") if record["fields"].get("email") == email]


def rows(p):
    return {key.split(":", 1)[1]: row for key, row in p.fold().parsed().items()}


def two_old_systems(tier, lag_ms):
    """Two migrations into one new system, from Salesforce and from a third API: a person of both is one record, which carries the id of each
    in a property of its own, and both go on writing to it. What keeps them apart from a second record is the target's unique e-mail: the
    claims in Redis are each migration's own."""
    connector = {"hubspot": {"index_lag_ms": lag_ms + 300}}
    with Pipeline(tier=tier, new={"index_lag_ms": lag_ms}, connector=connector) as p, ThirdApi() as api, \
            Pipeline(tier=tier, new=p.new, connector=connector) as q:
        q.external_id = q.external_id.replace("salesforce", "third")
        q.config = q.configure("pipeline.cfg", old_url=api.url)
        with open(os.path.join(q.dir, "salesforce.cfg"), "w", encoding="utf-8") as file:
            file.write(third_connector())
        for each in (p, q):
            each.start()
        ids = {}

        def both(i):
            return wait_for(lambda: len(there := of_email(p, f"e{i}@two.example")) == 1 and {p.external_id, q.external_id} <= set(there[0]) and
                            there[0], 90, f"e{i} in the new system, with both ids: {of_email(p, f'e{i}@two.example')}\n{p.tails()}{q.tails()}", 0.2)
        for i in range(12):  # together; the last four after the other's is there, and the index does not show it
            person = {"Email": f"e{i}@two.example", "LastName": f"L{i}"}
            makers = [lambda i=i, person=person: ids.setdefault(i, p.create(**person)), lambda i=i, person=person: api.put(str(100 + i), **person)]
            for n, make in enumerate(makers[::1 if i % 2 else -1]):
                if n and i >= 8:
                    wait_for(lambda i=i: of_email(p, f"e{i}@two.example"), 60, "the first of both", 0.1)
                make()
        for i in range(12):
            fields = both(i)
            assert (fields[p.external_id], fields[q.external_id], fields["lastname"]) == (ids[i], str(100 + i), f"L{i}"), fields
        # Each writes what only its own system says; where they differ the second one is a question.
        p.edit(ids[0], Title="CEO")
        api.put("100", MailingCity="Rome")
        wait_for(lambda: (both(0).get("jobtitle"), both(0).get("city")) == ("CEO", "Rome"), 60, "what each of them said", 0.2)
        p.edit(ids[1], Title="Clerk")
        wait_for(lambda: both(1).get("jobtitle") == "Clerk", 60, "the title", 0.2)
        api.put("101", Title="Boss")
        wait_for(lambda: rows(q)["101"].get("held"), 60, "a question", 0.2)
        assert both(1)["jobtitle"] == "Clerk" and not any(row.get("held") for row in rows(p).values()), rows(p)
        assert [(h["field"], h["class"]) for h in rows(q)["101"]["held"]] == [("job_title", "first-meeting")], rows(q)["101"]
        mails = [fields["email"] for fields in (record["fields"] for record in p.new.dump("contacts"))]
        assert len(mails) == len(set(mails)) == 12, mails
        for each in (p, q):
            assert not each.dead() and {len(json.dumps(row.get("twin", ""))) > 2 for row in rows(each).values()} == {True}, rows(each)
        api.shutdown()


def test_two_old_systems_2s():
    two_old_systems("T3", 2000)


def test_two_old_systems_10s_t1():
    two_old_systems("T1", 10000)


def test_lag_2s():
    lagging("T3", 2000)


def test_lag_2s_t1():
    lagging("T1", 2000)


def test_lag_10s():
    lagging("T3", 10000)


if __name__ == "__main__":
    run_tests(globals())
