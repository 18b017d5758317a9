#!/usr/bin/python3 -B
"""A third system, with deploy/connectors/generic-rest.cfg edited and nothing else: no C, no other configuration."""
import os

import harness
from harness import run_tests, wait_for
from pipeline import Pipeline
from third_api import ThirdApi

# What an integration engineer changes in the template after reading this API's pages, and the operations it does not have.
EDITS = (
    ('name = "Generic REST"', 'name = "Third"'),
    ('base = "/v1"', 'base = "/api/3"'),
    ('id_form = "text"', 'id_form = "digits"'),
    ('time = "rfc3339"', 'time = "epoch_ms"'),
    ('id = "id";                                 // never', 'id = "uid";  // never'),
    ('modified = "updated"', 'modified = "meta.changed"'),
    ('// writer = "updated_by"', 'writer = "meta.by"'),
    ('values = "";                               // the object', 'values = "attributes";  // the object'),
    ('codes = ["code"]', 'codes = ["problem.type"]'),
    ('messages = ["message"]', 'messages = ["problem.text"]'),
    ('{ status = 429; outcome = "later"; retry_after_ms = 10000; }', '{ code = "slow_down"; outcome = "later"; retry_after_ms = 50; }'),
    ('page = 100;', 'page = 15;'),
    ('settle_ms = 5000', 'settle_ms = 200'),
    ('overlap_ms = 60000', 'overlap_ms = 2000'),
    ('path = "{base}/{object}";                // behind', 'path = "{base}/{object}/rows";  // behind'),
    ('limit = "{page}"; fields = "{fields}"; }; // a parameter', 'count = "{page}"; }; // a parameter'),
    ('next = "next";                           // path to', 'next = "data.cursor";  // path to'),
    ('path = "{base}/{object}";\n      query = { sort = "id"; after = "{after_id}"; limit = "{page}"; fields = "{fields}"; };',
     'path = "{base}/{object}/rows";\n      query = { order = "uid"; above = "{after_id}"; count = "{page}"; };'),
    ('next = "next";                           // only its', '// only its'),
    ('path = "{base}/{object}";\n      query = {\n        sort = "updated,id";', 'path = "{base}/{object}/rows";\n      query = {\n        order = "changed";'),
    ('updated_from = "{!after_id:{from}}";', 'since = "{from}";'),
    ('behind = "{?after_id:{from},{after_id}}";', 'above = "{after_id}";'),
    ('updated_to = "{to}"', 'until = "{to}"'),
    ('        limit = "{page}";\n        fields = "{fields}";\n', '        count = "{page}";\n'),
    ('method = "POST";\n      path = "{base}/{object}/read";', 'path = "{base}/{object}/rows"; query = { uids = "{each}"; by = "{id_property}"; };'),
    ('body = "{{?id_property:', '// body = "{{?id_property:'),
    ('''each = "'{id}'";                         // one id''', 'each = "{id}";  // one id'),
    ('separator = ", "', 'separator = ","'),
    ('path = "{base}/{object}/count"', 'path = "{base}/{object}/size"'),
    ('total = "total"', 'total = "data.size"'),
    ('records = "items"', 'records = "data.rows"'),
    ('records = "fields"', 'records = "data.fields"'),
)


def third_connector():
    with open(os.path.join(harness.SOURCE, "deploy/connectors/generic-rest.cfg"), encoding="utf-8") as file:
        text = file.read()
    # It is only read from: what stands behind this line goes, but for the two closing braces.
    text = text[:text.index("    // --- only for a system that Tandem writes to ---")] + "  };\n};\n"
    for old, new in EDITS:
        assert old in text, f"the template has no more: {old}"
        text = text.replace(old, new)
    return text


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
