"""
harness — real services and real processes for tests: started on free ports in a directory of their own,
stopped, killed, frozen and woken by pid, and all gone when the test ends, however it ends.

    kafka = Kafka(); redis = Redis(); crm = Sandbox("salesforce", seed=500)
    poll = Proc(["tandem-poll", "--config", path], failpoint="poll.after_publish:2")
    wait_for(lambda: len(kafka.consume("m1.changes.contact")) == 500, 60, "500 events")

A test file ends in `if __name__ == "__main__": run_tests(globals())`, which runs its test_ functions in order
(or those named on the command line). Standard library only. TANDEM_TEST_KEEP=1 keeps the directory.
"""
import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

SOURCE = os.environ.get("SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD_DIR") or os.path.join(SOURCE, "build", "dev")

_services = []
_used_ports = set()
_workdir = None
_SANITIZERS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", ": runtime error: ")


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
        _reaper.send("dir", _workdir)
    return _workdir


def new_dir(name):
    return tempfile.mkdtemp(prefix=name + "-", dir=workdir())


def free_port():
    """A free loopback port below the range the kernel gives to clients, so that it stays free over restarts."""
    import random
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


class _Reaper:
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


_reaper = _Reaper()


# --- processes -----------------------------------------------------------------------------------

class Service:
    """A child process that can be started again with the same arguments, directory and port."""

    def __init__(self, name):
        self.name = name
        self.dir = new_dir(name)
        self.log = os.path.join(self.dir, name + ".log")
        self.process = None
        self.starts = 0
        _services.append(self)

    def _spawn(self, args, env=None, stdout=None):
        assert not self.running(), f"{self.name} runs already"
        with open(self.log, "ab") as log, open(stdout or self.log, "ab") as out:
            self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out, stderr=log, cwd=self.dir,
                                            env={**os.environ, **(env or {})})
        self.starts += 1
        _reaper.send("pid", self.process.pid)

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
        _reaper.send("gone", self.process.pid)
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


