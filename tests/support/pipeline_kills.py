"""
pipeline_kills — kill -9 at named places, zombies, and a Redis that is lost, each followed by the same question: after
everything has come to rest, does the oracle find nothing wrong, and is Redis the fold of state?

The failpoints are read from the sources, so that a new one is a new cycle. A failpoint that was not hit fails.
"""
import collections
import glob
import itertools
import os
import random
import re
import time

import harness
from harness import Timeout, wait_for
from pipeline import ENTITY, SYSTEM, Pipeline

# What the team collides on: no rule for the street, so it becomes a question.
TRUTH = """truth = ( { field = "phone"; rule = "old"; }, { field = "country"; rule = "new"; }, { field = "mobile"; rule = "newest"; } );"""
DECLARED = {"phone": "old", "country": "new", "mobile": "newest"}
WRITES = ("batch/upsert", "batch/create", "batch/update")


def failpoints():
    """{name: "poll" | "apply"} of every FAILPOINT in the sources."""
    found = {}
    for folder in ("common", "producers", "consumers"):
        for path in glob.glob(os.path.join(harness.SOURCE, folder, "**", "*.c"), recursive=True):
            with open(path, encoding="utf-8") as file:
                for name in re.findall(r'\bFAILPOINT\("([^"]+)"\)', file.read()):
                    if name.startswith(("apply.link", "poll.sweep")):
                        continue  # test_relations.py: this mapping has no associations; test_sweep.py: a deleted record is no more
                    who = {"poll": "poll", "apply": "apply", "consumer": "apply", "webhook": None, "form": None, "singer": None, "mutant": None}[name.split(".")[0]]
                    if who:  # the receivers' and the mutants' are their own tests'
                        found[name] = who
    assert found
    return dict(sorted(found.items()))


def wall_ms():
    return time.time_ns() // 1000000


def restart(proc, failpoint=None, action=None):
    if proc.running():
        proc.term()
    proc.failpoint, proc.action = failpoint, action
    proc.start()


def two_sided(**options):
    """A pipeline whose systems are edited at once, with a truth for some of the fields."""
    return Pipeline(entity=TRUTH, top="clock_skew_ms = 500;", judge={"truth": DECLARED}, **options)


