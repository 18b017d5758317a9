"""
harness_processes — the ground of harness.py: directories, ports, waiting, and child processes that end with the
test, also when the test is killed.
"""
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SOURCE = os.environ.get("SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD_DIR") or os.path.join(SOURCE, "build", "dev"))

started = []  # every Service, in the order of their start
_used_ports = set()
_workdir = None


# --- small things --------------------------------------------------------------------------------

class Timeout(AssertionError):
    """What was waited for did not come."""


def wait_for(condition, timeout=30.0, what="", interval=0.02):
    """Poll condition() until it is true; its value. Raises Timeout after timeout seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"not within {timeout} s: {what or condition}")
        time.sleep(interval)


def workdir():
    """The directory of this test run; removed at the end."""
    global _workdir
    if _workdir is None:
        _workdir = tempfile.mkdtemp(prefix="tandem-test-")
        reaper.send("dir", _workdir)
    return _workdir


def new_dir(name):
    return tempfile.mkdtemp(prefix=name + "-", dir=workdir())


def free_port():
    """A free loopback port below the range the kernel gives to clients, so that it stays free over restarts."""
    while True:
        port = random.randrange(10000, 30000)
        if port in _used_ports:
            continue
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        _used_ports.add(port)
        return port


def executable(name):
    """A product or test executable by its name, or a path as it is."""
    return name if "/" in name else os.path.join(BUILD, name)


def http(method, url, body=None, headers=None, timeout=10):
    """One request; (status, text). Statuses are not raised, a dead connection is."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return reply.status, reply.read().decode("utf-8", "surrogateescape")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "surrogateescape")


# --- the reaper: what is left when a test is killed ---------------------------------------------------

_REAPER = r"""
import os, shutil, signal, sys
for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(name, signal.SIG_IGN)
def born(pid):
    try: return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[19]
    except OSError: return None
pids, dirs = {}, []
for line in sys.stdin:
    word, value = line.rstrip("\n").split(" ", 1)
    if word == "pid": pids[int(value)] = born(int(value))
    elif word == "gone": pids.pop(int(value), None)
    elif word == "dir": dirs.append(value)
for pid, when in pids.items():
    if when and born(pid) == when:
        try: os.kill(pid, signal.SIGKILL)
        except OSError: pass
for path in dirs:
    if not os.environ.get("TANDEM_TEST_KEEP"): shutil.rmtree(path, ignore_errors=True)
"""


class Reaper:
    """A process that outlives this one just long enough to kill what it left (end of file on its stdin)."""

    def __init__(self):
        self.process = None

    def send(self, word, value):
        if self.process is None:
            self.process = subprocess.Popen([sys.executable, "-c", _REAPER], stdin=subprocess.PIPE, text=True,
                                            start_new_session=True)
        self.process.stdin.write(f"{word} {value}\n")
        self.process.stdin.flush()

    def finish(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


reaper = Reaper()


# --- processes -----------------------------------------------------------------------------------

class Service:
    """A child process that can be started again with the same arguments, directory and port."""

    def __init__(self, name):
        self.name = name
        self.dir = new_dir(name)
        self.log = os.path.join(self.dir, name + ".log")
        self.process = None
        self.starts = 0
        started.append(self)

    def _spawn(self, args, env=None, stdout=None):
        assert not self.running(), f"{self.name} runs already"
        with open(self.log, "ab") as log, open(stdout or self.log, "ab") as out:
            self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out, stderr=log, cwd=self.dir,
                                            env={**os.environ, **(env or {})})
        self.starts += 1
        reaper.send("pid", self.process.pid)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        """To the process, if it still runs."""
        if self.running():
            self.process.send_signal(number)

    def sigstop(self):
        self.signal(signal.SIGSTOP)

    def sigcont(self):
        self.signal(signal.SIGCONT)

    def wait_exit(self, timeout=60.0):
        """The exit code (negative: the signal that killed it)."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Timeout(f"{self.name} (pid {self.pid}) still runs after {timeout} s") from None
        reaper.send("gone", self.process.pid)
        return code

    def kill(self):
        """kill -9, waited for."""
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.wait_exit()

    def term(self, timeout=60.0):
        """SIGTERM, waited for; the exit code."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        return self.wait_exit(timeout)

    def stop(self):
        """In good order."""
        if self.process is not None:
            self.term()

    def start(self):
        raise NotImplementedError

    def restart(self):
        self.stop()
        self.start()

    def log_text(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def _started(self, condition, timeout, what):
        """Waits for condition; a process that dies meanwhile is not waited for. False: it died."""
        return wait_for(lambda: condition() or not self.running(), timeout, what, 0.05) and self.running()


class Proc(Service):
    """A process of the product. args[0] is the executable's name in the build directory."""

    def __init__(self, args, env=None, name=None, failpoint=None, action=None, start=True):
        super().__init__(name or os.path.basename(args[0]))
        self.args = [executable(args[0]), *map(str, args[1:])]
        self.env = dict(env or {})
        self.failpoint_log = os.path.join(self.dir, "failpoints")
        self.failpoint = failpoint
        self.action = action
        self.log_start = 0
        if start:
            self.start()

    def start(self):
        env = dict(self.env)
        if self.failpoint:
            env.update(TANDEM_FAILPOINT=self.failpoint, TANDEM_FAILPOINT_LOG=self.failpoint_log,
                       TANDEM_FAILPOINT_ACTION=self.action or "kill")
        self.log_start = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        self._spawn(self.args, env)

    def failpoints_hit(self):
        """Names in the order in which they were hit, over all starts."""
        if not os.path.exists(self.failpoint_log):
            return []
        with open(self.failpoint_log, encoding="utf-8") as file:
            return file.read().split()

    def log_events(self, msg=None):
        """The JSON log lines of this start; only those with this msg."""
        events = []
        with open(self.log, encoding="utf-8", errors="replace") as file:
            file.seek(self.log_start)
            for line in file:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict) and (msg is None or event.get("msg") == msg):
                    events.append(event)
        return events

    def address(self, timeout=30.0):
        """host:port of its health listener, from its log."""
        def found():
            if not self.running():
                raise AssertionError(f"{self.name} ended with {self.process.poll()}: {self.log_text()[-2000:]}")
            return self.log_events("health listener")
        return wait_for(found, timeout, f"{self.name}: health listener")[0]["address"]

    def get(self, path):
        return http("GET", f"http://{self.address()}{path}")

    def ready(self):
        try:
            return self.running() and self.get("/readyz")[0] == 200
        except OSError:
            return False

    def wait_ready(self, timeout=60.0):
        def check():
            if not self.running():
                raise AssertionError(f"{self.name} ended with {self.process.poll()}: {self.log_text()[-2000:]}")
            return self.ready()
        wait_for(check, timeout, f"{self.name} ready")
        return self

    def metrics(self):
        """{'name{labels}': value}"""
        values = {}
        for line in self.get("/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values
