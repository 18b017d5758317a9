"""
pipeline_schemas — every message of a pipeline's topics against schemas/ (JSON Schema 2020-12).
"""
import json
import os

import jsonschema

import harness
from pipeline_fold import ASSIGNMENT

# topic kind → (per entity, schema)
TOPICS = {"changes": (True, "change"), "hints": (True, "hint"), "state": (True, "state"), "outcomes": (False, "outcome"),
          "review": (False, "review"), "cursors": (False, "cursor"), "control": (False, "control")}
_validators = {}


def validator(name):
    if name not in _validators:
        with open(os.path.join(harness.SOURCE, "schemas", f"{name}.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        _validators[name] = jsonschema.Draft202012Validator(schema)
    return _validators[name]


def problems(kafka, ns, entity):
    """(messages checked, [what is wrong]); a null value is a tombstone and says nothing."""
    checked, found = 0, []
    topics = kafka.topics()
    for kind, (per_entity, name) in TOPICS.items():
        topic = f"{ns}.{kind}.{entity}" if per_entity else f"{ns}.{kind}"
        if topic not in topics:
            continue
        for message in kafka.consume(topic):
            if message["payload"] is None:
                assert kind in ("state", "review"), f"a null in {topic}"
                continue
            schema = "assignment" if message["key"].startswith(ASSIGNMENT) else name
            checked += 1
            for error in validator(schema).iter_errors(json.loads(message["payload"])):
                found.append(f"{topic}[{message['partition']}]@{message['offset']} {error.json_path}: {error.message}")
    return checked, found[:10]
