"""test_cli_rights — `tandem check --connect` against a Kafka with an authorizer: each right that is missing is named, nothing is written."""
from cli_tools import Migration
from harness import Kafka, run_tests

AUTHORIZER = ("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
              "allow.everyone.if.no.acl.found=true")
RIGHTS = {"Read on topic quickstart.state.contact", "Write on topic quickstart.changes.contact",
          "Describe on topic quickstart.control", "Read on group quickstart.apply", "Read on group quickstart.poll.salesforce"}

kafka = Kafka(AUTHORIZER)


def lacks(out):
    return {line.split(": ")[0].removeprefix("missing  right ") for line in out.splitlines() if line.startswith("missing  right")}


def test_each_missing_right_is_named():
    migration = Migration(kafka=kafka.bootstrap)
    migration.tandem("topics", "apply", want=0)
    code, out, _ = migration.tandem("check", "--connect")
    assert code == 69 and "ok       Kafka rights: " in out and not lacks(out), (code, out)
    for kind in ("topic", "group"):
        kafka.tool("allow", kind, "quickstart.", "all")
    for what in RIGHTS:
        operation, _, kind, name = what.split(" ")
        kafka.tool("deny", kind, name, operation.lower())
    kafka.tool("deny", "group", "quickstart.poll.salesforce", "describe")  # not even its coordinator may be asked for
    code, out, _ = migration.tandem("check", "--connect")
    assert code == 69 and lacks(out) == RIGHTS, (code, out)
    assert "quickstart.control: does not exist" not in out, out
    assert "--operation Write --topic quickstart. --resource-pattern-type prefixed" in out, out
    assert all(ends == (0, 0) for topic in kafka.topics() if topic.startswith("quickstart.") for ends in kafka.ends(topic).values())


if __name__ == "__main__":
    run_tests(globals())
