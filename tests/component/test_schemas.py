"""
test_schemas — schemas/ against the code that encodes the messages, against mutated messages, and against itself.

The messages come from `test_event --print` (the product's own encoders) and, where a process is needed to write them, from
EXAMPLES below; the topics from `test_topics --print`.
"""
import copy
import json
import os
import subprocess
import unittest

import jsonschema
import yaml

SOURCE = os.environ.get("SOURCE_DIR") or os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("BUILD_DIR") or os.path.join(SOURCE, "build", "dev")
FOLDER = os.path.join(SOURCE, "schemas")
HASH = "0" * 64
CONNECT = "__connect.errors."

# Written by hand from common/stream/control.h, consumers/apply and common/stream/dead_letter.h.
EXAMPLES = {
    "control": [
        {"v": 1, "phase": "prepared", "go": False, "kill_ms": 1803859200000},
        {"v": 1, "generation": 1, "hash": HASH},
        {"v": 1, "generation": 2, "hash": HASH, "shape": {"email": [HASH[:16]]}},
        {"v": 1, "count": 4},
        {"v": 1, "paused": True, "since_ms": 5, "who": "ann@host", "why": "month end"},
        {"v": 1, "by": "census", "braked": True, "approved": False, "found": 40, "known": 300, "gap_ms": 5, "since_ms": 5, "who": ""},
    ],
    # test_row encodes one of a mapping with references; contact, whose rows test_event prints, has none
    "state": [{"v": 1, "key": "salesforce:006A", "status": "idle", "epoch": 1, "look_ms": 5,
               "awaits": [{"field": "company", "old": "salesforce:001A", "since_ms": 5, "later": True},
                          {"field": "owner", "old": None}]}],
    "cursor": [{"v": 1, "cursor": {"from_ms": 5, "after_id": "", "done": False}, "seq_from": 0, "seq_to": -1, "count": 0, "ts_ms": 5,
                "mapping": HASH, "state": '{"bookmarks":{}}'}],
    "assignment": [{"v": 1, "assigned": "1", "ts_ms": 5}],
    "decision": [{"v": 1, "decision_id": "d1", "field": "email", "choice": "value", "value": "a@b.c", "who": "ann",
                  "why": "asked her", "ts_ms": 5}],
    "review": [{"v": 1, "entity": "contact", "key": "salesforce:1", "twin": "501", "deleted": True, "modified_ms": 4, "ts_ms": 5,
                "held": [{"class": "conflict", "field": "email", "base": {"old": "b", "new": None, "unconfirmed": True}, "old": "a",
                          "new": None, "detail": "x", "since_ms": 5, "who": "u:7", "rule": "newest"},
                         {"class": "unconfirmed", "field": "street", "base": {"old": {"sha256": HASH, "bytes": 2000}}, "new": "x"}]}],
    "dlq-headers": [
        {CONNECT + "topic": "acme.changes.contact", CONNECT + "partition": "2", CONNECT + "offset": "12",
         CONNECT + "connector.name": "acme-apply", CONNECT + "task.id": "1", CONNECT + "stage": "TASK_PUT",
         CONNECT + "class.name": "tandem.apply", CONNECT + "exception.class.name": "tandem.rejected",
         CONNECT + "exception.message": "the target says no", "tandem.reason": "rejected", "tandem.entity": "contact",
         "tandem.system": "salesforce", "tandem.timestamp_ms": "5", "tandem.value_bytes": "5000000",
         "ce_id": "of the message itself"},
    ],
}
# Values of the right type that are wrong all the same: (schema, path, value).
WRONG = [
    ("change", "op", "t"), ("change", "v", 2), ("change", "before", {"town": "x"}), ("change", "after", None),
    ("change", "after.email", "no at"), ("change", "after.email", ""), ("change", "after.birth_date", "1980-02-29T00:00:00Z"),
    ("change", "after.balance", "1.50"), ("change", "after.balance", "1e3"), ("change", "after.source", "Web"),
    ("change", "source.table", "company"), ("change", "source.event_id", HASH[1:]), ("change", "source.hash", "G" * 64),
    ("change", "source.generation", 0), ("change", "source.pass", "guess"), ("change", "source.snapshot", "last"),
    ("change", "transaction", {"id": "1"}), ("hint", "why", "because"), ("hint", "not_before_ms", -1), ("control", "by", "chance"),
    ("state", "status", "inflight"), ("state", "key", "003A"), ("state", "deleted", False), ("state", "held", []),
    ("state", "claims", ["email"]), ("state", "due_ms", 0), ("state", "base.email.unconfirmed", False),
    ("outcome", "what", "guessed"), ("outcome", "offset", -2), ("outcome", "fields.0.name", "town"),
    ("cursor", "count", -1), ("cursor", "silent.0.count", 0), ("cursor", "cursor.after_id", "x" * 256), ("control", "phase", "paused"),
    ("dlq-headers", CONNECT + "stage", "GUESS"), ("dlq-headers", CONNECT + "offset", "twelve"),
    ("dlq-headers", "tandem.colour", "red"), ("dlq-headers", CONNECT + "exception.stacktrace", "at …"),
]


