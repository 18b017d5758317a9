"""
pipeline_schemas — messages of a pipeline's topics against schemas/ (JSON Schema 2020-12).
"""
import glob
import json
import os

import jsonschema

import harness
from pipeline_fold import ASSIGNMENT

# topic kind → schema
PER_ENTITY = {"changes": "change", "hints": "hint", "state": "state", "decisions": "decision"}
OTHERS = {"outcomes": "outcome", "review": "review", "cursors": "cursor", "control": "control", "dlq": "dlq-headers"}
_validators = {}


def _load():
    schemas = {}
    for path in glob.glob(os.path.join(harness.SOURCE, "schemas", "*.schema.json")):
        with open(path, encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        schemas[os.path.basename(path).split(".")[0]] = schema
    store = {schema["$id"]: schema for schema in schemas.values()}
    for name, schema in schemas.items():
        resolver = jsonschema.RefResolver(schema["$id"], schema, store=store)
        _validators[name] = jsonschema.Draft202012Validator(schema, resolver=resolver)


def problem(schema, value):
    """What is wrong with a value, None if nothing is."""
    if not _validators:
        _load()
    error = next(_validators[schema].iter_errors(value), None)
    return error and f"{error.json_path}: {error.message}"


def schema_of(kind, message):
    """(schema, value to be checked); (None, None) for a null, which says nothing."""
    base = kind.split(".")[0]
    if base == "dlq":
        return OTHERS[base], message["headers"]
    if message["payload"] is None:
        return None, None
    name = "assignment" if message["key"].startswith(ASSIGNMENT) else PER_ENTITY.get(base) or OTHERS[base]
    return name, json.loads(message["payload"])


def problems(messages_of, entity):
    """(messages checked, [what is wrong]); messages_of(kind) gives a topic's messages."""
    checked, found = 0, []
    for kind in [f"{base}.{entity}" for base in PER_ENTITY] + list(OTHERS):
        for message in messages_of(kind):
            schema, value = schema_of(kind, message)
            if schema is None:
                assert kind.split(".")[0] in ("state", "review", "control", "cursors"), f"a null in {kind}"
                continue
            checked += 1
            wrong = problem(schema, value)
            if wrong:
                found.append(f"{kind}[{message['partition']}]@{message['offset']} {wrong}")
    return checked, found
