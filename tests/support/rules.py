"""
rules — house rules that neither the compiler nor clang-tidy knows, each a row: where, what must not stand
there, why. A line that must break one says so: `rule ok: <reason>`.
"""
import os
import re
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

RULES = [
    (r"\.[ch]$", r"NOLINT(?!(NEXTLINE|BEGIN|END)?\([a-zA-Z0-9.,* -]+\)\W+\w)(?!END)",
     "a NOLINT names its check and its reason"),
    (r"^tests/(unit|component|system)/.*\.(c|py|sh)$", r"\b(time\.sleep|usleep|nanosleep|sleep)\s*\(|^\s*sleep\s",
     "a test waits for a condition with a deadline, it does not sleep"),
    (r"^tests/.*\.(c|py|sh)$", r"\bskip\(\)|unittest\.skip|pytest\.skip|SkipTest", "no test is skipped"),
    (r"^(common|producers|consumers|cli)/.*\.[ch]$", r"\b(alloca|rand|srand|atoi|atol|atof|strncpy|strncat)\s*\(",
     "unbounded, unchecked or surprising: use buf, strtoll, snprintf"),
    (r"^(producers)/.*\.[ch]$", r'#include "(consumers|cli)/', "producers know neither consumers nor the command line"),
    (r"^(consumers)/.*\.[ch]$", r'#include "(producers|cli)/', "consumers know neither producers nor the command line"),
    (r"^common/base/.*\.[ch]$", r'#include "(model|remote|stream)/', "includes point downwards only"),
    (r"^common/model/.*\.[ch]$", r'#include "(remote|stream)/', "includes point downwards only"),
    (r"^common/remote/.*\.[ch]$", r'#include "stream/', "includes point downwards only"),
    (r"\.(c|h|py|sh|md|cfg|json|txt)$", r"[ \t]+$", "no blanks at the end of a line"),
]


def main():
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "-co", "--exclude-standard"], stdout=subprocess.PIPE,
                            text=True, check=True).stdout.splitlines()
    found = 0
    for path in listed:
        rules = [(re.compile(what), why) for where, what, why in RULES if re.search(where, path)]
        if not rules or not os.path.isfile(os.path.join(SOURCE, path)) or path.endswith("support/rules.py"):
            continue
        with open(os.path.join(SOURCE, path), encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                line = line.rstrip("\n")
                for what, why in rules:
                    if what.search(line) and "rule ok:" not in line:
                        found += 1
                        print(f"{path}:{number}: {why}: {line.strip()}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
