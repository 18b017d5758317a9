"""test_cli — what `tandem` answers when it is used wrongly, or when nothing it needs is there: words, stream and exit code."""
import json
import os
import re
import shutil
import subprocess

from harness import SOURCE, executable, free_port, new_dir, run_tests


def configuration(*changes):
    """A copy of deploy/quickstart.cfg with its connectors and tokens, whose services are not there; (regex, text) change it."""
    where = new_dir("cli")
    shutil.copytree(os.path.join(SOURCE, "deploy/connectors"), os.path.join(where, "connectors"))
    os.mkdir(os.path.join(where, "secrets"), 0o700)
    for name in ("old-token", "new-token"):
        with open(os.open(os.path.join(where, "secrets", name), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write("token\n")
    with open(os.path.join(SOURCE, "deploy/quickstart.cfg"), encoding="utf-8") as file:
        text = file.read()
    nobody = free_port()
    changes = ((r"127\.0\.0\.1:\d+", f"127.0.0.1:{nobody}"),) + changes
    for what, instead in changes:
        text, count = re.subn(what, instead, text)
        assert count, f"quickstart.cfg has no {what}"
    path = os.path.join(where, "tandem.cfg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def tandem(*args, program="tandem"):
    """(exit code, stdout, stderr)"""
    done = subprocess.run([executable(program), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120, check=False, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def test_wrong_usage():
    path = configuration()
    cases = [
        ([], "usage: tandem"), (["chek"], 'did you mean "check"?'), (["frobnicate"], "`tandem --help` lists them"),
        (["check", "--bogus"], "tandem: check: unrecognized option '--bogus'"), (["check", "--config"], "requires an argument"),
        (["check", "extra"], 'check does not take the argument "extra"'), (["run", "stop"], 'run does not take the argument "stop"'),
        (["topics"], "plan, apply, verify"), (["topics", "drop"], "plan, apply, verify"),
        (["config"], "tandem config dump --redact"), (["config", "load"], "tandem config dump --redact"), (["review"], "list, show <record>, rebuild"), (["review", "show"], "list, show <record>, rebuild"),
        (["review", "list", "x"], "list, show <record>, rebuild"), (["review", "show", "a", "b"], 'does not take the argument "b"'),
        (["review", "list", "--class", "conflct"], "there are: conflict first-meeting"),
        (["explain"], "wants a record"), (["explain", ""], "wants a record"), (["explain", "a", "b"], 'does not take the argument "b"'),
        (["pause", "contact"], 'does not take the argument "contact"'),
        (["pause", "--entity", "contct", "--config", path], 'no entity "contct"; it has: contact'),
        (["resume", "--why", "x"], "unrecognized option '--why'"), (["preview"], "wants an entity"), (["preview", "a", "b"], 'does not take the argument "b"'),
        (["preview", "contct", "--config", path], 'no entity "contct"; it has: contact'),
    ]
    cases += [(["preview", "contact", "--limit", limit], "--limit wants a number from 1 to 200")
              for limit in ("0", "-1", "201", "ten", "3x", "", "9" * 30)]
    for args, words in cases:
        code, out, err = tandem(*args)
        assert code == 64 and words in err and not out, (args, code, out, err)


def test_help_and_version():
    for args in (["--help"], ["help"], ["check", "--help"], ["run", "-h"], ["--version"]):
        code, out, err = tandem(*args)
        assert code == 0 and out and not err, (args, code, out, err)
    for program in ("tandem-poll", "tandem-apply", "tandem-verify"):
        for flag in ("--help", "--version"):
            code, out, err = tandem(flag, program=program)
            assert code == 0 and program in out and not err, (program, flag, code, out, err)


def test_a_configuration_that_is_not_there():
    empty = os.path.join(new_dir("cli"), "empty.cfg")
    open(empty, "w", encoding="utf-8").close()
    for path, words in ((empty + ".not", "No such file"), (empty, "nothing is configured"), ("/", "is a directory")):
        for args in (["check"], ["check", "--connect"], ["run"], ["status"], ["report"], ["topics", "plan"], ["preview", "contact"], ["config", "dump"],
                     ["review", "list"], ["explain", "a"], ["pause"], ["resume"]):
            code, out, err = tandem(*args, "--config", path)
            assert code == 78 and words in err and not out, (args, path, code, out, err)
        for program in ("tandem-poll", "tandem-apply", "tandem-verify"):
            code, out, err = tandem("--config", path, program=program)
            assert code == 78 and words in err, (program, path, code, out, err)


def line_of(path, what):
    with open(path, encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if what in line)


def test_every_mistake_is_told_at_once():
    """Those of the migration, of a connector and of a producer's own options; each with its place."""
    path = configuration((r'log_level = "info"', 'log_level = "inof"'), (r"interval_ms = 1000", "intervall_ms = 1000"))
    connector = os.path.join(os.path.dirname(path), "connectors/hubspot.cfg")
    with open(connector, encoding="utf-8") as file:
        text = file.read()
    with open(connector, "w", encoding="utf-8") as file:
        file.write(text.replace("index_lag_ms =", "index_lags_ms =", 1))
    code, out, err = tandem("check", "--config", path)
    assert code == 78 and not out, (code, out, err)
    for place, words in ((f"{path}:{line_of(path, 'inof')}: ", 'did you mean "info"?'),
                         (f"{path}:{line_of(path, 'intervall')}: ", 'did you mean "interval_ms"?'),
                         (f"{connector}:{line_of(connector, 'index_lags')}: ", 'did you mean "index_lag_ms"?')):
        assert any(line.startswith(place) and words in line for line in err.splitlines()), (place, words, err)
    assert err.splitlines()[-1] == "3 mistakes", err


def test_a_type_that_no_program_has():
    path = configuration((r'type = "poll"', 'type = "pol"'))
    code, _, err = tandem("check", "--config", path)
    assert code == 78 and 'did you mean "poll"?' in err and "1 mistake\n" in err, (code, err)


def test_secrets_that_others_can_read():
    path = configuration()
    os.chmod(os.path.join(os.path.dirname(path), "secrets/new-token"), 0o640)
    for program, args in (("tandem", ["check"]), ("tandem", ["run"]), ("tandem-poll", []), ("tandem-apply", [])):
        code, _, err = tandem(*args, "--config", path, program=program)
        assert code == 78 and "chmod 600" in err and "token\n" not in err.replace("new-token\n", ""), (program, code, err)


def test_a_dump_shows_everything_but_secrets():
    """It can be read again, and says the same then; what somebody wrote is told from what is a default."""
    path = configuration((r'"bootstrap.servers=([^"]*)"', r'"bootstrap.servers=\1", "sasl.username=ann", "ssl.key.password=geheim1", '
                                                          r'"ssl.key.pem=geheim2", "ssl.key.location=/k.pem"'),
                         (r'url = "http://127', 'url = "http://ann:geheim3@127'))
    code, out, err = tandem("config", "dump", "--redact", "--config", path)
    assert code == 0 and not err and "geheim" not in out and "token\n" not in out, (code, out, err)
    for line in ('"sasl.username=ann"', '"ssl.key.password=***"', '"ssl.key.pem=***"', '"ssl.key.location=/k.pem"', 'url = "http://***@127.',
                 "  instances = 1;\n", "  retry_max = 10;  // default\n", "    interval_ms = 1000;\n", "    gather_ms = 20;  // default\n",
                 '{  // pii\n        name = "email";\n'):
        assert line in out, (line, out)
    again = os.path.join(os.path.dirname(path), "again.cfg")
    with open(again, "w", encoding="utf-8") as file:
        file.write(out)
    assert tandem("check", "--config", again)[0] == 0
    code, second, _ = tandem("config", "dump", "--config", again)
    plain = [re.sub(r"  // (default|pii)\n|/\* default: \*/|\s", "", text) for text in (out, second)]
    assert code == 0 and plain[0] == plain[1], second
    broken = configuration((r'log_level = "info"', 'log_level = "inof"'))
    code, out, err = tandem("config", "dump", "--config", broken)
    assert code == 78 and 'did you mean "info"?' in err and not out, (code, out, err)


def test_nothing_answers():
    path = configuration()
    code, out, _ = tandem("check", "--connect", "--config", path)
    missing = [line.split(":")[0] for line in out.splitlines() if line.startswith("missing")]
    assert code == 69 and missing == ["missing  Kafka", "missing  Redis", "missing  salesforce", "missing  hubspot"], (code, out)
    for args in (["run"], ["preview", "contact"], ["pause"], ["resume"]):
        code, out, err = tandem(*args, "--config", path)
        assert code == 75 and err.startswith("tandem"), (args, code, out, err)
    code, out, err = tandem("status", "--json", "--config", path)
    status = json.loads(out)
    assert code == 0 and status["why"] and not status["running"] and status["processes"] == [], (code, out, err)


if __name__ == "__main__":
    run_tests(globals())
