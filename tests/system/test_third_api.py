#!/usr/bin/python3 -B
"""A third system, with deploy/connectors/generic-rest.cfg edited and nothing else: no C, no other configuration."""
import os

from harness import run_tests, wait_for
from pipeline import Pipeline
from third_api import ThirdApi, third_connector


def test_third_api():
    with Pipeline() as p, ThirdApi() as api:
        p.config = p.configure("pipeline.cfg", old_url=api.url)
        with open(os.path.join(p.dir, "salesforce.cfg"), "w", encoding="utf-8") as file:
            file.write(third_connector())
        for n in range(100):  # as one import leaves them: all with one time
            api.put(str(1000 + n), at_ms=1767225600123, Email=f"third.{n}@example.com", LastName=f"Third {n}", LeadSource="Web")
        p.prepare()
        p.tandem("check", "--connect")
        api.slow_down = 2
        p.start()

        def moved():
            return {r["fields"].get(p.external_id): r["fields"] for r in p.new.dump("contacts")}
        wait_for(lambda: len(moved()) == 100, 90, f"100 records in the new system\n{p.tails()}", 0.2)
        assert moved()["1042"]["lastname"] == "Third 42" and moved()["1042"]["lead_source"] == "WEB", moved()["1042"]
        for n in range(20):
            api.put(str(1000 + n), Title="CEO", LastName="O'Neil \"\\")
        api.put("2000", Email="new@example.com", LastName="New")
        wait_for(lambda: sum(f.get("jobtitle") == "CEO" and f["lastname"] == "O'Neil \"\\" for f in moved().values()) == 20, 60,
                 f"20 edits\n{p.tails()}", 0.2)
        wait_for(lambda: moved().get("2000", {}).get("lastname") == "New", 60, "one that is new", 0.2)
        assert len(moved()) == 101 and not p.dead()
        api.shutdown()


if __name__ == "__main__":
    run_tests(globals())
