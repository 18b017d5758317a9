"""
cli_tools — what the tests of the `tandem` command share: the contacts of deploy/quickstart.cfg, without what they refer to, in a
directory of its own with the addresses of this test's services; and the command itself.
"""
import json
import os
import re
import shutil
import subprocess

import harness
from harness import executable, new_dir

CONNECTOR = {"timeout_ms": 5000, "request_lifetime_ms": 6000, "index_lag_ms": 400}


class Migration:
    """A copy of quickstart.cfg, its connectors and its secrets. Addresses may be those of nobody."""

    def __init__(self, kafka="127.0.0.1:1", redis="127.0.0.1:1", old="http://127.0.0.1:1", new="http://127.0.0.1:1",
                 ns="quickstart", bin_dir=None):
        self.dir = new_dir("migration")
        self.path = os.path.join(self.dir, "tandem.cfg")
        self.program = os.path.join(bin_dir, "tandem") if bin_dir else executable("tandem")
        with open(os.path.join(harness.SOURCE, "deploy/quickstart.cfg"), encoding="utf-8") as file:
            text = file.read()
        for default, ours in (("127.0.0.1:9092", kafka), ("127.0.0.1:6379", redis), ("http://127.0.0.1:8401", old),
                              ("http://127.0.0.1:8402", new), ('migration = "quickstart"', f'migration = "{ns}"')):
            assert text.count(default) == 1, default
            text = text.replace(default, ours)
        for what, instead in ((r" \},\n *//[^\n]*\n( *//[^\n]*\n)* *\{ name = \"company\"; type = \"reference\"[^\n]*\n", " }\n"),
                              (r"  \},\n  \{\n    name = \"company\";.*?\n  \}\n\);\n", "  }\n);\n")):
            text, count = re.subn(what, instead, text, count=1, flags=re.S)
            assert count == 1, what
        self.ns = ns
        self.write(text)
        shutil.copytree(os.path.join(harness.SOURCE, "deploy/connectors"), os.path.join(self.dir, "connectors"))
        hubspot = os.path.join(self.dir, "connectors/hubspot.cfg")
        with open(hubspot, encoding="utf-8") as file:
            connector = file.read()
        for name, value in CONNECTOR.items():
            connector = re.sub(rf"\b{name} = \d+;", f"{name} = {value};", connector)
        with open(hubspot, "w", encoding="utf-8") as file:
            file.write(connector)
        os.mkdir(os.path.join(self.dir, "secrets"))
        for name in ("old-token", "new-token"):
            path = os.path.join(self.dir, "secrets", name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write("sandbox-token\n")

    def write(self, text):
        self.text = text
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def change(self, before, after):
        """Replace one place of the configuration; the line it is on."""
        assert self.text.count(before) == 1, before
        line = self.text[:self.text.index(before)].count("\n") + 1
        self.write(self.text.replace(before, after))
        return line

    def tandem(self, *args, timeout=120, want=None):
        """Run a command to its end: (exit code, stdout, stderr)."""
        done = subprocess.run([self.program, *map(str, args), "--config", self.path], cwd=self.dir,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, check=False)
        if want is not None:
            assert done.returncode == want, f"tandem {args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.returncode, done.stdout, done.stderr

    def status(self):
        return json.loads(self.tandem("status", "--json", want=0)[1])

    def processes(self):
        """run_dir/processes.json by name; {} while nobody runs."""
        try:
            with open(os.path.join(self.dir, "run/processes.json"), encoding="utf-8") as file:
                return {process["name"]: process for process in json.load(file)["processes"]}
        except FileNotFoundError:
            return {}
