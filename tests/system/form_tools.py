"""form_tools — tandem-form between visitors and Kafka: a configuration with several forms, browsers that post once and never again, and an
old address that gets what is forwarded."""
import http.client
import http.server
import os
import threading
import urllib.parse

from harness import Proc, wait_for
from pipeline import ENTITY, Pipeline

THANKS = "https://www.example.com/thanks"
ORIGIN = "https://www.example.com"

INPUTS = """inputs = ( { name = "email"; field = "email"; }, { name = "first_name"; field = "first_name"; },
  { name = "last_name"; field = "last_name"; }, { name = "00N5g00000Ab"; field = "job_title"; }, { name = "lead_source"; field = "source"; },
  { name = "mobile"; field = "mobile"; } );"""


def form(name, path, more=""):
    return f'{{ name = "{name}"; path = "{path}"; entity = "contact"; thank_you = "{THANKS}"; {INPUTS} {more} }}'


FORMS = [
    form("web-lead", "/servlet/servlet.WebToLead", f'return_urls = ["{ORIGIN}/", "https://other.example.com/bye"]; honeypot = "website"; '
         'consent = ["emailOptIn", "terms"]; visitor = "truncated";'),
    form("own-pages", "/forms/own", f'origins = ["{ORIGIN}"]; visitor = "hashed"; consent = ["legalConsentOptions.consent.consentToProcess"];'),
]


class Formed(Pipeline):
    def __init__(self, source="", forms=(), **options):
        text = ", ".join([*FORMS, *forms])
        self.formed = []
        more = f', {{ name = "forms"; type = "form"; system = "salesforce"; listen = "127.0.0.1:0"; spool_dir = "spool"; visitor_key_file = "visitor-key"; {source}\n forms = ( {text} ); }}'
        super().__init__(sources=more, **options)

    def configure(self, name, **changes):
        with open(os.path.join(self.dir, "visitor-key"), "w", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
            file.write("a key\n")
        return super().configure(name, **changes)

    def processes(self):
        return super().processes() + self.formed

    def add_form(self, build="tandem-form-test", **options):
        self.prepare()
        proc = Proc([build, "--config", self.config, "--source", "forms", "--instance", "1", "--listen", "127.0.0.1:0"], name="form-1", **options)
        self.formed.append(proc)
        return proc

    def port(self, timeout=60):
        proc = self.formed[0]

        def found():
            assert proc.running(), f"{proc.name} ended with {proc.process.poll()}: {proc.log_text()[-3000:]}"
            return proc.log_events("form listener")
        return int(wait_for(found, timeout, "the form listener")[-1]["address"].rsplit(":", 1)[1])

    def events(self):
        """Of forms."""
        return [e for e in self.kafka.values(self.topic(f"changes.{ENTITY}")) if e["source"]["connector"] == "form"]

    def emails(self):
        return [e["after"].get("email") for e in self.events()]

    def letters(self):
        return self.kafka.consume(self.topic("dlq"))

    def metric(self, name, **labels):
        text = "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else ""
        return self.formed[0].metrics().get(f"{name}{text}", 0)

    def submit(self, path="/servlet/servlet.WebToLead", headers=None, timeout=30, body=None, kind="application/x-www-form-urlencoded",
               method="POST", **inputs):
        """(status, headers, text)"""
        body = urllib.parse.urlencode(inputs, doseq=True).encode() if body is None else body
        own = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=timeout)
        try:
            own.request(method, path, body=body if method == "POST" else None, headers={"Content-Type": kind, **(headers or {})})
            reply = own.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read().decode()
        finally:
            own.close()


class OldAddress:
    """Writes down what it gets; `answers` says with which status it answers the next ones, then 200."""

    def __init__(self, answers=()):
        self.got, self.answers, self.lock = [], list(answers), threading.Lock()
        address = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with address.lock:
                    status = address.answers.pop(0) if address.answers else 200
                    if status == 200:
                        address.got.append((self.path, self.headers["Content-Type"], body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
