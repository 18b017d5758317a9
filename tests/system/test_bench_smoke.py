"""
The programs of tests/bench run, and agree with each other in counts: a bench that does not do the work measures nothing. No time is
asserted; what is measured comes from tests/bench/run.
"""
import os
import sys

import harness

sys.path.insert(0, os.path.join(harness.SOURCE, "tests", "bench"))
import bench_apply  # noqa: E402
import bench_backfill  # noqa: E402
import bench_json_readers  # noqa: E402
import bench_latency  # noqa: E402
import bench_receive  # noqa: E402
import bench_verify  # noqa: E402
import rig  # noqa: E402
from harness import run_tests  # noqa: E402

RECORDS, EDITS = 450, 50  # not a multiple of a page
_shared = {}


def services():
    if "services" not in _shared:
        _shared["services"] = rig.Services()
    return _shared["services"]


def quiet(_text):
    pass


def test_backfill_carries_every_record_once():
    source, target = rig.Server("bench_source", RECORDS), rig.Server("bench_target", 1)
    found = bench_backfill.one_round(services(), source, target, RECORDS, rig.script_python(), 1)
    assert set(found) == set(bench_backfill.SUBJECTS), found
    assert found["floor"]["value_bytes"] == found["tandem-poll"]["value_bytes"], found


def test_apply_creates_and_updates_every_record_once():
    source = rig.Server("bench_source", RECORDS)
    found = {}
    for instances in bench_apply.INSTANCES:
        found.update(bench_apply.one_round(services(), source, RECORDS, instances))
    assert set(found) == set(bench_apply.SUBJECTS), found
    assert len(bench_apply.one_round(services(), source, RECORDS, 1, write=1)) == 4, "one record a write"


def test_verify_finds_every_pair_identical():
    results, taken = bench_verify.measure(services(), RECORDS, 1, quiet)
    assert set(results) == set(bench_verify.SUBJECTS) and taken["redis_bytes"] > 0, results


def test_every_edit_arrives():
    assert bench_latency.measure(services(), EDITS, quiet)["edits"] == EDITS
    assert bench_latency.measure_webhook(services(), EDITS, quiet)["edits"] == EDITS


def test_every_request_is_one_event():
    assert set(bench_receive.measure(services(), 300, 1, quiet)) == set(bench_receive.SUBJECTS)


def test_the_json_readers_read_the_same():
    results = bench_json_readers.measure(0.01, 1, quiet)
    assert {page for _, _, page in results} == set(bench_json_readers.PAGES), results


if __name__ == "__main__":
    run_tests(globals())
