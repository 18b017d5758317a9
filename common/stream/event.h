/*
 * event — the normalized change event: CloudEvents 1.0 binary mode in five headers, a Debezium-shaped
 * envelope as JSON value (schemas/change.schema.json). Key = "<system>:<canonical id>".
 *
 *   {"v":1,"before":null,"after":{…},"op":"r","ts_ms":…,"source":{"version":"0.1.0","connector":"poll","name":"acme",
 *    "ts_ms":<modified>,"snapshot":"true","db":"salesforce","table":"contact","id":"003…","event_id":"…","hash":"…",
 *    "modified_ms":…,"observed_from_ms":…,"observed_to_ms":…,"generation":1,"pass":"backfill","partial":false,"writer":"005…"},
 *    "transaction":null}
 *
 * A delete has "op":"d","after":null; its version is the source's deletion time, else max(last modified-at, Date of the confirming 404 + 1 s).
 * A form's post has "form":{"visitor":"203.0.113.0","consent":[{"name":"optIn","value":"1"}]} there; its db is the form, its id was minted at acceptance.
 * A merge is the delete of the record that lost, with "merged_into":"<id of the one that lives on>" behind writer.
 */
#ifndef TANDEM_STREAM_EVENT_H
#define TANDEM_STREAM_EVENT_H

#include "model/record.h"
#include "model/version.h"

/* A build of the tests speaks the next version, to show that an older process stops before it. */
#ifndef TANDEM_FORMAT_VERSION
#define TANDEM_FORMAT_VERSION 1
#endif
enum { EVENT_FORMAT_VERSION = TANDEM_FORMAT_VERSION };

enum event_pass {
    PASS_BACKFILL,
    PASS_INCREMENTAL,
    PASS_HYDRATE,
    PASS_REPAIR,
    PASS_PUSH,
    PASS_REFRESH,
    PASS_COUNT
};
const char *event_pass_name(
    enum event_pass pass); /* "backfill", "incremental", "hydrate", "repair", "push", "refresh" */

struct event {
    struct span key; /* "<system>:<id>" */
    struct span system, id;
    char op; /* 'c' | 'u' | 'd' | 'r' */
    struct version version;
    char hash[HASH_HEX_BYTES]; /* of after; for op d of merged_into */
    char event_id[HASH_HEX_BYTES];
    bool partial; /* absent fields are unknown */
    enum event_pass pass;
    struct span writer; /* who changed it in the source; may be empty */
    struct span
        merged_into;     /* op d: id of the record that it was merged into; empty: it was deleted */
    struct span form;    /* of a form's post: a JSON object with what goes along; empty: none */
    int64_t ts_ms;       /* when we captured it, our wall clock: for people, never for order */
    struct record after; /* all MISSING for op d */
    struct span value;   /* decoded: the whole JSON text, borrowed */
};

/* event_id = SHA-256(length-prefixed key, modified_ms, generation, content hash), hex: the webhook and the poll of one change
 * are one event. It names content, not occurrence. Fills event->hash and event->event_id from after and version. */
void event_identify(struct event *event);

/* The JSON value. connector: the producer type's name; ns: the migration. Failed: out->failed. */
void event_encode(const struct event *event, const struct entity *entity, const char *ns,
                  const char *connector, struct buf *out);

/*
 * Borrowed from value, the tape and the arena. -1 with ERR_FATAL for a higher format version ("upgrade this process first"),
 * ERR_REJECT for anything else that is not a change event of this entity.
 */
int event_decode(const struct entity *entity, struct span value, struct json_tape *tape,
                 struct arena *arena, struct event *ret_event, struct err *err);

/* A hint: "record X changed, go and read it" (schemas/hint.schema.json), key as the event's. */
struct hint {
    struct span key, system, id;
    const char *why; /* unordered, repair, sighting, webhook, remap, recovered, sweep or census */
    int64_t not_before_ms; /* of the source's clock; 0 = now */
};
void hint_encode(const struct hint *hint, struct buf *out);
int hint_decode(struct span key, struct span value, struct json_tape *tape, struct arena *arena,
                struct hint *ret_hint, struct err *err);

#endif
