"""Signing in to the old system by an assertion of our own (JWT bearer): the whole pipeline, with tokens that end all the time."""
import os
import subprocess

import harness
from harness import run_tests, wait_for
from pipeline import Pipeline


def make_key():
    """A private key, mode 600, and its public half."""
    where = harness.new_dir("jwt")
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
        wait_for(lambda: sum(r["fields"].get("jobtitle") == "Signed in" for r in p.new.dump("contacts")) == 1, 60, f"an edit\n{p.tails()}", 0.2)
        assert not p.dead()


if __name__ == "__main__":
    run_tests(globals())
