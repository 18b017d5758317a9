#!/usr/bin/python3 -B
"""The fold must be able to fail: each part of Redis is put out of step once."""
import copy
import json
import unittest

import pipeline_fold

P = "tandem:t:"


def message(offset, key, row, partition=0):
    return {"partition": partition, "offset": offset, "key": key,
            "payload": row if row is None or isinstance(row, str) else json.dumps(row)}


def row(epoch, **fields):
    return {"v": 1, "epoch": epoch, "status": "idle", **fields}


class FakeRedis:
    def __init__(self, data):
        self.data = data

    def keys(self, pattern):
        return sorted(k for k in self.data if k.startswith(pattern[:-1]))

    def cmd(self, verb, key, *_):
        value = self.data.get(key)
        if verb == "GET":
            return value
        if verb == "SMEMBERS":
            return sorted(value or ())
        return [text for pair in (value or {}).items() for text in pair]  # HGETALL, ZRANGE WITHSCORES


class FoldTest(unittest.TestCase):
    def setUp(self):
        one = row(0, twin="501", claims=["email=a@x", "id=501"])
        two = row(0, status="waiting", waits_on="email=a@x", due_ms=77)
        self.messages = [message(0, "!assign/1", {"v": 1}), message(1, "s:1", one), message(2, "s:2", two)]
        self.data = {
            P + "incarnation": "x", P + "epoch:contact": {"0": "0"},
            P + "rows:contact": {"s:1": json.dumps(one), "s:2": json.dumps(two)},
            P + "index:contact": {"s:1": "0\ncemail=a@x\ncid=501\n", "s:2": "0\nd77\nwemail=a@x\n"},
            P + "claims:contact": {"email=a@x": "s:1", "id=501": "s:1"},
            P + "waits:contact:email=a@x": {"0 s:2"}, P + "due:contact:0": {"s:2": "77"}}

    def problems(self, data=None, messages=None):
        return pipeline_fold.compare(pipeline_fold.Fold(messages or self.messages),
                                     FakeRedis(data or self.data), "t", "contact")

    def test_in_step(self):
        self.assertEqual(self.problems(), [])

    def test_each_part(self):
        for key, change in (("rows:contact", {"s:1": "{}"}), ("rows:contact", {"s:9": "{}"}),
                            ("claims:contact", {"email=b@x": "s:1"}),
                            ("index:contact", {"s:1": "0\n"}), ("due:contact:0", {"s:1": "5"}),
                            ("ops:contact", {"s:1": "m 1 0"}), ("epoch:contact", {"0": "7"})):
            data = copy.deepcopy(self.data)
            data.setdefault(P + key, {}).update(change)
            self.assertTrue(self.problems(data), key)
        for key in ("incarnation", "rows:contact", "claims:contact", "index:contact",
                    "waits:contact:email=a@x", "due:contact:0", "epoch:contact"):
            data = copy.deepcopy(self.data)
            del data[P + key]
            self.assertTrue(self.problems(data), key)

    def test_a_former_owner_is_refused(self):
        late = self.messages + [message(3, "!assign/2", {"v": 1}), message(4, "s:1", row(0, twin="999"))]
        fold = pipeline_fold.Fold(late)
        self.assertEqual(fold.rows["s:1"][2]["twin"], "501")
        self.assertEqual(set(fold.refused), {"s:1"})
        again = pipeline_fold.Fold(late + [message(5, "s:1", row(3, twin="502"))])
        self.assertEqual((again.rows["s:1"][2]["twin"], again.refused), ("502", {}))

    def test_erased(self):
        self.assertNotIn("s:1", pipeline_fold.Fold(self.messages + [message(3, "s:1", None)]).rows)


if __name__ == "__main__":
    unittest.main()