class Kafka(Service):
    """One real broker (deploy/kafka/broker), its data kept over restarts."""

    def __init__(self, properties=(), heap="384m", start=True):
        super().__init__("kafka")
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.properties = list(properties)
        self.heap = heap
        if start:
            self.start()

    def start(self):
        for attempt in range(3):
            self._spawn([os.path.join(SOURCE, "deploy/kafka/broker"), "run", "--dir", self.dir, "--port",
                         str(self.port), "--heap", self.heap,
                         *(["--properties", *self.properties] if self.properties else [])])
            if self._started(self.answers, 120, "Kafka answers"):
                return
        raise AssertionError(f"Kafka does not start: {self.log_text()[-3000:]}")

    def answers(self):
        return subprocess.run(["kcat", "-b", self.bootstrap, "-L", "-m", "1"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0

    def tool(self, *args):
        """tests/support/tools/kafka_tool.c; its JSON answer."""
        done = subprocess.run([executable("kafka-tool"), self.bootstrap, *map(str, args)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"kafka-tool {args}: {done.stderr}"
        return json.loads(done.stdout)

    def create_topic(self, name, partitions=1, **config):
        """config keys with _ for the dots: cleanup_policy="compact"."""
        self.tool("create", name, partitions, *(f"{k.replace('_', '.')}={v}" for k, v in config.items()))

    def topics(self):
        """{name: partition count}"""
        return self.tool("topics")

    def ends(self, topic):
        """{partition: (low, high)}"""
        return {int(p): tuple(v) for p, v in self.tool("ends", topic).items()}

    def committed(self, group, topic):
        """{partition: committed offset or None}"""
        return {int(p): v for p, v in self.tool("committed", group, topic).items()}

    def consume(self, topic, partition=None, missing_ok=False):
        """All messages, per partition in order: dicts of topic, partition, offset, ts, key, payload (text or
        None) and headers (a dict; header_list has duplicates)."""
        if missing_ok and topic not in self.topics():
            return []
        args = ["kcat", "-b", self.bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J"]
        if partition is not None:
            args += ["-p", str(partition)]
        done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
        assert done.returncode == 0, f"kcat {topic}: {done.stderr.decode(errors='replace')}"
        messages = []
        for line in done.stdout.decode("utf-8", "surrogateescape").splitlines():
            message = json.loads(line)
            flat = message.get("headers") or []
            message["header_list"] = list(zip(flat[::2], flat[1::2]))
            message["headers"] = dict(message["header_list"])
            messages.append(message)
        messages.sort(key=lambda m: (m["partition"], m["offset"]))
        return messages

    def values(self, topic, **options):
        """The payloads of consume(), parsed; None for a null."""
        return [m["payload"] and json.loads(m["payload"]) for m in self.consume(topic, **options)]

    def produce(self, topic, messages, headers=None, partition=None):
        """messages: (key, value) texts without TAB and newline; value None = null. Waits for the delivery."""
        args = ["kcat", "-b", self.bootstrap, "-P", "-t", topic, "-K", "\t", "-Z", "-X", "acks=all", "-X",
                "topic.partitioner=murmur2_random"]
        for name, value in (headers or {}).items():
            args += ["-H", f"{name}={value}"]
        if partition is not None:
            args += ["-p", str(partition)]
        text = "".join(f"{key}\t{value if value is not None else ''}\n" for key, value in messages)
        done = subprocess.run(args, input=text.encode("utf-8", "surrogateescape"), stderr=subprocess.PIPE,
                              timeout=120, check=False)
        assert done.returncode == 0, f"kcat -P {topic}: {done.stderr.decode(errors='replace')}"


class RedisError(Exception):
    """An error reply."""


class Redis(Service):
    """One real Redis (deploy/redis/server). Options with _ for -: Redis(maxmemory="1mb", appendfsync="always")."""

    def __init__(self, start=True, **options):
        super().__init__("redis")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.options = options
        if start:
            self.start()

    def start(self):
        options = [word for name, value in self.options.items() for word in (name.replace("_", "-"), str(value))]
        for attempt in range(3):
            self._spawn([os.path.join(SOURCE, "deploy/redis/server"), "run", "--dir", self.dir, "--port",
                         str(self.port), *(["--options", *options] if options else [])])
            if self._started(self.answers, 60, "Redis answers"):
                return
        raise AssertionError(f"Redis does not start: {self.log_text()[-3000:]}")

    def answers(self):
        try:
            return self.cmd("PING") == "PONG"
        except (OSError, RedisError):
            return False

    def cmd(self, *words):
        """One command on a connection of its own; texts, integers, None or lists."""
        raw = [w if isinstance(w, bytes) else str(w).encode("utf-8", "surrogateescape") for w in words]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock, sock.makefile("rb") as reply:
            sock.sendall(b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in raw))
            return self._read(reply)

    def _read(self, reply):
        line = reply.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if int(rest) < 0:
            return None
        if kind == b"$":
            return reply.read(int(rest) + 2)[:-2].decode("utf-8", "surrogateescape")
        return [self._read(reply) for _ in range(int(rest))]

    def keys(self, pattern="*"):
        return sorted(self.cmd("KEYS", pattern))

    def flush(self):
        self.cmd("FLUSHALL")

    def snapshot(self):
        """A copy of what is on disk now, for rollback()."""
        copy = new_dir("redis-snapshot")
        shutil.copytree(os.path.join(self.dir, "appendonlydir"), os.path.join(copy, "appendonlydir"))
        return copy

    def rollback(self, copy):
        """Kill it and start it with an older state, as after a failover to a replica that was behind."""
        self.kill()
        shutil.rmtree(os.path.join(self.dir, "appendonlydir"))
        shutil.copytree(os.path.join(copy, "appendonlydir"), os.path.join(self.dir, "appendonlydir"))
        self.start()


class Sandbox(Service):
    """A sandbox CRM (tests/sandbox/README.md): shape "salesforce" or "hubspot". Settings with _ : index_lag_ms=0."""

    def __init__(self, shape, start=True, tls=None, **settings):
        super().__init__("sandbox-" + shape)
        self.shape = shape
        self.port = free_port()
        self.settings = settings
        self.tls = tls  # (certificate file, key file)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        if start:
            self.start()

    def start(self):
        options = [word for name, value in self.settings.items()
                   for word in ("--" + name.replace("_", "-"), str(value))]
        out = os.path.join(self.dir, "stdout")
        for attempt in range(3):
            if os.path.exists(out):
                os.unlink(out)
            self._spawn([executable("sandbox-crm"), self.shape, "--listen", f"127.0.0.1:{self.port}", "--db",
                         os.path.join(self.dir, "sandbox.db"), *(["--tls", *self.tls] if self.tls else []), *options],
                        stdout=out)
            if self._started(lambda: "listening on" in open(out, encoding="utf-8").read(), 60, f"{self.name} listens"):
                return
        raise AssertionError(f"{self.name} does not start: {self.log_text()[-3000:]}")

    def admin(self, path, body=None, method=None):
        """/admin/<path>; the parsed answer. With a body it is a POST."""
        status, text = http(method or ("GET" if body is None else "POST"), f"{self.url}/admin/{path}", body, timeout=60)
        assert status == 200, f"{self.name} /admin/{path}: {status} {text}"
        return json.loads(text) if text.strip() else None

    def dump(self, kind, deleted=False):
        """All records as they are now, whatever the lags."""
        status, text = http("GET", f"{self.url}/admin/dump?object={kind}{'&deleted=1' if deleted else ''}", timeout=60)
        assert status == 200, text
        return [json.loads(line) for line in text.splitlines()]


# --- the end -------------------------------------------------------------------------------------

def _finish():
    processes = [service for service in _services if isinstance(service, Proc)]
    rest = [service for service in _services if not isinstance(service, Proc)]
    # Processes first, while what they talk to is there: they end in order and LeakSanitizer has its say.
    for service in processes:
        service.signal(signal.SIGCONT)
        service.signal(signal.SIGTERM)
    for service in processes + rest:
        if service.process is not None:
            if service in rest:
                service.signal(signal.SIGKILL)
            try:
                service.wait_exit(30)
            except Timeout:
                service.kill()
    found = [service for service in _services if any(mark in service.log_text() for mark in _SANITIZERS)]
    for service in found:
        print(f"--- a sanitizer spoke in {service.log}\n{service.log_text()[-6000:]}", flush=True)
    _reaper.finish()
    if found:
        os._exit(1)


atexit.register(_finish)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def run_tests(names):
    """Run the test_ functions of a module's globals() in order; exit code 1 if one fails."""
    wanted = sys.argv[1:]
    failed = []
    for name, function in list(names.items()):
        if not name.startswith("test_") or not callable(function) or (wanted and name not in wanted):
            continue
        began = time.monotonic()
        try:
            function()
        except Exception:  # pylint: disable=broad-except
            failed.append(name)
            print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
            for service in _services:
                print(f"--- end of {service.log}\n{service.log_text()[-2000:]}", flush=True)
        else:
            print(f"ok   {name} ({time.monotonic() - began:.1f} s)", flush=True)
    sys.exit(1 if failed else 0)
