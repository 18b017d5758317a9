/*
 * state — the row of one record and its machine. The row is the one truth of
 * a record (topic <ns>.state.<entity>, same key and partition as its changes): what was applied, the
 * twin, the base, what is held, what it waits for. Rows are rendered to the same bytes for Kafka and
 * Redis. The decisions are pure functions over facts.
 */
#ifndef TANDEM_MODEL_STATE_H
#define TANDEM_MODEL_STATE_H

#include "model/merge.h"
#include "model/record.h"
#include "model/version.h"

/* A build of the tests speaks the next version, to show that an older process stops before it. */
#ifndef TANDEM_FORMAT_VERSION
#define TANDEM_FORMAT_VERSION 1
#endif
enum {
    STATE_FORMAT_VERSION = TANDEM_FORMAT_VERSION,
    ROW_CLAIMS_MAX = 16,
    ROW_TEXT_MAX_BYTES = 4 * 1024 * 1024
};

enum state_status {
    STATE_IDLE,     /* applied (or nothing to apply); nothing open */
    STATE_INFLIGHT, /* a write is on its way: only in Redis' operation table, never in a stored row */
    STATE_UNCERTAIN, /* a write was sent and its outcome is unknown; look (marker) when due, before anything else */
    STATE_WAITING, /* waits for a time (due_ms) or for another record (waits_on); pending holds the event */
    STATE_HELD,    /* settled but for open questions in held[]; later events go through */
    STATE_REBUILD, /* refused rows met no accepted one: read both systems before anything is written */
    STATE_STATUS_COUNT
};
const char *state_status_name(enum state_status status);
int state_status_parse(struct span name); /* -1 unknown */

/* Why a field (or the whole record: field -1) is a question. */
enum held_class {
    HELD_CONFLICT,
    HELD_FIRST_MEETING,
    HELD_UNCONFIRMED,
    HELD_IDENTITY,  /* the twin found belongs to another record, or its external id is occupied */
    HELD_AMBIGUOUS, /* two candidates */
    HELD_TWIN_GONE, /* alive in old, its twin vanished */
    HELD_REJECTED,  /* the target refused the record; it is in the dead-letter topic */
    HELD_REFERENCE, /* what the field refers to is not in the new system: detail names it (a key, an e-mail) */
    HELD_DELETED, /* deleted in old: what becomes of the twin? detail: the fields that were edited in new since, "a, b" */
    HELD_DUPLICATE_TWIN, /* merged in old into a record (detail) that has a twin of its own: two for one */
    HELD_CLASS_COUNT
};
const char *held_class_name(enum held_class held);
int held_class_parse(struct span name); /* -1 unknown */

struct held {
    int field; /* index, or -1: the whole record */
    enum held_class class_;
    struct value old_now, new_now; /* as last seen */
    struct span detail;            /* e.g. the other record's key; may be empty */
    int64_t since_ms;              /* first asked, apply's clock; kept while open; 0 = not known */
    struct span who;               /* edited in the new system by; may be empty */
};

/*
 * A reference that could not be written: its field stays as it is in the new system, everything else of the record is there. Woken when the
 * record it leads to gets a twin (row_index), or at look_ms. Only this one field is written then.
 */
struct await {
    int field;
    struct value
        old_now; /* what the old system says: the key of the other record (or a person's e-mail); BLANK = to be cleared */
    const char *entity; /* of that record; NULL: a person, looked up by e-mail */
    bool later; /* what it leads to is there, and could not be linked: look_ms alone wakes it */
    int64_t since_ms; /* apply's clock */
};

