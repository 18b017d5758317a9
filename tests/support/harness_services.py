"""
harness_services — the services of harness.py: Kafka, Redis and the sandbox CRMs.

Kafka and Redis leave fsync to the kernel (libeatmydata): tests kill processes, not machines, and a slow disk would be a broker that hangs.
"""
import json
import os
import shutil
import socket
import subprocess

from harness_processes import SOURCE, Service, executable, free_port, http, new_dir


NO_FSYNC = {"LD_PRELOAD": "libeatmydata.so"}


class Kafka(Service):
    """One real broker (deploy/kafka/broker), its data kept over restarts."""

    def __init__(self, properties=(), heap="384m", start=True, scram=()):
        super().__init__("kafka")
        self.scram = list(scram)  # "user=password"
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.properties = list(properties)
        self.heap = heap
        if start:
            self.start()

    def start(self):
        for attempt in range(3):
            self._spawn([os.path.join(SOURCE, "deploy/kafka/broker"), "run", "--dir", self.dir, "--port",
                         str(self.port), "--heap", self.heap, *(["--scram", *self.scram] if self.scram else []),
                         *(["--properties", *self.properties] if self.properties else [])], NO_FSYNC)
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
        args = ["kcat", "-b", self.bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J",
                "-X", "fetch.wait.max.ms=10"]  # the end shows only in an empty fetch
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
        self.options = {"appendonly": "yes", **options}  # the harder case: an old copy may come back
        if start:
            self.start()

    def start(self):
        options = [word for name, value in self.options.items() for word in (name.replace("_", "-"), str(value))]
        for attempt in range(3):
            self._spawn([os.path.join(SOURCE, "deploy/redis/server"), "run", "--dir", self.dir, "--port",
                         str(self.port), *(["--options", *options] if options else [])], NO_FSYNC)
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
