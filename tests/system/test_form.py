#!/usr/bin/python3 -B
"""tandem-form: what a post becomes, where the visitor goes, and that nothing taken is lost: the visitor never sends it twice."""
import http.client
import itertools
import json
import threading

from form_tools import ORIGIN, THANKS, Formed, OldAddress, form
from harness import run_tests, wait_for

MULTIPART = "multipart/form-data; boundary=b"


def multipart(**inputs):
    return "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in inputs.items()).encode() + b"--b--\r\n"


def test_what_a_post_becomes():
    """Urlencoded, multipart and JSON posts; what is kept of the visitor; consent; what no field takes; what cannot be read."""
    with Formed() as p:
        p.add_form()
        status, headers, _ = p.submit(email="Ann@X.org", first_name="Ann", last_name="", lead_source="Web", oid="00D5g", emailOptIn="1")
        assert status == 303 and headers["Location"] == THANKS, (status, headers)
        event = p.events()[0]
        # What a visitor leaves empty is unknown, not blank.
        assert {**event["after"], "email": event["after"]["email"].lower()} == {"email": "ann@x.org", "first_name": "Ann", "source": "web"}, event
        source = event["source"]
        assert (source["partial"], source["db"], source["pass"], event["op"]) == (True, "web-lead", "push", "c"), event
        assert source["form"] == {"visitor": "127.0.0.0", "consent": [{"name": "emailOptIn", "value": "1"}]}, source
        key = p.kafka.consume(p.topic("changes.contact"))[0]["key"]
        assert key == "web-lead:" + source["id"] and source["id"].startswith("form-"), key
        assert p.submit(body=multipart(email="bob@x.org", first_name="Böb"), kind=MULTIPART)[0] == 303
        status, headers, text = p.submit("/forms/own", headers={"Origin": ORIGIN}, kind="application/json", body=json.dumps({
            "fields": [{"objectTypeId": "0-1", "name": "email", "value": "cat@x.org"}],
            "legalConsentOptions": {"consent": {"consentToProcess": True}}}).encode())
        assert status == 200 and json.loads(text) == {"redirectUri": THANKS}, (status, text)
        assert headers["Access-Control-Allow-Origin"] == ORIGIN
        by_email = {e["after"]["email"].lower(): e for e in p.events()}
        assert by_email["bob@x.org"]["after"]["first_name"] == "Böb"
        own = by_email["cat@x.org"]["source"]["form"]
        assert own["consent"] == [{"name": "legalConsentOptions.consent.consentToProcess", "value": "true"}]
        assert len(own["visitor"]) == 64 and "127" != own["visitor"][:3]
        # A value that is none, and a post that says nothing: kept, as they came. What is no post at all is refused.
        assert p.submit(email="no address")[0] == 303
        assert p.submit(nothing="here")[0] == 303
        assert sorted(letter["payload"] for letter in p.letters()) == ["email=no+address", "nothing=here"]
        assert p.submit(body=b"{", kind="application/json")[0] == 400
        assert p.submit(body=b"a=b", kind="text/plain")[0] == 400
        assert len(p.events()) == 3


