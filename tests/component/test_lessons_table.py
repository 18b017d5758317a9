"""test_lessons_table — tests/lessons.md names all 21 lessons, and tests that are there."""
import os
import re

from harness import SOURCE, run_tests

TESTS = os.path.join(SOURCE, "tests")


def read(path):
    with open(os.path.join(TESTS, path), encoding="utf-8") as file:
        return file.read()


def test_every_name_is_there():
    rows = [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in read("lessons.md").splitlines() if re.match(r"\| \d", line)]
    assert [int(row[0]) for row in rows] == list(range(1, 22)), [row[0] for row in rows]
    for number, _, _, tests in rows:
        names = re.findall(r"`((?:unit|component|system)/[^`:]+):([^`]+)`", tests)
        assert names or re.match(r"none|as \d", tests), f"lesson {number} has neither a test nor a reason: {tests}"
        for path, name in names:
            here = {".c": rf"^static void {name}\(void \*\*state\)", ".py": rf"^def {name}\(", ".txt": "^" + re.escape(name)}
            pattern = here[os.path.splitext(path)[1]]
            assert re.search(pattern, read(path), re.M), f"lesson {number}: {path} has no {name}"


if __name__ == "__main__":
    run_tests(globals())
