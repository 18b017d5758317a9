"""
pipeline — the whole of Tandem for one test: Kafka, Redis, two sandbox CRMs, a configuration, N tandem-poll and
N tandem-apply, and the two judges: the oracle over both ledgers, and the fold of the state topic against Redis.

    with Pipeline(tier="T3") as p:
        ann = p.create(Email="ann@x.org", FirstName="Ann")
        p.start()
        p.edit(ann, Title="CEO")
        p.check()        # drains, judges with the oracle, compares Redis with the fold
    # every message that was ever put on a topic has been validated against schemas/

Kafka and Redis are shared by all pipelines of a test file (several migrations live in one cluster: the namespaces
differ); the sandboxes are each pipeline's own. Nothing sleeps: everything is waited for by a condition.
"""
import fcntl
import itertools
import json
import os
import re
import string
import subprocess
import sys
import time

import harness
import pipeline_fold
import pipeline_kafka
import pipeline_schemas
from harness import Kafka, Proc, Redis, Sandbox, Timeout, executable, new_dir, wait_for

sys.path.insert(0, os.path.join(harness.SOURCE, "tests", "oracle"))
import oracle  # noqa: E402

ENTITY = "contact"
SYSTEM = "salesforce"
EXIT_FENCED = 4
# The sandboxes' lags are on, but short: a drain waits for each of them.
OLD = {"visibility_lag_ms": 100}
NEW = {"index_lag_ms": 200, "search_limit_1s": 0, "rate_limit_10s": 0}
# What the connectors say about time, likewise: a write that got no answer within timeout_ms is unknown, and is not
# executed any more after request_lifetime_ms.
CONNECTOR = {
    "salesforce": {"timeout_ms": 5000, "request_lifetime_ms": 6000, "overlap_ms": 5000, "retry_after_ms": 500},
    "hubspot": {"timeout_ms": 2000, "request_lifetime_ms": 3000, "index_lag_ms": 400, "retry_after_ms": 500},
}
_numbers = itertools.count(1)
_shared = {}


def shared(kind):
    """The one Kafka or Redis of this test file, running, whatever the last test did to it."""
    if kind not in _shared:
        _shared[kind] = {"kafka": Kafka, "redis": Redis}[kind]()
    service = _shared[kind]
    service.sigcont()
    if not service.running():
        service.start()
    return service


def end_of(proc):
    """The last words of a process; what a sanitizer said comes first."""
    text = proc.log_text()
    at = max(text.rfind("ERROR: "), text.rfind(": runtime error: ") - 200)
    return text[at:at + 4000] if at > 0 else text[-3000:]