struct row {
    struct span key; /* "<system>:<id>" */
    enum state_status status;
    int64_t epoch;                 /* of the owner that wrote it */
    bool has_version;              /* false for a row that never applied a full record */
    struct version version;        /* of full records */
    char hash[HASH_HEX_BYTES];     /* content of version */
    char event_id[HASH_HEX_BYTES]; /* of the last event that changed this row */
    bool deleted;                  /* the source deleted it, at version.modified_ms */
    struct span redirect;          /* merged into this key; empty: no */
    struct span twin;              /* target id; empty: none yet */
    struct span op; /* marker of our last confirmed (or, UNCERTAIN, of the unknown) operation */
    struct base_pair *base; /* entity->field_count of them */
    struct value *sent;     /* likewise: what the UNCERTAIN operation wrote; MISSING = not */
    struct held *held;
    int held_count;
    struct span claims[ROW_CLAIMS_MAX]; /* "email=ann@x.org", "id=501": locks of this record */
    int claim_count;
    struct await *awaits; /* references that wait, whatever the status */
    int await_count;
    int64_t
        look_ms; /* Redis' clock: when they are looked at again, unless woken; 0 = only when woken */
    struct span waits_on; /* a claim of another record; empty: none */
    int64_t due_ms;       /* Redis' clock; 0 = not in the due set */
    int attempt;          /* of the present wait */
    struct span why;      /* of the present wait, in words */
    struct span pending;  /* the event (its Kafka value, JSON) to go on with; empty: none */
};

/* An empty IDLE row; base[] and sent[] are allocated. */
void row_init(struct row *row, const struct entity *entity, struct span key, struct arena *arena);

/*
 * JSON (schemas/state.schema.json), one line; here an example with every member:
 *
 *   {"v":1,"key":"salesforce:003A","status":"held","epoch":42,
 *    "version":{"modified_ms":1767312000000,"observed_from_ms":1767312000100,
 *               "observed_to_ms":1767312001200,"generation":1},
 *    "hash":"<64 hex digits>","event_id":"<64 hex digits>","deleted":true,
 *    "redirect":"salesforce:003B","twin":"501","op":"0.42.7",
 *    "base":{"email":{"old":"a@x.org","new":"b@x.org"},"phone":{"old":"110"},
 *            "city":{"old":null,"new":"Bonn","unconfirmed":true},
 *            "notes":{"old":{"sha256":"<64 hex digits>","bytes":2000}}},
 *    "sent":{"email":"a@x.org","city":null},
 *    "held":[{"class":"conflict","field":"phone","old":"110","new":"112"},
 *            {"class":"identity","detail":"salesforce:003C","since_ms":1767312001000,"who":"user:7"}],
 *    "claims":["email=a@x.org","id=501"],
 *    "awaits":[{"field":"company","old":"salesforce:001A","since_ms":1767312001000}],"look_ms":1767312601000,
 *    "waits_on":"email=b@x.org",
 *    "due_ms":1767312009000,"attempt":2,"why":"waits for email=b@x.org",
 *    "pending":{…the event's value…}}
 *
 * v, key, status and epoch are always there; what is empty, zero or false is left out.
 * observed_to_ms left out: open-ended. A base's "new" left out: it equals "old". A question's
 * "field" left out: the whole record; its "old" or "new" left out: missing. Values are as
 * value_put_json() writes them. Base sides are BLANK or SET, never MISSING.
 * A row over ROW_TEXT_MAX_BYTES or the buffer's limit sets out->failed.
 */
void row_encode(const struct row *row, const struct entity *entity, struct buf *out);

/*
 * Borrowed from text and the arena. Returns 0; -1 with ERR_FATAL for a format version above ours or
 * a member that we do not know (a newer Tandem wrote it: upgrade this process first), with
 * ERR_REJECT for anything else that is not a row. Base, sent and held entries of fields the
 * mapping no longer has are dropped.
 */
int row_decode(const struct entity *entity, struct span text, struct json_tape *tape,
               struct arena *arena, struct row *ret_row, struct err *err);

/*
 * What Redis derives from a row, one line each, sorted, each ended by a newline: "c<claim>",
 * "d<due_ms>", "w<claim waited for>", "r<entity>:<key>" of a record of that entity whose twin is waited for. A newline within one sets out->failed.
 * Equal index text = nothing to change in the claims (among them the id map), wait and due sets.
 */
void row_index(const struct row *row, struct buf *out);

/* ---- the machine ---- */

/* What is known when an event of a record is about to be worked on. */
struct event_facts {
    bool row_exists, row_has_version, row_deleted;
    enum state_status status;
    bool op_in_flight; /* Redis still holds an operation of this record: a crash, a lost reply */
    bool begun;        /* not only the row says so: Redis has one, which the row may not name */
    bool own_op;       /* and this event is the one that it writes */
    bool due;          /* its due time has come (or it has none) */
    bool same_content;
    bool repair;      /* it was asked for to repair: look at the target even if nothing is newer */
    bool confirmed;   /* a read that was asked for (hydrate, repair): may reopen a deleted record */
    bool partial;     /* form posts: never compared with the version of full records */
    bool has_pending; /* the row holds an event of its own; pending_order: this one against it */
    enum version_order order, pending_order;
};

