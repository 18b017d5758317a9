"""
test_cli_review — `tandem review` on rows of `state` written here by hand: the projection holds what the rows that count say, and can
be lost and written again.
"""
import json

from cli_tools import Migration
from harness import Kafka, run_tests

kafka = Kafka()
REVIEW, STATE = "quickstart.review", "quickstart.state.contact"


def row(key, held=(), epoch=0, **more):
    value = {"v": 1, "key": key, "status": "held" if held else "idle", "epoch": epoch,
             "version": {"modified_ms": 1767312000000, "observed_from_ms": 1, "generation": 1}, **more}
    if held:
        value["held"] = list(held)
    return key, json.dumps(value, ensure_ascii=False)


CONFLICT = {"class": "conflict", "field": "phone", "old": "+49 110", "new": "+49 112", "since_ms": 1767312001000, "who": "user:7"}
CITY = {"class": "first-meeting", "field": "city", "old": "Köln", "new": None}


def projection():
    """{key: value} of the open ones."""
    last = {message["key"]: message["payload"] for message in kafka.consume(REVIEW)}
    return {key: value for key, value in last.items() if value is not None}


def test_the_projection_is_written_from_the_rows():
    migration = Migration(kafka=kafka.bootstrap)
    migration.tandem("topics", "apply", want=0)
    kafka.produce(STATE, [
        row("salesforce:a", [CONFLICT, CITY], twin="501", base={"phone": {"old": "110"}}),
        row("salesforce:b", [CITY]), row("salesforce:b"),  # answered meanwhile
        row("salesforce:c", [{"class": "identity", "detail": "salesforce:d"}]),
    ])
    kafka.produce(REVIEW, [("contact/salesforce:a", "{}"), ("contact/salesforce:gone", '{"v":1}')])
    _, out, _ = migration.tandem("review", "rebuild", want=0)
    assert out == "3 open questions; 3 messages of quickstart.review were written\n", out
    first = projection()
    assert set(first) == {"contact/salesforce:a", "contact/salesforce:c"}, first
    value = json.loads(first["contact/salesforce:a"])
    assert value["held"][0] == {**CONFLICT, "base": {"old": "110"}, "rule": "review"} and value["twin"] == "501", value
    _, out, _ = migration.tandem("review", "rebuild", want=0)
    assert "0 messages of quickstart.review were written" in out, out

    kafka.tool("delete", REVIEW)
    migration.tandem("topics", "apply", want=0)
    assert projection() == {}
    _, out, _ = migration.tandem("review", "list", want=0)
    assert out == "0 open questions\n", out
    migration.tandem("review", "rebuild", want=0)
    assert projection() == first


def test_a_row_of_a_former_owner_does_not_count():
    migration = Migration(kafka=kafka.bootstrap)
    migration.tandem("topics", "apply", want=0)
    before = projection()
    partitions = kafka.topics()[STATE]
    for partition in range(partitions):  # a new owner everywhere: every epoch below this offset is over
        kafka.produce(STATE, [(f"!assign/{i}", '{"v":1,"assigned":"2","ts_ms":5}') for i in "xy"], partition=partition)
    late = max(high for _, high in kafka.ends(STATE).values())
    kafka.produce(STATE, [row("salesforce:a"), row("salesforce:late", [CITY])])  # epoch 0: of the owner before
    migration.tandem("review", "rebuild", want=0)
    assert projection() == before
    kafka.produce(STATE, [row("salesforce:a", [CITY], epoch=late)])
    migration.tandem("review", "rebuild", want=0)
    assert [held["field"] for held in json.loads(projection()["contact/salesforce:a"])["held"]] == ["city"]


def test_list_and_show():
    migration = Migration(kafka=kafka.bootstrap)
    kafka.produce(STATE, [row("salesforce:a", [CONFLICT, CITY], epoch=1000, twin="501", base={"phone": {"old": "110"}})])
    migration.tandem("review", "rebuild", want=0)
    _, out, _ = migration.tandem("review", "list", want=0)
    lines = out.splitlines()
    assert len(lines) == 4 and lines[-1].startswith("3 open questions"), out
    assert "+49" not in out and '"Köln"' in out and "(blank)" in out, "phone is pii, city is not"
    assert len({line.index(" since ") for line in lines[:-1]}) == 1, out
    _, out, _ = migration.tandem("review", "list", "--class", "conflict", "--unmask", want=0)
    assert '"+49 110"' in out and "Köln" not in out and out.splitlines()[-1].startswith("1 open question;"), out
    _, out, _ = migration.tandem("review", "list", "--limit", "1", want=0)
    assert "… and 2 more" in out, out
    _, out, _ = migration.tandem("review", "list", "--json", want=0)
    records = {record["key"]: record for record in map(json.loads, out.splitlines())}
    assert records["salesforce:a"]["held"][0]["old"] == "***" and records["salesforce:a"]["held"][1]["old"] == "Köln", out
    for name in ("salesforce:a", "contact/salesforce:a"):
        _, out, _ = migration.tandem("review", "show", name, "--unmask", want=0)
        for words in ("contact salesforce:a, in hubspot 501, changed in salesforce at 2026-01-02T00:00:00.000Z",
                      "1. phone, conflict: both systems changed it", 'agreed  "110" in salesforce, "110" in hubspot',
                      'salesforce says "+49 110"', 'hubspot says "+49 112", by user:7', "rule    review: a person decides",
                      "since   2026-01-02T00:00:01.000Z", "2. city, first-meeting", "hubspot says (blank)"):
            assert words in out, (words, out)
    code, _, err = migration.tandem("review", "show", "salesforce:nobody")
    assert code == 66 and "nothing is open for salesforce:nobody" in err and "tandem explain" in err, (code, err)


if __name__ == "__main__":
    run_tests(globals())
