"""
quickstart — the part of deploy/quickstart that orchestrates: services on free ports, people at work, the
migration, its report. Standard library only. Everything it starts is stopped by pid, however it ends.
"""
import argparse
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from quickstart_team import Team, prepare_systems

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(HERE)
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Failure(Exception):
    """Words for the person in front of the terminal."""


def say(text):
    """A line of our own; clears the live line of `tandem run` first."""
    print(("\r\033[K" if sys.stdout.isatty() else "") + "quickstart: " + text, flush=True)


def free_port(taken):
    """Below the range the kernel gives to clients, so that it stays free over restarts."""
    for port in range(21000, 32000):
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        taken.add(port)
        return port
    raise Failure("no free port")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for(condition, timeout, what, child=None):
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if child is not None and child.poll() is not None:
            raise Failure(f"{what}: the process ended with code {child.returncode}")
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {timeout} s")
        time.sleep(0.1)


def die_with_us():
    """In a child before exec: SIGTERM when we die, also by kill -9."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Services:
    """Processes, stopped in the reverse order of their start."""

    def __init__(self, state):
        self.state = state
        self.running = []

    def start(self, name, args, stderr=None, stdout=None):
        log = open(os.path.join(self.state, "log", name + ".log"), "ab")
        child = subprocess.Popen(args, cwd=self.state, stdin=subprocess.DEVNULL, stdout=stdout or log,
                                 stderr=stderr or log, start_new_session=True, preexec_fn=die_with_us)
        log.close()
        self.running.append((name, child))
        return child

    def stop(self):
        for name, child in reversed(self.running):
            if child.poll() is None:
                child.terminate()
            try:
                child.wait(70)
            except subprocess.TimeoutExpired:
                say(f"{name} (pid {child.pid}) did not stop and is killed")
                child.kill()
                child.wait()
        self.running.clear()


class Quickstart:
    def __init__(self, options):
        self.options = options
        self.state = options.state
        self.config = os.path.join(self.state, "quickstart.cfg")
        self.services = Services(self.state)
        self.stopping = threading.Event()
        self.team = None
        self.run = None

    # --- the state directory ---------------------------------------------------------------------

    def open_state(self):
        if self.options.clean and os.path.isdir(self.state):
            with self.locked():
                for name in os.listdir(self.state):
                    path = os.path.join(self.state, name)
                    if name != "lock":
                        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        os.makedirs(os.path.join(self.state, "log"), exist_ok=True)
        self.lock = self.locked()
        try:
            with open(os.path.join(self.state, "state.json"), encoding="utf-8") as file:
                self.memory = json.load(file)
        except FileNotFoundError:
            self.memory = {}

    def locked(self):
        file = open(os.path.join(self.state, "lock"), "a+", encoding="utf-8")
        os.set_inheritable(file.fileno(), False)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failure(f"another quickstart is at work in {self.state}; --state DIR takes another place") from None
        return file

    def remember(self, **facts):
        self.memory.update(facts)
        path = os.path.join(self.state, "state.json")
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(self.memory, file, indent=1)
        os.replace(path + ".part", path)

    def choose_ports(self):
        """The same as last time where they are still free."""
        known, taken, ports = self.memory.get("ports", {}), set(), {}
        for name in ("kafka", "redis", "old", "new"):
            port = known.get(name)
            ports[name] = port if port and is_free(port) and port not in taken else free_port(taken)
            taken.add(ports[name])
        self.ports = ports
        self.remember(ports=ports)

    def write_config(self):
        """A copy of quickstart.cfg with the addresses found; connectors and tokens where it expects them."""
        with open(os.path.join(HERE, "quickstart.cfg"), encoding="utf-8") as file:
            text = file.read()
        for default, name in (("127.0.0.1:9092", "kafka"), ("127.0.0.1:6379", "redis"), ("127.0.0.1:8401", "old"),
                              ("127.0.0.1:8402", "new")):
            assert default in text, f"quickstart.cfg does not name {default}"
            text = text.replace(default, f"127.0.0.1:{self.ports[name]}")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)
        self.copy_connectors()
        secrets = os.path.join(self.state, "secrets")
        os.makedirs(secrets, mode=0o700, exist_ok=True)
        for name in ("old-token", "new-token"):
            with open(os.open(os.path.join(secrets, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                      encoding="utf-8") as file:
                file.write("sandbox-token\n")

    def copy_connectors(self):
        """As they are, but for three waits: the sandbox needs seconds where the real HubSpot needs a minute."""
        shutil.copytree(os.path.join(HERE, "connectors"), os.path.join(self.state, "connectors"), dirs_exist_ok=True)
        path = os.path.join(self.state, "connectors", "hubspot.cfg")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for name, value in (("timeout_ms", 10000), ("request_lifetime_ms", 12000), ("index_lag_ms", 3000)):
            text, count = re.subn(rf"\b{name} = \d+;", f"{name} = {value};", text)
            assert count == 1, f"{path}: {name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    # --- services ----------------------------------------------------------------------------------

    def url(self, system):
        return f"http://127.0.0.1:{self.ports[system]}"

    def executable(self, name):
        return os.path.join(self.options.build, name)

    def admin(self, system, path, body=None, timeout=60):
        """A call of a sandbox's admin API; the parsed answer."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url(system) + path, data=data, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            text = reply.read().decode()
        return [json.loads(line) for line in text.splitlines()] if path.startswith("/admin/dump") else json.loads(text)

    def answers(self, system):
        try:
            return self.admin(system, "/admin/stats", timeout=2)
        except (OSError, ValueError):
            return None

    def start_services(self):
        port = self.ports
        kafka = self.services.start("kafka", [os.path.join(HERE, "kafka/broker"), "run", "--dir",
                                              os.path.join(self.state, "kafka"), "--port", str(port["kafka"])])
        redis = self.services.start("redis", [os.path.join(HERE, "redis/server"), "run", "--dir",
                                              os.path.join(self.state, "redis"), "--port", str(port["redis"])])
        crms = {}
        for system, shape in (("old", "salesforce"), ("new", "hubspot")):
            crms[system] = self.services.start(
                "sandbox-" + system, [self.executable("sandbox-crm"), shape, "--listen", f"127.0.0.1:{port[system]}",
                                      "--db", os.path.join(self.state, f"{system}.db")])
        for system, child in crms.items():
            wait_for(lambda s=system: self.answers(s), 30, f"the {system} system", child)
        wait_for(lambda: self.redis_answers(), 30, "Redis", redis)
        wait_for(lambda: subprocess.run(["kcat", "-b", f"127.0.0.1:{port['kafka']}", "-L", "-m", "2"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        check=False).returncode == 0, 120, "Kafka", kafka)

    def redis_answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.ports["redis"]), 2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    # --- the migration -------------------------------------------------------------------------------

    def tandem(self, *args, capture=False):
        return subprocess.run([self.executable("tandem"), *args, "--config", self.config], cwd=self.state,
                              stdout=subprocess.PIPE if capture else None, text=True, check=False,
                              stdin=subprocess.DEVNULL)

    def start_run(self):
        for args in (("check",), ("topics", "apply")):
            done = self.tandem(*args)
            if done.returncode:
                raise Failure(f"`tandem {' '.join(args)}` ended with code {done.returncode}")
        terminal = sys.stderr.isatty()
        self.run = self.services.start("run", [self.executable("tandem"), "run", "--go", "--config", self.config],
                                       stderr=sys.stderr if terminal else subprocess.PIPE, stdout=sys.stdout)
        if not terminal:
            threading.Thread(target=self.pass_on, daemon=True).start()

    def pass_on(self):
        """What `tandem run` says, without what its processes repeat; everything is in run/*.log."""
        said = {}
        for line in self.run.stderr:
            text = line.decode("utf-8", "replace")
            process, _, rest = text.partition(": ")
            try:
                event = json.loads(rest)
            except ValueError:
                event = {"level": "tandem"}
            what, now = (process, event.get("msg")), time.monotonic()
            quiet = event["level"] in ("info", "debug") or event.get("msg") == "waiting"
            if quiet or (event["level"] == "warn" and now - said.get(what, -60) < 30):
                continue
            said[what] = now
            sys.stdout.write(text)
            sys.stdout.flush()

    def status(self):
        done = self.tandem("status", "--json", capture=True)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None

    def check_alive(self):
        for name, child in self.services.running:
            if child.poll() is not None:
                raise Failure(f"{name} ended with code {child.returncode}; see {self.state}/log/{name}.log")
        if self.team and self.team.failure:
            raise Failure(f"the team: {self.team.failure}")

    def caught_up(self, after_ms=None):
        """The backfill is done and applied; with after_ms: everything that the source did until then, to the end."""
        status = self.status()
        if not status or not status["entities"]:
            return False
        for entity in status["entities"]:
            rows, backfill = entity.get("rows", {}), entity["backfill"]
            lag = entity["lag_messages"]
            if not backfill["finished"] or lag is None or lag > 50 or entity["source_lag_s"] is None:
                return False
            if after_ms is not None:
                if lag:
                    return False
                captured_ms = self.admin("old", "/admin/stats")["now_ms"] - 1000 * entity["source_lag_s"]
                if captured_ms <= after_ms + 1000 or rows.get("waiting") or rows.get("uncertain") or rows.get("rebuild"):
                    return False
        return True

    def wait_until(self, condition, timeout, what):
        deadline = time.monotonic() + timeout
        while not self.stopping.is_set():
            self.check_alive()
            if condition():
                return True
            if time.monotonic() > deadline:
                raise Failure(f"{what}: not within {timeout} s; `tandem status --config {self.config}` says why")
            self.stopping.wait(1)
        return False

    def report(self, *args):
        """In one piece: the live line of `tandem run` goes on beside it."""
        done = self.tandem("report", *args, capture=True)
        print(("\r\033[K" if sys.stdout.isatty() else "") + "\n" + done.stdout, flush=True)
        return done.returncode

    # --- what happens ----------------------------------------------------------------------------------

    def watch(self):
        """Until Ctrl-C: the report as soon as there is something to compare, then the live line."""
        if self.wait_until(self.caught_up, 3600, "the backfill"):
            self.report()
            say(f"the team goes on; Ctrl-C stops. Try: {self.executable('tandem')} status --watch --config {self.config}")
        while not self.stopping.is_set():
            self.check_alive()
            self.stopping.wait(1)
        return 0

    def ci(self):
        """Let the team work, stop it, drain to the end offsets, count; anything unexplained fails."""
        self.wait_until(self.caught_up, 600, "the backfill")
        before = self.team.actions
        self.wait_until(lambda: self.team.actions >= before + self.options.actions, 300, "the team's work")
        last_ms = self.team.stop()
        say(f"the team stopped after {self.team.actions} actions; draining")
        self.wait_until(lambda: self.caught_up(last_ms), 300, "draining to the end offsets")
        code = self.report("--settle", "5", "--examples", "3")
        say("nothing is unexplained" if code == 0 else f"FAILED: `tandem report` ended with code {code}")
        return 1 if code else 0

    def main(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        self.open_state()
        self.choose_ports()
        self.write_config()
        say(f"state, logs and configuration: {self.state}")
        self.start_services()
        if not self.memory.get("seeded"):
            say(f"seeding {self.options.records} contacts, their companies and deals in the old system; {self.options.twins} of them stand "
                "in the new one already")
            prepare_systems(self.admin, self.options.records, self.options.twins)
            self.remember(seeded=True)
        self.team = Team(self.admin, self.options.edits_per_second)
        self.start_run()
        self.team.start()
        return self.ci() if self.options.ci else self.watch()

    def close(self):
        if self.team:
            self.team.stop()
        if self.services.running:
            say("stopping")
        self.services.stop()


def parse():
    state = os.path.join(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "tandem-quickstart")
    parser = argparse.ArgumentParser(prog="deploy/quickstart", description="Tandem at work, from nothing: a migration "
                                     "between two sandbox CRMs, with people working in both.")
    parser.add_argument("--ci", action="store_true", help="stop the team, drain, count; fail if anything is unexplained")
    parser.add_argument("--clean", action="store_true", help="forget everything of earlier runs first")
    parser.add_argument("--state", default=state, metavar="DIR", help=f"where everything is kept ({state})")
    parser.add_argument("--records", type=int, default=10000, help="contacts in the old system at first (10000)")
    parser.add_argument("--twins", type=int, default=500, help="how many of them the new system already holds (500)")
    parser.add_argument("--edits-per-second", type=float, default=3.0, help="how busy the team is (3)")
    parser.add_argument("--actions", type=int, default=40, help="with --ci: what the team does after the backfill (40)")
    parser.add_argument("--build", default=os.path.join(SOURCE, "build/release"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.state = os.path.abspath(options.state)
    return options


def main():
    quickstart = Quickstart(parse())
    code = 1
    try:
        code = quickstart.main()
    except Failure as failure:
        say(str(failure))
    except urllib.error.HTTPError as failure:
        say(f"{failure.url}: {failure}: {failure.read().decode('utf-8', 'replace')}")
    except urllib.error.URLError as failure:
        say(f"a sandbox does not answer: {failure}")
    finally:
        quickstart.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