class Pipeline:
    template = "pipeline.cfg"

    def __init__(self, tier="T3", partitions=2, old=None, new=None, connector=None, poll="", apply="", entity="", top="",
                 session_timeout_ms=3000, poll_build="tandem-poll", apply_build="tandem-apply", properties=(), judge=None,
                 sources=""):
        """judge: what the oracle has to know: truth, normalises, match, posts (tests/oracle/oracle.py). new: switches of the new system, or
        another pipeline's new system, into which both migrate."""
        assert tier in ("T1", "T3")
        self.tier, self.partitions, self.judge = tier, partitions, judge or {}
        self.ns = f"t{os.getpid()}-{next(_numbers)}"
        self.kafka, self.redis = shared("kafka"), shared("redis")
        self.external_id = f"tandem_{self.ns.replace('-', '_')}_salesforce_id"
        self.marker = f"tandem_{self.ns.replace('-', '_')}_marker"
        self.poll_build, self.apply_build = poll_build, apply_build
        self.dir = new_dir(self.ns)
        self.old = Sandbox("salesforce", **{**OLD, **(old or {})})
        self.shares_new = isinstance(new, Sandbox)
        self.new = new if self.shares_new else Sandbox("hubspot", **{**NEW, "conditional_writes": int(tier == "T1"), **(new or {})})
        if "refresh_period_s" not in poll:  # else a turn reads what a test wants read by another pass
            poll += "refresh_period_s = 0; "
        self.options = {"poll": poll, "apply": apply, "entity": entity, "top": top, "sources": sources,
                        "session_timeout_ms": session_timeout_ms,
                        "properties": "".join(f', "{text}"' for text in properties)}
        self.connector = {name: {**values, **(connector or {}).get(name, {})} for name, values in CONNECTOR.items()}
        self.polls, self.applies, self.zombies = [], [], []
        self.validated = True  # False: its messages are not to be what schemas/ says
        self.fenced = 0
        self.clients, self.logs = {}, {}
        self.config = self.configure("pipeline.cfg")
        self.prepared = False

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        if failed:
            for proc in self.processes():
                proc.kill()
        else:
            self.stop()
            if self.validated and self.prepared:
                self.validate()
        for client in self.clients.values():
            client.close()
        for sandbox in (self.old, self.new):
            sandbox.kill()

    # ---- configuration and topics ----

    def configure(self, name, **changes):
        """Write the configuration; changes replace the template's words."""
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, self.template), encoding="utf-8") as file:
            template = string.Template(file.read())
        words = {"ns": self.ns, "bootstrap": self.kafka.bootstrap, "redis": self.redis.address,
                 "partitions": self.partitions, "old_url": self.old.url, "new_url": self.new.url,
                 "external_id": self.external_id, "marker": self.marker,
                 "conditional": "true" if self.tier == "T1" else "false", **self.options, **changes}
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(template.substitute(words))
        for system, values in self.connector.items():
            self.write_connector(system, values)
        token = os.path.join(self.dir, "token")
        with open(token, "w", encoding="utf-8") as file:
            file.write("sandbox-token\n")
        os.chmod(token, 0o600)
        return path

    def write_connector(self, system, values):
        """The connector file that is shipped, with other numbers."""
        with open(os.path.join(harness.SOURCE, "deploy/connectors", f"{system}.cfg"), encoding="utf-8") as file:
            text = file.read()
        for key, value in values.items():
            text, n = re.subn(rf"\b{key} = \d+", f"{key} = {value}", text)
            assert n >= 1, f"{system}.cfg does not set {key}"
        with open(os.path.join(self.dir, f"{system}.cfg"), "w", encoding="utf-8") as file:
            file.write(text)

    def tandem(self, *args, ok=True, timeout=120):
        """The `tandem` command on this configuration: its output."""
        named = () if "--config" in args else ("--config", self.config)
        done = subprocess.run([executable("tandem"), *args, *named], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False, cwd=self.dir)
        assert not ok or done.returncode == 0, f"tandem {args}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def prepare(self):
        """Topics, the target's properties, control: everything that `tandem run --go` does before it starts processes."""
        if not self.prepared:
            if not self.shares_new:
                self.new.admin("schema", {"object": "contacts", "name": "lead_source", "type": "string"})
            self.tandem("topics", "apply")
            # With the lock taken, `tandem run --go` does all that and leaves the processes to whoever has it: us.
            os.makedirs(os.path.join(self.dir, "run"))
            with open(os.path.join(self.dir, "run", "lock"), "w", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self.tandem("run", "--go")
            self.prepared = True

    def topic(self, kind):
        return f"{self.ns}.{kind}"

    # ---- what is in Kafka ----

    def client(self, group="tests"):
        if group not in self.clients:
            self.clients[group] = pipeline_kafka.Client(self.kafka.bootstrap, group)
        return self.clients[group]

    def messages(self, kind):
        """All messages of a topic: "changes.contact", "state.contact", "outcomes" …"""
        if kind not in self.logs:
            spread = "." in kind or kind in ("outcomes", "dlq")
            self.logs[kind] = pipeline_kafka.Log(self.client(), self.topic(kind), self.partitions if spread else 1)
        return self.logs[kind].read()

    def ends(self, kind):
        return self.client().ends(self.topic(f"{kind}.{ENTITY}"), self.partitions)

    def committed(self, group, kind):
        return self.client(group).committed(self.topic(f"{kind}.{ENTITY}"), self.partitions)

    # ---- processes ----

    def add_poll(self, failpoint=None, action=None, build=None, start=True, env=None):
        n = len(self.polls) + 1
        proc = Proc([build or self.poll_build, "--config", self.config, "--source", "salesforce-poll", "--instance",
                     str(n), "--listen", "127.0.0.1:0"], name=f"poll-{n}", failpoint=failpoint, action=action,
                    start=start, env=env)
        self.polls.append(proc)
        return proc

    def add_apply(self, failpoint=None, action=None, build=None, start=True, env=None):
        n = len(self.applies) + 1
        proc = Proc([build or self.apply_build, "--config", self.config, "--instance", str(n), "--listen",
                     "127.0.0.1:0"], name=f"apply-{n}", failpoint=failpoint, action=action, start=start, env=env)
        self.applies.append(proc)
        return proc

    def start(self, polls=1, applies=1):
        self.prepare()
        while len(self.polls) < polls:
            self.add_poll()
        while len(self.applies) < applies:
            self.add_apply()
        return self

    def processes(self):
        return self.polls + self.applies

    def stop(self):
        for proc in self.processes():
            if proc.running():
                code = proc.term()
                assert code == 0, f"{proc.name} ended with {code} on SIGTERM: {end_of(proc)}"

    def revive(self):
        """Start again, without a failpoint, whatever has died (what was asked to end stays away)."""
        for proc in self.processes():
            if not proc.running() and (proc.process is None or proc.wait_exit() != 0):
                proc.failpoint = None
                proc.start()

    # ---- people ----

    def create(self, who="ann", **fields):
        return self.old.admin("people/create", {"object": "Contact", "fields": fields, "who": who})["id"]

    def edit(self, record, who="ann", modstamp=None, silent=False, **fields):
        body = {"object": "Contact", "id": record, "fields": fields, "who": who, "silent": silent}
        if modstamp is not None:
            body["modstamp"] = modstamp
        return self.old.admin("people/edit", body)

    def delete(self, record):
        return self.old.admin("people/delete", {"object": "Contact", "id": record})

    def create_new(self, who="bob", **fields):
        return self.new.admin("people/create", {"object": "contacts", "fields": fields, "who": who})["id"]

    def edit_new(self, record, who="bob", **fields):
        return self.new.admin("people/edit", {"object": "contacts", "id": record, "fields": fields, "who": who})

    def team(self, n, prefix):
        """n new contacts, all fields set."""
        return [self.create(Email=f"{prefix}.{i}@example.com", FirstName=f"F{i}", LastName=f"{prefix} {i}",
                            Title="T0", Phone=f"+49 30 {1000 + i}", LeadSource="Web", Balance__c=100 + i)
                for i in range(n)]

    def twin(self, source):
        """The new system's record of an old one; None if there is none."""
        for record in self.new.dump("contacts"):
            if record["fields"].get(self.external_id) == source:
                return record
        return None

    def wait_twin(self, source, timeout=60, **fields):
        """Until the new record has these property values."""
        def there():
            twin = self.twin(source)
            return twin if twin and all(twin["fields"].get(k) == v for k, v in fields.items()) else None
        return wait_for(there, timeout, f"{source} in the new system with {fields}", 0.1)

    # ---- at rest ----

    def cursors(self):
        latest = {}
        for message in self.messages("cursors"):
            latest[message["key"]] = message["payload"] and json.loads(message["payload"])
        return latest

    def unsettled(self, since_ms):
        """What is still to be done of all edits before since_ms (the old system's clock); "" when nothing is."""
        for proc in self.processes():
            code = proc.process.poll() if proc.process is not None else None
            if code == EXIT_FENCED:
                # librdkafka can be fenced by its own JoinGroup that timed out; `tandem run` starts it again, and so do we.
                self.fenced += 1
                proc.start()
            elif code not in (None, -9, 0):
                raise AssertionError(f"{proc.name} ended with {proc.process.poll()}: {end_of(proc)}")
        cursors = self.cursors()
        backfill = cursors.get(f"{SYSTEM}/{ENTITY}/backfill")
        if not backfill or not backfill["cursor"]["done"]:
            return f"backfill: {backfill}"
        incremental = cursors.get(f"{SYSTEM}/{ENTITY}/incremental")
        if not incremental or incremental["cursor"]["from_ms"] < since_ms:
            return f"incremental: {incremental}, edits until {since_ms}"
        for group, kinds in ((f"{self.ns}.poll.{SYSTEM}", ("hints",)), (f"{self.ns}.apply", ("changes", "decisions"))):
            for kind in kinds:
                committed, ends = self.committed(group, kind), self.ends(kind)
                if any(committed[partition] < end for partition, end in ends.items()):
                    return f"{group} stands at {committed} of {ends} in {kind}"
        for partition in range(self.partitions):
            due = self.redis.cmd("ZRANGE", f"tandem:{self.ns}:due:{ENTITY}:{partition}", 0, 3)
            if due:
                return f"due: {due}"
        operations = self.redis.cmd("HLEN", f"tandem:{self.ns}:ops:{ENTITY}")
        return f"{operations} operations in flight" if operations else ""

    def drain(self, timeout=90):
        """Until every edit made so far has gone all the way, and nothing has moved between two looks."""
        since_ms = self.old.admin("stats")["now_ms"]
        seen = {}

        def settled():
            ends = None
            try:
                why = self.unsettled(since_ms)
                ends = None if why else {kind: self.ends(kind) for kind in ("changes", "hints", "state")}
            except (OSError, harness.RedisError) as error:
                why = str(error)
            same = ends is not None and ends == seen.get("ends")
            seen.update(why=why, ends=ends)
            return same
        try:
            wait_for(settled, timeout, "at rest", 0.2)
        except Timeout:
            raise Timeout(f"{self.ns} does not come to rest in {timeout} s: {seen.get('why')}\n{self.tails()}") from None

    def tails(self):
        return "\n".join(f"--- {proc.name}: {end_of(proc)}" for proc in self.processes())

    # ---- judges ----

    def fold(self):
        return pipeline_fold.Fold(self.messages(f"state.{ENTITY}"))

    def outcomes(self):
        return [json.loads(message["payload"]) for message in self.messages("outcomes")]

    def dead(self):
        """Keys with a dead letter, and their reason classes: [(old id, reason)]."""
        return [((m["key"] or "").split(":", 1)[-1], m["headers"].get("tandem.reason"))
                for m in self.messages("dlq")]

    def held(self):
        """{old id: {field or "*": class}} from the state topic."""
        held = {}
        for key, row in self.fold().parsed().items():
            for item in row.get("held") or ():
                held.setdefault(key.split(":", 1)[1], {})[item.get("field") or "*"] = item["class"]
        return held

    def told(self):
        """What outcomes say of fields, for the oracle."""
        return [(o["key"].split(":", 1)[1], f["name"], o["what"], f.get("verdict"), f.get("old_now"), f.get("new_now"), o["ts_ms"])
                for o in self.outcomes() for f in o["fields"]]

    def verdict(self):
        explained = oracle.Explained(self.held(), [source for source, _ in self.dead()], self.told())
        return oracle.judge(os.path.join(self.old.dir, "sandbox.db"), os.path.join(self.new.dir, "sandbox.db"),
                            external_id=self.external_id, marker=self.marker, tier=self.tier,
                            explained=explained, zombies=self.zombies, **self.judge)

    def report(self):
        """What `tandem report` counts of the entity: the product's own comparison of both systems."""
        return json.loads(self.tandem("report", "--json", ok=False))["entities"][0]

    def assert_redis_is_fold(self):
        problems = pipeline_fold.compare(self.fold(), self.redis, self.ns, ENTITY)
        problems += pipeline_fold.compare_match(self.redis, self.ns, ENTITY, self.external_id, self.new.dump("contacts"))
        assert not problems, "Redis is not the fold of state:\n" + "\n".join(problems)

    def assert_review_is_projection(self):
        """<ns>.review has a message for each row with questions, about the same, and null for every other."""
        told = {}
        for message in self.messages("review"):
            told[message["key"].split("/", 1)[1]] = message["payload"]
        told = {key: sorted((q["class"], q.get("field", "*")) for q in json.loads(text)["held"])
                for key, text in told.items() if text}
        held = {key: sorted((q["class"], q.get("field", "*")) for q in row["held"])
                for key, row in self.fold().parsed().items() if row.get("held")}
        assert told == held, f"review tells {told}, the rows say {held}"

    def validate(self):
        """Every message against its schema; the number of messages."""
        checked, found = pipeline_schemas.problems(self.messages, ENTITY)
        assert not found, f"{len(found)} of {checked} messages are not what schemas/ says:\n" + "\n".join(found[:10])
        return checked

    def check(self, timeout=90):
        """Drain, then judge: the verdict, which must find nothing wrong."""
        self.drain(timeout)
        verdict = self.verdict()
        assert verdict.ok(), f"the oracle: {verdict}\n{self.tails()}"
        self.assert_redis_is_fold()
        self.assert_review_is_projection()
        return verdict
