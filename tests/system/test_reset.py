"""
test_reset — what Tandem knows of an entity is taken away and read again: nothing is created twice, nothing a person typed is lost, and
another migration in the same Kafka and Redis notices nothing.
"""
import subprocess

from harness import executable, run_tests, wait_for
from pipeline import Pipeline


def reset(p, *args):
    done = subprocess.run([executable("tandem"), "reset", *args, "--config", p.config], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def keys(p):
    return sorted(p.redis.cmd("KEYS", f"tandem:{p.ns}:*"))


def test_reset_and_backfill_again():
    with Pipeline() as other, Pipeline() as p:
        other.create(Email="zoe@x.org", LastName="Zed")
        other.start()
        other.drain()
        other.stop()
        others = (keys(other), other.fold().parsed(), other.cursors())

        team = p.team(30, "team")
        p.create_new(email="team.0@example.com", jobtitle="Hers")
        p.start()
        p.check()
        before = {record["id"]: record["fields"] for record in p.new.dump("contacts")}
        assert len(before) == len(team) and p.held() == {team[0]: {"job_title": "first-meeting"}}, p.held()
        code, _, said = reset(p, "contact", "--confirm", "contact")
        assert code == 69 and "tandem-apply is at work" in said and "stop `tandem run` first" in said, (code, said)
        p.stop()
        wait_for(lambda: reset(p, "contact")[0] == 0, 60, "their sessions are over", 0.5)

        state = p.messages("state.contact")
        code, said, _ = reset(p, "contact")
        assert "would be taken away" in said and f"{len(team):>7}  rows of {p.ns}.state.contact" in said, said
        assert "      1  records' questions" in said and "      3  cursors" in said and "nothing was done" in said, said
        assert p.messages("state.contact") == state and keys(p), "it only says so"
        for words in (["contact", "--confirm", "deal"], ["deal"], []):
            code, _, said = reset(p, *words)
            assert code == 64, (words, said)
        code, said, _ = reset(p, "contact", "--confirm", "contact")
        assert code == 0 and "taken away:" in said, said
        assert all(name.rsplit(":", 1)[0].endswith(("incarnation", "epoch")) or name.endswith("incarnation") for name in keys(p)), keys(p)
        assert not any(p.cursors().values()) and not p.held(), (p.cursors(), p.held())
        p.assert_review_is_projection()
        assert others == (keys(other), other.fold().parsed(), other.cursors()), "another migration's"
        code, said, _ = reset(p, "contact", "--confirm", "contact")
        assert code == 0 and "      0  rows of" in said, f"again is fine: {said}"

        for proc in p.processes():
            proc.start()
        p.drain()
        p.edit(team[1], Title="T1")
        p.wait_twin(team[1], jobtitle="T1")
        p.drain()
        after = {record["id"]: record["fields"] for record in p.new.dump("contacts")}
        assert set(after) == set(before), "nothing was created twice"
        assert after[p.twin(team[0])["id"]]["jobtitle"] == "Hers" and "job_title" in p.held()[team[0]], p.held()
        assert set(p.held()) == {team[0]}, p.held()
        p.assert_redis_is_fold()
        p.assert_review_is_projection()
        # The truth of it is Kafka's: a Redis that is lost comes back as the reset left it, and what came since.
        p.redis.flush()
        p.edit(team[2], Title="T2")
        p.wait_twin(team[2], timeout=90, jobtitle="T2")
        p.drain()
        p.assert_redis_is_fold()
        assert len(p.new.dump("contacts")) == len(team)


if __name__ == "__main__":
    run_tests(globals())
