"""
quickstart_team — what stands in the two sandbox CRMs when the quickstart begins, and the people who go on
working in them: they edit and create contacts in the old system, and now and then one edits a twin in the new.
"""
import random
import threading
import time
import urllib.error

CITIES = ["Berlin", "Łódź", "Paris", "São Paulo", "Austin", "Kyoto", "Porto"]
TITLES = ["Engineer", "Head of Sales", "Buyer", "Consultant", "CFO", "Head of Nothing in Particular"]
SOURCES = ["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"]
NATIVES = 100  # people only the new system knows


def prepare_systems(admin, records, twins):
    """The history: records in old, the first of them in new as well (some equal, some blank, some different)."""
    admin("new", "/admin/schema", {"object": "contacts", "name": "lead_source", "type": "picklist",
                                   "options": "WEB;PHONE;PARTNER;LIST;OTHER"})
    admin("old", "/admin/seed", {"object": "Contact", "count": records, "seed": 1, "offset": 0}, timeout=300)
    admin("new", "/admin/seed", {"object": "contacts", "count": twins, "seed": 1, "offset": 0}, timeout=300)
    admin("new", "/admin/seed", {"object": "contacts", "count": NATIVES, "seed": 2, "offset": 0}, timeout=300)
    there = admin("new", f"/admin/dump?object=contacts&limit={twins}")
    for number, record in enumerate(there):
        if number % 4 == 1:
            fields = {"phone": "", "city": ""}
        elif number % 4 == 3:
            fields = {"jobtitle": "Retired", "city": "Elsewhere"}
        else:
            continue
        admin("new", "/admin/people/edit", {"object": "contacts", "id": record["id"], "fields": fields, "who": "person:Nora"})
    # What every old system holds: one value that is none, and one person entered twice.
    admin("old", "/admin/people/create", {"object": "Contact", "who": "person:Olaf", "fields": {
        "FirstName": "Ask", "LastName": "Reception", "Email": "reception@example.com", "MobilePhone": "ask at the desk"}})
    for first_name in ("Doppel", "Doppel J."):
        admin("old", "/admin/people/create", {"object": "Contact", "who": "person:Olaf", "fields": {
            "FirstName": first_name, "LastName": "Gaenger", "Email": "doppel@example.com"}})


class Team:
    """A thread that works until it is stopped. failure: why it stopped by itself, else None."""

    def __init__(self, admin, actions_per_second):
        self.admin = admin
        self.pause = 1 / actions_per_second
        self.random = random.Random()
        self.actions = 0
        self.last_ms = 0
        self.failure = None
        self.stopped = threading.Event()
        self.thread = None

    def start(self):
        known = self.admin("old", "/admin/dump?object=Contact")
        self.people = [(record["id"], record["fields"].get("Email")) for record in known]
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def stop(self):
        """Ends the work; the modified-at of the last change in the old system, ms."""
        self.stopped.set()
        if self.thread:
            self.thread.join()
        return self.last_ms

    def work(self):
        try:
            while not self.stopped.wait(self.pause):
                lot = self.random.random()
                if lot < 0.05:
                    self.edit_new()
                elif lot < 0.2:
                    self.create()
                else:
                    self.edit()
                self.actions += 1
        except (OSError, ValueError, KeyError) as failure:
            if not self.stopped.is_set():
                self.failure = str(failure)

    def change(self):
        """One or two fields, as somebody tidies up."""
        fields = {
            "Phone": f"+49 30 {self.random.randrange(100000, 999999)}",
            "Title": self.random.choice(TITLES),
            "MailingCity": self.random.choice(CITIES),
            "Balance__c": round(self.random.uniform(0, 90000), 2),
            "LeadSource": self.random.choice(SOURCES),
        }
        return {name: fields[name] for name in self.random.sample(sorted(fields), self.random.choice((1, 2)))}

    def edit(self):
        record, _ = self.random.choice(self.people)
        done = self.admin("old", "/admin/people/edit", {"object": "Contact", "id": record, "fields": self.change(),
                                                        "who": "person:" + self.random.choice(("Olaf", "Ona"))})
        self.last_ms = max(self.last_ms, done["modstamp_ms"])

    def create(self):
        name = f"new.{time.time_ns()}"
        fields = {"FirstName": "New", "LastName": name, "Email": f"{name}@example.com", **self.change()}
        done = self.admin("old", "/admin/people/create", {"object": "Contact", "fields": fields, "who": "person:Olaf"})
        self.people.append((done["id"], fields["Email"]))
        self.last_ms = max(self.last_ms, int(time.time() * 1000))

    def edit_new(self):
        """Somebody works in the new system already."""
        _, email = self.random.choice(self.people)
        if not email:
            return
        try:
            self.admin("new", "/admin/people/edit", {"object": "contacts", "email": email.lower(), "who": "person:Nora",
                                                     "fields": {"address": f"{self.random.randrange(1, 99)} New Road"}})
        except urllib.error.HTTPError as error:
            if error.code != 404:  # not moved yet
                raise
