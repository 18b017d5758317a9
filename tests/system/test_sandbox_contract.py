"""Every row of tests/sandbox/contract/*.yaml against the real sandbox-crm (tests/sandbox/contract/README.md)."""
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml
from harness import SOURCE, Sandbox, Timeout, run_tests, wait_for

CONTRACT = os.path.join(SOURCE, "tests", "sandbox", "contract")
KEYS = {"name", "source", "m", "ours", "settings", "fault", "before", "request", "query", "body_sent", "form", "raw",
        "headers", "token", "times", "status", "body", "save", "eventually"}


def fits(expected, actual, where="body"):
    """Raises AssertionError with the place that does not fit."""
    if isinstance(expected, dict) and set(expected) == {"any"}:
        assert isinstance(actual, list), f"{where}: a list is expected, not {actual!r}"
        for element in actual:
            try:
                return fits(expected["any"], element, where)
            except AssertionError:
                continue
        raise AssertionError(f"{where}: no element fits {expected['any']!r}: {actual!r}"[:2000])
    if isinstance(expected, dict) and set(expected) == {"count"}:
        assert len(actual) == expected["count"], f"{where}: {len(actual)} elements, not {expected['count']}"
    elif isinstance(expected, dict):
        assert isinstance(actual, dict), f"{where}: an object is expected, not {actual!r}"
        for key, value in expected.items():
            if value == "absent":
                assert key not in actual, f"{where}.{key} is there: {actual[key]!r}"
            else:
                assert key in actual, f"{where}.{key} is not there: {actual!r}"
                fits(value, actual[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert isinstance(actual, list) and len(actual) == len(expected), f"{where}: {actual!r}, not {expected!r}"
        for i, (want, have) in enumerate(zip(expected, actual)):
            fits(want, have, f"{where}.{i}")
    elif isinstance(expected, str) and expected.startswith("~"):
        assert re.fullmatch(expected[1:], str(actual), re.S), f"{where}: {actual!r} is not {expected}"
    else:
        assert type(expected) is type(actual) and expected == actual, f"{where}: {actual!r}, not {expected!r}"
    return None


def filled(value, names):
    """value with every ${NAME} replaced."""
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda match: names[match.group(1)], value)
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    if isinstance(value, dict):
        return {key: filled(each, names) for key, each in value.items()}
    return value


def send(crm, step):
    method, path = step["request"].split(" ", 1)
    path = urllib.parse.quote(path, safe="/?=&@%")
    if "query" in step:
        path += "?" + urllib.parse.urlencode(step["query"])
    data = None
    headers = dict(step.get("headers_sent", {}))
    if "form" in step:
        data = urllib.parse.urlencode(step["form"]).encode()
    elif "raw" in step:
        data = step["raw"].encode()
    elif "body_sent" in step:
        data = json.dumps(step["body_sent"]).encode()
        headers["Content-Type"] = "application/json"
    if step.get("token") != "none":
        headers["Authorization"] = "Bearer " + step.get("token", "sandbox-token")
    request = urllib.request.Request(crm.url + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, dict(reply.headers), reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def judge(step, answer, names):
    status, headers, text = answer
    assert status == step["status"], f"status {status}, not {step['status']}: {text[:1000]}"
    for name, value in step.get("headers", {}).items():
        if name == "Sforce-Query-Options":
            continue
        if value == "absent":
            assert name not in headers, f"header {name} is there: {headers[name]}"
        else:
            assert name in headers, f"header {name} is not there: {headers}"
            fits(value, headers[name], name)
    body = json.loads(text) if text and headers.get("Content-Type", "").startswith("application/json") else None
    if "body" in step:
        fits(step["body"], body)
    for name, path in step.get("save", {}).items():
        value = body
        for part in path.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
        names[name] = value
        names[name + "15"] = value[:15]


def perform(crm, step, names):
    unknown = set(step) - KEYS
    assert not unknown, f"unknown keys {unknown}"
    step = filled(step, names)
    options = step.get("headers", {}).get("Sforce-Query-Options")
    if options:
        step["headers_sent"] = {"Sforce-Query-Options": options}

    def once():
        judge(step, send(crm, step), names)
        return True

    def now_or_later():
        try:
            return once()
        except AssertionError as problem:
            last.append(problem)
            return False

    for _ in range(step.get("times", 1) - 1):
        send(crm, step)
    if not step.get("eventually"):
        once()
        return
    last = []
    try:
        wait_for(now_or_later, 20, step["request"])
    except Timeout:
        raise last[-1]


def run_row(crm, row, names):
    usual = crm.admin("settings")
    if "settings" in row:
        crm.admin("settings", row["settings"])
    if "fault" in row:
        crm.admin("faults", row["fault"])
    try:
        for step in row.get("before", []):
            perform(crm, step, names)
        perform(crm, {key: value for key, value in row.items() if key not in ("before", "settings", "fault")}, names)
    finally:
        crm.admin("settings", {name: usual[name] for name in row.get("settings", {})})
        crm.admin("faults", method="DELETE")


def run_file(name, **settings):
    with open(os.path.join(CONTRACT, name + ".yaml"), encoding="utf-8") as file:
        rows = yaml.safe_load(file)
    crm = Sandbox(name, **settings)
    names, failed = {}, []
    began = time.monotonic()
    for row in rows:
        assert row.get("source", "").startswith("https://") or row.get("ours"), f"{row['name']}: a source is needed"
        try:
            run_row(crm, row, names)
        except Exception as problem:  # pylint: disable=broad-except
            failed.append(f"{row['name']}: {problem!r}")
    assert crm.term() == 0, "sandbox-crm ends cleanly"
    unread = sum(bool(row.get("m")) for row in rows)
    print(f"     {name}: {len(rows)} rows, {unread} of them [M], in {time.monotonic() - began:.1f} s")
    assert not failed, "\n" + "\n".join(failed)


def test_salesforce():
    run_file("salesforce", seed=450)


def test_hubspot():
    run_file("hubspot", seed=300, rate_limit_10s=0, search_limit_1s=0, index_lag_ms=400)


def test_zendesk():
    run_file("zendesk", export_limit=0)


def test_stripe():
    run_file("stripe")


if __name__ == "__main__":
    run_tests(globals())
