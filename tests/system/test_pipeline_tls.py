#!/usr/bin/python3 -B
"""Both systems over TLS, each with a certificate of a CA of our own (ca_file): the main job; and no request without trust."""
import os
import ssl
import urllib.request

from certificates import make_certificates
from harness import run_tests, wait_for
from pipeline import Pipeline


WHERE = make_certificates()
CERTIFICATE, KEY = os.path.join(WHERE, "cert.pem"), os.path.join(WHERE, "key.pem")
CA = os.path.join(WHERE, "ca.pem")
# The test's own calls of the sandboxes' admin API trust the same CA.
urllib.request.install_opener(urllib.request.build_opener(
    urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=CA))))


class TlsPipeline(Pipeline):
    """ca_file None: the systems' certificates are vouched for by nobody whom the machine knows."""

    def __init__(self, ca_file, **options):
        self.ca_file = ca_file
        super().__init__(old={"tls": (CERTIFICATE, KEY)}, new={"tls": (CERTIFICATE, KEY)}, **options)

    def configure(self, name, **changes):
        path = super().configure(name, **changes)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert text.count("https://") == 2 and text.count('token_file = "token";') == 2, text
        if self.ca_file:
            text = text.replace('token_file = "token";', f'token_file = "token"; ca_file = "{self.ca_file}";')
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def requests(sandbox):
    return sandbox.admin("stats")["requests"]


def test_the_main_job():
    with TlsPipeline(CA) as p:
        p.old.admin("seed", {"object": "Contact", "count": 50, "seed": 1, "offset": 0})
        p.prepare()
        words = p.tandem("check", "--connect")
        assert f"{p.old.url} answers" in words and f"{p.new.url} answers" in words, words
        p.start()
        assert p.check().checked == 50
        ann = p.create(Email="ann@x.org", LastName="A")
        p.check()
        p.edit(ann, MailingCity="Köln")
        p.check()
        assert p.twin(ann)["fields"]["city"] == "Köln"


def test_a_system_that_nobody_vouches_for_gets_no_request():
    with TlsPipeline(None) as p:
        p.tandem("topics", "apply")
        before = requests(p.old), requests(p.new)
        words = p.tandem("check", "--connect", ok=False)
        missing = [line for line in words.splitlines() if line.startswith("missing") and "certificate" in line]
        assert len(missing) == 2, words
        assert (requests(p.old), requests(p.new)) == before, "a token went to a stranger"


def test_a_restart_with_another_authority_waits_and_says_why():
    """A system whose certificate is suddenly a stranger's: capture waits with the reason, and goes on once it is trusted."""
    with TlsPipeline(CA) as p:
        ann = p.create(Email="ann@x.org", LastName="A")
        p.start()
        p.check()
        other = make_certificates()
        p.old.kill()
        p.old.tls = (os.path.join(other, "cert.pem"), os.path.join(other, "key.pem"))
        p.old.start()
        poll = p.polls[0]
        wait_for(lambda: "certificate" in poll.get("/readyz")[1], 60, "poll says why it waits")
        p.old.kill()
        p.old.tls = (CERTIFICATE, KEY)
        p.old.start()
        p.edit(ann, MailingCity="Porto")
        p.check()
        assert p.twin(ann)["fields"]["city"] == "Porto"


if __name__ == "__main__":
    run_tests(globals())
