#!/usr/bin/python3 -B
"""What the old system's log of deletions says ends in the new system: all of it, once, and nothing else; behind a brake."""
import json
import os
import re
import time

import deletes
from harness import run_tests, wait_for
from pipeline import ENTITY, Pipeline

STEPS = ("poll.sweep_put", "poll.sweep_settled")


class Swept(Pipeline):
    def __init__(self, poll="", **options):
        super().__init__(old={"visibility_lag_ms": 100, "replication_step_ms": 1}, poll=f"sweep_interval_ms = 1000; {poll}",
                         poll_build="tandem-poll-test", entity='deletes = "archive";', **options)

    def people(self, count):
        ids = [self.create(Email=f"p{n}@x.org", FirstName=f"F{n}", LastName="L") for n in range(count)]
        self.start()
        self.check()
        return ids

    def twins(self):
        return {r["fields"].get(self.external_id): r["id"] for r in self.new.dump("contacts")}

    def wait_archived(self, twins):
        twins = list(twins)
        wait_for(lambda: sorted(deletes.archives(self)) == sorted(twins), 120, f"archived: {deletes.archives(self)}\n{self.tails()}", 0.2)

    def sweep(self):
        """What `tandem status` says of it."""
        entities = json.loads(self.tandem("status", "--json"))["entities"]
        return next(e["sweep"] for e in entities if e["entity"] == ENTITY)


class Unlogged(Swept):
    """An old system that keeps no log of what was deleted: neither operation stands in its connector."""
    def __init__(self):
        super().__init__(poll="refresh_period_s = 3;", connector={"salesforce": {}})

    def write_connector(self, system, values):
        super().write_connector(system, values)
        if system != "salesforce":
            return
        path = os.path.join(self.dir, f"{system}.cfg")
        with open(path, encoding="utf-8") as file:
            text, n = re.subn(r"\n    (ended|deleted) = \{.*?\n    \};", "", file.read(), flags=re.S)
        assert n == 2, n
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def cut_time(p, one, twin):
    """A deletion's time is cut (to seconds by Salesforce, here to more): it bears a time that an earlier sweep has passed."""
    cut_s = 5
    known_ms = max(r["modstamp_ms"] for r in p.old.dump("Contact", deleted=True))
    wait_for(lambda: time.time() % cut_s > 2 and time.time() // cut_s * cut_s * 1000 > known_ms, 60, "a time that was passed", 0.2)
    p.old.admin("settings", {"timestamp_precision_ms": cut_s * 1000})
    p.delete(one)
    p.old.admin("settings", {"timestamp_precision_ms": 1000})
    wait_for(lambda: twin in deletes.archives(p), 120, f"deleted before what was told: {p.tails()}", 0.2)


def test_deletes_and_merges():
    """Deleted and merged between two sweeps, and kill -9 at each step of a sweep."""
    with Swept() as p:
        ids = p.people(12)
        twins = p.twins()
        for one in ids[:3]:
            p.delete(one)
        deletes.merge(p, ids[3], ids[4])
        p.wait_archived(twins[one] for one in ids[:3])
        # Both had a twin: a question to people, never a delete.
        wait_for(lambda: p.held() == {ids[4]: {"*": "duplicate-twin"}}, 60, f"the merge: {p.held()}", 0.2)
        cut_time(p, ids[9], twins[ids[9]])
        for n, step in enumerate(STEPS):
            poll = p.polls[0]
            poll.term()
            poll.failpoint = step
            p.delete(ids[5 + n])
            poll.start()
            assert poll.wait_exit(120) == -9, step
            p.revive()
            wait_for(lambda at=n: twins[ids[5 + at]] in deletes.archives(p), 120, f"{step}: {p.tails()}", 0.2)
        p.check()
        gone = {twins[one] for one in ids[:3] + ids[5:7] + [ids[9]]}
        archived = deletes.archives(p)
        assert len(archived) == len(set(archived)) and set(archived) == gone, (archived, gone)
        assert all(p.twin(one) for one in ids[3:5] + ids[7:9] + ids[10:])
        assert p.sweep() is None


def test_brake_and_gap():
    """More than it may: nothing ends before a person says so. A purged log: said, until a person takes note."""
    with Swept() as p:
        ids = p.people(30)
        twins = p.twins()
        p.polls[0].term()
        for one in ids[:24]:
            p.delete(one)
        p.polls[0].start()
        braked = wait_for(p.sweep, 120, "the brake", 0.2)
        assert braked["braked"] and braked["found"] == 24, braked
        assert f"tandem sweep approve {ENTITY}" in p.tandem("status")
        p.edit(ids[29], Title="goes on")
        p.wait_twin(ids[29], jobtitle="goes on")
        assert not deletes.archives(p)
        p.tandem("sweep", "approve", ENTITY)
        p.wait_archived({twins[one] for one in ids[:24]})
        wait_for(lambda: p.sweep() is None, 60, "an approval holds once", 0.2)
        p.check()
        assert len(deletes.archives(p)) == 24
        assert "asks for anything" in p.tandem("sweep", "approve", ENTITY, ok=False)
        p.polls[0].term()
        p.delete(ids[25])
        p.old.admin("people/purge", {"object": "Contact"})
        p.polls[0].start()
        gap = wait_for(p.sweep, 120, "the gap", 0.2)
        assert gap["gap_ms"] and not gap["braked"], gap
        p.tandem("sweep", "approve", ENTITY)
        assert p.sweep() is None and len(deletes.archives(p)) == 24


def test_a_listing_without_them():
    """No log: what a whole turn of the refresh does not list is read, and ends; kill -9 between hints and their end; the same brake."""
    with Unlogged() as p:
        ids = p.people(40)
        twins = p.twins()
        for one in ids[:2]:
            p.delete(one)
        p.wait_archived(twins[one] for one in ids[:2])
        poll = p.polls[0]
        poll.term()
        poll.failpoint = "poll.sweep_put"
        p.delete(ids[2])
        poll.start()
        assert poll.wait_exit(120) == -9
        p.revive()
        p.wait_archived(twins[one] for one in ids[:3])
        late = p.create(Email="late@x.org", LastName="Late")
        p.wait_twin(late)
        for one in ids[3:27]:
            p.delete(one)
        braked = wait_for(p.sweep, 120, f"the brake: {p.tails()}", 0.2)
        assert braked["braked"] and braked["by"] == "census" and 20 < braked["found"] <= 24, braked
        p.edit(ids[39], Title="goes on")
        p.wait_twin(ids[39], jobtitle="goes on")
        assert len(deletes.archives(p)) == 3
        p.tandem("sweep", "approve", ENTITY)
        p.wait_archived(twins[one] for one in ids[:27])
        wait_for(lambda: p.sweep() is None, 60, "an approval holds once", 0.2)
        p.check()
        assert p.twin(late) and all(p.twin(one) for one in ids[27:])


def test_a_gap_is_filled():
    """Deletions that the log lost: everything is listed at once, whenever the next turn was due, and the gap is closed."""
    with Swept(poll="refresh_period_s = 86400;") as p:
        ids = p.people(30)
        twins = p.twins()
        p.polls[0].term()
        p.delete(ids[0])
        p.old.admin("people/purge", {"object": "Contact"})
        p.delete(ids[1])
        p.polls[0].start()
        p.wait_archived([twins[ids[0]], twins[ids[1]]])
        wait_for(lambda: p.sweep() is None, 60, "the gap is closed", 0.2)
        p.check()
        assert len(deletes.archives(p)) == 2 and all(p.twin(one) for one in ids[2:])


if __name__ == "__main__":
    run_tests(globals())