enum event_verdict {
    EVENT_APPLY,      /* find the twin, read it, merge, write */
    EVENT_STALE,      /* an older version: drop it, say so */
    EVENT_DUPLICATE,  /* the same version: drop it, say so */
    EVENT_ADVANCE,    /* same content, newer version: only the row's version moves */
    EVENT_READ_AGAIN, /* unordered: publish a hint with not_before; write nothing */
    EVENT_LOOK_FIRST, /* an operation's outcome is unknown: make the row UNCERTAIN, or, when due, read
                       * the marker, then apply whatever the version says (the target may hold it) */
    EVENT_PARK,       /* the row waits: this event replaces its pending one, the wait goes on */
    EVENT_CONFIRM, /* a sighting of a deleted record, or of one of which nobody knows what was applied: publish a hint that reads it first */
    EVENT_VERDICT_COUNT
};
const char *event_verdict_name(enum event_verdict verdict);
enum event_verdict state_on_event(const struct event_facts *facts);

/* What came of a write. */
enum write_result {
    WRITE_OK,       /* the item's own success, well-formed, right id */
    WRITE_MISMATCH, /* conditional write refused: somebody wrote in between */
    WRITE_EXISTS,   /* another target record has the unique value; its id is known */
    WRITE_GONE,     /* the target record is not there any more */
    WRITE_REFUSED,  /* the item is invalid: 4xx of its own */
    WRITE_BUSY,     /* this record may be retried: item-level 423/429/5xx that was not executed */
    WRITE_UNKNOWN,  /* timeout, reset, garbage, item missing from the reply */
    WRITE_RESULT_COUNT
};
enum write_verdict {
    AFTER_DONE,
    AFTER_READ_AGAIN,
    AFTER_HOLD,
    AFTER_DEAD_LETTER,
    AFTER_WAIT,
    AFTER_UNCERTAIN
};
enum write_verdict state_after_write(enum write_result result, int attempt, int attempt_max);

/* What is known when the old system merged a record (the loser), which has a twin, into another one (the winner). */
struct merge_facts {
    bool winner_deleted;             /* the winner's row says that it was deleted since */
    bool winner_has_twin, same_twin; /* same_twin: it is the loser's */
    bool tried;                      /* waited for the winner as often as is sensible */
};
enum merged_verdict {
    MERGED_OVER,   /* the loser's twin is the winner's by now */
    MERGED_DELETE, /* nobody is left to have the twin: as for a delete */
    MERGED_TWO,    /* two twins for one record: a question, nothing is ended */
    MERGED_GIVE_UP, /* give the loser's claims up, so that the winner can take the twin over, and look again later */
    MERGED_ALONE, /* the winner never came: a question */
    MERGED_VERDICT_COUNT
};
enum merged_verdict state_on_merge(const struct merge_facts *facts);

/* A row read from the state topic: is it to be believed? highest: the partition's highest assignment epoch before it. */
enum fold_verdict {
    FOLD_ACCEPT,
    FOLD_REFUSE,
    FOLD_REFUSE_UNCERTAIN /* refused, and no accepted row beside it */
};
enum fold_verdict state_fold(int64_t row_epoch, int64_t highest_epoch, bool accepted_exists);

/*
 * A refused row beside the accepted one. Where it names an operation begun after the last that the accepted row knows, its writer wrote to the
 * target what nobody else has seen, e.g. the twin of a record that is deleted since: true, and the row is UNCERTAIN, due as soon as
 * nothing of that can be executed any more. It keeps what waits in it; with nothing, both systems are read again. Base, twin and operation of a
 * settled one of a later version are taken over (borrowed from it): so it was when that was written. Our version stays the older one: the
 * marker in the target says which events are older than what stands there. Where ours names no operation, one of unknown outcome is taken over
 * with what it sent. Where ours looks already, either is what it looks for from then on; any other changes nothing.
 */
bool state_unknown_beside(struct row *row, const struct row *refused);

#endif
