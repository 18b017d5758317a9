"""
test_connectors — systems that differ from both CRMs in how they sign in and in how they tell what changed: a Zendesk-shaped and a
Stripe-shaped source into the HubSpot-shaped target, with the connectors that are shipped, counted at the target's own ledger; and a source
that takes assertions.
"""
import collections
import os
import shutil
import subprocess
import sys

import harness
from harness import Proc, Sandbox, Timeout, executable, new_dir, run_tests, wait_for
from pipeline import Pipeline, shared

sys.path.insert(0, os.path.join(harness.SOURCE, "tests", "oracle"))
import ledger  # noqa: E402

CONFIG = """
migration = "{ns}";
time_zone = "Europe/Berlin";
kill_date = "2036-03-01";
old = "{source}";
new = "hubspot";
kafka = {{ properties = ["bootstrap.servers={kafka}"]; partitions = 2; replication = 1; }};
redis = {{ address = "{redis}"; }};
systems = {{
  {source} = {{
    @include "connectors/{source}.cfg"
    url = "{old}";
    {secrets}
    limits = {{ {limits} }};
  }};
  hubspot = {{
    @include "connectors/hubspot.cfg"
    url = "{new}";
    token_file = "token";
    limits = {{ index_lag_ms = 400; timeout_ms = 5000; request_lifetime_ms = 6000; }};
  }};
}};
entities = (
  {{
    name = "{entity}";
    old = {{ object = "{old_object}"; }};
    new = {{ object = "{new_object}"; external_id = "tandem_{ns}_id"; marker = "tandem_{ns}_marker"; }};
    fields = ( {fields} );
  }}
);
sources = ( {{ name = "{source}-poll"; type = "poll"; system = "{source}"; interval_ms = 500; }} );
run_dir = "run";
"""

TICKETS = dict(
    source="zendesk", entity="ticket", old_object="tickets", new_object="tickets",
    secrets='username = "ada@example.com/token"; password_file = "token";',
    limits="page = 7; settle_ms = 2000; overlap_ms = 3000; requests = 8; window_ms = 1000;",
    fields="""{ name = "subject"; type = "string"; old = "subject"; new = "subject"; match = true; },
              { name = "content"; type = "string"; old = "description"; new = "content"; },
              { name = "priority"; type = "enum"; old = "priority"; new = "hs_ticket_priority";
                values = ( { name = "low"; old = "low"; new = "LOW"; }, { name = "normal"; old = "normal"; new = "MEDIUM"; },
                           { name = "high"; old = "high"; new = "HIGH"; }, { name = "urgent"; old = "urgent"; new = "URGENT"; } ); }""")

CUSTOMERS = dict(
    source="stripe", entity="contact", old_object="customers", new_object="contacts",
    secrets='token_file = "token";', limits="page = 10; settle_ms = 1000; overlap_ms = 3000;",
    fields="""{ name = "email"; type = "email"; old = "email"; new = "email"; match = true; unique = true; pii = true; },
              { name = "last_name"; type = "string"; old = "name"; new = "lastname"; pii = true; },
              { name = "phone"; type = "phone"; old = "phone"; new = "phone"; pii = true; }""")


