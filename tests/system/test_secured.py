"""
test_secured — Kafka with SASL_SSL (SCRAM, where the librdkafka here can talk it to Kafka 4, else PLAIN) and an authorizer that allows nothing by itself, Redis with an ACL user: the main job with
exactly the rights that deploy/README.md names, and what is said where one of them is missing. The tests themselves look on by a
listener of their own, as the cluster's superuser.
"""
import ctypes
import os
import re

import harness
import pipeline
from certificates import make_certificates
from harness import Kafka, Redis, free_port, run_tests
from pipeline import Pipeline

WORKER, OPERATOR, REDIS_PASSWORD = "workerSecret1", "operatorSecret2", "redisSecret3"
LISTENER = free_port()
# Before 2.6.1 librdkafka's SCRAM is refused by Kafka 4 (confluentinc/librdkafka#4895): it is said, and the rest is shown with PLAIN.
SCRAM = ctypes.CDLL("librdkafka.so.1").rd_kafka_version() >= 0x020601ff
MECHANISM = "SCRAM-SHA-512" if SCRAM else "PLAIN"


TLS = make_certificates()


class SecuredKafka(Kafka):
    def __init__(self):
        super().__init__(start=False, scram=(f"worker={WORKER}", f"operator={OPERATOR}"))
        controller = free_port()
        listeners = f"PLAINTEXT://127.0.0.1:{self.port},SASL_SSL://127.0.0.1:{LISTENER}"
        self.properties = [
            f"controller.quorum.voters=1@127.0.0.1:{controller}",
            f"listeners={listeners},CONTROLLER://127.0.0.1:{controller}", f"advertised.listeners={listeners}",
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
            "inter.broker.listener.name=PLAINTEXT", "sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'user_worker="{WORKER}" user_operator="{OPERATOR}";',
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
            "ssl.keystore.type=PEM", f"ssl.keystore.location={TLS}/broker.pem",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS"]
        self.start()


def documented(what):
    """The rows of a table in deploy/README.md."""
    with open(os.path.join(harness.SOURCE, "deploy/README.md"), encoding="utf-8") as file:
        table = file.read().split(f"<!-- {what} -->")[1].split("\n\n")[0]
    return [[cell.strip().replace("`", "").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
            for line in table.splitlines() if line.startswith("| `")]


def allow(kafka, ns):
    for principal, kind, name, operations in documented("kafka acls"):
        for operation in operations.split(", "):
            words = re.sub(r"(?<!^)([A-Z])", r"-\1", operation).lower()
            kafka.tool("allow", kind, name.replace("<ns>", ns), words, principal)


class SecuredPipeline(Pipeline):
    """user: as whom Tandem comes to Kafka."""

    user, mechanism = "operator", MECHANISM

    def configure(self, name, **changes):
        self.options["properties"] = "".join(f', "{text}"' for text in (
            "security.protocol=SASL_SSL", f"sasl.mechanism={self.mechanism}", f"sasl.username={self.user}", f"ssl.ca.location={TLS}/ca.pem"))
        path = super().configure(name, bootstrap=f"127.0.0.1:{LISTENER}", **changes)
        for file_name, secret in (("kafka-password", {"worker": WORKER, "operator": OPERATOR}[self.user]), ("redis-password", REDIS_PASSWORD)):
            with open(os.open(os.path.join(self.dir, f"{name}-{file_name}"), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write(secret + "\n")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        address = f'address = "{self.redis.address}";'
        assert text.count("replication = 1;") == 1 and text.count(address) == 1
        text = text.replace("replication = 1;", f'replication = 1; password_file = "{name}-kafka-password";')
        text = text.replace(address, f'{address} user = "tandem"; password_file = "{name}-redis-password";')
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def test_the_main_job_with_the_documented_rights():
    pipeline._shared["kafka"] = SecuredKafka()  # pylint: disable=protected-access
    pipeline._shared["redis"] = Redis()  # pylint: disable=protected-access
    with SecuredPipeline() as p:
        [[_, rule]] = documented("redis acl")
        words = rule.replace("<ns>", p.ns).replace("<password>", REDIS_PASSWORD).split()
        assert words[:2] == ["ACL", "SETUSER"], words
        if not SCRAM:
            p.mechanism = "SCRAM-SHA-512"
            path = p.configure("scram.cfg")
            said = p.tandem("check", "--connect", "--config", path, ok=False)
            assert "Kafka does not take the user or the password" in said and "before 2.6.1" in said, said
            p.mechanism = MECHANISM
        # Nothing is allowed yet: each is named, and nothing is done.
        p.redis.cmd("ACL", "SETUSER", "tandem", "on", f">{REDIS_PASSWORD}")
        said = p.tandem("check", "--connect", ok=False)
        assert "missing  Kafka rights" in said or "missing  right" in said or "missing  topics" in said, said
        assert re.search("missing  Redis: .*(NOPERM|permission)", said), said
        p.redis.cmd(*words)
        allow(p.kafka, p.ns)
        p.prepare()

        p.user = "worker"
        p.config = p.configure("worker.cfg")
        text = p.tandem("config", "dump", "--redact")
        assert not any(secret in text for secret in (WORKER, OPERATOR, REDIS_PASSWORD)), text
        team = p.team(20, "team")
        p.start()
        p.check()
        p.edit(team[0], Title="CEO")
        p.wait_twin(team[0], jobtitle="CEO")
        # The operator looks, pauses and asks; the worker may change no topic.
        p.config = os.path.join(p.dir, "pipeline.cfg")
        said = p.tandem("check", "--connect")
        assert "missing" not in said, said
        p.tandem("pause", "--why", "a look")
        p.tandem("resume")
        p.tandem("status")
        p.tandem("review", "list")
        report = p.tandem("report", "--json", ok=False)
        assert '"unexplained":' in report.replace(" ", ""), report
        # Redis is lost and rebuilt with these rights.
        p.redis.flush()
        p.edit(team[1], Title="CTO")
        p.wait_twin(team[1], timeout=90, jobtitle="CTO")
        p.check()
        # A right that is taken away while it runs ends the process, which names it.
        p.kafka.tool("deny", "topic", f"{p.ns}.cursors", "write", "worker")
        [poll] = p.polls
        p.edit(team[2], Title="COO")
        assert poll.wait_exit(60) == 77, poll.log_text()[-2000:]
        assert f"{p.ns}.cursors" in poll.log_text() and "uthoriz" in poll.log_text(), poll.log_text()[-2000:]
        p.polls.remove(poll)


if __name__ == "__main__":
    run_tests(globals())
