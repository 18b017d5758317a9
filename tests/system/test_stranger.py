"""
test_stranger — somebody adds a producer type by producers/README.md alone: its file, its compiler line and its block of the
configuration are taken from there as they stand, and nothing else of Tandem is touched.
"""
import json
import os
import re
import subprocess

import harness
from harness import BUILD, Proc, new_dir, run_tests, wait_for
from pipeline import Pipeline

LINES_MOST = 40


def block(language):
    """The one block of the README of this language."""
    with open(os.path.join(harness.SOURCE, "producers/README.md"), encoding="utf-8") as file:
        found = re.findall(rf"^```{language}\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, (language, len(found))
    return found[0]


def build(where):
    """As after `cmake --install`: headers, library and main are all that is there of Tandem."""
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", where], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    source = block("c")
    assert len(source.splitlines()) <= LINES_MOST, f"{len(source.splitlines())} lines"
    with open(os.path.join(where, "drop.c"), "w", encoding="utf-8") as file:
        file.write(source)
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as file:
        sanitizers = re.search(r"^TANDEM_SANITIZE:\w+=(.+)$", file.read(), re.MULTILINE)
    env = {**os.environ, "PKG_CONFIG_PATH": os.path.join(where, "lib/pkgconfig"),
           "CFLAGS": "-std=gnu11 -Wall -Wextra -Werror " + (f"-fsanitize={sanitizers[1]}" if sanitizers else "")}
    line = block("sh").replace("pkg-config ", f"pkg-config --define-variable=prefix={where} ")
    done = subprocess.run(["sh", "-e", "-c", line], cwd=where, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    binary = os.path.join(where, "bin/tandem-drop")
    os.rename(os.path.join(where, "tandem-drop"), binary)
    return binary


def test_a_producer_type_in_one_file():
    binary = build(new_dir("installed"))
    with Pipeline(session_timeout_ms=6000) as p:
        leads = os.path.join(p.dir, "leads.txt")

        def append(text):
            with open(leads, "a", encoding="utf-8") as file:
                file.write(text)

        def events():
            return [json.loads(m["payload"]) for m in p.messages("changes.contact")]

        append("")
        with open(p.config, encoding="utf-8") as file:
            text = file.read()
        p.prepare()
        with open(p.config, "w", encoding="utf-8") as file:
            file.write(text.replace("sources = (", f"sources = (\n  {block('cfg').strip()},".replace("leads.txt", leads)))
        tandem = os.path.join(os.path.dirname(binary), "tandem")
        said = subprocess.run([tandem, "check", "--config", p.config], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr

        append('0035g00000XyZ12AAF 2027-01-31T10:00:00Z {"email":"ann@x.org","first_name":"Ann"}\n')
        append('0035g00000XyZ13AAF 2027-01-31T10:00:01Z {"email":"no mail"}\n')
        append('0035g00000XyZ14AAF yesterday {"email":"bob@x.org"}\n\n0035g00000XyZ15AAF 2027-01-31T10:00')
        drop = Proc([binary, "--config", p.config, "--source", "trade-fair", "--listen", "127.0.0.1:0"], name="drop")
        wait_for(lambda: len(p.dead()) == 3, 60, "three lines that are no records", 0.1)
        [event] = events()
        assert event["after"] == {"email": "ann@x.org", "first_name": "Ann"} and event["source"]["connector"] == "drop", event
        assert event["source"]["partial"] and event["source"]["modified_ms"] == 1801389600000, event
        p.add_apply()
        p.wait_twin("0035g00000XyZ12AAF", email="ann@x.org", firstname="Ann")

        # Half a line waits for its end; what is on Kafka is not read again after kill -9.
        wait_for(lambda: any(key.endswith("/drop") for key in p.cursors()), 30, "its place", 0.1)
        drop.kill()
        append(':02Z {"email":"cleo@x.org","last_name":"Low"}\n')
        drop.start()
        wait_for(lambda: len(events()) == 2, 60, "the second event", 0.1)
        assert drop.term() == 0
        assert [e["after"]["email"] for e in events()] == ["ann@x.org", "cleo@x.org"] and len(p.dead()) == 3

        with open(p.config, "w", encoding="utf-8") as file:
            file.write(text.replace("sources = (", f"sources = (\n  {block('cfg').strip()},".replace("file =", "fill =")))
        said = subprocess.run([tandem, "check", "--config", p.config], capture_output=True, text=True, check=False)
        assert said.returncode == 78 and 'did you mean "file"?' in said.stdout + said.stderr, said.stdout + said.stderr


if __name__ == "__main__":
    run_tests(globals())
