#!/usr/bin/python3 -B
"""tandem-webhook: who is let in, what becomes of it, and that nothing acknowledged is lost."""
import json
import os
import random
import socket
import threading
import time

import webhook_tools as tools
from harness import run_tests, wait_for
from webhook_tools import SIGN, TIMED, Hooked, Sender, event, post, sf_id, soap

SKEW_S = 10 * 60
IDLE = int(os.environ.get("TANDEM_IDLE", "2000"))  # the documented run: 10,000


def flip(text, at):
    return text[:at] + bytes([text[at] ^ 1]) + text[at + 1:]


def mutations(sign, body):
    """(what, path, headers, body) of everything that must be refused."""
    path, headers = sign(body)
    signed = {name: value for name, value in headers.items() if name != "X-GitHub-Delivery"}
    for name, value in signed.items():
        rest = [(n, v) for n, v in headers.items() if n != name]
        yield f"{name} dropped", path, rest, body
        yield f"{name} doubled", path, [*rest, (name, value), (name, value)], body
        yield f"{name} truncated", path, [*rest, (name, value[:-1] if ",v0=" not in value else value[:30])], body
        swapped = value.swapcase()
        if swapped != value:
            yield f"{name} re-cased", path, [*rest, (name, swapped)], body
    for at in (0, len(body) // 2, len(body) - 1):
        yield f"bit of byte {at} turned", path, headers, flip(body, at)
    yield "byte more", path, headers, body + b" "
    yield "another secret", *sign(body, secret=b"another"), body
    if sign in TIMED.values():
        yield "ten minutes old", *sign(body, at=tools.now() - SKEW_S), body
        yield "ten minutes ahead", *sign(body, at=tools.now() + SKEW_S), body


def test_who_is_let_in():
    """Each scheme's own request is; every mutation of it is refused with 401 and reaches no topic."""
    with Hooked() as p:
        p.add_hook()
        port, refused = p.port(), 0
        for number, (scheme, sign) in enumerate(SIGN.items(), 1):
            body = event(sf_id(number))
            path, headers = sign(body)
            upper = {name.upper(): value for name, value in headers.items()}
            status, _, text = post(port, path, body, upper)
            assert status == 200, f"{scheme}: {status} {text}"
            for what, path, headers, changed in mutations(sign, event(sf_id(1000 + number))):
                status, _, _ = post(port, path, changed, headers)
                assert status == 401, f"{scheme}, {what}: {status}"
                refused += 1
        status, _, text = post(port, tools.SOAP_PATH, soap(sf_id(50)), {})
        assert status == 200 and "<Ack>true</Ack>" in text, (status, text)
        for what, body in {
                "another organization": soap(sf_id(51), organization="00D5g0000099999"),
                "a document type": soap(sf_id(52)).replace(b"?>", b'?><!DOCTYPE x [<!ENTITY a "b">]>', 1),
                "half of it": soap(sf_id(53))[:-60], "nothing": b"", "json": b"{}"}.items():
            assert post(port, tools.SOAP_PATH, body, {})[0] == 401, what
            refused += 1
        # With a secret that is on its way out.
        body = event(sf_id(60))
        assert post(port, *_args(tools.sign_slack(body, secret=tools.OLDER), body))[0] == 200
        assert post(port, "/nobody", b"{}", {})[0] == 404
        assert post(port, "/std", b"", {}, method="GET")[0] == 405
        assert sorted(p.hints()) == sorted([sf_id(n) for n in range(1, len(SIGN) + 1)] + [sf_id(50), sf_id(60)])
        assert not p.letters()
        total = sum(v for k, v in p.hooks[0].metrics().items() if k.startswith("tandem_webhook_requests_total")
                    and ('"refused"' in k or '"expired"' in k))
        assert total == refused, (total, refused)


def _args(signed, body):
    path, headers = signed
    return path, body, headers


def send(p, body, sign=tools.sign_standard, hook=None, **options):
    return post(p.port(hook), *_args(sign(body, **options), body))


def test_what_becomes_of_it():
    """Hints, lists of ids, arrays, whole records, what no rule takes, what cannot be read."""
    with Hooked() as p:
        p.add_hook()
        ann = p.create(Email="ann@x.org", FirstName="Ann", LastName="A", LeadSource="Web", Balance__c=12.5)
        port = p.port()
        batch = json.dumps([json.loads(event(sf_id(n))) for n in range(1, 51)]).encode()
        assert send(p, batch, tools.sign_hubspot)[0] == 200
        assert sorted(p.hints()) == [sf_id(n) for n in range(1, 51)]
        # An id of 15 characters is the same record; a list of ids; a number too long for a double stays what it is.
        assert send(p, event(sf_id(60)[:15]))[0] == 200
        merged = {"type": "contact.merged", "data": {"winner": sf_id(61), "losers": [sf_id(62), sf_id(63)]}}
        assert send(p, json.dumps(merged).encode())[0] == 200
        assert sorted(p.hints())[50:] == [sf_id(n) for n in (60, 61, 62, 63)]
        # A whole record, named as the old system's API names it.
        names = ("Id", "Email", "FirstName", "LastName", "Phone", "MobilePhone", "Title", "MailingStreet", "MailingCity",
                 "MailingPostalCode", "MailingCountry", "Birthdate", "Balance__c", "LeadSource", "SystemModstamp")
        (there,) = [r for r in p.old.dump("Contact") if r["id"] == ann]
        record = {name: there["fields"].get(name) for name in names} | {"Id": ann, "SystemModstamp": "2026-01-02T03:04:05.000+0000"}
        assert send(p, json.dumps({"type": "contact.whole", "data": record}).encode())[0] == 200
        (change,) = p.kafka.values(p.topic(f"changes.{tools.ENTITY}"))
        assert change["source"]["pass"] == "push" and change["source"]["connector"] == "webhook", change["source"]
        assert change["after"]["email"] == "ann@x.org" and change["after"]["source"] == "web", change["after"]
        assert change["after"]["balance"] == "12.5" and change["source"]["modified_ms"] == 1767323045000
        # Without one of its mapped properties it is not whole; a value that is no value is poll's to tell.
        hints = len(p.hints())
        for lack in ({k: v for k, v in record.items() if k != "Title"}, {**record, "Birthdate": "2026-02-30"},
                     {k: v for k, v in record.items() if k != "SystemModstamp"}):
            assert send(p, json.dumps({"type": "contact.whole", "data": lack}).encode())[0] == 200
        assert p.hints().count(ann) == 3 and len(p.hints()) == hints + 3
        assert change["source"]["observed_from_ms"] == 1767323045000, "from its modification to its signature"
        assert abs(change["source"]["observed_to_ms"] - 1000 * tools.now()) < 60000
        assert post(port, tools.SOAP_PATH, soap(ann, members="<sf:LastName>A &amp; B</sf:LastName>"), {})[0] == 200
        assert p.hints().count(ann) == 4
        # Nobody's: kept where the endpoint says so, counted and logged once everywhere.
        for _ in range(3):
            assert send(p, event(sf_id(1), "deal.created"))[0] == 200
        assert send(p, event(sf_id(1), "deal.created"), tools.sign_slack)[0] == 200
        letters = p.letters()
        assert [m["headers"]["tandem.reason"] for m in letters] == ["unmapped"] * 3
        assert len(p.hooks[0].log_events("no rule for this type of event")) == 1
        assert p.metric("tandem_webhook_events_total", endpoint="slack/6", kind="unmapped") == 1
        # Signed, and nothing that can be read: kept with its reason, acknowledged.
        for body, reason in ((b"{", "undecodable"), (event("no id of Salesforce"), "mapping"),
                             (json.dumps({"type": "contact.merged", "data": {"losers": 7}}).encode(), "mapping")):
            assert send(p, body)[0] == 200
            assert [m["headers"]["tandem.reason"] for m in p.letters() if m["payload"].encode() == body] == [reason], body


def remembered(p):
    """What Redis says of each signed message: "+", or who has it."""
    return [p.redis.cmd("GET", key) for key in p.redis.cmd("KEYS", f"tandem:{p.ns}:hook:*")]


def test_replays():
    """Repetitions are answered 2xx without a second copy, once the first is on Kafka, by whichever process; 503 while it is on its way;
    without Redis they get through, counted."""
    with Hooked(hook="patience_ms = 3000;") as p:
        p.add_hook()
        p.add_hook()
        body = event(sf_id(1))
        signed = tools.sign_standard(body)
        for hook in (p.hooks[0], p.hooks[0]):
            assert post(p.port(hook), *_args(signed, body))[0] == 200
        # Redis hears of it when nobody waits: until then the other one says that it is on its way.
        wait_for(lambda: post(p.port(p.hooks[1]), *_args(signed, body))[0] == 200, 10, "known to the other one", 0.05)
        assert post(p.port(p.hooks[1]), *_args(signed, body))[0] == 200
        assert p.hints() == [sf_id(1)]
        assert p.metric("tandem_webhook_requests_total", p.hooks[1], endpoint="standard/1", result="duplicate") == 2
        # The same time and another id is another message; so is what GitHub signs (the body alone) when it comes again.
        assert post(p.port(), *_args(tools.sign_standard(body, at=int(signed[1]["webhook-timestamp"])), body))[0] == 200
        for _ in range(2):
            assert send(p, event(sf_id(2)), tools.sign_github)[0] == 200
        assert p.hints().count(sf_id(1)) == 2 and p.hints().count(sf_id(2)) == 2
        # On its way: Kafka does not answer the first one yet.
        body = event(sf_id(3))
        signed = tools.sign_standard(body)
        p.kafka.sigstop()
        first = {}
        thread = threading.Thread(target=lambda: first.update(done=post(p.port(), *_args(signed, body))))
        thread.start()
        wait_for(lambda: [v for v in remembered(p) if v != "+"], 10, "its lease")
        status, headers, _ = post(p.port(p.hooks[1]), *_args(signed, body))
        assert status == 503 and headers["Retry-After"] == "1", (status, headers)
        p.kafka.sigcont()
        thread.join()
        assert first["done"][0] in (200, 503), first
        wait_for(lambda: post(p.port(p.hooks[1]), *_args(signed, body))[0] == 200, 30, "accepted in the end", 0.2)
        assert sf_id(3) in p.hints()
        # Redis lost what it knew; then it is away: whoever signed is let in.
        body = event(sf_id(4))
        signed = tools.sign_standard(body)
        assert post(p.port(), *_args(signed, body))[0] == 200
        wait_for(lambda: set(remembered(p)) == {"+"}, 10, "done")
        p.redis.cmd("FLUSHALL")
        assert post(p.port(p.hooks[1]), *_args(signed, body))[0] == 200
        assert p.hints().count(sf_id(4)) == 2
        p.redis.sigstop()
        assert send(p, event(sf_id(5)))[0] == 200
        assert p.metric("tandem_webhook_unchecked_total") >= 1
        p.redis.sigcont()
        wait_for(lambda: send(p, event(sf_id(6)))[0] == 200 and p.hooks[0].log_events("replays are shared again"), 30,
                 "Redis is asked again", 0.2)


def test_secrets_are_read_again():
    """A new secret in its file is taken without a restart, when the first signature by it was wrong."""
    with Hooked() as p:
        p.add_hook()
        assert send(p, event(sf_id(1)), tools.sign_slack)[0] == 200
        p.secret("hook-secret", "rotated")
        wait_for(lambda: send(p, event(sf_id(2)), tools.sign_slack, secret="rotated")[0] == 200, 40, "the new secret", 0.5)
        assert send(p, event(sf_id(3)), tools.sign_slack)[0] == 401
        assert send(p, event(sf_id(4)), tools.sign_slack, secret=tools.OLDER)[0] == 200


def judge(p, acknowledged):
    hinted = set(p.hints())
    lost = [record for record in acknowledged if record not in hinted]
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged are on no topic: {lost[:5]}"


def test_kills():
    """kill -9 at each failpoint and at any moment, 30 times and more: nothing acknowledged is lost."""
    with Hooked() as p:
        hook = p.add_hook()
        p.port()
        sender = Sender(p, 1)
        points = ["webhook.claimed", "webhook.put", "webhook.settled", "webhook.answered"]
        chance = random.Random(5)
        for cycle in range(32):
            seen = len(sender.acknowledged)
            hook.kill()
            hook.failpoint = f"{points[cycle % 4]}:{chance.randint(1, 20)}" if cycle % 2 else None
            hook.start()
            wait_for(lambda: len(sender.acknowledged) > seen + 2 or not hook.running(), 60, f"cycle {cycle}", 0.01)
        hook.kill()
        hook.failpoint = None
        hook.start()
        acknowledged = sender.end()
        assert len(acknowledged) > 64, sender.statuses
        judge(p, acknowledged)
        assert hook.failpoints_hit(), "no failpoint was reached"


def test_kafka_away():
    """Stopped, hanging, started again: 503 within the sender's patience, and nothing acknowledged is lost."""
    with Hooked(hook="patience_ms = 1000;") as p:
        p.add_hook()
        p.port()
        sender = Sender(p, 1)
        wait_for(lambda: len(sender.acknowledged) > 20, 30, "the first ones")
        p.kafka.sigstop()
        wait_for(lambda: sender.statuses.get(503, 0) > 3, 30, "503 while Kafka hangs")
        begun = time.monotonic()
        assert send(p, event(sf_id(900001)))[0] == 503
        assert time.monotonic() - begun < 5, "HubSpot waits five seconds"
        assert "kafka" in p.hooks[0].get("/readyz?verbose")[1]
        p.kafka.sigcont()
        seen = len(sender.acknowledged)
        wait_for(lambda: len(sender.acknowledged) > seen + 20, 60, "accepted again")
        p.kafka.kill()
        seen = sender.statuses.get(503, 0)
        wait_for(lambda: sender.statuses.get(503, 0) > seen + 3, 30, "503 while Kafka is away")
        p.kafka.start()
        seen = len(sender.acknowledged)
        wait_for(lambda: len(sender.acknowledged) > seen + 20, 90, "accepted again")
        judge(p, sender.end())


def test_stop():
    """SIGTERM under load: every request is answered or its connection is closed, the exit code is 0, nothing acknowledged is lost."""
    with Hooked() as p:
        hook = p.add_hook()
        p.port()
        sender = Sender(p, 1)
        for _ in range(3):
            seen = len(sender.acknowledged)
            wait_for(lambda: len(sender.acknowledged) > seen + 20, 60, "some")
            assert hook.term() == 0, hook.log_text()[-2000:]
            hook.start()
        judge(p, sender.end())


def rss_mib(proc):
    with open(f"/proc/{proc.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


class Stranger:
    """A connection that says what a test tells it to, byte by byte."""

    def __init__(self, port, data=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.feed(data)

    def feed(self, data):
        """False: the other side has closed."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def status(self):
        """Of the answer; 0: the connection was closed."""
        try:
            head = self.socket.recv(65536)
        except OSError:
            return 0
        return int(head.split()[1]) if head.startswith(b"HTTP/1.") else 0


def test_strangers():
    """Slow senders, idle connections, endless bodies, nonsense in chunks, headers without end: memory stays bounded, each is ended in its
    time, and whoever signs is served meanwhile."""
    with Hooked(hook=f"connections_max = {2 * IDLE}; idle_ms = {4 * IDLE}; body_ms = 2000; body_max_bytes = 65536; "
                     "bodies_max_bytes = 4194304;") as p:
        hook = p.add_hook()
        port = p.port()
        assert send(p, event(sf_id(1)))[0] == 200
        before = rss_mib(hook)
        head = b"POST /std HTTP/1.1\r\nHost: x\r\n"
        idle = [Stranger(port) for _ in range(IDLE)]
        assert send(p, event(sf_id(2)))[0] == 200, "served beside idle connections"
        wait_for(lambda: p.metric("tandem_webhook_connections") >= IDLE, 20, "all of them are held", 0.1)
        # A gigabyte: refused at its first byte, or cut off.
        assert Stranger(port, head + b"Content-Length: 1000000000\r\n\r\n").status() == 413
        endless = Stranger(port, head + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        while sent < 1000 and endless.feed(b"10000\r\n" + b"x" * 65536 + b"\r\n"):
            sent += 1
        assert sent < 1000, "64 MB of chunks were taken"
        # Drips: headers and bodies that never end.
        drips = [Stranger(port, head + b"X-A: ") for _ in range(50)]
        drips += [Stranger(port, head + b"Content-Length: 5000\r\n\r\n") for _ in range(50)]
        # All bodies together have a limit, too.
        heavy = [Stranger(port, head + b"Content-Length: 65000\r\n\r\n" + b"x" * 64000) for _ in range(100)]
        nonsense = [b"Transfer-Encoding: chunked\r\n\r\nzzz\r\n", b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
                    b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", b"Content-Length: -1\r\n\r\n",
                    b"Content-Length: 99999999999999999999\r\n\r\n", b"X: " + b"y" * 100000 + b"\r\n\r\n",
                    b"".join(b"X-%d: y\r\n" % n for n in range(5000)) + b"\r\n", b"\0\0\0\r\n\r\n"]
        for text in nonsense:
            status = Stranger(port, head + text).status()
            assert status == 0 or status >= 400, (text[:40], status)
        for text in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"POST " + b"/" * 40000, b"\r\n" * 20000):
            Stranger(port, text)
        assert send(p, event(sf_id(3)))[0] == 200, "served beside drips"

        def drip():
            for one in drips:
                one.feed(b"x")
            return p.metric("tandem_webhook_connections") < 50
        wait_for(drip, 30 + IDLE / 500, "silence and drips are ended", 0.3)
        assert all(one.status() in (0, 401, 408, 503) for one in heavy + drips[:5])
        assert send(p, event(sf_id(4)))[0] == 200
        grown = rss_mib(hook) - before
        print(f"beside {IDLE} idle connections: {grown:.1f} MiB more")
        assert grown < 100 + IDLE / 100, f"{grown:.0f} MiB more"  # with the sanitizer's own
        del idle
        assert p.everything() == 4


def test_one_effect():
    """A webhook with the whole record, a hint, and poll tell of the same changes: one effect each, out of order or twice."""
    with Hooked() as p:
        people = p.team(8, "hook")
        p.start()
        p.add_hook()
        p.drain()
        names = ("Email", "FirstName", "LastName", "Phone", "MobilePhone", "Title", "MailingStreet", "MailingCity",
                 "MailingPostalCode", "MailingCountry", "Birthdate", "Balance__c", "LeadSource")
        sent = []
        for turn in (1, 2, 3):
            for person in people:
                p.edit(person, Title=f"T{turn}")
            for record in p.old.dump("Contact"):
                if record["id"] in people:
                    data = {n: record["fields"].get(n) for n in names}
                    data.update(Id=record["id"], SystemModstamp=modstamp(record))
                    sent.append(json.dumps({"type": "contact.whole", "data": data}).encode())
            for body in sent[-8:]:
                assert send(p, body)[0] == 200
        random.Random(3).shuffle(sent)
        for body in sent:
            assert send(p, body)[0] == 200
        for person in people:
            assert send(p, event(person))[0] == 200
        assert any(e["source"]["pass"] == "push" for e in p.kafka.values(p.topic(f"changes.{tools.ENTITY}")))
        p.check()


def modstamp(record):
    """As the API writes it."""
    ms = record["modstamp_ms"]
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03d}+0000"


if __name__ == "__main__":
    run_tests(globals())
