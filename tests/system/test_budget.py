#!/usr/bin/python3 -B
"""One budget for all who ask a system: a source that takes five requests a second, counted at the source.

The long run, ten minutes and 20,000 changing records, prints the lag of the changes as well:
TANDEM_BUDGET_RECORDS=20000 TANDEM_BUDGET_SECONDS=600 BUILD_DIR=build/release PYTHONPATH=tests/support tests/system/test_budget.py
"""
import json
import os
import sqlite3
import time

from harness import run_tests, wait_for
from pipeline import ENTITY
from poll_tools import Polled

RECORDS = int(os.environ.get("TANDEM_BUDGET_RECORDS", "300"))
SECONDS = int(os.environ.get("TANDEM_BUDGET_SECONDS", "5"))
LIMIT, RESERVE, WINDOW_MS = 5, 20, 1000  # one of the five is people's
OURS = LIMIT * (100 - RESERVE) // 100


class Limited(Polled):
    def configure(self, name, **changes):
        path = super().configure(name, **changes)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        limits = f"limits = {{ requests = {LIMIT}; window_ms = {WINDOW_MS}; reserve_percent = {RESERVE}; }};"
        account = f'account = "{self.ns}-old";'
        assert account in text
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(account, f"{account} {limits}"))
        return path

    def requests(self):
        """When the source was asked, in ms, and with which status."""
        with sqlite3.connect(f"file:{self.old.dir}/sandbox.db?mode=ro", uri=True, timeout=30) as database:
            return database.execute("SELECT wall_ms, status FROM requests WHERE path LIKE '/services/data%' ORDER BY wall_ms").fetchall()


def most_in_a_window(times):
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= WINDOW_MS:
            first += 1
        most = max(most, last - first + 1)
    return most


def lags(p, edits):
    """ms from an edit to the moment at which poll saw it, for edits that were seen for themselves."""
    seen = {(key, event["after"]["job_title"]): event["source"]["observed_from_ms"] for key, event in reversed(p.events())}
    return sorted(max(0, seen[edit] - at) for edit, at in edits.items() if edit in seen)


def test_never_over_the_limit():
    """Two processes: a backfill, edits all the while, and hints; every window of the source's own ledger is looked at."""
    page = max(20, RECORDS // 100)
    # Exactly what the limit is, so that one request too many is refused as well.
    with Limited(page=page, old={"rate_limit_10s": 10 * LIMIT}).seed(RECORDS) as p:
        ids = sorted(record["id"] for record in p.old.dump("Contact"))
        p.go()
        p.add_poll()
        edits, end, n = {}, time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            record, title = ids[n % len(ids)], f"T{n}"
            p.edit(record, Title=title)
            edits[record, title] = p.old.admin("stats")["now_ms"]
            if n % 10 == 0:
                p.hint(record)
            n += 1
            # At the pace that changes all of them once.
            wait_for(lambda: time.monotonic() >= end - SECONDS + n * SECONDS / max(RECORDS, 1), 5, "the next edit", 0.001)
        p.wait_captured(SECONDS + 300)
        wait_for(lambda: p.hints_left() == 0, 120, "all hints are done", 0.2)
        assert not p.missing(), p.missing()[:10]
        times = [at for at, _ in p.requests()]
        assert {status for _, status in p.requests()} == {200}, "the source refused none"
        assert len(times) > page / 10
        assert most_in_a_window(times) <= OURS, (most_in_a_window(times), len(times))
        (budget,) = [b for b in json.loads(p.tandem("status", "--json"))["budgets"] if b["account"] == f"{p.ns}-old"]
        assert sum(budget["today"].values()) >= len(times), budget
        assert any(who.endswith(" backfill") for who in budget["today"]), budget
        lag = lags(p, edits)
        print(f"{len(edits)} edits of {RECORDS} records in {SECONDS} s, {len(times)} requests, at most {most_in_a_window(times)} in {WINDOW_MS} ms; "
              f"lag of {len(lag)}: p50 {lag[len(lag) // 2]} ms, p99 {lag[len(lag) * 99 // 100]} ms, most {lag[-1]} ms")


def test_a_share_that_is_spent_holds_nobody_else_up():
    """Of the day's requests so many are gone that none is left for a backfill, but for changes there are: each arrives, none waits with it."""
    with Polled(page=20, old={"daily_quota": 1000000}).seed(400) as p:
        # Under nine tenths, and above what a backfill may have until the last minutes of the day.
        p.old.admin("settings", {"quota_used": 899000})
        ids = sorted(record["id"] for record in p.old.dump("Contact"))
        p.go()
        waiting = f'tandem_poll_waiting{{entity="{ENTITY}",pass="backfill"}}'
        wait_for(lambda: p.polls[0].metrics().get(waiting) == 1, 60, "the backfill waits", 0.1)
        for n in range(4):
            p.edit(ids[n], Title=f"while it waits {n}")
            wait_for(lambda record=ids[n]: record in {key for key, e in p.events() if e["source"]["pass"] == "incremental"}, 40, f"change {n}", 0.2)
        assert not p.backfilled() and p.polls[0].ready()


def test_redis_comes_and_goes():
    """Without Redis poll goes on with less; a flush costs a window; the limit holds all the same."""
    with Limited(page=20, old={"rate_limit_10s": 10 * LIMIT}).seed(400) as p:
        p.go()
        wait_for(lambda: len(p.requests()) >= 6, 60, "some requests", 0.1)
        p.redis.cmd("FLUSHALL")
        seen = len(p.requests())
        wait_for(lambda: len(p.requests()) >= seen + 4, 60, "requests behind the flush", 0.1)
        p.redis.kill()
        wait_for(lambda: "the budget is not shared" in p.polls[0].log_text(), 60, "poll keeps to its own share", 0.1)
        seen = len(p.requests())
        wait_for(lambda: len(p.requests()) >= seen + 2, 60, "requests without Redis", 0.1)
        p.redis.start()
        wait_for(lambda: "the budget is shared again" in p.polls[0].log_text(), 60, "poll finds Redis", 0.1)
        p.wait_captured()
        assert not p.missing(), p.missing()[:10]
        assert {status for _, status in p.requests()} == {200}
        assert most_in_a_window([at for at, _ in p.requests()]) <= LIMIT, "the flush may cost the reserve, never the limit"


if __name__ == "__main__":
    run_tests(globals())
