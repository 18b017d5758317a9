"""singer_tools — tandem-singer between a tap and Kafka: a configuration with a tap of our own that asks the sandbox as a real one would,
and misbehaves as it is told to."""
import fcntl
import json
import os
import sys

from harness import Proc, wait_for
from pipeline import ENTITY, Pipeline

COLUMNS = ["Id", "Email", "FirstName", "LastName", "Phone", "MobilePhone", "Title", "MailingStreet", "MailingCity", "MailingPostalCode",
           "MailingCountry", "Birthdate", "Balance__c", "LeadSource", "SystemModstamp"]

# Incremental from its bookmark less a lookback (what the sandbox shows late), or the whole table in a version of its own; `orders` are lines
# of a file, of which each run takes one.
TAP = r'''
import datetime, fcntl, json, os, resource, signal, sys, time, urllib.parse, urllib.request
def argument(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None
config = json.load(open(argument("--config")))
state = json.load(open(argument("--state"))) if argument("--state") else {}
try:
    with open(config["orders"], "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        orders = file.read().splitlines()
        file.seek(0); file.truncate(); file.write("".join(line + "\n" for line in orders[1:]))
    order = json.loads(orders[0]) if orders else {}
except OSError:
    order = {}
def say(level, text): print(level, text, file=sys.stderr, flush=True)
def write(text): sys.stdout.write(text); sys.stdout.flush()
def put(**message): write(json.dumps(message) + "\n")
def ask(where):
    fields = ",".join(config["columns"])
    url = "/services/data/v61.0/%s?q=" % ("queryAll" if config["deleted"] else "query")
    url += urllib.parse.quote("SELECT %s FROM Contact%s ORDER BY SystemModstamp, Id" % (fields, where))
    while url:
        request = urllib.request.Request(config["url"] + url, headers={"Authorization": "Bearer " + config["access_token"]})
        page = json.load(urllib.request.urlopen(request, timeout=30))
        yield from page["records"]
        url = page.get("nextRecordsUrl")
say("INFO", "Making a request with the token " + config["access_token"])
say("INFO", "Limits " + json.dumps({"core": resource.getrlimit(resource.RLIMIT_CORE)[0], "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    "memory": resource.getrlimit(resource.RLIMIT_AS)[0], "file": resource.getrlimit(resource.RLIMIT_FSIZE)[0], "leader": os.getpgid(0) == os.getpid(),
    "names": sorted(os.environ), "here": os.path.basename(os.getcwd())}))
say("INFO", "Pid %d, state %s" % (os.getpid(), json.dumps(state)))
for name in order.get("streams", ["Contact"]):
    put(type="SCHEMA", stream=name, schema={"properties": {}}, key_properties=order.get("keys", config["keys"]))
for text in order.get("say", []): write(text + "\n")
version, where = None, ""
if config["full"]:
    version = int(time.time() * 1000)
    state["version"] = version = state.get("version") or version
elif "bookmark" in state:
    then = datetime.datetime.fromisoformat(state["bookmark"].replace("+0000", "+00:00")) - datetime.timedelta(seconds=config["lookback_s"])
    where = " WHERE SystemModstamp >= " + then.strftime("%Y-%m-%dT%H:%M:%SZ")
count = 0
for record in ask(where):
    record.pop("attributes", None)
    if record["Id"] in order.get("hide", []): continue
    for key in order.get("without", []): record.pop(key, None)
    more = {"version": version} if version else {}
    for _ in range(order.get("times", 1)): put(type="RECORD", stream="Contact", record=record, **more)
    count += 1
    if not version:
        state["bookmark"] = max(record["SystemModstamp"], state.get("bookmark", ""))
        if count % config["state_every"] == 0: put(type="STATE", value=state)
    if count == order.get("garbage_after"): write("\x1b[1mprogress 50%\n{\"type\": \"RECORD\", \"stream\": \"Contact\", \"rec\nNaN\n")
    if count == order.get("die_after"): os.kill(os.getpid(), signal.SIGKILL)
    if count == order.get("exit_after"): say("CRITICAL", "quota used up"); sys.exit(2)
    if count == order.get("hang_after"):
        while True: signal.pause()
if version:
    put(type="ACTIVATE_VERSION", stream="Contact", version=version)
    state.pop("version")
if order.get("long"): write("x" * order["long"] + "\n")
put(type="STATE", value=state)
say("INFO", "Finished sync")
'''


