"""
bench_json_readers — which JSON reader: bench_json.c on pages of 100 and 2,000 contacts; simdjson where its headers are installed.
"""
import json
import os
import shutil
import subprocess

from harness import http, new_dir
from rig import HERE, Server, bench, check, run

PAGES = (100, 2000)


def shim():
    """The C++ of this folder, compiled; None where there is no C++ compiler or no simdjson."""
    path = os.path.join(new_dir("simdjson"), "libsimdjson_shim.so")
    if not shutil.which("g++"):
        return None
    done = subprocess.run(["g++", "-O2", "-std=c++17", "-shared", "-fPIC", "-o", path,
                           os.path.join(HERE, "simdjson_shim.cpp"), "-lsimdjson"], stderr=subprocess.PIPE, check=False)
    return path if done.returncode == 0 else None


def measure(seconds, rounds, say):
    """{(reader, what, page): [mb_s, ...]}"""
    source, library = Server("bench_source", max(PAGES)), shim()
    if library is None:
        say("json: no g++ or no libsimdjson-dev, so simdjson is not measured")
    results = {}
    for page in PAGES:
        path = os.path.join(source.dir, f"page-{page}.json")
        status, text = http("GET", f"{source.url}/services/data/v62.0/query?q=SELECT%20Id%20FROM%20Contact%20ORDER%20BY%20Id"
                                   f"%20LIMIT%20{page}")
        check("page", status, 200)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        for _ in range(rounds):
            lines = [json.loads(line) for line in run([bench("bench_json"), path, str(seconds),
                                                       *([library] if library else [])]).splitlines()]
            for what in ("parse", "parse and read"):
                check(f"bytes of the values ({what})", len({line["check"] for line in lines if line["what"] == what}), 1)
            for line in lines:
                check("records", line["records"], page)
                results.setdefault((line["reader"], line["what"], page), []).append(line["mb_s"])
    source.kill()
    return results