def load(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return json.load(file)


def printed(test):
    done = subprocess.run([os.path.join(BUILD, "tests", "unit", test), "--print"], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


NAMES = sorted(n[:-len(".schema.json")] for n in os.listdir(FOLDER) if n.endswith(".schema.json"))
SCHEMAS = {name: load(name + ".schema.json") for name in NAMES}
VALIDATORS = {name: jsonschema.Draft202012Validator(schema) for name, schema in SCHEMAS.items()}


def messages():
    by_schema = {name: list(list_) for name, list_ in EXAMPLES.items()}
    for line in printed("test_event"):
        by_schema.setdefault(line["schema"], []).append(line["value"])
    by_schema["contact"] = [m["after"] for m in by_schema["change"] if m["after"]]
    return by_schema


MESSAGES = messages()


def nodes(value, path=()):
    """Every member of every object and element of every array: (path, value)."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield path + (key,), child
        yield from nodes(child, path + (key,))


def put(message, path, value):
    mutant = copy.deepcopy(message)
    at = mutant
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return mutant


def without(message, path):
    mutant = copy.deepcopy(message)
    at = mutant
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return mutant


def objects(schema, path="#"):
    """Every subschema that describes an object: (path, schema)."""
    if isinstance(schema, dict):
        if "properties" in schema and path.split("/")[-1] not in ("if", "then", "else"):
            yield path, schema
        for key, child in schema.items():
            yield from objects(child, f"{path}/{key}")
    elif isinstance(schema, list):
        for i, child in enumerate(schema):
            yield from objects(child, f"{path}/{i}")


class Schemas(unittest.TestCase):
    def refused(self, name, mutant, what):
        self.assertFalse(VALIDATORS[name].is_valid(mutant), f"{name}: taken with {what}")

    def test_each_is_a_schema(self):
        for name, schema in SCHEMAS.items():
            jsonschema.Draft202012Validator.check_schema(schema)
            self.assertEqual(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", name)
            self.assertTrue(schema["$id"].endswith(f"/{name}.schema.json"), name)

    def test_each_object_is_closed(self):
        for name, schema in SCHEMAS.items():
            if name == "dlq-headers":  # a dead letter keeps the headers of the message that died
                continue
            for path, found in objects(schema):
                self.assertIs(found.get("additionalProperties"), False, f"{name} {path}")

    def test_copies_are_copies(self):
        """A schema that refers to another one carries it in $defs (JSON Schema 2020-12 §9.3), so that a file stands alone."""
        for name, schema in SCHEMAS.items():
            for key, found in schema.get("$defs", {}).items():
                if "$id" in found:
                    want = copy.deepcopy(SCHEMAS[key])
                    want.pop("$defs", None)
                    self.assertEqual(found, want, f"{name} carries an old {key}")

    def test_messages_of_the_code_are_taken(self):
        self.assertEqual(sorted(MESSAGES), NAMES)
        for name, found in MESSAGES.items():
            for message in found:
                for error in VALIDATORS[name].iter_errors(message):
                    self.fail(f"{name} {error.json_path}: {error.message}")

    def test_every_property_is_exercised(self):
        """No member of a schema that no message has: it would never be checked by the tests below."""
        for name, schema in SCHEMAS.items():
            seen = {path[-1] for message in MESSAGES[name] for path, _ in nodes(message)}
            if name == "state":  # pending is a whole change event
                seen |= {path[-1] for message in MESSAGES["change"] for path, _ in nodes(message)}
            for path, found in objects(schema):
                for prop in found["properties"]:
                    self.assertIn(prop, seen, f"{name} {path}")

    def test_each_field_of_another_type_is_refused(self):
        for name, found in MESSAGES.items():
            for message in found:
                for path, value in nodes(message):
                    if name == "dlq-headers" and path[0] == "ce_id":
                        continue
                    mutant = 7 if isinstance(value, dict) else {"mutant": True}
                    self.refused(name, put(message, path, mutant), f"{path} = {mutant}")

    def test_each_object_refuses_a_member_more(self):
        for name, found in MESSAGES.items():
            if name == "dlq-headers":
                continue
            for message in found:
                for path in [(), *(p for p, v in nodes(message) if isinstance(v, dict))]:
                    self.refused(name, put(message, path + ("mutant",), 1), f"one more member at {path}")

    def test_each_required_member_is_required(self):
        """In every message, a member without which it is still valid must be one that some schema calls optional."""
        for name, schema in SCHEMAS.items():
            optional = {p for _, o in objects(schema) for p in o["properties"] if p not in o.get("required", ())}
            for message in MESSAGES[name]:
                for path, _ in nodes(message):
                    if isinstance(path[-1], int) or not VALIDATORS[name].is_valid(without(message, path)):
                        continue
                    self.assertTrue(path[-1] in optional or path[-1] == "ce_id" or path[0] == "shape", f"{name}: taken without {path}")
        for member in ("v", "op", "after", "source", "ts_ms"):
            self.refused("change", without(MESSAGES["change"][0], (member,)), f"no {member}")

    def test_wrong_values_are_refused(self):
        for name, path, value in WRONG:
            keys = [path] if name == "dlq-headers" else [int(k) if k.isdigit() else k for k in path.split(".")]
            done = 0
            for message in MESSAGES[name]:
                at = message
                try:
                    for key in keys[:-1]:
                        at = at[key]
                    at[keys[-1]]  # only where the message has it
                except (KeyError, IndexError, TypeError):
                    if "colour" not in path and "stacktrace" not in path:
                        continue
                if (name, path) == ("change", "after") and message["op"] == "d":
                    continue
                self.refused(name, put(message, keys, value), f"{path} = {value!r}")
                done += 1
            self.assertGreater(done, 0, f"{name} {path}: no message has it")


class AsyncApi(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(FOLDER, "asyncapi.yaml"), encoding="utf-8") as file:
            self.doc = yaml.safe_load(file)

    def test_channels_are_the_topics_of_the_code(self):
        rules = {rule["name"]: rule for rule in printed("test_topics")}
        self.assertEqual(sorted(self.doc["channels"]), sorted(rules))
        for name, rule in rules.items():
            channel = self.doc["channels"][name]
            settings = channel["bindings"]["kafka"]["topicConfiguration"]
            ours = channel["x-tandem"]
            self.assertEqual(channel["address"], "{ns}." + name + (".{entity}" if rule["per_entity"] else ""))
            self.assertEqual(sorted(channel["parameters"]), ["entity", "ns"] if rule["per_entity"] else ["ns"])
            self.assertEqual(settings["cleanup.policy"], [rule["cleanup.policy"]], name)
            self.assertEqual(settings.get("retention.ms", -1), rule["retention.ms"], name)
            self.assertEqual(ours["partitions"], "of the migration" if rule["spread"] else "one", name)
            self.assertEqual(ours["max.message.bytes"], f"{rule['size_factor']} x record_max_bytes", name)
            self.assertEqual(ours["message.timestamp.type"], rule["message.timestamp.type"], name)
            self.assertEqual(ours.get("min.compaction.lag.ms", 0), rule["min.compaction.lag.ms"], name)

    def test_every_reference_is_there(self):
        self.assertRegex(self.doc["asyncapi"], r"^3\.")
        files = set()
        for path, value in nodes(self.doc):
            if path[-1] != "$ref":
                continue
            if value.startswith("./"):
                files.add(value[2:])
                self.assertTrue(os.path.exists(os.path.join(FOLDER, value)), value)
                continue
            at = self.doc
            for key in value[2:].split("/"):
                self.assertIn(key, at, value)
                at = at[key]
        self.assertEqual(files, {f"{n}.schema.json" for n in NAMES if n != "contact"})


if __name__ == "__main__":
    unittest.main()
