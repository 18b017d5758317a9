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


def tables(tier):
    with Pipeline(tier=tier, entity=TRUTH, top="clock_skew_ms = 500;", truth=DECLARED) as p:
        scenario_table.run(p, [scenario for name in ("merge", "first", "truth", "values", "capture")
                               for scenario in scenario_table.read(name)])
        report = p.report()
        # [occupied-by-nobody]: it carries our external id, and nothing of ours ever knew it.
        assert report["different"]["unexplained"] == report["only_in_old"]["unexplained"] == {}, report
        assert report["only_in_new"]["unexplained"] == {"no-row": 1}, report


def test_tables_t3():
    tables("T3")


def test_tables_t1():
    tables("T1")


if __name__ == "__main__":
    run_tests(globals())