def test_who_may_post_and_where_they_go():
    """Return addresses, pages, bots, preflights, how often one address posts."""
    with Formed(source='posts_per_minute = 40; address_header = "X-Forwarded-For";') as p:
        p.add_form()
        for wish, goes in {f"{ORIGIN}/a?b=c": f"{ORIGIN}/a?b=c", "https://other.example.com/bye": "https://other.example.com/bye",
                           "https://other.example.com/bye/bye": THANKS, f"{ORIGIN}.evil.org/": THANKS, f"{ORIGIN}@evil.org/": THANKS,
                           "https://evil.org/": THANKS, "//evil.org/": THANKS, "javascript:alert(1)": THANKS,
                           f"{ORIGIN}/\r\nSet-Cookie: a=b": THANKS, f"{ORIGIN}/\\evil": THANKS}.items():
            status, headers, _ = p.submit(email="ann@x.org", retURL=wish)
            assert status == 303 and headers["Location"] == goes and "Set-Cookie" not in headers, (wish, headers)
        taken = len(p.events())
        status, headers, _ = p.submit(email="bot@x.org", website="http://buy.example")
        assert (status, headers["Location"]) == (303, THANKS)
        assert p.submit("/forms/own", email="x@x.org", headers={"Origin": "https://evil.org"})[0] == 403
        assert p.submit("/forms/own", email="x@x.org", headers={"Origin": "null"})[0] == 403
        status, headers, _ = p.submit("/forms/own", method="OPTIONS", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
        assert status == 204 and headers["Access-Control-Allow-Origin"] == ORIGIN and headers["Access-Control-Allow-Headers"] == "Content-Type"
        assert p.submit("/forms/own", method="OPTIONS", headers={"Origin": "https://evil.org"})[0] == 403
        assert p.submit("/forms/none", email="x@x.org")[0] == 404
        assert p.submit(method="GET")[0] == 405
        assert len(p.events()) == taken
        assert p.metric("tandem_form_posts_total", form="web-lead", result="bot") == 1
        assert p.metric("tandem_form_posts_total", form="own-pages", result="stranger") >= 3
        # One address has its share of a minute (which may turn while we count), others theirs; what a visitor writes into the header does not count.
        posts = [p.submit(email="a@x.org", headers={"X-Forwarded-For": f"10.0.0.{n % 9}, 203.0.113.7"})[0] for n in range(90)]
        assert 40 <= posts.count(303) <= 80 and posts.count(429) == 90 - posts.count(303), posts
        assert p.submit(email="b@x.org", headers={"X-Forwarded-For": "203.0.113.8"})[0] == 303
        assert [e["source"]["form"]["visitor"] for e in p.events() if e["after"]["email"] == "b@x.org"] == ["203.0.113.0"]


def waiting(p):
    return p.metric("tandem_form_spool_bytes")


def test_kafka_away():
    """Spooled while Kafka hangs, drained in order when it is back, also by another process; a full spool is said."""
    with Formed(source="patience_ms = 300; spool_max_bytes = 8192;") as p:
        proc = p.add_form()
        assert p.submit(email="first@x.org")[0] == 303
        p.kafka.sigstop()
        proc.kill()  # as after a power cut: the form is back before Kafka is
        proc.start()
        wait_for(lambda: proc.log_events("form listener"), 60, "the form takes posts again", 0.1)
        sent, status = [], 303
        while status == 303:
            email = f"n{len(sent):03d}@x.org"
            status, _, text = p.submit(email=email)
            sent += [email] if status == 303 else []
            assert len(sent) < 200, "a spool of 8 KiB is full"
        assert status == 507 and "later" in text, (status, text)
        assert len(sent) >= 10 and waiting(p) > 4096
        assert p.submit(email="again@x.org")[0] == 507
        proc.kill()
        p.kafka.sigcont()
        proc.start()
        wait_for(lambda: p.port() and waiting(p) == 0, 60, "the spool is drained", 0.2)
        emails = p.emails()
        assert set(emails) == {"first@x.org", *sent}, set(sent) ^ set(emails)
        # In order: within each partition, as the log has them.
        seen = {}
        for message in p.kafka.consume(p.topic("changes.contact")):
            seen.setdefault(message["partition"], []).append(json.loads(message["payload"])["after"]["email"])
        for order in seen.values():
            once = list(dict.fromkeys(email for email in order if email != "first@x.org"))
            assert once == sorted(once), once
        assert p.submit(email="last@x.org")[0] == 303
        assert "last@x.org" in p.emails()


def test_kills():
    """kill -9 at each failpoint and at any moment: nothing that a visitor was thanked for is lost, and no post becomes two records."""
    with Formed(source="patience_ms = 20;") as p:
        proc = p.add_form()
        p.port()
        numbers, thanked, ending = itertools.count(1), [], threading.Event()

        def visit():
            while not ending.is_set():
                email = f"v{next(numbers)}@x.org"
                try:
                    if p.submit(email=email, timeout=10)[0] == 303:
                        thanked.append(email)
                except (OSError, http.client.HTTPException, AssertionError):
                    ending.wait(0.02)  # a visitor's browser shows an error
        threads = [threading.Thread(target=visit, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        points = ["form.put", "form.settled", "form.spooled", "form.answered", "form.drained", "form.advanced"]
        for cycle in range(30):
            seen = len(thanked)
            proc.kill()
            proc.failpoint = f"{points[cycle % 6]}:{1 + cycle % 4}" if cycle % 5 else None
            proc.start()
            wait_for(lambda: len(thanked) > seen + 1 or not proc.running(), 60, f"cycle {cycle}", 0.01)
        proc.kill()
        proc.failpoint = None
        proc.start()
        seen = len(thanked)
        wait_for(lambda: len(thanked) > seen, 60, "it takes posts again", 0.05)
        ending.set()
        for thread in threads:
            thread.join()
        wait_for(lambda: waiting(p) == 0, 60, "the spool is drained", 0.1)
        ids = {}
        for event in p.events():
            ids.setdefault(event["after"]["email"], set()).add(event["source"]["id"])
        lost = [email for email in thanked if email not in ids]
        assert not lost, f"{len(lost)} of {len(thanked)} are on no topic: {lost[:5]}"
        assert all(len(found) == 1 for found in ids.values()), "a post is one record, however often it is put"
        assert proc.failpoints_hit(), "no failpoint was reached"


def test_dual_write():
    """The old address gets each post as it came, in order, once, and none of its troubles is the visitor's."""
    old = OldAddress(answers=[503, 429])
    try:
        with Formed(forms=[form("both", "/forms/both", f'forward_url = "{old.url}/old?encoding=UTF-8";')]) as p:
            proc = p.add_form()
            bodies = []
            for n in range(5):
                body = f"email=d{n}%40x.org&first_name=%20x&box=1&box=2&oid=00D".encode()
                bodies.append(body)
                assert p.submit("/forms/both", body=body)[0] == 303
            assert p.submit("/forms/both", body=multipart(email="d9@x.org"), kind=MULTIPART)[0] == 303
            wait_for(lambda: len(old.got) == 6, 30, "all are forwarded", 0.05)
            assert [body for _, _, body in old.got] == [*bodies, multipart(email="d9@x.org")], old.got
            assert old.got[0][:2] == ("/old?encoding=UTF-8", "application/x-www-form-urlencoded") and old.got[-1][1] == MULTIPART
            assert p.submit(email="only-here@x.org")[0] == 303
            # Away for a while, and the process restarted meanwhile.
            old.answers = [503] * 1000
            assert p.submit("/forms/both", email="late@x.org")[0] == 303
            proc.kill()
            proc.start()
            p.port()
            old.answers = []
            wait_for(lambda: len(old.got) == 7, 30, "forwarded in the end", 0.05)
            wait_for(lambda: p.metric("tandem_form_forward_bytes") == 0, 10, "nothing is left", 0.05)
            assert len(old.got) == 7 and len(p.events()) == 8
    finally:
        old.close()


def people_called(p, email):
    return [r for r in p.new.dump("contacts") if r["fields"].get("email") == email]


def test_the_old_system_takes_a_post_over():
    """A visitor whom the new system gets from the form, and from the old system a moment later: one record there, the old system's, with what
    both said; nobody is asked. kill -9 of apply at the steps in between; a redelivered post brings nothing back."""
    with Formed(apply_build="tandem-apply-test") as p:
        p.start()
        p.add_form()
        steps = (None, "apply.merged", "apply.begun", "apply.answered", "apply.state_put", "apply.state_settled")
        for n, step in enumerate(steps):
            email = f"meet{n}@x.org"
            assert p.submit(email=email, first_name="Ann", last_name="Form")[0] == 303
            wait_for(lambda mail=email: people_called(p, mail), 60, "the form's record in the new system", 0.2)
            apply = p.applies[0]
            if step:
                apply.term()
                apply.failpoint = step
                apply.start()
            record = p.create(Email=email, FirstName="Ann", LastName="Old", Title="CEO")
            if step:
                assert apply.wait_exit(120) == -9, step
                p.revive()
            p.wait_twin(record, timeout=90, email=email, jobtitle="CEO", lastname="Old")
            assert len(people_called(p, email)) == 1, people_called(p, email)
        p.edit(record, Title="CTO")
        p.wait_twin(record, jobtitle="CTO")
        wait_for(lambda: not p.held(), 60, f"questions: {p.held()}", 0.2)
        assert len(p.new.dump("contacts")) == len(steps)


def test_a_post_of_somebody_known_is_a_question():
    """The other way round: what a visitor says of a person whom the old system has is no word of that person's."""
    with Formed() as p:
        p.start()
        p.add_form()
        record = p.create(Email="known@x.org", FirstName="Ann", LastName="Old")
        p.wait_twin(record)
        assert p.submit(email="known@x.org", first_name="Eve", last_name="Form")[0] == 303
        wait_for(lambda: [m for m in p.messages("review") if ":form-" in m["key"] and m["payload"]], 60, "the question", 0.2)
        assert [r["fields"]["lastname"] for r in people_called(p, "known@x.org")] == ["Old"]


if __name__ == "__main__":
    run_tests(globals())