class Flow:
    """One migration from one source, run as a person runs it."""

    def __init__(self, ns, kafka, redis, old, new, **words):
        self.ns, self.old, self.new = ns, old, new
        self.source_object, self.target_object = words["old_object"], words["new_object"]
        self.dir = new_dir(ns)
        shutil.copytree(os.path.join(harness.SOURCE, "deploy/connectors"), os.path.join(self.dir, "connectors"))
        with open(os.open(os.path.join(self.dir, "token"), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write("sandbox-token\n")
        self.config = os.path.join(self.dir, "tandem.cfg")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(ns=ns, kafka=kafka.bootstrap, redis=redis.address, old=old.url, new=new.url, **words))
        self.proc = None

    def tandem(self, *args):
        done = subprocess.run([executable("tandem"), *args, "--config", self.config], cwd=self.dir, capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, f"tandem {args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self):
        self.tandem("topics", "apply")
        self.proc = Proc([executable("tandem"), "run", "--config", self.config, "--go"], name=f"run-{self.ns}")

    def create(self, **fields):
        return self.old.admin("people/create", {"object": self.source_object, "fields": fields})["id"]

    def edit(self, record, automation=False, **fields):
        self.old.admin("people/edit", {"object": self.source_object, "id": record, "fields": fields, "automation": automation})

    def moved(self):
        """What is in the target of this migration, by the source's id."""
        found = {}
        for record in self.new.dump(self.target_object):
            key = record["fields"].get(f"tandem_{self.ns}_id")
            if key:
                assert key not in found, f"{key} is there twice"
                found[key] = record["fields"]
        return found

    def wait(self, condition, what):
        try:
            wait_for(lambda: condition(self.moved()), 90, what, 0.2)
        except Timeout as problem:
            raise AssertionError(f"{problem}: {self.moved()}\n{self.proc.log_text()[-3000:]}") from problem

    def created(self):
        """How often the target's ledger says that a record was created with this source's id."""
        book = ledger.Ledger(os.path.join(self.new.dir, "sandbox.db"))
        count = collections.Counter(effect.after.get(f"tandem_{self.ns}_id") for effect in book.effects(self.target_object)
                                    if effect.op == "create")
        count.pop(None, None)
        book.close()
        return count

    def statuses(self, path):
        """How often the source answered with which status where path stands in the address."""
        book = ledger.Ledger(os.path.join(self.old.dir, "sandbox.db"))
        rows = book.db.execute("SELECT status,count(*) FROM requests WHERE path LIKE ? GROUP BY status", (f"%{path}%",)).fetchall()
        book.close()
        return dict(rows)


def test_tickets_and_billing():
    kafka, redis = shared("kafka"), shared("redis")
    new = Sandbox("hubspot", index_lag_ms=200, rate_limit_10s=0, search_limit_1s=0)
    # Our windows and the export's need not begin together: in one of theirs may fall two of ours, and what is still under way.
    desk = Sandbox("zendesk", export_lag_ms=1000, export_window_ms=1000, export_limit=20)
    bank = Sandbox("stripe")
    tickets = Flow("desk", kafka, redis, desk, new, **TICKETS)
    billing = Flow("bank", kafka, redis, bank, new, **CUSTOMERS)
    ids = [tickets.create(subject=f"Printer {n} is on fire", description="Help!", priority="high") for n in range(20)]
    gone = tickets.create(subject="A mistake")
    desk.admin("people/delete", {"object": "tickets", "id": gone})
    desk.admin("people/bulk", {"object": "tickets", "count": 20, "fields": {"description": "Help {n}!"}})  # all with one time
    people = ["cus_" + billing.create(name=f"Person {n}", email=f"person.{n}@example.com") for n in range(25)]
    wait_for(lambda: desk.admin("stats")["now_ms"] - 4000 > max(r["modstamp_ms"] for r in desk.dump("tickets")), 30, "the export shows all")
    for flow in (tickets, billing):
        flow.start()
    tickets.wait(lambda moved: set(moved) == set(ids), "20 tickets")
    billing.wait(lambda moved: set(moved) == set(people), "25 customers")
    for flow in (tickets, billing):
        assert "one record was read" in flow.tandem("check", "--connect")
    assert "Printer" in tickets.tandem("preview", "ticket") and "cus_" in billing.tandem("preview", "contact")
    assert tickets.moved()[ids[3]]["hs_ticket_priority"] == "HIGH" and tickets.moved()[ids[3]]["content"].startswith("Help ")

    # Increments: by a person, by a rule that moves no updated_at, and what is new.
    tickets.edit(ids[0], priority="low")
    tickets.edit(ids[1], automation=True, priority="urgent")
    fresh = tickets.create(subject="One more", priority="normal")
    tickets.wait(lambda moved: len(moved) == 21 and moved[ids[0]]["hs_ticket_priority"] == "LOW" and
                 moved[ids[1]]["hs_ticket_priority"] == "URGENT" and moved[fresh]["hs_ticket_priority"] == "MEDIUM", "changed tickets")

    # Two changes within a second: events do not say which is the later one, the customer does. One that is deleted blanks nothing.
    for name in ("First", "Second", "Third"):
        billing.edit(people[0][4:], name=name)
    late = "cus_" + billing.create(name="Late", email="late@example.com")
    bank.admin("people/delete", {"object": "customers", "id": people[1][4:]})
    billing.wait(lambda moved: len(moved) == 26 and moved[people[0]]["lastname"] == "Third" and moved[late]["lastname"] == "Late",
                 "changed customers")
    assert billing.moved()[people[1]]["lastname"] == "Person 1"

    assert "both systems say the same" in tickets.tandem("report")
    for flow, count in ((tickets, 21), (billing, 26)):
        assert flow.proc.term() == 0, flow.proc.log_text()[-3000:]
        created = flow.created()
        assert len(created) == count and set(created.values()) == {1}, created
    assert set(tickets.statuses("/incremental/")) == {200}, tickets.statuses("/incremental/")
    assert set(billing.statuses("/v1/events")) == {200}
    for sandbox in (new, desk, bank):
        sandbox.kill()


def make_key():
    """A private key, mode 600, and its public half."""
    where = new_dir("jwt")
    private, public = os.path.join(where, "private.pem"), os.path.join(where, "public.pem")
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    os.chmod(private, 0o600)
    subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


def test_jwt_bearer():
    private, public = make_key()
    with Pipeline(old={"client_key": public, "token_uses": 3}) as p:
        with open(p.config, encoding="utf-8") as file:
            text = file.read()
        with open(p.config, "w", encoding="utf-8") as file:
            file.write(text.replace('token_file = "token";',
                                    f'client_id = "consumer-key"; username = "ada@example.com"; private_key_file = "{private}";', 1))
        p.old.admin("seed", {"object": "Contact", "count": 40})
        p.prepare()
        assert "ok       salesforce:" in p.tandem("check", "--connect")
        p.start()
        wait_for(lambda: len(p.new.dump("contacts")) == 40, 90, f"40 records in the new system\n{p.tails()}", 0.2)
        someone = p.old.dump("Contact")[7]
        p.old.admin("people/edit", {"object": "Contact", "id": someone["id"], "fields": {"Title": "Signed in"}})
        wait_for(lambda: sum(r["fields"].get("jobtitle") == "Signed in" for r in p.new.dump("contacts")) == 1, 60, f"an edit\n{p.tails()}",
                 0.2)
        assert not p.dead()


if __name__ == "__main__":
    run_tests(globals())