class Tapped(Pipeline):
    """Without tandem-poll: everything comes from the tap."""

    def __init__(self, source="", stream="", full=False, keys=("Id",), lookback_s=5, state_every=1, columns=(), deleted=True,
                 token="sandbox-token", command=None, **options):
        self.tapped, self.stream = [], stream
        self.tap = {"full": full, "keys": list(keys), "lookback_s": lookback_s, "state_every": state_every, "deleted": deleted,
                    "columns": [*COLUMNS, *columns, *(["IsDeleted"] if deleted else [])], "access_token": token}
        self.command = command or [sys.executable, "-B", "tap.py"]
        self.source = source
        options.setdefault("sources", f""", {{ name = "tap"; type = "singer"; system = "salesforce"; state_dir = "tap"; config_file = "tap.json";
  command = [$command]; interval_ms = 200; commit_ms = 50; {source}
  streams = ( {{ stream = "Contact"; entity = "contact"; modified = "SystemModstamp"; {stream} }} ); }}""")
        super().__init__(**options)

    def configure(self, name, **changes):
        if "tap.py" in self.command:
            with open(os.path.join(self.dir, "tap.py"), "w", encoding="utf-8") as file:
                file.write(TAP)
        with open(os.path.join(self.dir, "tap.json"), "w", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
            json.dump({**self.tap, "url": self.old.url, "orders": os.path.join(self.dir, "orders")}, file)
        words = [os.path.join(self.dir, word) if word == "tap.py" else word for word in self.command]
        self.options["sources"] = self.options["sources"].replace("$command", ", ".join(json.dumps(word) for word in words))
        return super().configure(name, **changes)

    def order(self, *orders):
        """What the next runs do, one after another."""
        with open(os.path.join(self.dir, "orders"), "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.truncate(0)
            file.write("".join(json.dumps(order) + "\n" for order in orders))

    def processes(self):
        return super().processes() + self.tapped

    def add_tap(self, build="tandem-singer-test", **options):
        self.prepare()
        proc = Proc([build, "--config", self.config, "--source", "tap", "--instance", "1", "--listen", "127.0.0.1:0"], name="singer-1", **options)
        self.tapped.append(proc)
        return proc

    def runs(self):
        """Whole runs that the process now alive has seen."""
        return self.tapped[0].metrics().get("tandem_singer_runs_total", 0)

    def wait_runs(self, more=1, timeout=60):
        """Until so many runs have begun and ended well from now on: what is there now was read by the last of them."""
        proc = self.tapped[0]
        wait_for(lambda: proc.running() and proc.metrics() is not None, timeout, "tandem-singer answers", 0.05)
        since = self.runs()

        def done():
            assert proc.running(), f"{proc.name} ended with {proc.process.poll()}: {proc.log_text()[-3000:]}"
            return self.runs() >= since + more + 1
        wait_for(done, timeout, f"{more} whole runs", 0.05)

    def events(self):
        return [e for e in self.kafka.values(self.topic(f"changes.{ENTITY}")) if e["source"]["connector"] == "singer"]

    def letters(self):
        return self.kafka.consume(self.topic("dlq"))

    def place(self):
        return self.cursors().get("salesforce/tap/singer")

    def metric(self, name, **labels):
        text = "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else ""
        return self.tapped[0].metrics().get(f"{name}{text}", 0)

    def unsettled(self, since_ms):
        """As Pipeline's, without tandem-poll: hints are read by nobody here."""
        for proc in self.processes():
            code = proc.process.poll() if proc.process is not None else None
            assert code in (None, -9, 0), f"{proc.name} ended with {code}: {proc.log_text()[-3000:]}"
        group, kind = f"{self.ns}.apply", "changes"
        committed, ends = self.committed(group, kind), self.ends(kind)
        if any(committed[partition] < end for partition, end in ends.items()):
            return f"{group} stands at {committed} of {ends} in {kind}"
        for partition in range(self.partitions):
            due = self.redis.cmd("ZRANGE", f"tandem:{self.ns}:due:{ENTITY}:{partition}", 0, 3)
            if due:
                return f"due: {due}"
        operations = self.redis.cmd("HLEN", f"tandem:{self.ns}:ops:{ENTITY}")
        return f"{operations} operations in flight" if operations else ""

    def settle(self, timeout=90):
        """Everything that is in the old system now was read and applied; the oracle and the fold have nothing to say."""
        self.wait_runs(1, timeout)
        return self.check(timeout)