class Cycles:
    """Cycles on one pipeline (two_sided); hits counts what was really hit."""

    def __init__(self, p, seed=1):
        self.p, self.random, self.hits = p, random.Random(seed), collections.Counter()
        self.numbers = itertools.count(1)
        self.people = []

    # ---- what people do meanwhile ----

    def begin(self, n=30):
        """A pipeline with n contacts that have come over, one poll and one apply of the test builds."""
        self.people = self.p.team(n, "base")
        self.p.poll_build, self.p.apply_build = "tandem-poll-test", "tandem-apply-test"
        self.p.start()
        self.p.check()
        return self

    def edit(self, source=None):
        n = next(self.numbers)
        source = source or self.random.choice(self.people)
        self.p.edit(source, Title=f"T{n}", MailingCity=f"C{n}")
        return source, f"T{n}"

    def traffic(self):
        """New, changed, and with a twin that waits in the new system: one of each."""
        n = next(self.numbers)
        self.p.create_new(email=f"twin.{n}@x.org", firstname="Twin", lastname=f"W{n}")
        self.people.append(self.p.create(Email=f"twin.{n}@x.org", FirstName="Twin", LastName=f"W{n}", Title="CTO"))
        self.people.append(self.p.create(Email=f"fresh.{n}@x.org", FirstName="Fresh", LastName=f"F{n}"))
        self.edit(self.people[0])
        self.edit()
        self.collide()

    def collide(self):
        """The team edits one record in both systems: the same fields otherwise, and fields of its own on either side."""
        n, source = next(self.numbers), self.random.choice(self.people)
        twin = self.p.twin(source)
        if twin is None:
            return
        hers = {"address": f"N{n}", "country": f"N{n}", "phone": f"+49 30 1{n:05d}", "mobilephone": f"+49 170 1{n:05d}"}
        his = {"MailingStreet": f"O{n}", "MailingCountry": f"O{n}", "Phone": f"+49 30 2{n:05d}", "MobilePhone": f"+49 170 2{n:05d}"}
        for name in self.random.sample(sorted(hers), 2):
            del hers[name]
        self.p.edit_new(twin["id"], zip=f"{n:05d}", **hers)
        self.p.edit(source, **dict(self.random.sample(sorted(his.items()), 3)))

    def hint(self):
        source, _ = self.edit()
        self.p.kafka.produce(self.p.topic(f"hints.{ENTITY}"), [(
            f"{SYSTEM}:{source}", f'{{"v":1,"system":"{SYSTEM}","id":"{source}","why":"repair","not_before_ms":0}}')])

    def drive(self, name):
        """Whatever leads a process to this failpoint."""
        if name.startswith("poll.hydrate"):
            self.hint()
        elif name.startswith("apply.rebuild"):
            self.p.redis.flush()
        else:
            self.traffic()

    # ---- cycles ----

    def judge(self, name):
        """At rest nothing is wrong; the cycle counts."""
        try:
            self.p.check()
        except AssertionError as error:
            raise AssertionError(f"after {name}: {error}") from error
        self.hits[name] += 1

    def kill_at(self, name, who, nth=1):
        """kill -9 at the nth pass of a failpoint."""
        if name == "apply.assigned":
            nth = min(nth, self.p.partitions)
        proc = (self.p.polls if who == "poll" else self.p.applies)[0]
        restart(proc, failpoint=f"{name}:{nth}")
        deadline = time.monotonic() + 60
        code = None
        while code is None:
            # More work of the same kind until it is hit: several changes may travel in one batch.
            assert time.monotonic() < deadline, f"{name}:{nth} was not hit\n{self.p.tails()}"
            self.drive(name)
            try:
                code = proc.wait_exit(3)
            except Timeout:
                pass
        assert code == -9 and name in proc.failpoints_hit(), f"{name}: {proc.name} ended with {code}: {proc.log_text()[-2000:]}"
        self.p.revive()
        self.judge(name)

    def hold_writes(self, when):
        for path in WRITES:
            self.p.new.admin("hold", {"match": {"method": "POST", "path_contains": path}, "when": when, "count": 1})

    def held(self):
        return self.p.new.admin("held")["held"]

    def release(self, action):
        self.p.new.admin("release", {"action": action})

    def kill_in_flight(self, when, action):
        """kill -9 of apply while its write is in the target: not yet executed (before) or not yet answered (after)."""
        self.hold_writes(when)
        self.traffic()
        wait_for(self.held, 60, f"a write held {when} its execution")
        self.p.applies[0].kill()
        self.release(action)
        self.p.revive()
        self.judge(f"in flight, held {when}, then {action}")

    def late_write(self, meanwhile=None):
        """A write that executes long after its process died and another finished the work and a newer change.

        meanwhile(source): what people do in the new system before it executes. Returns the old record.
        """
        source, _ = self.edit()
        self.p.check()
        self.hold_writes("before")
        self.edit(source)
        wait_for(self.held, 60, "a write held before its execution")
        self.p.applies[0].kill()
        self.p.revive()
        _, newer = self.edit(source)
        self.p.wait_twin(source, jobtitle=newer)
        self.p.check()
        if meanwhile:
            meanwhile(source)
        self.release("go")
        wait_for(lambda: not self.held() and self.p.new.admin("stats")["late_pending"] == 0, 30, "executed late")
        return source

    def late_request(self, meanwhile=None):
        """late_write, and what becomes of it."""
        before = len(self.p.verdict().late)
        source = self.late_write(meanwhile)
        self.judge_late(source, before)
        self.hits["late request"] += 1
        return source

    def zombie(self):
        """apply sleeps before it sends, another takes over and goes on, then the zombie wakes: its time to send is over."""
        source, _ = self.edit()
        self.p.check()
        zombie = self.p.applies[0]
        restart(zombie, failpoint="apply.sending:1", action="stop")
        self.edit(source)
        wait_for(lambda: zombie.failpoints_hit()[-1:] == ["apply.sending"], 60, "apply sleeps before it sends")
        hits = len(zombie.failpoints_hit())
        if len(self.p.applies) < 2:
            self.p.add_apply()
        else:
            self.p.applies[1].start()
        _, newer = self.edit(source)
        self.p.wait_twin(source, jobtitle=newer)
        self.p.drain()
        before = len(self.p.verdict().late)
        woken = wall_ms()
        zombie.failpoint = None
        zombie.sigcont()
        zombie.wait_ready()
        self.p.drain()
        self.p.zombies.append((woken, wall_ms()))
        assert len(zombie.failpoints_hit()) == hits
        self.judge_late(source, before, executed=False)
        self.p.applies[1].term()
        self.judge("zombie")

    def judge_late(self, source, before, executed=True):
        """T1, or never sent: nothing happened. T3: counted from the ledger, and put right, and said, with the next read of the record."""
        overwrote = executed and self.p.tier == "T3"
        self.p.drain()
        verdict = self.p.verdict()
        assert verdict.ok(), verdict
        assert len(verdict.late) == before + overwrote, verdict
        _, newest = self.edit(source)
        self.p.wait_twin(source, jobtitle=newest)
        verdict = self.p.check()
        assert not verdict.late_wrong, verdict
        said = [o for o in self.p.outcomes() if o["key"].endswith(source) and o.get("class") == "late-overwrite"]
        assert bool(said) == overwrote, f"late overwrites in outcomes: {said}"

    # ---- Redis ----

    def flush(self):
        self.traffic()
        self.p.redis.flush()
        self.traffic()
        self.judge("Redis flushed")

    def rollback(self):
        copy = self.p.redis.snapshot()
        self.traffic()
        self.p.drain()
        self.edit()
        self.p.redis.rollback(copy)
        self.traffic()
        self.judge("Redis rolled back")

    def redis_killed(self):
        self.traffic()
        self.p.redis.kill()
        self.edit()
        self.p.redis.start()
        self.judge("Redis killed")

    # ---- everything at once ----

    def storm(self, steps=25):
        """People work on both sides while everything goes wrong in random order, without a pause to recover."""
        p = self.p
        if len(p.applies) < 2:
            p.add_apply()
        elif not p.applies[1].running():
            p.applies[1].start()

        def fault():
            kind = self.random.choice(("status_429", "status_5xx", "drop", "drop_after_execute", "garbage_body",
                                       "truncate_json", "latency"))
            crm, path = self.random.choice(((p.old, "query"), (p.new, "batch/")))
            crm.admin("faults", {"kind": kind, "count": 2, "delay_ms": 300, "match": {"path_contains": path}})

        def kill(processes):
            self.random.choice(processes).kill()

        def person():
            twin = p.twin(self.random.choice(self.people))
            if twin:
                n = next(self.numbers)
                p.edit_new(twin["id"], zip=str(10000 + n), message=f"called {n}")

        def redis_again():
            p.redis.kill()
            p.redis.start()

        def kafka_hangs():
            p.kafka.sigstop()
            self.edit()
            self.traffic()
            p.kafka.sigcont()

        actions = [self.traffic, self.edit, self.edit, person, person, fault, fault, lambda: kill(p.polls),
                   lambda: kill(p.applies), lambda: kill(p.applies), p.redis.flush, redis_again, kafka_hangs, self.hint]
        for _ in range(steps):
            self.random.choice(actions)()
            self.edit()
            p.revive()
        for crm in (p.old, p.new):
            crm.admin("faults", method="DELETE")
        p.drain(180)
        self.judge("storm")
        p.applies[1].term()

    def table(self):
        return "\n".join(f"  {n:4d}  {name}" for name, n in sorted(self.hits.items()))
