"""
A mapping that is mended while the migration runs: without --remap nothing starts; with it, what died of the old
mapping is read again, and where any record may be mapped otherwise, everything is. The second mapping has a jq expression.
"""
import json
import os

from harness import Proc, run_tests, wait_for
from pipeline import Pipeline

FAX = '{ name = "fax"; old = "Fax"; new = "FAX"; }, '
FULL = """{ name = "greeting"; type = "string"; new = "greeting"; pii = true; from = ["first_name", "last_name"];
        jq = "\\"Dear \\" + .first_name + \\" \\" + (.last_name | ascii_upcase)"; },
      """


def change(p, before, after):
    with open(p.config, encoding="utf-8") as file:
        text = file.read()
    assert text.count(before) == 1, before
    with open(p.config, "w", encoding="utf-8") as file:
        file.write(text.replace(before, before + after))


def remap(p):
    return Proc(["tandem", "run", "--remap", "contact", "--config", p.config], name="run")


def generation(p):
    latest = {m["key"]: m["payload"] for m in p.messages("control")}
    return json.loads(latest["mapping:contact"])["generation"]


def events(p, record):
    return [json.loads(m["payload"]) for m in p.messages("changes.contact") if m["key"].endswith(record)]


def test_remap():
    with Pipeline() as p:
        p.validated = False  # schemas/contact.schema.json is of the quickstart's mapping
        ann = p.create(Email="ann@x.org", FirstName="Ann", LastName="Lee", LeadSource="Web")
        bob = p.create(Email="bob@x.org", FirstName="Bob", LastName="Roe", LeadSource="Fax")
        p.start()
        p.wait_twin(ann, lead_source="WEB")
        wait_for(lambda: set(p.dead()) == {(bob, "mapping")}, 60, "bob is a dead letter", 0.1)
        p.drain()
        p.stop()
        seen = len(events(p, ann))

        change(p, "values = (", FAX)
        poll = p.add_poll()
        assert poll.wait_exit() == 78
        assert "tandem run --remap contact" in poll.log_text()
        p.polls.remove(poll)

        run = remap(p)
        p.wait_twin(bob, lead_source="FAX", firstname="Bob")
        assert generation(p) == 2
        assert run.term() == 0
        # A poll that starts again reads its overlap once more; that is all that may come of her.
        again = {event["source"]["pass"] for event in events(p, ann)[seen:]}
        assert again <= {"incremental"}, f"a table that only grew reads the dead letters alone: {again}"
        assert events(p, bob)[-1]["source"]["generation"] == 2

        p.new.admin("schema", {"object": "contacts", "name": "greeting", "type": "string"})
        change(p, "fields = (\n      ", FULL)
        run = remap(p)
        p.wait_twin(ann, greeting="Dear Ann LEE", lead_source="WEB")
        p.wait_twin(bob, greeting="Dear Bob ROE")
        assert generation(p) == 3
        p.edit(ann, LastName="Low")
        p.wait_twin(ann, greeting="Dear Ann LOW", lastname="Low")
        assert run.term() == 0
        assert set(p.dead()) == {(bob, "mapping")}
        left = [pid for pid in os.listdir("/proc") if pid.isdigit() and p.config in cmdline(pid)]
        assert not left, f"helpers outlive their processes: {left}"


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    run_tests(globals())
