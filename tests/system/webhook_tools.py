"""webhook_tools — tandem-webhook between a sender and Kafka: requests signed by each scheme, written here a second time, byte by
byte as its vendor documents it, and a sender that repeats what was not acknowledged, as real ones do."""
import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import threading
import time

from harness import Proc, wait_for
from pipeline import ENTITY, SYSTEM, Pipeline

SECRET = "It's a Secret to Everybody"
KEY = b"thirty-two bytes of pure secret!"
STANDARD = "whsec_" + base64.b64encode(KEY).decode()
OLDER = "the secret before"
ORGANIZATION = "00D5g0000012345"
SOAP_PATH = "/sfdc/5f1c6ab0f60f4f9a8d0c2f1c"
PUBLIC = "https://hooks.example.com"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ids = itertools.count(1)


def sf_id(number):
    """A Salesforce id in its 18 characters."""
    text = f"003{number:012d}"
    return text + "".join(ALPHABET[sum(1 << i for i, c in enumerate(text[5 * k:5 * k + 5]) if c.isupper())] for k in range(3))


def mac(secret, text, algorithm="sha256"):
    return hmac.new(secret if isinstance(secret, bytes) else secret.encode(), text, algorithm).digest()


def now():
    return int(time.time())


def sign_standard(body, at=None, secret=KEY, message=None):
    at, message = str(at or now()), message or f"msg_{os.getpid()}_{next(_ids)}"
    signature = base64.b64encode(mac(secret, f"{message}.{at}.".encode() + body)).decode()
    return "/std", {"webhook-id": message, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}


def sign_hubspot(body, at=None, secret=SECRET):
    at = str((at or now()) * 1000)
    signature = base64.b64encode(mac(secret, b"POST" + f"{PUBLIC}/hs".encode() + body + at.encode())).decode()
    return "/hs", {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": at}


def sign_stripe(body, at=None, secret=SECRET):
    at = str(at or now())
    return "/stripe", {"Stripe-Signature": f"t={at},v1={mac(secret, at.encode() + b'.' + body).hex()},v0=00"}


def sign_github(body, secret=SECRET):
    return "/gh", {"X-Hub-Signature-256": "sha256=" + mac(secret, body).hex(), "X-GitHub-Delivery": str(next(_ids))}


def sign_zendesk(body, at=None, secret=SECRET):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at or now()))
    signature = base64.b64encode(mac(secret, at.encode() + body)).decode()
    return "/zd", {"X-Zendesk-Webhook-Signature": signature, "X-Zendesk-Webhook-Signature-Timestamp": at}


def sign_slack(body, at=None, secret=SECRET):
    at = str(at or now())
    return "/slack", {"X-Slack-Signature": "v0=" + mac(secret, b"v0:" + at.encode() + b":" + body).hex(),
                      "X-Slack-Request-Timestamp": at}


def sign_own(body, at=None, secret=SECRET):
    at = str(at or now())
    return "/own", {"X-Erp-Signature": "sha512=" + mac(secret, at.encode() + b"|" + body, "sha512").hex(), "X-Erp-Time": at}


TIMED = {"standard": sign_standard, "hubspot-v3": sign_hubspot, "stripe": sign_stripe, "zendesk": sign_zendesk,
         "slack": sign_slack, "own": sign_own}
SIGN = {**TIMED, "github": sign_github}


def endpoint(path, scheme, more="", secrets='"hook-secret", "hook-older"'):
    whole = "" if scheme == "github" else """
        { type = "contact.whole"; entity = "contact"; id = ".data.Id"; record = ".data"; modified = ".data.SystemModstamp"; },"""
    rules = f"""rules = ( {{ type = "contact.*"; entity = "contact"; id = ".data.id"; }},{whole}
        {{ type = "contact.merged"; entity = "contact"; id = "[.data.winner] + .data.losers"; }} );"""
    return f'{{ path = "{path}"; scheme = "{scheme}"; secret_files = [{secrets}]; type = ".type"; {rules} {more} }}'


ENDPOINTS = ",\n".join([
    endpoint("/std", "standard", 'unmapped = "dlq";', '"hook-standard"'),
    endpoint("/hs", "hubspot-v3", f'public_url = "{PUBLIC}/hs";'),
    endpoint("/stripe", "stripe"), endpoint("/gh", "github"), endpoint("/zd", "zendesk"), endpoint("/slack", "slack"),
    endpoint("/own", "own", 'signature = { header = "X-Erp-Signature"; algorithm = "hmac-sha512"; prefix = "sha512="; '
             'time_header = "X-Erp-Time"; time = "seconds"; signed = "{time}|{body}"; };'),
    f"""{{ path = "{SOAP_PATH}"; scheme = "salesforce-soap"; organization = "{ORGANIZATION}";
      rules = ( {{ type = "Contact"; entity = "contact"; }} ); }}"""])


