"""
rig — what the benches stand on: real Kafka and Redis of their own (tests/support/harness.py), the bench servers, one migration a
round, and how a process is measured. Nothing here knows what is measured.
"""
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import statistics
import string
import subprocess
import time

import harness
from harness import Kafka, Proc, Redis, executable, http, new_dir, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = os.sysconf("SC_CLK_TCK")
ENTITY, PARTITIONS = "contact", 4


# --- measuring -----------------------------------------------------------------------------------

def cpu_s(pid):
    """User and system seconds of a process so far, all threads."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS


def machine_ticks():
    """(stolen by the host, idle, all) of the whole machine so far, proc(5): guest time stands in user time already."""
    with open("/proc/stat", encoding="utf-8") as file:
        words = [int(word) for word in file.readline().split()[1:9]]
    return words[7], words[3], sum(words)


def rss_mib(pid):
    """The most it ever had (VmHWM)."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) / 1024


class Perf:
    """perf record of one process; top() says where its CPU time went. Off unless BENCH_PERF names a directory."""

    def __init__(self, pid):
        self.path, self.process = None, None
        if os.environ.get("BENCH_PERF"):
            self.path = os.path.join(os.environ["BENCH_PERF"], f"{os.path.basename(os.readlink(f'/proc/{pid}/exe'))}-{pid}.data")
            self.process = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-o", self.path,
                                             "-p", str(pid)], stderr=subprocess.DEVNULL)

    def end(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        for keys in ("comm", "dso", "symbol,dso"):
            done = subprocess.run(["perf", "report", "-i", self.path, "--stdio", "--sort", keys], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
            lines = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("#")]
            print(f"\n{self.path} by {keys}", *lines[:25], sep="\n", flush=True)


class Machine:
    """From now to shares(): what the host took of the machine's CPU, and what nobody used, in per cent."""

    def __init__(self):
        self.before = machine_ticks()

    def shares(self):
        stolen, idle, ticks = (now - then for now, then in zip(machine_ticks(), self.before))
        return {"stolen": 100 * stolen / max(ticks, 1), "idle": 100 * idle / max(ticks, 1)}


class Window:
    """From now to end(): wall clock and CPU of some processes. The first is the one under test."""

    def __init__(self, **pids):
        self.pids = pids
        self.perf = Perf(next(iter(pids.values())))
        self.cpu = {name: cpu_s(pid) for name, pid in pids.items()}
        self.machine = Machine()
        self.began = time.monotonic()

    def end(self, records):
        seconds, shares = time.monotonic() - self.began, self.machine.shares()
        spent = {name: (cpu_s(pid) - self.cpu[name]) * 1e6 / records for name, pid in self.pids.items()}
        self.perf.end()
        name = next(iter(spent))
        return {"rate": records / seconds, "s_per_million": spent.pop(name), "rss_mib": rss_mib(self.pids[name]),
                "others": spent, **shares}


def from_output(output, machine=None, **others):
    """A result out of what a floor or the script printed; machine: a Machine made before it began."""
    line = json.loads(output)
    shares = machine.shares() if machine else {}
    return {"rate": line["records"] / line["seconds"], "s_per_million": line["cpu_s"] * 1e6 / line["records"],
            "rss_mib": line["rss_kib"] / 1024, "others": others, "records": line["records"], **shares}


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def check(what, found, wanted):
    """A figure of a run that did not do its work is no figure."""
    assert found == wanted, f"{what}: {found}, wanted {wanted}"


# --- processes -----------------------------------------------------------------------------------

def bench(name):
    return os.path.join(harness.BUILD, "bench", name)


class Server(harness.Service):
    """bench_source or bench_target: listens when it is made."""

    def __init__(self, name, *args):
        super().__init__(name)
        out = os.path.join(self.dir, "stdout")
        self._spawn([bench(name), *map(str, args)], stdout=out)

        def address():
            with open(out, encoding="utf-8") as file:
                self.said = file.read()
            found = re.search(r"listening on (http://\S+)", self.said)
            assert found or self.running(), f"{name} ended: {self.log_text()}"
            return found and found.group(1)
        self.url = wait_for(address, 60, f"{name} listens")

    def get(self, path):
        status, text = http("GET", self.url + path, timeout=60)
        assert status == 200, f"{self.name} {path}: {status} {text}"
        return json.loads(text)


def run(args):
    """A program that prints its own figures."""
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=900)
    assert done.returncode == 0, f"{args[0]}: {done.returncode} {done.stderr[-2000:]}"
    return done.stdout


