"""
tidy — clang-tidy over every file of a compile_commands.json, once a file, two at a time. A file that passed
before with the same content, headers and rules is not looked at again: what passed is remembered by the hash
of its preprocessed text (with comments, for NOLINT) in a cache directory.

    tidy.py <build directory> [file ...]
"""
import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(os.environ.get("TANDEM_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "tandem"), "tidy")
KEEP_S = 30 * 24 * 3600


def commands(build, wanted):
    """{file: compiler flags}; of several builds of one file, the product's."""
    chosen = {}
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        path = os.path.relpath(entry["file"], SOURCE)
        if path.startswith("..") or path.startswith(os.path.relpath(build, SOURCE) + os.sep):
            continue
        if wanted and path not in wanted:
            continue
        words = shlex.split(entry["command"])
        start = next(i for i, word in enumerate(words) if word.startswith("-"))
        flags = []
        skip = False
        for word in words[start:]:
            if skip or word == "-c" or word == entry["file"]:
                skip = False
            elif word in ("-o", "-MT", "-MF"):
                skip = True
            elif word != "-MD" and word != "-Wno-format-truncation":  # clang 14 has no such warning
                flags.append(word)
        if path.startswith("tests/") and "#include <cmocka.h>" in open(entry["file"], encoding="utf-8").read():
            flags += ["-include", os.path.join(SOURCE, "tests/support/cmocka_analyzer.h")]
        variant = any(flag.startswith("-DTANDEM_FAILPOINTS") for flag in flags)
        if path not in chosen or not variant:
            chosen[path] = flags
    return chosen


def key_of(path, flags, rules):
    """The hash of all that the verdict depends on, or None when it cannot be preprocessed."""
    done = subprocess.run(["clang", "-E", "-C", "-P", *flags, path], cwd=SOURCE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        return None
    text = done.stdout.replace(SOURCE.encode(), b".")
    shape = " ".join(flags).replace(SOURCE, ".").encode()
    return hashlib.sha256(rules + b"\0" + shape + b"\0" + path.encode() + b"\0" + text).hexdigest()


def check(path, flags, rules):
    """'' when it passes, else what clang-tidy said."""
    key = key_of(path, flags, rules)
    stamp = os.path.join(CACHE, key) if key else None
    if stamp and os.path.exists(stamp):
        os.utime(stamp)
        return ""
    done = subprocess.run(["clang-tidy", "--quiet", path, "--", *flags], cwd=SOURCE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0 and "warning:" not in done.stdout and "error:" not in done.stdout:
        if stamp:
            open(stamp, "w", encoding="utf-8").close()
        return ""
    return done.stdout + "\n".join(line for line in done.stderr.splitlines() if "warnings generated" not in line)


def main():
    build = os.path.abspath(sys.argv[1])
    wanted = {os.path.relpath(os.path.abspath(path), SOURCE) for path in sys.argv[2:]}
    os.makedirs(CACHE, exist_ok=True)
    for name in os.listdir(CACHE):
        path = os.path.join(CACHE, name)
        try:
            if os.path.getmtime(path) < time.time() - KEEP_S:
                os.unlink(path)
        except FileNotFoundError:  # another run pruned it
            pass
    version = subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, check=True).stdout
    with open(os.path.join(SOURCE, ".clang-tidy"), "rb") as file:
        rules = file.read() + version
    files = commands(build, wanted)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for text in pool.map(lambda item: check(*item, rules), sorted(files.items())):
            if text:
                failed += 1
                print(text, flush=True)
    print(f"clang-tidy: {len(files)} files, {failed} with findings")
    sys.exit(1 if failed or not files else 0)


if __name__ == "__main__":
    main()
