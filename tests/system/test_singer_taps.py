#!/usr/bin/python3 -B
"""Real taps from PyPI, each in an environment of its own, under tandem-singer: tap-salesforce against the sandbox over TLS with a CA of our own,
tap-freshdesk against a few answers as its API gives them. Only the addresses that they have built in are replaced, by a wrapper."""
import http.server
import json
import os
import ssl
import subprocess
import threading
import urllib.parse
import urllib.request

import harness
from certificates import make_certificates
from harness import run_tests, wait_for
from singer_tools import COLUMNS, Tapped

WRAPPERS = {
    "salesforce": """
import sys, tap_salesforce
from tap_salesforce.salesforce import Salesforce
address, ask = sys.argv.pop(1), Salesforce._make_request
Salesforce._make_request = lambda self, method, url, **more: ask(self, method, url.replace("https://login.salesforce.com", address), **more)
tap_salesforce.main()
""",
    "freshdesk": """
import sys, tap_freshdesk
from tap_freshdesk import client
address, begin = sys.argv.pop(1), client.Client.__init__
def begin_there(self, config):
    begin(self, config)
    self.base_url = address + "/api/v2"
client.Client.__init__ = begin_there
tap_freshdesk.main()
""",
}


def python_of(tap):
    """The interpreter of the tap's own environment."""
    made = subprocess.run([os.path.join(harness.SOURCE, "tests", "support", "venv"),
                           os.path.join(harness.SOURCE, "tests", "support", "taps", tap + ".txt")], stdout=subprocess.PIPE, text=True, check=True)
    return made.stdout.strip()


class RealTap(Tapped):
    tap_name, tap_stream, catalog_option = "", "", "catalog_file"
    tap_config, selected = {}, ()

    def __init__(self, address, ca=None, stream="", **options):
        self.address, self.ca, self.wrapper = address, ca, None
        environment = f'environment = ["REQUESTS_CA_BUNDLE={ca}"];' if ca else ""
        super().__init__(sources=f""", {{ name = "tap"; type = "singer"; system = "salesforce"; state_dir = "tap"; config_file = "tap.json";
  {self.catalog_option} = "catalog.json"; command = [$command]; {environment} interval_ms = 500; commit_ms = 100;
  streams = ( {{ stream = "{self.tap_stream}"; entity = "contact"; {stream} }} ); }}""", command=["$wrapper"], **options)

    def url(self):
        return self.address or self.old.url

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text)

    def configure(self, name, **changes):
        self.command = [python_of(self.tap_name), "-B", self.path("wrapper.py"), self.url()]
        self.write("catalog.json", "{}")
        path = super().configure(name, **changes)
        self.write("wrapper.py", WRAPPERS[self.tap_name])
        self.write("tap.json", json.dumps(self.tap_config))
        return path

    def discover(self):
        """As an engineer would: the tap's own list of streams, of which one is selected."""
        env = {**os.environ, **({"REQUESTS_CA_BUNDLE": self.ca} if self.ca else {})}
        done = subprocess.run([*self.command, "--config", self.path("tap.json"), "--discover"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, env=env, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        catalog = json.loads(done.stdout)
        names = [stream["tap_stream_id"] for stream in catalog["streams"]]
        assert self.tap_stream in names, names
        for stream in catalog["streams"]:
            for entry in stream["metadata"]:
                if stream["tap_stream_id"] != self.tap_stream:
                    continue
                if not entry["breadcrumb"]:
                    entry["metadata"].update(selected=True, **{"replication-method": "INCREMENTAL", "replication-key": self.replication_key})
                elif not self.selected or entry["breadcrumb"][1] in self.selected:
                    entry["metadata"]["selected"] = True
        self.write("catalog.json", json.dumps(catalog))
        return names


class SalesforceTap(RealTap):
    tap_name, tap_stream, catalog_option, replication_key = "salesforce", "Contact", "properties_file", "SystemModstamp"
    selected = (*COLUMNS, "IsDeleted")
    tap_config = {"client_id": "tandem", "client_secret": "sandbox-secret", "refresh_token": "sandbox-refresh", "api_type": "REST",
                  "start_date": "2020-01-01T00:00:00Z", "lookback_window": 10, "select_fields_by_default": False}


def test_tap_salesforce():
    """Backfill, edits and a delete by the real tap over TLS: the twins are right by the oracle; tokens rotate, and none is in the log."""
    where = make_certificates()
    files = [os.path.join(where, name) for name in ("cert.pem", "key.pem", "ca.pem")]
    # The people's hands in the sandbox, too: harness.http.
    urllib.request.install_opener(urllib.request.build_opener(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=files[2]))))
    with SalesforceTap(None, ca=files[2], old={"tls": (files[0], files[1]), "rotate_refresh": 1},
                       stream='modified = "SystemModstamp"; deleted = "IsDeleted";') as p:
        people = p.team(20, "Team")
        names = p.discover()
        assert {"Contact", "Account"} <= set(names), names
        p.start(polls=0)
        proc = p.add_tap()
        p.wait_runs(1)
        p.edit(people[3], Title="CEO", LeadSource="Partner Referral", Birthdate="1980-02-29")
        p.delete(people[4])
        late = p.create(Email="late@example.com", LastName="Late")
        p.wait_twin(people[3], jobtitle="CEO", lead_source="PARTNER", date_of_birth="1980-02-29")
        p.wait_twin(late, email="late@example.com")
        wait_for(lambda: [e for e in p.events() if e["op"] == "d"], 60, "the delete", 0.1)
        p.settle()
        events = p.events()
        assert len(events) == 23 and [e["source"]["id"] for e in events if e["op"] == "d"] == [people[4]], len(events)
        assert json.loads(p.place()["state"])["bookmarks"]["Contact"]["SystemModstamp"] > "2020", p.place()
        log = proc.log_text()
        with open(p.path("tap.json"), encoding="utf-8") as file:
            token = json.load(file)["refresh_token"]
        assert token != "sandbox-refresh", "it has rotated"
        assert "Attempting login" in log and "sandbox-secret" not in log and "sandbox-refresh" not in log and token not in log
        assert not p.letters()


