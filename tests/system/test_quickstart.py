"""
test_quickstart — deploy/quickstart itself, with the build under test: from nothing to a report in which nothing is
unexplained; started again it goes on, and fails on a value that nobody wrote; Ctrl-C and kill -9 leave nothing behind.
"""
import json
import os
import re
import signal
import sqlite3

import harness
from harness import BUILD, Proc, new_dir, run_tests, wait_for

QUICKSTART = os.path.join(harness.SOURCE, "deploy/quickstart")
RECORDS, TWINS = 500, 60
LINKS = {"company of a contact": 279, "parent": 14, "company of a deal": 341, "contact of a deal": 3}


def quickstart(state, *args):
    return Proc([QUICKSTART, "--state", state, "--records", RECORDS, "--twins", TWINS, *args], name="quickstart",
                env={"TANDEM_BUILD": BUILD})


def left_behind(state):
    """Processes whose command line names the state directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if state in command:
            found.append((pid, command))
    return found


def links(state, kind):
    with sqlite3.connect(f"file:{state}/new.db?mode=ro", uri=True) as database:
        return database.execute("SELECT COUNT(*) FROM links WHERE type=?", (LINKS[kind],)).fetchone()[0]


def count_of(text, label):
    """Of contacts, which come first."""
    return int(re.search(rf"^  {re.escape(label)} +(\d+)", text, re.M).group(1))


def effects(state):
    with sqlite3.connect(f"file:{state}/new.db?mode=ro", uri=True) as database:
        return dict(database.execute("SELECT op, COUNT(*) FROM effects WHERE who='integration' GROUP BY op"))


def edit_behind_everybodys_back(state):
    """A street in the new system's own store: no person, no history, no marker; its record's key."""
    with sqlite3.connect(f"{state}/new.db") as database:
        number, fields = database.execute("SELECT n, fields FROM records WHERE object='contacts' AND deleted=0 AND "
                                          "fields LIKE '%tandem_quickstart_salesforce_id%' AND fields LIKE '%\"address\"%' "
                                          "ORDER BY n DESC LIMIT 1").fetchone()
        fields = {**json.loads(fields), "address": "1 Nobody Lane"}
        database.execute("UPDATE records SET fields=? WHERE n=?",
                         (json.dumps(fields, ensure_ascii=False, separators=(",", ":")), number))
    database.close()
    return "salesforce:" + fields["tandem_quickstart_salesforce_id"]


def test_ci_then_again_and_what_nobody_wrote_fails_it():
    state = os.path.join(new_dir("quickstart"), "state")
    first = quickstart(state, "--ci")
    assert first.wait_exit(600) == 0, first.log_text()[-5000:]
    text = first.log_text()
    assert re.findall(r"^  different and unexplained +(\d+)", text, re.M) == ["0"] * 3 and "nothing is unexplained" in text
    assert count_of(text, "records in old") > RECORDS and count_of(text, "identical") > RECORDS - TWINS
    # What stood there before: equal, blank (filled) and different (a question); a bad value; a person entered twice.
    assert "first-meeting" in text and "dead-letter 1" in text and "identity 1" in text, text
    assert count_of(text, "only in new, explained") >= 100
    assert links(state, "company of a contact") >= RECORDS and all(links(state, kind) for kind in LINKS)
    assert left_behind(state) == []
    creates = effects(state)["create"]

    key = edit_behind_everybodys_back(state)
    again = quickstart(state, "--ci", "--actions", "5")
    assert again.wait_exit(600) == 1, again.log_text()[-5000:]
    text = again.log_text()
    assert "seeding" not in text and "all topics of quickstart are as they should be" in text
    assert count_of(text, "different and unexplained") == 1 and "unknown-writer 1" in text, text[-5000:]
    assert re.search(rf"such as {key} and \d+ in street$", text, re.M), text[-5000:]
    assert "FAILED: `tandem report` ended with code 65" in text
    assert effects(state)["create"] < creates + 100, "the second start began anew"
    with open(os.path.join(state, "state.json"), encoding="utf-8") as file:
        assert json.load(file)["seeded"]
    assert left_behind(state) == []


def test_ctrl_c_and_kill_leave_nothing():
    state = os.path.join(new_dir("quickstart"), "state")
    run = quickstart(state)
    wait_for(lambda: "the team goes on" in run.log_text() or not run.running(), 300, "the report")
    assert "what to look at next" in run.log_text(), run.log_text()[-5000:]
    second = quickstart(state)
    assert second.wait_exit(60) == 1 and "another quickstart is at work" in second.log_text()
    run.signal(signal.SIGINT)
    assert run.wait_exit(120) == 0, run.log_text()[-3000:]
    assert left_behind(state) == []

    run = quickstart(state)
    wait_for(lambda: "tandem: contact" in run.log_text().rpartition("state, logs")[2] or not run.running(), 300, "it runs again")
    run.kill()
    wait_for(lambda: left_behind(state) == [], 90, "all are gone")


if __name__ == "__main__":
    run_tests(globals())
