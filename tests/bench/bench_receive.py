"""
bench_receive — tandem-webhook and tandem-form between senders and Kafka: a request is answered when what it brought is there. Signed requests of
about 700 bytes with a whole record, and forms, on 1, 32 and 256 connections; beside it the bare libraries.
"""
import base64
import hashlib
import hmac
import json
import os
import struct
import time
import urllib.parse

from rig import Migration, Server, Window, bench, check, run, wait_log
from harness import Proc

CONNECTIONS = (1, 32, 256)
KEY = b"thirty-two bytes of pure secret!"
SECRETS = {"hook-secret": "whsec_" + base64.b64encode(KEY).decode()}
PATHS = {"webhook": "/hooks/crm", "form": "/servlet/servlet.WebToLead"}
NAMES = ("email", "first_name", "last_name", "phone", "mobile", "job_title", "notes", "street", "city", "zip", "country")
SOURCES = f''', {{ name = "hooks"; type = "webhook"; system = "salesforce"; listen = "127.0.0.1:0";
    endpoints = ( {{ path = "{PATHS['webhook']}"; scheme = "standard"; secret_files = ["hook-secret"]; type = ".type";
      rules = ( {{ type = "contact.*"; entity = "contact"; id = ".data.Id"; record = ".data"; modified = ".data.SystemModstamp"; }} ); }} ); }},
  {{ name = "forms"; type = "form"; system = "salesforce"; listen = "127.0.0.1:0"; spool_dir = "spool";
    forms = ( {{ name = "lead"; path = "{PATHS['form']}"; entity = "contact"; thank_you = "https://www.example.com/thanks";
      inputs = ( {', '.join(f'{{ name = "{name}"; field = "{name}"; }}' for name in NAMES)} ); }} ); }}'''
LOG = {"webhook": "webhook listener", "form": "form listener"}


def subject(kind, connections):
    return f"tandem-{kind}, {connections} connection{'s' if connections > 1 else ''}"


def floor_subject(connections):
    return f"floor, {connections} connection{'s' if connections > 1 else ''}"


SUBJECTS = [name for n in CONNECTIONS for name in (subject("webhook", n), floor_subject(n), subject("form", n))]


def record(number):
    return {"Email": f"person{number}@example.org", "FirstName": "Maximiliane", "LastName": f"Mustermann {number}", "Phone": "+49 30 1234567",
            "MobilePhone": "+49 170 1234567", "Title": "Head of Procurement", "Description": "Met at the fair, wants an offer for forty seats",
            "MailingStreet": f"Torstraße {number % 200}", "MailingCity": "Berlin", "MailingPostalCode": "10119", "MailingCountry": "Germany",
            "Birthdate": "1980-02-29", "Balance__c": 1234.56, "NumberOfEmployees__c": 40, "HasOptedOutOfEmail": False, "Region__c": "EMEA",
            "LeadSource": "Web"}


def signed(data, number, at):
    """Body and headers by Standard Webhooks (webhook-signature v1)."""
    body = json.dumps({"type": "contact.changed", "data": data}, separators=(",", ":")).encode()
    message = f"msg_{number}"
    signature = base64.b64encode(hmac.new(KEY, f"{message}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    return body, {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": f"v1,{signature}"}


def hook(number, at):
    modified = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(at - 5))
    body, headers = signed({"Id": f"0035g{number:010d}AAA", "SystemModstamp": modified, **record(number)}, number, at)
    return body, {"Content-Type": "application/json", **headers}


def form(number, _at):
    values = list(record(number).values())[:len(NAMES)]
    body = urllib.parse.urlencode(dict(zip(NAMES, values))).encode()
    return body, {"Content-Type": "application/x-www-form-urlencoded"}


def write_requests(path, kind, first, count):
    make, at = {"webhook": hook, "form": form}[kind], int(time.time())
    with open(path, "wb") as file:
        for number in range(first, first + count):
            body, headers = make(number, at)
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            text = f"POST {PATHS[kind]} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
            file.write(struct.pack("<I", len(text)) + text)


def send(services, migration, kind, process, port, connections, first, count, topic):
    """One measurement: all requests of a file, one event each on the topic."""
    path = os.path.join(migration.dir, "requests")
    write_requests(path, kind, first, count)
    before = services.count(topic)
    window = Window(subject=process.pid, kafka=services.kafka.pid, redis=services.redis.pid)
    line = json.loads(run([bench("bench_sender"), str(port), str(connections), path]))
    result = window.end(count)
    result["rate"] = line["records"] / line["seconds"]
    result["others"]["sender"] = line["cpu_s"] * 1e6 / count
    result["p50_ms"], result["p99_ms"] = line["p50_us"] / 1000, line["p99_us"] / 1000
    check(f"{kind}: answered", line["records"], count)
    check(f"{kind}: messages", services.count(topic) - before, count)
    os.unlink(path)
    return result


def port_of(proc, kind):
    wait_log(proc, LOG[kind])
    return int(proc.log_events(LOG[kind])[-1]["address"].rsplit(":", 1)[1])


def measure(services, requests, rounds, say):
    source, target = Server("bench_source", 1), Server("bench_target", 1)
    migration = Migration(services, source.url, target.url, sources=SOURCES, secrets=SECRETS)
    topic, bare = migration.topic("changes.contact"), migration.topic("hints.contact")
    receivers = {}
    for kind, name in (("webhook", "hooks"), ("form", "forms")):
        proc = Proc([f"tandem-{kind}", "--config", migration.config, "--source", name, "--listen", "127.0.0.1:0"])
        receivers[kind] = proc, port_of(proc, kind), topic
    floor = Server("floor_receive", services.kafka.bootstrap, bare)
    receivers["floor"] = floor, int(floor.url.rsplit(":", 1)[1]), bare
    results, first = {name: [] for name in SUBJECTS}, 0
    for number in range(1, rounds + 1):
        for connections in CONNECTIONS:
            count = requests if connections > 1 else max(1, requests // 10)
            for kind, name in (("webhook", subject("webhook", connections)), ("floor", floor_subject(connections)),
                               ("form", subject("form", connections))):
                proc, port, onto = receivers[kind]
                found = send(services, migration, "webhook" if kind == "floor" else kind, proc, port, connections, first, count, onto)
                first += count
                results[name].append(found)
                say(f"receive {number}/{rounds} {name}: {found['rate']:,.0f}/s, p50 {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f} ms, "
                    f"{found['s_per_million']:.1f} s/M")
    for kind in ("webhook", "form"):
        check(f"tandem-{kind} ends with", receivers[kind][0].term(), 0)
    for server in (floor, source, target):
        server.kill()
    return results
