"""
quickstart_team — what stands in the two sandbox CRMs when the quickstart begins, and the people who go on
working in them: contacts, companies and deals are edited in both systems, now and then the same field of the same
record in both, and links are changed on either side.
"""
import random
import threading
import time
import urllib.error

CITIES = ["Berlin", "Łódź", "Paris", "São Paulo", "Austin", "Kyoto", "Porto"]
TITLES = ["Engineer", "Head of Sales", "Buyer", "Consultant", "CFO", "Head of Nothing in Particular"]
SOURCES = ["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"]
STAGES = {"Prospecting": "appointmentscheduled", "Qualification": "qualifiedtobuy", "Needs Analysis": "presentationscheduled",
          "Negotiation/Review": "decisionmakerboughtin", "Proposal/Price Quote": "contractsent", "Closed Won": "closedwon",
          "Closed Lost": "closedlost"}
NATIVES = 100  # people only the new system knows
COMPANIES = 500  # the contacts of the sandbox's population work for these
CONTACT_COMPANY = 279
OUR_ID = "tandem_quickstart_salesforce_id"


def prepare_systems(admin, records, twins):
    """The history: records in old, the first of them in new as well (some equal, some blank, some different)."""
    admin("new", "/admin/schema", {"object": "contacts", "name": "lead_source", "type": "picklist",
                                   "options": "WEB;PHONE;PARTNER;LIST;OTHER"})
    admin("old", "/admin/seed", {"object": "Contact", "count": records, "seed": 1, "offset": 0}, timeout=300)
    admin("new", "/admin/seed", {"object": "contacts", "count": twins, "seed": 1, "offset": 0}, timeout=300)
    admin("new", "/admin/seed", {"object": "contacts", "count": NATIVES, "seed": 2, "offset": 0}, timeout=300)
    # Deals name contacts that are there; a tenth of what sales have is known to the new system by its domain or its title.
    for system, company, deal in (("old", "Account", "Opportunity"), ("new", "companies", "deals")):
        share = 1 if system == "old" else 10
        admin(system, "/admin/seed", {"object": company, "count": COMPANIES // share, "seed": 1, "offset": 0}, timeout=300)
        admin(system, "/admin/seed", {"object": deal, "count": max(20, records // 10) // share, "seed": 1, "offset": 0}, timeout=300)
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
        self.companies = [record["id"] for record in self.admin("old", "/admin/dump?object=Account")]
        self.deals = [record["id"] for record in self.admin("old", "/admin/dump?object=Opportunity")]
        self.owners = [record["id"] for record in self.admin("old", "/admin/dump?object=User")]
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
                self.random.choices(self.DEEDS, self.WEIGHTS)[0](self)
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

    def edit_old(self, kind, record, fields):
        done = self.admin("old", "/admin/people/edit", {"object": kind, "id": record, "fields": fields,
                                                        "who": "person:" + self.random.choice(("Olaf", "Ona"))})
        self.last_ms = max(self.last_ms, done["modstamp_ms"])

    def edit(self):
        self.edit_old("Contact", self.random.choice(self.people)[0], self.change())

    def sell(self):
        """A deal moves on, sometimes to another owner or another contact."""
        fields = {"StageName": self.random.choice(sorted(STAGES)), "Amount": self.random.randrange(1000, 90000),
                  "OwnerId": self.random.choice(self.owners), "ContactId": self.random.choice(self.people)[0]}
        self.edit_old("Opportunity", self.random.choice(self.deals),
                      {name: fields[name] for name in self.random.sample(sorted(fields), 2)})

    def move(self):
        """Somebody works for another company; a company gets a parent."""
        if self.random.random() < 0.7:
            self.edit_old("Contact", self.random.choice(self.people)[0], {"AccountId": self.random.choice(self.companies)})
        else:
            child, parent = self.random.sample(self.companies, 2)
            self.edit_old("Account", child, {"ParentId": parent})

    def sell_new(self):
        """Somebody corrects an amount in the new system."""
        deals = self.moved_deals()
        if deals:
            self.edit_deal(self.random.choice(deals), {"amount": str(self.random.randrange(1000, 90000))})

    def moved_deals(self):
        there = self.admin("new", "/admin/dump?object=deals&limit=200")
        return [deal for deal in there if deal["fields"].get(OUR_ID)]

    def edit_deal(self, deal, fields):
        self.admin("new", "/admin/people/edit", {"object": "deals", "id": deal["id"], "who": "person:Nora", "fields": fields})

    def collide(self):
        """The same field of the same person or deal, in both systems, with different values."""
        deals = self.moved_deals()
        if deals and self.random.random() < 0.5:
            deal, (stage, other) = self.random.choice(deals), self.random.sample(sorted(STAGES), 2)
            self.edit_deal(deal, {"dealstage": STAGES[stage]})
            self.edit_old("Opportunity", deal["fields"][OUR_ID], {"StageName": other})
            return
        record, email = self.random.choice(self.people)
        if email and self.edit_twin(email, {"jobtitle": f"Nora's {self.random.choice(TITLES)}"}):
            self.edit_old("Contact", record, {"Title": self.random.choice(TITLES)})

    def create(self):
        name = f"new.{time.time_ns()}"
        fields = {"FirstName": "New", "LastName": name, "Email": f"{name}@example.com", **self.change()}
        done = self.admin("old", "/admin/people/create", {"object": "Contact", "fields": fields, "who": "person:Olaf"})
        self.people.append((done["id"], fields["Email"]))
        self.last_ms = max(self.last_ms, int(time.time() * 1000))

    def edit_twin(self, email, fields):
        """False: not moved yet."""
        try:
            self.admin("new", "/admin/people/edit", {"object": "contacts", "email": email.lower(), "who": "person:Nora",
                                                     "fields": fields})
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def edit_new(self):
        """Somebody works in the new system already."""
        _, email = self.random.choice(self.people)
        if email:
            self.edit_twin(email, {"address": f"{self.random.randrange(1, 99)} New Road"})

    def link_new(self):
        """Somebody links a contact to one more company there."""
        contacts, companies = (self.admin("new", f"/admin/dump?object={kind}&limit=50") for kind in ("contacts", "companies"))
        if contacts and companies:
            self.admin("new", "/admin/people/associate", {
                "from": {"object": "contacts", "id": self.random.choice(contacts)["id"]}, "type": CONTACT_COMPANY, "who": "person:Nora",
                "to": {"object": "companies", "id": self.random.choice(companies)["id"]}})

    # What they do, and how often of a hundred times.
    DEEDS = (edit, create, sell, move, collide, edit_new, sell_new, link_new)
    WEIGHTS = (42, 14, 12, 8, 8, 7, 4, 5)
