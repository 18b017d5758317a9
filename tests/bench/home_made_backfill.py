"""
home_made_backfill — the script that a competent engineer writes in an afternoon: requests, confluent-kafka, the same query, the
same fields, the same broker guarantees (acks=all, idempotence, lz4), a cursor in a file. No types, no hashes, no versions.

    home_made_backfill.py <source url> <bootstrap> <topic> <page> <cursor file>
"""
import json
import resource
import sys
import time

import requests
from confluent_kafka import Producer

FIELDS = {
    "Email": "email", "FirstName": "first_name", "LastName": "last_name", "Phone": "phone", "MobilePhone": "mobile",
    "Title": "job_title", "Description": "notes", "MailingStreet": "street", "MailingCity": "city",
    "MailingPostalCode": "zip", "MailingCountry": "country", "Birthdate": "birth_date", "Balance__c": "balance",
    "NumberOfEmployees__c": "employees", "HasOptedOutOfEmail": "opted_out", "Region__c": "region",
    "LeadSource": "source",
}
COLUMNS = ", ".join(["Id", "SystemModstamp", "LastModifiedById", *FIELDS])
CURSOR_EVERY = 20000

url, bootstrap, topic, page, cursor_file = sys.argv[1:]
session = requests.Session()
session.headers["Authorization"] = "Bearer sandbox-token"
producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True,
                     "compression.type": "lz4", "partitioner": "murmur2_random",
                     "queue.buffering.max.messages": 200000})
failures = 0


def on_delivery(error, _message):
    global failures
    if error is not None:
        failures += 1


def fetch(last):
    where = f" WHERE Id > '{last}'" if last else ""
    query = f"SELECT {COLUMNS} FROM Contact{where} ORDER BY Id LIMIT {page}"
    reply = session.get(f"{url}/services/data/v62.0/query", params={"q": query}, timeout=60)
    reply.raise_for_status()
    return reply.json()["records"]


def put(record):
    event = {"op": "r", "ts_ms": int(time.time() * 1000),
             "source": {"system": "salesforce", "table": "contact", "id": record["Id"],
                        "modified": record["SystemModstamp"], "writer": record["LastModifiedById"]},
             "after": {name: record[column] for column, name in FIELDS.items()}}
    value = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    while True:
        try:
            producer.produce(topic, key="salesforce:" + record["Id"], value=value.encode(), on_delivery=on_delivery)
            return
        except BufferError:
            producer.poll(0.1)


def save(last):
    producer.flush()
    if failures:
        sys.exit(f"{failures} messages were not delivered")
    with open(cursor_file, "w", encoding="utf-8") as file:
        file.write(last)


def backfill():
    last, count, saved = "", 0, 0
    while records := fetch(last):
        for record in records:
            put(record)
        producer.poll(0)
        count += len(records)
        last = records[-1]["Id"]
        if count - saved >= CURSOR_EVERY:
            save(last)
            saved = count
    save(last)
    return count


began, cpu = time.monotonic(), time.process_time()
number = backfill()
print(json.dumps({"records": number, "seconds": time.monotonic() - began, "cpu_s": time.process_time() - cpu,
                  "rss_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
