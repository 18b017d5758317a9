#!/usr/bin/python3 -B
"""Who is who while the target's index lags: one person is one record, two candidates are a question, one id has two spellings.

Persons are found by their mobile number here, which nothing in the new system keeps unique, and every look-up goes through its
search, which sees a write only after the lag.
"""
import os

import scenario_tools as tools
from harness import run_tests
from pipeline import Pipeline

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
    with Pipeline(tier=tier, partitions=4, new={"index_lag_ms": lag_ms}, connector={"hubspot": {"index_lag_ms": lag_ms + 300}},
                  judge={"match": ("email", "mobilephone")}) as p:
        change(p.config, MOBILE, MOBILE + "match = true; ")
        for before, after in READ:
            change(os.path.join(p.dir, "hubspot.cfg"), before, after)
        p.start(applies=2)
        p.check()
        # Two who are one, seen together by two applies.
        pairs = [[p.create(LastName=f"{side}{i}", MobilePhone=f"+49 170 10{i}") for side in "LR"] for i in range(8)]
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
        losers = [source for pair in pairs for source in pair if not p.twin(source)]
        for i, source in enumerate(losers + [either]):
            p.edit(source, MobilePhone=f"+49 170 50{i}")
        p.check(180)
        assert not p.held() and all(p.twin(source) for source in losers + [either]), p.held()
        two_spellings(p, late)


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
    assert all(len(m["key"]) == len("salesforce:") + 18 for m in p.messages("changes.contact"))


def test_lag_2s():
    lagging("T3", 2000)


def test_lag_2s_t1():
    lagging("T1", 2000)


def test_lag_10s():
    lagging("T3", 10000)


if __name__ == "__main__":
    run_tests(globals())
