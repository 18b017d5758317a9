"""
test_connector_pages — `tandem connector test`: every shipped connector on the pages recorded for it, what it says when one of the two is
wrong, and what it finds when it asks a system.
"""
import glob
import os
import re
import shutil
import subprocess

from harness import SOURCE, Sandbox, executable, free_port, new_dir, run_tests

CONNECTORS = os.path.join(SOURCE, "deploy/connectors")


def tandem(*args):
    """(exit code, both streams)"""
    done = subprocess.run([executable("tandem"), "connector", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, check=False, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout


def change(path, old, new):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert old in text, (path, old)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new, 1))
    return text[:text.index(old)].count("\n") + 1


def test_shipped_pages():
    for folder in sorted(glob.glob(os.path.join(CONNECTORS, "recorded/*"))):
        name = os.path.basename(folder)
        code, out = tandem("test", os.path.join(CONNECTORS, f"{name}.cfg"))
        pages = len(glob.glob(os.path.join(folder, "*.txt")))
        assert code == 0 and pages and out.count("\nok ") == pages and "wrong" not in out, (name, out)


def test_what_is_wrong_has_file_and_line():
    where = shutil.copytree(CONNECTORS, os.path.join(new_dir("pages"), "connectors"))
    connector, page = os.path.join(where, "salesforce.cfg"), os.path.join(where, "recorded/salesforce/1-incremental.txt")
    line = change(page, "LastName = O'Neil", "LastName = O'Neill")
    code, out = tandem("test", connector)
    assert code == 78 and f"{page}:{line}: expected \"LastName = O'Neill\", found \"LastName = O'Neil\"\n" in out, out
    change(page, "O'Neill", "O'Neil")

    # The page is right and the connector wrong: other paths, another query.
    change(connector, 'modified = "SystemModstamp"', 'modified = "LastModifiedDate"')
    code, out = tandem("test", connector)
    assert code == 78 and re.search(rf"{page}:\d+: the request is \"GET .*LastModifiedDate", out), out
    assert 'expected "record 0035g00000XyZabAAF 2026-01-02T03:10:00Z", found "outcome later' in out, out
    assert "because " in out, out
    change(connector, 'modified = "LastModifiedDate"', 'modified = "SystemModstamp"')

    # Nobody said what has to be found: it is shown in the words in which it can be written there.
    with open(page, encoding="utf-8") as file:
        text = file.read()
    asked, expected = text.split("--- expect\n")
    with open(page, "w", encoding="utf-8") as file:
        file.write(asked)
    code, out = tandem("test", connector)
    shown = out.split("--- expect\n")[1].split("wrong ")[0]
    assert code == 78 and [w.strip() for w in shown.splitlines()] == [w.strip() for w in expected.splitlines()], out
    with open(page, "w", encoding="utf-8") as file:
        file.write(asked + "--- expect\n" + shown)
    assert tandem("test", connector)[0] == 0

    for old, new, words in (("ask incremental", "ask incrementel", "there is no such operation: incrementel"),
                            ("from 2026", "from Friday 2026", "a time looks like"), ("fields Email", "feilds Email", "known here are ask"),
                            ("--- answer 200", "--- reply", "the sections are"), ("Sforce-Limit-Info:", "Sforce", "here stand headers")):
        line = change(page, old, new)
        code, out = tandem("test", connector)
        assert code == 78 and f"{page}:{line}: {words}" in out, (words, out)
        change(page, new, old)

    line = change(connector, 'page = 2000;', 'page = 2000; pgae = 1;')
    code, out = tandem("test", connector)
    assert code == 78 and f"{connector}:{line}: unknown key \"pgae\"" in out and "recorded" not in out, out
    assert tandem("test", os.path.join(where, "nothing.cfg"))[0] == 78
    assert tandem("tset", connector)[0] == 64 and tandem("test")[0] == 64


def test_asks_the_system():
    where = shutil.copytree(CONNECTORS, os.path.join(new_dir("pages"), "connectors"))
    connector, config = os.path.join(where, "salesforce.cfg"), os.path.join(where, "migration.cfg")
    old = Sandbox("salesforce", seed=50)
    with open(os.path.join(SOURCE, "tests/support/pipeline.cfg"), encoding="utf-8") as file:
        text = file.read()
    words = {"ns": "pages", "bootstrap": f"127.0.0.1:{free_port()}", "redis": f"127.0.0.1:{free_port()}", "partitions": "1",
             "old_url": old.url, "new_url": "http://127.0.0.1:1", "external_id": "x_id", "marker": "x_marker", "conditional": "false",
             "session_timeout_ms": "6000"}
    with open(config, "w", encoding="utf-8") as file:
        file.write(re.sub(r"\$(\w+)", lambda found: words.get(found[1], ""), text))
    with open(os.open(os.path.join(where, "token"), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write("sandbox-token\n")
    code, out = tandem("test", connector, "--connect", "--config", config)
    assert code == 0, out
    for found in ("ok       count Contact: 50 records there", "ok       backfill Contact: 20 records, more follow",
                  "ok       list Contact: 20 records, more follow (next 003", "ok       incremental Contact: ",
                  "ok       read Contact: 5 records", "ok       properties Contact: "):
        assert found in out, (found, out)
    code, out = tandem("test", connector, "--connect", "--config", config, "--object", "Contact", "--fields", "LastName,Nope__c")
    line = next(i for i, text in enumerate(open(connector, encoding="utf-8"), 1) if "backfill = {" in text)
    assert code == 69 and f"{connector}:{line}: backfill Contact: " in out and "Nope__c" in out, out
    assert tandem("test", connector, "--connect", "--config", config, "--system", "hubspt")[0] == 64
    old.kill()


if __name__ == "__main__":
    run_tests(globals())