class Hooked(Pipeline):
    """Without apply: the judge is what lies on the topics."""

    def __init__(self, hook="", **options):
        source = (f', {{ name = "hooks"; type = "webhook"; system = "salesforce"; listen = "127.0.0.1:0"; {hook}\n'
                  f'  endpoints = (\n{ENDPOINTS}\n  ); }}')
        self.hooks = []
        super().__init__(sources=source, **options)

    def configure(self, name, **changes):
        for file, text in (("hook-secret", SECRET), ("hook-older", OLDER), ("hook-standard", STANDARD)):
            self.secret(file, text)
        return super().configure(name, **changes)

    def secret(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path + ".new", "w", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
            file.write(text + "\n")
        os.replace(path + ".new", path)

    def processes(self):
        return super().processes() + self.hooks

    def add_hook(self, build="tandem-webhook-test", **options):
        self.prepare()
        n = len(self.hooks) + 1
        proc = Proc([build, "--config", self.config, "--source", "hooks", "--instance", str(n), "--listen",
                     "127.0.0.1:0"], name=f"hook-{n}", **options)
        self.hooks.append(proc)
        return proc

    def port(self, hook=None, timeout=60):
        hook = hook or self.hooks[0]

        def found():
            assert hook.running(), f"{hook.name} ended with {hook.process.poll()}: {hook.log_text()[-3000:]}"
            return hook.log_events("webhook listener")
        return int(wait_for(found, timeout, "the webhook listener")[-1]["address"].rsplit(":", 1)[1])

    # ---- what came of it ----

    def hints(self):
        """The ids hinted, each as often as it is."""
        return [m["key"].split(":", 1)[1] for m in self.kafka.consume(self.topic(f"hints.{ENTITY}"))]

    def letters(self):
        return self.kafka.consume(self.topic("dlq"))

    def everything(self):
        """How many messages there are: requests that are refused reach no topic."""
        return len(self.hints()) + len(self.letters()) + len(self.kafka.consume(self.topic(f"changes.{ENTITY}")))

    def metric(self, name, hook=None, **labels):
        text = "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else ""
        return (hook or self.hooks[0]).metrics().get(f"{name}{text}", 0)


def post(port, path, body, headers, method="POST", timeout=15, connection=None):
    """(status, headers, text). headers: a dict, or pairs (a header may stand twice)."""
    own = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        own.putrequest(method, path)
        pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
        for name, value in [*pairs, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]:
            own.putheader(name, value)
        own.endheaders()
        own.send(body)
        reply = own.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read().decode()
    finally:
        if connection is None:
            own.close()


def event(record, kind="contact.changed", **more):
    return json.dumps({"type": kind, "data": {"id": record}, **more}).encode()


def soap(record, organization=ORGANIZATION, members="", notification="04l5g000000AAAA", kind="Contact"):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>
 <notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>{organization}AAA</OrganizationId>
 <ActionId>04k5g000000AAAA</ActionId><SessionId xsi:nil="true"/><EnterpriseUrl>http://attacker.example</EnterpriseUrl>
 <Notification><Id>{notification}</Id><sObject xsi:type="sf:{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
 <sf:Id>{record}</sf:Id>{members}</sObject></Notification></notifications></soapenv:Body></soapenv:Envelope>""".encode()


class Sender:
    """Sends events with ids of their own from several threads until told to end; each is repeated until it is acknowledged. What a
    real sender does after a connection that broke: it does not know, so it sends the same again."""

    def __init__(self, p, first, threads=4, sign=sign_standard):
        self.p, self.sign = p, sign
        self.numbers = itertools.count(first)
        self.acknowledged, self.statuses = [], {}
        self.ending, self.pause, self.deadline = threading.Event(), threading.Event(), None
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.ending.is_set():
            record = sf_id(next(self.numbers))
            body = event(record)
            path, headers = self.sign(body)
            while not self.deliver(record, path, body, headers):
                if self.deadline and time.monotonic() > self.deadline:
                    return
                self.pause.wait(0.02)  # a sender's own patience

    def deliver(self, record, path, body, headers):
        try:
            status, _, _ = post(self.p.port(), path, body, headers, timeout=10)
        except (OSError, http.client.HTTPException, AssertionError):
            status = 0
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status == 200:
                self.acknowledged.append(record)
        return status == 200

    def end(self, timeout=60):
        self.deadline = time.monotonic() + timeout
        self.ending.set()
        for thread in self.threads:
            thread.join()
        return self.acknowledged


__all__ = ["ENTITY", "SYSTEM", "SIGN", "TIMED", "Hooked", "Sender", "event", "hashlib", "post", "sf_id", "soap"]
