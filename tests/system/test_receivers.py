#!/usr/bin/python3 -B
"""Both receivers over TLS with a certificate of their own, and what `tandem check --connect` says of their listeners, certificates, the
addresses that senders call, and the old address of a form."""
import http.client
import os
import shutil
import socket
import ssl
import urllib.parse

from certificates import make_certificates
from form_tools import OldAddress, form
from harness import Proc, free_port, run_tests, wait_for
from pipeline import Pipeline
from webhook_tools import SECRET, endpoint, event, sf_id, sign_hubspot, sign_stripe

TLS = 'tls_certificate_file = "cert.pem"; tls_key_file = "key.pem";'


class Receivers(Pipeline):
    """A webhook source and a form source. public: the address that the webhook's sender calls."""

    def __init__(self, tls="", forward="http://127.0.0.1:1/"):
        self.ports = {"webhook": free_port(), "form": free_port()}
        self.certificates, self.started = make_certificates(), []
        hook, post = self.ports["webhook"], self.ports["form"]
        forms = form("contact-us", "/contact-us", f'forward_url = "{forward}";')
        hubspot = endpoint("/hs", "hubspot-v3", f'public_url = "http://127.0.0.1:{hook}/hs";')
        super().__init__(sources=f''',
          {{ name = "hooks"; type = "webhook"; system = "salesforce"; listen = "127.0.0.1:{hook}"; {tls}
             endpoints = ( {endpoint("/stripe", "stripe")}, {hubspot} ); }},
          {{ name = "forms"; type = "form"; system = "salesforce"; listen = "127.0.0.1:{post}"; spool_dir = "spool"; {tls} forms = ( {forms} ); }}''')

    def configure(self, name, **changes):
        for file, source in (("cert.pem", "cert.pem"), ("key.pem", "key.pem")):
            shutil.copy(os.path.join(self.certificates, source), os.path.join(self.dir, file))
        for file in ("hook-secret", "hook-older"):
            with open(os.path.join(self.dir, file), "w", encoding="utf-8") as out:
                out.write(SECRET + "\n")
        for file in ("key.pem", "hook-secret", "hook-older"):
            os.chmod(os.path.join(self.dir, file), 0o600)
        return super().configure(name, **changes)

    def processes(self):
        return super().processes() + self.started

    def receive(self, kind):
        self.prepare()
        proc = Proc([f"tandem-{kind}", "--config", self.config, "--source", f"{kind}s".replace("webhook", "hook"), "--instance", "1",
                     "--listen", "127.0.0.1:0"], name=f"{kind}-1")
        self.started.append(proc)
        wait_for(lambda: not proc.running() or proc.log_events(f"{kind} listener"), 60, f"the {kind} listener")
        assert proc.running(), proc.log_text()[-3000:]
        return proc

    def checked(self):
        """What is said of the receivers."""
        return [line for line in self.tandem("check", "--connect", ok=False).splitlines() if " source " in line]

    def post(self, kind, path, body, headers, trust=True, version=None):
        """The status, over TLS."""
        context = ssl.create_default_context(cafile=os.path.join(self.certificates, "ca.pem") if trust else None)
        if version:
            context.maximum_version = version
        own = http.client.HTTPSConnection("127.0.0.1", self.ports[kind], timeout=30, context=context)
        try:
            own.request("POST", path, body=body, headers=headers)
            return own.getresponse().status
        finally:
            own.close()


def refused(call):
    try:
        call()
    except (ssl.SSLError, OSError, http.client.HTTPException):
        return True
    return False


def test_tls():
    """Posts over TLS are taken; without trust, with an old TLS or with none at all nothing is; a stranger who never ends his handshake keeps nobody."""
    with Receivers(tls=TLS) as p:
        p.receive("webhook")
        p.receive("form")
        silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for port in p.ports.values() for _ in range(20)]
        body = event(sf_id(1))
        path, headers = sign_stripe(body)
        assert p.post("webhook", path, body, headers) == 200
        inputs = urllib.parse.urlencode({"email": "ann@x.org"}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert p.post("form", "/contact-us", inputs, kind) == 303
        assert refused(lambda: p.post("form", "/contact-us", inputs, kind, trust=False))
        assert refused(lambda: p.post("form", "/contact-us", inputs, kind, version=ssl.TLSVersion.TLSv1_1))
        plain = http.client.HTTPConnection("127.0.0.1", p.ports["form"], timeout=30)
        assert refused(lambda: (plain.request("POST", "/contact-us", inputs, kind), plain.getresponse()))
        plain.close()
        large = b"email=a%40x.org&first_name=" + b"x" * 300000
        assert p.post("form", "/contact-us", large, kind) == 303, "a body of many TLS records"
        try:  # refused by its length: whoever goes on sending meets a closed connection
            assert p.post("form", "/contact-us", large * 5, kind) == 413
        except OSError:
            pass
        for one in silent:
            one.close()
        assert len(p.kafka.consume(p.topic("hints.contact"))) == 1
        assert len(p.kafka.consume(p.topic("changes.contact"))) + len(p.kafka.consume(p.topic("dlq"))) == 2
        said = p.checked()
        assert len([line for line in said if line.startswith("ok") and "with TLS" in line]) == 2, said


def test_check():
    """Before and after the start; what is in the way is named."""
    old = OldAddress()
    try:
        with Receivers(forward=old.url) as p:
            p.prepare()
            said = p.checked()
            assert len(said) == 2 and all(line.startswith("ok ") and line.endswith("is free") for line in said), said
            p.receive("webhook")
            p.receive("form")
            said = p.checked()
            assert len(said) == 3 and all(line.startswith("ok ") for line in said), said
            assert any(line.endswith(f"http://127.0.0.1:{p.ports['webhook']}/hs leads here") for line in said), said
            body = event(sf_id(1))
            path, headers = sign_hubspot(body)
            own = http.client.HTTPConnection("127.0.0.1", p.ports["webhook"], timeout=30)
            own.request("POST", path, body, headers)
            assert own.getresponse().status == 401, "HubSpot signs the address that it calls, and this is another"
            own.close()
            old.close()
            missing = [line for line in p.checked() if line.startswith("missing")]
            assert len(missing) == 1 and "form contact-us: the old address" in missing[0], missing
    finally:
        old.close()
    with Receivers(tls=TLS) as p:
        p.prepare()
        stranger = socket.create_server(("127.0.0.1", p.ports["webhook"]))
        other = make_certificates()
        shutil.copy(os.path.join(other, "key.pem"), os.path.join(p.dir, "key.pem"))
        missing = [line for line in p.checked() if line.startswith("missing")]
        assert len([line for line in missing if "not the key of tls_certificate_file" in line]) == 2, missing
        stranger.close()
        proc = Proc(["tandem-form", "--config", p.config, "--source", "forms", "--instance", "1", "--listen", "127.0.0.1:0"], name="form-1")
        assert proc.wait_exit(60) == 69 and "are certificate and key a pair?" in proc.log_text(), proc.log_text()[-2000:]
        os.remove(os.path.join(p.dir, "cert.pem"))
        assert '"tls_certificate_file" cannot be read' in p.tandem("check", ok=False)


if __name__ == "__main__":
    run_tests(globals())
