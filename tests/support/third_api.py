"""
third_api — a system that is neither of the two that Tandem ships a connector for: other paths, records with uid, meta and
attributes, times in milliseconds, errors as "problem". It keeps records in memory and answers

    GET /api/3/{object}/rows?order=uid&above=UID&count=N              by id
    GET /api/3/{object}/rows?order=changed&since=MS&above=UID&until=MS&count=N   by (changed, uid)
    GET /api/3/{object}/rows?uids=A,B[&by=PROPERTY]                   these
    GET /api/3/{object}/rows?cursor=…&count=N                         all, as it likes: newest uid first
    GET /api/3/{object}/size
    GET /api/3/{object}/fields
"""
import http.server
import json
import os
import threading
import time
import urllib.parse

import harness

TOKEN = "sandbox-token"
FIELDS = ("Email FirstName LastName Phone MobilePhone Title MailingStreet MailingCity MailingPostalCode MailingCountry Birthdate "
          "Balance__c LeadSource").split()


class ThirdApi(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock, self.rows, self.slow_down, self.paths = threading.Lock(), {}, 0, []
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def put(self, uid, at_ms=None, **attributes):
        with self.lock:
            row = self.rows.setdefault(uid, {"uid": uid, "meta": {}, "attributes": {}})
            row["attributes"].update(attributes)
            row["meta"] = {"changed": at_ms or int(time.time() * 1000), "by": "somebody"}

    def answer(self, verb, query):
        """The status and the body of a GET of …/verb."""
        with self.lock:
            self.paths.append(verb)
            if self.slow_down:
                self.slow_down -= 1
                return 429, {"problem": {"type": "slow_down", "text": "one after another, please"}}
            rows = sorted(self.rows.values(), key=lambda row: int(row["uid"]))
            if verb == "size":
                return 200, {"data": {"size": len(rows)}}
            if verb == "fields":
                return 200, {"data": {"fields": [{"name": name, "unique": name == "Email"} for name in FIELDS]}}
            if verb != "rows":
                return 404, {"problem": {"type": "nowhere", "text": verb}}
            return 200, {"data": json.loads(json.dumps(self.page(rows, query)))}

    def page(self, rows, query):
        count, above = int(query.get("count", 50)), int(query.get("above", 0))
        if "uids" in query:
            wanted = query["uids"].split(",")
            by = query.get("by")
            return {"rows": [r for r in rows if (r["attributes"].get(by) if by else r["uid"]) in wanted]}
        if query.get("order") == "changed":
            since, until = int(query["since"]), int(query["until"])
            place = {r["uid"]: (r["meta"]["changed"], int(r["uid"])) for r in rows}
            rows = sorted((r for r in rows if since <= r["meta"]["changed"] <= until), key=lambda r: place[r["uid"]])
            return {"rows": [r for r in rows if place[r["uid"]] > (since, above)][:count]}
        if query.get("order") == "uid":
            return {"rows": [r for r in rows if int(r["uid"]) > above][:count]}
        begin = int(query.get("cursor", 0))
        data = {"rows": rows[::-1][begin:begin + count]}
        if begin + count < len(rows):
            data["cursor"] = str(begin + count)
        return data


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if self.headers["Authorization"] == f"Bearer {TOKEN}":
            status, body = self.server.answer(url.path.rsplit("/", 1)[1], dict(urllib.parse.parse_qsl(url.query)))
        else:
            status, body = 401, {"problem": {"type": "who", "text": "are you?"}}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


# What an integration engineer changes in the template after reading this API's pages, and the operations it does not have.
EDITS = (
    ('name = "Generic REST"', 'name = "Third"'),
    ('base = "/v1"', 'base = "/api/3"'),
    ('id_form = "text"', 'id_form = "digits"'),
    ('time = "rfc3339"', 'time = "epoch_ms"'),
    ('id = "id";                                 // never', 'id = "uid";  // never'),
    ('modified = "updated"', 'modified = "meta.changed"'),
    ('// writer = "updated_by"', 'writer = "meta.by"'),
    ('values = "";                               // the object', 'values = "attributes";  // the object'),
    ('codes = ["code"]', 'codes = ["problem.type"]'),
    ('messages = ["message"]', 'messages = ["problem.text"]'),
    ('{ status = 429; outcome = "later"; retry_after_ms = 10000; }', '{ code = "slow_down"; outcome = "later"; retry_after_ms = 50; }'),
    ('page = 100;', 'page = 15;'),
    ('settle_ms = 5000', 'settle_ms = 200'),
    ('overlap_ms = 60000', 'overlap_ms = 2000'),
    ('path = "{base}/{object}";                // behind', 'path = "{base}/{object}/rows";  // behind'),
    ('limit = "{page}"; fields = "{fields}"; }; // a parameter', 'count = "{page}"; }; // a parameter'),
    ('next = "next";                           // path to', 'next = "data.cursor";  // path to'),
    ('path = "{base}/{object}";\n      query = { sort = "id"; after = "{after_id}"; limit = "{page}"; fields = "{fields}"; };',
     'path = "{base}/{object}/rows";\n      query = { order = "uid"; above = "{after_id}"; count = "{page}"; };'),
    ('next = "next";                           // only its', '// only its'),
    ('path = "{base}/{object}";\n      query = {\n        sort = "updated,id";', 'path = "{base}/{object}/rows";\n      query = {\n        order = "changed";'),
    ('updated_from = "{!after_id:{from}}";', 'since = "{from}";'),
    ('behind = "{?after_id:{from},{after_id}}";', 'above = "{after_id}";'),
    ('updated_to = "{to}"', 'until = "{to}"'),
    ('        limit = "{page}";\n        fields = "{fields}";\n', '        count = "{page}";\n'),
    ('method = "POST";\n      path = "{base}/{object}/read";', 'path = "{base}/{object}/rows"; query = { uids = "{each}"; by = "{id_property}"; };'),
    ('body = "{{?id_property:', '// body = "{{?id_property:'),
    ('''each = "'{id}'";                         // one id''', 'each = "{id}";  // one id'),
    ('separator = ", "', 'separator = ","'),
    ('path = "{base}/{object}/count"', 'path = "{base}/{object}/size"'),
    ('total = "total"', 'total = "data.size"'),
    ('records = "items"', 'records = "data.rows"'),
    ('records = "fields"', 'records = "data.fields"'),
)


def third_connector():
    """The text of its connector file."""
    with open(os.path.join(harness.SOURCE, "deploy/connectors/generic-rest.cfg"), encoding="utf-8") as file:
        text = file.read()
    # It is only read from: what stands behind this line goes, but for the two closing braces.
    text = text[:text.index("    // --- only for a system that Tandem writes to ---")] + "  };\n};\n"
    for old, new in EDITS:
        assert old in text, f"the template has no more: {old}"
        text = text.replace(old, new)
    return text