class FreshdeskTap(RealTap):
    tap_name, tap_stream, replication_key = "freshdesk", "contacts", "updated_at"
    tap_config = {"api_key": "a-key-of-freshdesk", "domain": "example", "start_date": "2020-01-01T00:00:00Z", "user_agent": "tandem"}

    def configure(self, name, **changes):
        """A system with other names and ids of digits."""
        path = super().configure(name, **changes)
        for file, words in ((path, {"Email": "email", "LastName": "name", "Phone": "phone", "MobilePhone": "mobile", "Title": "job_title"}),
                            (self.path("salesforce.cfg"), {})):
            with open(file, encoding="utf-8") as read:
                text = read.read().replace('id_form = "salesforce"', 'id_form = "digits"')
            for ours, theirs in words.items():
                text = text.replace(f'old = "{ours}";', f'old = "{theirs}";')
            self.write(os.path.basename(file), text)
        return path


class Freshdesk:
    """GET /api/v2/contacts?updated_since=…&page=…&per_page=… (developers.freshdesk.com/api/#contacts)."""

    def __init__(self):
        self.contacts, self.asked = {}, []
        desk = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(parts.query))
                desk.asked.append(query)
                page, size = int(query.get("page", 1)), int(query.get("per_page", 30))
                found = [c for c in desk.contacts.values() if c["updated_at"] >= query.get("updated_since", "")[:19]]
                body = json.dumps(found[(page - 1) * size:page * size]).encode()
                self.send_response(200 if parts.path == "/api/v2/contacts" else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, number, day, **fields):
        self.contacts[number] = {"id": 43000000000 + number, "name": f"Person {number}", "email": f"p{number}@example.com", "phone": None,
                                 "mobile": None, "job_title": None, "active": True, "custom_fields": {},
                                 "created_at": "2026-01-01T00:00:00Z", "updated_at": f"2026-02-{day:02d}T00:00:00Z", **fields}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_tap_freshdesk():
    """Another system without a line of C: key from SCHEMA, numbers as ids, properties that the stream does not have are unknown."""
    desk = Freshdesk()
    try:
        for number in range(1, 6):
            desk.put(number, number)
        with FreshdeskTap(desk.url, stream='modified = "updated_at";') as p:
            assert "tickets" in p.discover()
            p.add_tap()
            p.wait_runs(1)
            desk.put(2, 20, job_title="CEO")
            desk.put(9, 21)
            p.wait_runs(1)
            events = p.events()
            assert sorted(int(e["source"]["id"]) - 43000000000 for e in events) == [1, 2, 2, 3, 4, 5, 9], events
            edited = [e for e in events if e["source"]["id"] == "43000000002"][-1]
            assert edited["after"] == {"email": "p2@example.com", "last_name": "Person 2", "phone": None, "mobile": None, "job_title": "CEO"}, edited
            assert edited["source"]["partial"] and edited["source"]["modified_ms"] == 1771545600000, edited
            assert desk.asked[-1]["updated_since"].startswith("2026-02-2"), "it goes on where STATE says"
            assert not p.letters()
    finally:
        desk.close()


if __name__ == "__main__":
    run_tests(globals())