def script_python():
    """A Python with tests/bench/requirements.txt, in a cache outside the checkout."""
    wanted = os.path.join(HERE, "requirements.txt")
    with open(wanted, "rb") as file:
        name = "bench-venv-" + hashlib.sha256(file.read()).hexdigest()[:16]
    cache = os.environ.get("TANDEM_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "tandem")
    path = os.path.join(cache, name)
    os.makedirs(cache, exist_ok=True)
    with open(path + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(path, "complete")):
            shutil.rmtree(path, ignore_errors=True)
            subprocess.run(["/usr/bin/python3", "-m", "venv", path], check=True)
            subprocess.run([os.path.join(path, "bin/pip"), "install", "-q", "--disable-pip-version-check", "--retries",
                            "5", "-r", wanted], check=True)
            open(os.path.join(path, "complete"), "w", encoding="utf-8").close()
    return os.path.join(path, "bin/python3")


def wait_log(proc, msg, timeout=600):
    """Until the process logs this message; cheap, because the process is being measured."""
    mark = f'"msg":"{msg}"'.encode()

    def found():
        assert proc.running(), f"{proc.name} ended: {proc.log_text()[-3000:]}"
        with open(proc.log, "rb") as file:
            file.seek(proc.log_start)
            return mark in file.read()
    wait_for(found, timeout, f"{proc.name}: {msg}", 0.005)


# --- one migration -------------------------------------------------------------------------------

class Migration:
    """A configuration, its topics, and the two processes on them."""
    numbers = 0

    def __init__(self, services, old_url, new_url, page=0, interval_ms=1000, old_limits="", new_limits="", sources="", secrets=None):
        Migration.numbers += 1
        self.ns = f"bench-{os.getpid()}-{Migration.numbers}"
        self.kafka, self.redis = services.kafka, services.redis
        self.dir = new_dir(self.ns)
        name = self.ns.replace("-", "_")
        self.external_id, self.marker = f"tandem_{name}_id", f"tandem_{name}_marker"
        with open(os.path.join(HERE, "bench.cfg"), encoding="utf-8") as file:
            template = string.Template(file.read())
        self.config = os.path.join(self.dir, "bench.cfg")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(template.substitute(
                ns=self.ns, bootstrap=self.kafka.bootstrap, redis=self.redis.address, partitions=PARTITIONS,
                old_url=old_url, new_url=new_url,
                external_id=self.external_id, marker=self.marker, page=page, interval_ms=interval_ms,
                old_limits=old_limits, new_limits=new_limits, sources=sources))
        shutil.copytree(os.path.join(harness.SOURCE, "deploy/connectors"), os.path.join(self.dir, "connectors"))
        for file, secret in {"token": "sandbox-token", **(secrets or {})}.items():
            with open(os.path.join(self.dir, file), "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
                out.write(secret + "\n")
        self.tandem("topics", "apply")
        # With the lock taken, `tandem run --go` prepares everything and leaves the processes to whoever has it: us.
        os.makedirs(os.path.join(self.dir, "run"))
        with open(os.path.join(self.dir, "run", "lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.tandem("run", "--go")

    def tandem(self, *args):
        done = subprocess.run([executable("tandem"), *args, "--config", self.config], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120, check=False, cwd=self.dir)
        assert done.returncode == 0, f"tandem {args}: {done.returncode}\n{done.stdout}"

    def topic(self, kind):
        return f"{self.ns}.{kind}"

    def poll(self):
        return Proc(["tandem-poll", "--config", self.config, "--source", "salesforce-poll", "--listen", "127.0.0.1:0"])

    def apply(self, instance=1):
        return Proc(["tandem-apply", "--config", self.config, "--instance", str(instance), "--listen", "127.0.0.1:0"])

    def forget_backfill(self):
        """The next poll reads everything once more."""
        self.kafka.produce(self.topic("cursors"), [(f"salesforce/{ENTITY}/backfill", None)])


class Services:
    def __init__(self):
        self.kafka, self.redis = Kafka(heap="512m"), Redis(appendonly="no")

    def pids(self):
        return {"kafka": self.kafka.pid, "redis": self.redis.pid}

    def count(self, topic):
        return sum(high - low for low, high in self.kafka.ends(topic).values())

    def distinct_keys(self, topic):
        done = subprocess.run(["kcat", "-b", self.kafka.bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f",
                               "%k\n"], stdout=subprocess.PIPE, check=True, timeout=300)
        return len(set(done.stdout.splitlines()))

    def mean_value_bytes(self, topic, most=1000):
        done = subprocess.run(["kcat", "-b", self.kafka.bootstrap, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-c",
                               str(most), "-e", "-q", "-f", "%S\n"], stdout=subprocess.PIPE, check=True, timeout=60)
        sizes = [int(line) for line in done.stdout.split()]
        return round(sum(sizes) / len(sizes))

    def check_topic(self, topic, records):
        """Each record once on this topic, and nothing else."""
        check(f"{topic}: messages", self.count(topic), records)
        check(f"{topic}: distinct keys", self.distinct_keys(topic), records)
