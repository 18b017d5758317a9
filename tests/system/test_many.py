"""
test_many — the whole pipeline with three tandem-apply and many records: each change has exactly one effect, by the new system's own
ledger. The documented long run is TANDEM_MANY=100000 (tests/bench/README.md); the usual one is small.
"""
import os
import sqlite3

from harness import run_tests
from pipeline import Pipeline

MANY = int(os.environ.get("TANDEM_MANY", "240"))
PATIENCE_S = 120 + MANY // 20


def effects(pipeline):
    """{external id: [what the integration did to the record]}"""
    found = {}
    with sqlite3.connect(f"file:{pipeline.new.dir}/sandbox.db?mode=ro", uri=True) as database:
        for source, op, changed in database.execute("SELECT external_id, op, before IS NOT after FROM effects WHERE "
                                                    "who='integration' AND object='contacts' ORDER BY seq"):
            assert changed, f"a write to {source} that changes nothing"
            found.setdefault(source, []).append(op)
    return found


def wrong_of(found, edited):
    """Records with other effects than one a change."""
    edited = set(edited)
    return {source: ops for source, ops in found.items() if ops != (["create", "update"] if source in edited else ["create"])}


def test_each_change_has_one_effect():
    with Pipeline(partitions=6) as p:
        p.old.admin("seed", {"object": "Contact", "count": MANY, "seed": 1, "offset": 0})
        sources = sorted(record["id"] for record in p.old.dump("Contact"))
        assert len(sources) == MANY
        p.start(applies=3)
        edited = sources[::7]
        p.drain(PATIENCE_S)
        found = effects(p)
        assert sorted(found) == sources and all(ops == ["create"] for ops in found.values()), "not one create a record"
        for source in edited:
            p.edit(source, Title="Edited")
        p.drain(PATIENCE_S)
        found = effects(p)
        wrong = wrong_of(found, edited)
        assert not wrong, f"{len(wrong)} records with other effects than one a change: {list(wrong.items())[:5]}"
        report = p.report()
        assert report["identical"] == MANY and report["unexplained"] == 0, report
        p.check(PATIENCE_S)


if __name__ == "__main__":
    run_tests(globals())
