"""
pipeline_fold — an independent fold of <ns>.state.<entity> and the comparison with what apply keeps in Redis
(consumers/apply/store.h). Nothing here is product code: the epoch rule of common/model/state.h in ten lines of Python.
"""
import json

ASSIGNMENT = "!assign"


class Fold:
    """rows: key → (partition, text, parsed) of the rows to be believed; refused: keys whose last row was refused."""

    def __init__(self, messages):
        self.rows, self.refused, self.epochs, self.ends = {}, {}, {}, {}
        for message in messages:
            partition, key, text = message["partition"], message["key"], message["payload"]
            self.ends[partition] = message["offset"] + 1
            if key.startswith(ASSIGNMENT):
                self.epochs[partition] = message["offset"]  # a later one is higher
            elif text is None:
                self.rows.pop(key, None)
            else:
                row = json.loads(text)
                if row["epoch"] >= self.epochs.get(partition, 0):
                    self.rows[key] = (partition, text, row)
                    self.refused.pop(key, None)
                else:
                    self.refused[key] = (partition, text, row)

    def parsed(self):
        return {key: row for key, (_, _, row) in self.rows.items()}


def _pairs(flat):
    return dict(zip(flat[::2], flat[1::2]))


def _difference(what, want, have):
    if want == have:
        return []
    lines = []
    for key in sorted(set(want) | set(have), key=str):
        if want.get(key) != have.get(key):
            lines.append(f"{what} {key}: the fold says {want.get(key)!r}, Redis {have.get(key)!r}")
    return lines[:10]


def compare(fold, redis, ns, entity):
    """What in Redis is not the fold; [] when all of it is. The pipeline must be at rest."""
    prefix = f"tandem:{ns}:"
    problems = []
    if redis.cmd("GET", prefix + "incarnation") is None:
        return ["the scripts are closed: there is no incarnation"]

    rows, claims, waits, due = {}, {}, {}, {}
    for key, (partition, text, row) in fold.rows.items():
        rows[key] = text
        for claim in row.get("claims") or ():
            claims[claim] = key
        if row.get("waits_on"):
            waits.setdefault(row["waits_on"], set()).add(f"{partition} {key}")
        if row.get("due_ms"):
            due[key] = (partition, row["due_ms"])
    problems += _difference("row", rows, _pairs(redis.cmd("HGETALL", f"{prefix}rows:{entity}")))
    problems += _difference("claim", claims, _pairs(redis.cmd("HGETALL", f"{prefix}claims:{entity}")))
    index = {key: lines.split("\n")[1:] if lines else []
             for key, lines in _pairs(redis.cmd("HGETALL", f"{prefix}index:{entity}")).items()}
    for key, (_, _, row) in fold.rows.items():
        want = {"c" + claim for claim in row.get("claims") or ()}
        want |= {"w" + row["waits_on"]} if row.get("waits_on") else set()
        want |= {f"d{row['due_ms']}"} if row.get("due_ms") else set()
        have = {line for line in index.get(key, ()) if line}
        if want != have:
            problems.append(f"index {key}: the fold says {sorted(want)}, Redis {sorted(have)}")
    found = {}
    lead = f"{prefix}waits:{entity}:"
    for name in redis.keys(lead + "*"):
        found[name[len(lead):]] = set(redis.cmd("SMEMBERS", name))
    problems += _difference("wait", waits, found)
    found = {}
    lead = f"{prefix}due:{entity}:"
    for name in redis.keys(lead + "*"):
        for key, score in _pairs(redis.cmd("ZRANGE", name, 0, -1, "WITHSCORES")).items():
            found[key] = (int(name[len(lead):]), int(float(score)))
    problems += _difference("due", due, found)
    operations = _pairs(redis.cmd("HGETALL", f"{prefix}ops:{entity}"))
    problems += [f"operation {key}: {text!r} was never finished" for key, text in operations.items()
                 if fold.rows.get(key, (0, "", {}))[2].get("status") != "uncertain"]
    epochs = _pairs(redis.cmd("HGETALL", f"{prefix}epoch:{entity}"))
    problems += _difference("epoch", {str(p): str(e) for p, e in fold.epochs.items()}, epochs)
    return problems


def compare_match(redis, ns, entity, external_id, records):
    """Every live record of the target that is somebody's twin (sandbox dump) must be in the match index, under its
    e-mail and its external id. Other records are there only once they were listed or read."""
    index = _pairs(redis.cmd("HGETALL", f"tandem:{ns}:match:{entity}"))
    problems = []
    for record in records:
        fields = record["fields"]
        if not fields.get(external_id):
            continue
        names = [f"{external_id}={fields[external_id]}"]
        if fields.get("email"):
            names.append("email=" + fields["email"].casefold())
        for name in names:
            if record["id"] not in (index.get(name) or "").split(","):
                problems.append(f"match {name}: {index.get(name)!r} lacks {record['id']}")
    return problems[:10]
