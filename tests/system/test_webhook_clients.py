#!/usr/bin/python3 -B
"""What the vendors' own libraries sign, tandem-webhook takes; what it would take, they take (tests/requirements.txt)."""
import datetime
import os
import subprocess
import sys

import harness
import webhook_tools as tools
from harness import run_tests
from webhook_tools import Hooked, event, post, sf_id

try:
    import hubspot.utils.signature
    import standardwebhooks
    import stripe
except ImportError:
    if os.environ.get("TANDEM_TEST_VENV"):
        raise
    python = subprocess.run([os.path.join(harness.SOURCE, "tests", "support", "venv")], stdout=subprocess.PIPE, text=True,
                            check=True).stdout.strip()
    os.environ["TANDEM_TEST_VENV"] = python
    os.execv(python, [python, "-B", os.path.abspath(__file__), *sys.argv[1:]])


def test_libraries():
    """Each signs a request that is let in, and verifies the one that the tests sign themselves."""
    with Hooked() as p:
        p.add_hook()
        port, at = p.port(), tools.now()
        when = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)

        body = event(sf_id(1))
        library = standardwebhooks.Webhook(tools.STANDARD)
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(at),
                   "webhook-signature": library.sign("msg_1", when, body.decode())}
        assert post(port, "/std", body, headers)[0] == 200
        library.verify(body, tools.sign_standard(body)[1])

        body = event(sf_id(2))
        signature = stripe.WebhookSignature._compute_signature(f"{at}.{body.decode()}", tools.SECRET)
        assert post(port, "/stripe", body, {"Stripe-Signature": f"t={at},v1={signature}"})[0] == 200
        assert stripe.WebhookSignature.verify_header(
            body.decode(), tools.sign_stripe(body)[1]["Stripe-Signature"], tools.SECRET, 300)

        body = event(sf_id(3))
        library = hubspot.utils.signature.Signature
        uri, ms = f"{tools.PUBLIC}/hs", str(at * 1000)
        signature = library.get_signature(tools.SECRET, body.decode(), "v3", http_uri=uri, http_method="POST", timestamp=ms)
        headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": ms}
        assert post(port, "/hs", body, headers)[0] == 200
        ours = tools.sign_hubspot(body)[1]
        assert library.is_valid(signature=ours["X-HubSpot-Signature-v3"], client_secret=tools.SECRET,
                                request_body=body.decode(), http_uri=uri, http_method="POST", signature_version="v3",
                                timestamp=ours["X-HubSpot-Request-Timestamp"])
        assert sorted(p.hints()) == [sf_id(n) for n in (1, 2, 3)]


if __name__ == "__main__":
    run_tests(globals())
