#!/usr/bin/python3 -B
"""Some hundred scenarios, written as tables (scenarios/*.txt), all at once on one pipeline a tier; judged by the oracle after each phase."""
import scenario_table
from harness import run_tests
from pipeline import Pipeline

# What scenarios/truth.txt says in words; the second one is for the oracle.
TRUTH = """truth = ( { field = "city"; rule = "old"; }, { field = "country"; rule = "new"; }, { field = "zip"; rule = "newest"; },
                  { field = "street"; rule = "new"; }, { field = "street"; rule = "old"; from = "2020-01-01"; },
                  { field = "mobile"; rule = "new"; }, { field = "mobile"; rule = "old"; from = "2035-01-01"; },
                  { field = "phone"; rule = "enforce"; }, { field = "last_name"; rule = "review"; },
                  { field = "birth_date"; rule = "review"; }, { field = "birth_date"; rule = "enforce"; from = "2020-01-01"; } );"""
DECLARED = {"city": "old", "country": "new", "zip": "newest", "street": "old", "mobile": "new", "phone": "enforce",
            "birth_date": "enforce"}


def read(*tables):
    return [scenario for name in tables for scenario in scenario_table.read(name)]


def main_tables(tier):
    with Pipeline(tier=tier, entity=TRUTH + ' deletes = "archive";', top="clock_skew_ms = 500;", judge={"truth": DECLARED}) as p:
        scenario_table.run(p, read("merge", "first", "truth", "values", "capture", "deletes"))
        report = p.report()
        # [occupied-by-nobody]: it carries our external id, and nothing of ours ever knew it.
        assert report["different"]["unexplained"] == report["only_in_old"]["unexplained"] == {}, report
        assert report["only_in_new"]["unexplained"] == {"phantom": 1}, report


def test_t3():
    main_tables("T3")


def test_t1():
    main_tables("T1")


def edit_after_lost_answer(p):
    """Nobody saw what became of our write, and she edits at once: what we wrote is told from what she wrote."""
    ann = p.create(Email="ann@lost.example", LastName="A", Phone="(555) 123-4567", Title=" T ")
    bob = p.create(Email="bob@lost.example", LastName="B", Phone="(555) 123-4567")
    p.check()
    p.new.admin("faults", {"kind": "drop_after_execute", "count": 1, "match": {"method": "POST", "path_contains": "batch/update"}})
    p.edit(ann, Phone="(555) 777-0000", Title=" U ", LastName="A2")
    p.edit(bob, Phone="(555) 777-0001", LastName="B2")
    p.wait_twin(ann, phone="+15557770000")
    p.edit_new(p.twin(ann)["id"], phone="(555) 666-0000")
    p.check()
    twin = p.twin(ann)["fields"]
    assert (twin["phone"], twin["jobtitle"], twin["lastname"]) == ("+15556660000", "U", "A2"), twin
    assert p.twin(bob)["fields"]["phone"] == "+15557770001" and not {ann, bob} & set(p.held()), p.held()
    for last_name in ("A3", "A4"):
        p.edit(ann, LastName=last_name)
        p.check()
        assert (p.twin(ann)["fields"]["phone"], p.twin(ann)["fields"]["lastname"]) == ("+15556660000", last_name)
    p.edit(ann, Phone="(555) 555-0000")
    p.check()
    assert p.held()[ann] == {"phone": "conflict"}, p.held()


def normalising(tier):
    with Pipeline(tier=tier, new={"normalize_phones": 1, "normalize_text": 1, "normalize_decimals": 2},
                  entity='truth = ( { field = "mobile"; rule = "old"; } );',
                  judge={"truth": {"mobile": "old"}, "normalises": True}) as p:
        scenario_table.run(p, read("normal"))
        edit_after_lost_answer(p)
        assert p.report()["unexplained"] == 0, p.report()


def test_normalising_t3():
    normalising("T3")


def test_normalising_t1():
    normalising("T1")


if __name__ == "__main__":
    run_tests(globals())
