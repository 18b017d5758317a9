"""
test_cli_check — `tandem` before anything runs: help that teaches, mistakes that are found together, exit codes.
What each single mistake reads like is tests/unit's; here it is that all of them arrive, from every program.
"""
import os
import re
import shutil
import subprocess

import harness
from cli_tools import Migration
from harness import executable, new_dir, run_tests

COMMANDS = ("check", "config", "topics", "preview", "run", "status", "report", "review", "explain", "truth", "pause", "resume", "sweep", "reset",
            "connector")


def tandem(*args):
    done = subprocess.run([executable("tandem"), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def lines_of(migration, text):
    """[(line, text)] of the mistakes in the migration's own file."""
    prefix = migration.path + ":"
    found = []
    for line in text.splitlines():
        if line.startswith(prefix):
            number, rest = line[len(prefix):].split(": ", 1)
            found.append((int(number), rest))
    return found


def test_help_teaches():
    code, out, _ = tandem("--help")
    assert code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in out, command
        code, text, _ = tandem(command, "--help")
        assert code == 0 and text.startswith(f"usage: tandem {command}"), text
        assert "--config FILE" in text and f"tandem {command}" in text.split("usage:", 1)[1], text


def test_usage_mistakes_name_the_way_out():
    for args, words in ((("chek",), 'did you mean "check"?'), ((), "usage: tandem"),
                        (("status", "--jsn"), "tandem status --help"), (("topics", "aply"), "plan, apply, verify"),
                        (("preview", "contact", "--limit", "0"), "from 1 to 200"), (("preview",), "wants an entity"),
                        (("report", "--settle", "1h"), "--settle wants a number")):
        code, _, err = tandem(*args)
        assert code == 64 and words in err, (args, code, err)


def test_a_good_configuration():
    migration = Migration()
    _, out, _ = migration.tandem("check", want=0)
    assert "no mistakes" in out, out


def test_the_example():
    """deploy/example.cfg as it is shipped, with secrets of any content."""
    where = new_dir("example")
    for name in ("example.cfg", "connectors"):
        source = os.path.join(harness.SOURCE, "deploy", name)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, os.path.join(where, name))
    path = os.path.join(where, "example.cfg")
    code, _, err = tandem("check", "--config", path)
    assert code == 78 and err.count("does not exist") == 4 and err.rstrip().endswith("4 mistakes"), err
    os.mkdir(os.path.join(where, "secrets"))
    for name in ("salesforce-secret", "hubspot-token", "kafka", "redis"):
        with open(os.open(os.path.join(where, "secrets", name), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write("a secret\n")
    code, out, err = tandem("check", "--config", path)
    assert code == 0 and "no mistakes" in out, out + err
    code, out, _ = tandem("truth", "--config", path)
    assert code == 0 and "As of 1 June 2027, hubspot is right about every other field of a contact" in out, out


def test_all_mistakes_at_once():
    """The migration's, a connector's and a source's own options, in one go and in order of place."""
    migration = Migration()
    zone = migration.change('time_zone = "America/New_York"', 'time_zone = "America/New_Yrok"')
    field = migration.change('type = "decimal"', 'type = "decimel"')
    option = migration.change("interval_ms = 1000", "intervall_ms = 1000")
    _, _, err = migration.tandem("check", want=78)
    found = lines_of(migration, err)
    assert [line for line, _ in found] == [zone, field, option], err
    assert "decimal" in found[1][1] and "interval_ms" in found[2][1], err
    assert err.rstrip().endswith("3 mistakes"), err


def test_the_source_type_knows_its_own_options():
    migration = Migration()
    line = migration.change("interval_ms = 1000", "intervall_ms = 1000")
    _, _, err = migration.tandem("check", want=78)
    found = lines_of(migration, err)
    assert [number for number, _ in found] == [line] and "interval_ms" in found[0][1], err


def test_a_connectors_mistakes_are_shown_with_its_file():
    migration = Migration()
    path = os.path.join(migration.dir, "connectors/hubspot.cfg")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("in_flight = 8;", "in_fligth = 8;"))
    line = text[:text.index("in_flight = 8;")].count("\n") + 1
    _, _, err = migration.tandem("check", want=78)
    assert f"connectors/hubspot.cfg:{line}: " in err and "in_flight" in err, err


def test_a_policy_that_the_connector_does_not_know_is_refused():
    migration = Migration()
    path = os.path.join(migration.dir, "connectors/hubspot.cfg")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(r"\n    archive = \{.*?\n    \};", "", text, count=1, flags=re.S))
    line = migration.change('deletes = "review"', 'deletes = "archive"')
    _, _, err = migration.tandem("check", want=78)
    found = lines_of(migration, err)
    assert [number for number, _ in found] == [line] and "no operation archive" in found[0][1], err
    migration.change('deletes = "archive"', 'deletes = "delete"')
    migration.tandem("check", want=0)


def test_a_syntax_error_stands_alone():
    migration = Migration()
    line = migration.change('old = "salesforce";', 'old = = "salesforce";')
    migration.change('type = "decimal"', 'type = "decimel"')
    _, _, err = migration.tandem("check", want=78)
    found = lines_of(migration, err)
    assert len(found) == 1 and found[0][0] == line, err


def test_a_readable_secret_is_refused():
    migration = Migration()
    os.chmod(os.path.join(migration.dir, "secrets/old-token"), 0o644)
    _, _, err = migration.tandem("check", want=78)
    assert "600" in err and "old-token" in err, err


def test_every_command_refuses_a_wrong_configuration():
    migration = Migration()
    migration.change('time_zone = "America/New_York"', 'time_zone = "Nowhere"')
    for args in (("topics", "plan"), ("preview", "contact"), ("run",), ("status",), ("report",)):
        _, _, err = migration.tandem(*args, want=78)
        assert "time_zone" in err or "Nowhere" in err, (args, err)


def test_connect_names_everything_that_is_away():
    migration = Migration()
    migration.change('properties = ["bootstrap.servers=127.0.0.1:1"]',
                     'properties = ["bootstrap.servers=127.0.0.1:1", "socket.connection.setup.timeout.ms=1000"]')
    _, out, _ = migration.tandem("check", "--connect", want=69)
    for what in ("missing  Kafka", "missing  Redis", "missing  salesforce", "missing  hubspot"):
        assert what in out, out
    assert "4 of these are in the way" in out, out


if __name__ == "__main__":
    run_tests(globals())
