/*
 * rest — a business system described by a connector file: how to sign in,
 * page, read, look up, upsert, and what its answers mean. It takes and gives names,
 * ids and spans of JSON; it knows no event, no entity and no Kafka. Adding a system means
 * writing a connector file (deploy/connectors/README.md), no C.
 *
 * Every call is an rest_op: fill it, start it, finish it. Several may be under way at once.
 */
#ifndef TANDEM_REMOTE_REST_H
#define TANDEM_REMOTE_REST_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "model/migration.h"
#include "remote/budget.h"
#include "remote/http_client.h"

struct rest; /* one system, one process */

enum rest_tier { REST_TIER_T1, REST_TIER_T3 };

/* What the connector declares; a group "limits" in the system's group of the migration overrides. */
struct rest_traits {
    enum rest_tier tier; /* T1: the connector has conditional writes and migration.apply.conditional
                            is on */
    int page_max, read_max, lookup_max, write_max; /* records a request, the system's own limits */
    int history_max; /* ids in one REST_HISTORY; 0: this system keeps no history, or tells none */
    int link_max;    /* links in one REST_LINK, REST_UNLINK; 0: no associations, references are
                        properties */
    int links_max;   /* ids in one REST_LINKS; 0 as above */
    int64_t request_lifetime_ms; /* a request without answer is not executed any more after this */
    int64_t index_lag_ms;        /* until a write is found by the system's own search */
    int64_t settle_ms, overlap_ms; /* incremental: upper bound behind Date; re-read window */
    int64_t deleted_log_ms;        /* how long the log of deletions reaches back; 0: not declared */
    int writes_in_flight;          /* parallel requests */
    /* The object that lists the people who work in the system, and its property with their e-mail; NULL: not declared. */
    const char *people_object, *people_email;
};

enum rest_kind {
    /* Records with id > after_id in id order, at most page_records. */
    REST_BACKFILL,
    /* (modified, id) > (from_ms, after_id), or modified >= from_ms when after_id is empty; modified
     * <= to_ms; in that order. */
    REST_INCREMENTAL,
    /* By id or by a unique property: ids[], id_property (NULL = the system's id). */
    REST_READ,
    /* Everything, page by page, the cheapest way: cursor. */
    REST_LIST,
    /* Number of records: total. */
    REST_COUNT,
    /* Create or update by the external id: items[] (T3). */
    REST_UPSERT,
    /* items[] that must not exist (T1: condition "not there", else a plain create). */
    REST_CREATE,
    /* items[] by target id, which must exist (T1: condition item.version). */
    REST_UPDATE,
    /* Names of the object's properties, as records whose id is the name; value 0 = "true" when
     * unique, value 1 = "true" when nobody can write it (JSON_NONE_: the connector does not say). */
    REST_PROPERTIES,
    /* property_name, property_unique; DONE as well when it is there already. */
    REST_CREATE_PROPERTY,
    /*
     * Who wrote what and when: by the system's id, ids[] (≤ history_max), for every name in
     * properties[] the values it had. records[] as REST_READ gives them (values: as they stand
     * now), each with histories. own_property tells our writes from another integration's.
     */
    REST_HISTORY,
    /*
     * Associate records of object with records of to_object, or take that away: links[] (≤
     * link_max). A pair may stand only once in one op. Both are idempotent: what is there already,
     * or gone already, is OK. As with every write, a late one may undo what came after it.
     */
    REST_LINK,
    REST_UNLINK,
    /*
     * What records of object are associated with among to_object: ids[] (≤ links_max) → records[]
     * with links. A record that is not in records[] has none, or is not there: REST_READ tells.
     */
    REST_LINKS,
    /*
     * The pipelines of object and their stages, as records: a pipeline with id and value 0 = its
     * label, then its stages, each with id, lookup = the pipeline's id, value 0 = its label.
     */
    REST_PIPELINES,
    /*
     * Which types of association lead from object to to_object, as records: id = the type's number, values by properties[]. A connector
     * may be without this operation (rest_max() 0).
     */
    REST_LINK_TYPES,
    /*
     * items[] by target id: put aside (a person can bring it back), or removed for ever with what it
     * held. Unconditional on every tier, and idempotent: what is gone already is OK, or GONE.
     */
    REST_ARCHIVE,
    REST_DELETE,
    /*
     * What a read does not find any more: ids[] → records[] of those that the system says were
     * deleted, or merged into another; modified_ms is when, into is where it lives on.
     */
    REST_ENDED,
    /*
     * The system's own log of what was deleted or merged away from from_ms on and before to_ms, page by page: cursor →
     * records[] (id; modified_ms is when, −1 not said) and how far the log can be believed (earliest_ms, covered_ms).
     */
    REST_DELETED,
    REST_KIND_COUNT
};

enum rest_item_result {
    REST_ITEM_UNKNOWN, /* not named in the answer, named twice or in doubt, or no answer */
    REST_ITEM_OK,
    REST_ITEM_MISMATCH,
    REST_ITEM_EXISTS,
    REST_ITEM_GONE,
    REST_ITEM_REFUSED,
    REST_ITEM_BUSY /* not executed: try again */
};

struct rest_item {  /* one record to write */
    struct span id; /* target id (REST_UPDATE, REST_ARCHIVE, REST_DELETE) */
    /* Value of op.external_id_property. REST_UPSERT, and REST_CREATE on T1: required. REST_CREATE
     * on T3, REST_UPDATE: if given, set as a property like any other. */
    struct span external_id;
    struct span version;               /* REST_UPDATE on T1: as read */
    const struct span *names, *values; /* properties to set; value "" clears */
    int count;
    /* out */
    enum rest_item_result result;
    struct span ret_id;      /* OK: target id; EXISTS: the other record's id (empty if not said) */
    struct span ret_version; /* OK on T1 */
    struct span message;     /* not OK: the system's words, at most 300 bytes; may hold values */
    bool created;            /* OK: a new record */
    /* OK: op.property_count values as stored, by op.properties; NULL if the answer has none. */
    struct raw_value *ret_values;
};

struct rest_link {        /* one association, of one type */
    struct span from, to; /* ids: of object, of to_object */
    /*
     * The system's name of the type: "279", or with its category "USER_DEFINED:37" (the connector
     * says which category no category is). Types are of one direction. REST_LINKS gives both.
     */
    struct span type;
    /* out, REST_LINK and REST_UNLINK: as of an item; GONE: one of the two ends is not there */
    enum rest_item_result result;
    struct span message; /* not OK: the system's words, at most 300 bytes */
};

enum { REST_CHANGES_MAX = 20 }; /* entries kept a property, the newest */

struct rest_change {        /* a property got a value */
    struct raw_value value; /* as the system writes it; a blanked one is "" or null */
    int64_t at_ms;          /* when, by the system's clock */
    /*
     * The system says that the kind of writer is one that we are (connector: own_sources), and, if
     * op.own_property is given and the system tells writers of a kind apart, that the writer is one
     * who also wrote own_property. Without own_property any integration counts as us. False for
     * people, imports, workflows, merges.
     */
    bool ours;
};
struct rest_history {
    struct rest_change *changes; /* newest first; two of one time stand as the system gave them */
    int count;                   /* ≤ REST_CHANGES_MAX; 0: never set, or no such property */
    bool cut;                    /* older ones were left out */
};

struct rest_record {     /* one record read */
    struct span id;      /* canonical id (Salesforce: 18 characters) */
    struct span lookup;  /* REST_READ by property: that property's value as the system stores it */
    int64_t modified_ms; /* −1: none */
    struct span version; /* conditional-write version; empty: none */
    struct span writer;  /* who modified it last, if the connector names a field; empty */
    /*
     * READ by id, HISTORY: ids of records that were merged into this one, ';' between them, if the
     * connector says where; empty none. A read of such an id gives this record, under its own id.
     */
    struct span merged;
    struct span
        into; /* ENDED: canonical id of the record that it was merged into; empty: deleted */
    struct raw_value *values;       /* property_count of them, by op.properties */
    struct rest_history *histories; /* REST_HISTORY: by op.properties; else NULL */
    struct rest_link *links;        /* REST_LINKS: link_count of them, one a type; else NULL */
    int link_count;
    bool links_more; /* REST_LINKS: the system has more of them than it tells here */
    struct span raw; /* the record's whole JSON text, for dead letters */
};

struct rest_op {
    /* in; borrowed until rest_finish returned */
    enum rest_kind kind;
    enum budget_priority priority;
    const char *object;
    const char *const *properties; /* to read or to be given back */
    int property_count;
    int page_records;             /* 0 = page_max */
    struct span after_id, cursor; /* BACKFILL, INCREMENTAL; LIST, DELETED */
    int64_t from_ms, to_ms;       /* INCREMENTAL, DELETED */
    const char *id_property;      /* READ */
    bool
        search; /* READ: id_property is not unique; where the connector has an operation for that (HubSpot finds what was written
                    index_lag_ms ago, and of one value at most a page) */
    const char *own_property; /* HISTORY: one that only we write (the marker); NULL: none */
    const struct span *ids;   /* READ, HISTORY, LINKS */
    int id_count;
    const char *external_id_property; /* UPSERT, CREATE, UPDATE */
    struct rest_item *items;
    int item_count;
    const char *to_object; /* LINK, UNLINK, LINKS */
    struct rest_link *links;
    int link_count;
    int64_t
        send_by_ms; /* a write: by the monotonic clock, not begun to be sent after this, but REST_LATER; 0: whenever */
    const char *property_name; /* CREATE_PROPERTY */
    bool property_unique;
    /* out: spans borrow the op until rest_op_reset or the next rest_start */
    struct rest_record *records; /* READ, HISTORY, LINKS: only those found, in any order */
    int record_count;
    bool
        more; /* LIST, DELETED: another page follows, at next_cursor; BACKFILL, INCREMENTAL: the page was
                  full or the system says that more follows */
    struct span
        next_cursor; /* BACKFILL, INCREMENTAL: after_id of the next page, where that is not the last record's id; else empty */
    bool
        told; /* more is what the system said; else a full page means more, and only an empty one is the end */
    bool
        unordered; /* BACKFILL, INCREMENTAL: the records stand in no order that could be relied on */
    int64_t total;       /* COUNT */
    int64_t earliest_ms; /* DELETED: the log begins here; −1: the system does not say */
    int64_t covered_ms;  /* DELETED: of what came before this nothing is missing; −1: not said */
    int64_t date_ms, duration_ms; /* of the answer */
    /* private */
    struct http_exchange exchange;
    struct json_tape tape;
    struct arena arena;
    int attempts; /* requests sent, for metrics */
    void *rest_private;
};
/* BACKFILL, INCREMENTAL: after_id of the page that follows this one; empty: there is nothing to go by. Borrows the answer. */
static inline struct span rest_op_place(const struct rest_op *op)
{
    if (op->next_cursor.len || op->record_count == 0)
        return op->next_cursor;
    return op->records[op->record_count - 1].id;
}
void rest_op_init(struct rest_op *op); /* all empty */
/* Forgets the answer and gives up what is under way; inputs and storage stay. rest_start does it
 * too, after it read the inputs: op.cursor = op.next_cursor, or its last record's id, are fine there. */
void rest_op_reset(struct rest_op *op);
void rest_op_clear(struct rest_op *op); /* frees; before rest_close; NULL is fine */

/*
 * How many ids, items or links an op of this kind may carry for this object (id_property: of
 * REST_READ, else NULL): what the traits say, or less where the object is asked for in its own way
 * (a HubSpot owner is looked up by one e-mail at a time). 0: the connector has no such operation.
 */
int rest_max(const struct rest *rest, enum rest_kind kind, const char *object,
             const char *id_property);

/* How an op ended as a whole. */
enum rest_outcome {
    REST_DONE,    /* answered and understood; items have their own results */
    REST_REFUSED, /* it can never work (4xx): err has the system's words. A write of n > 1: bisect */
    REST_TOO_LARGE, /* halve it */
    REST_LATER,     /* 429, quota, 5xx, unreachable: nothing was executed, or it was a read. Wait
                       retry_after_ms and do the same again */
    REST_DENIED,   /* 401/403 after one renewal of the token: a person must act; open the circuit */
    REST_UNCERTAIN /* a write of unknown outcome (timeout, reset, garbage, 5xx after sending) */
};

/*
 * settings and clock are borrowed, migration too (NULL: no conditional writes). Reads secrets.
 * Clear-text http:// is for loopback addresses only. Returns NULL with ERR_FATAL.
 */
struct rest *rest_open(const struct migration *migration, const struct system_settings *settings,
                       const struct clock *clock, struct err *err);
void rest_close(struct rest *rest); /* NULL is fine */
const struct rest_traits *rest_traits(const struct rest *rest);

/*
 * Start an op; renews the token first when it is known to have expired. Returns 0, or -1 with
 * ERR_FATAL: the connector has no such operation, or more ids or items than the traits allow.
 */
int rest_start(struct rest *rest, struct rest_op *op, struct err *err);

/*
 * Wait for this op; all others move on meanwhile. Reads are retried inside (≤ 3 tries, full jitter,
 * Retry-After ≤ 5 s is honoured inside, longer ones come back as REST_LATER); writes are sent at
 * most once, but for 401 (the token is renewed) and HTTP_NOT_SENT. After a 429, or while the system's budget
 * (remote/budget.h) has no place, nothing is sent: a short wait, or REST_LATER;
 * after writes of unknown outcome, one after another, a wait of up to 5 s.
 * Returns the outcome; for anything but REST_DONE err says why. ret_retry_after_ms: for REST_LATER,
 * ≥ 1.
 */
enum rest_outcome rest_finish(struct rest *rest, struct rest_op *op, int64_t *ret_retry_after_ms,
                              struct err *err);

/* True if rest_finish would not wait for this op. */
bool rest_is_over(const struct rest_op *op);

/* Move on what is under way, without waiting: after rest_start the request leaves at once, while
 * the caller does other work. */
void rest_serve(struct rest *rest);

/* rest_start and rest_finish of n ops with at most traits.writes_in_flight under way; outcomes[n],
 * retry_after the largest, err of the first that failed. One that cannot be started is REST_LATER:
 * nothing was sent, and no record is to blame. */
void rest_run(struct rest *rest, struct rest_op *ops[], int n, enum rest_outcome outcomes[],
              int64_t *ret_retry_after_ms, struct err *err);

/*
 * The request that rest_start would send: method and URL on the first line, the body below. Sends
 * nothing, to nobody: for `tandem preview`. Returns 0, or -1 as rest_start.
 */
int rest_show(struct rest *rest, struct rest_op *op, struct buf *out, struct err *err);

/* The canonical form of an id this system uses (Salesforce 15 → 18), into arena. Empty span: not an
 * id of this system. */
struct span rest_canonical_id(const struct rest *rest, struct span id, struct arena *arena);

/* Sign in and list one record: for `tandem check --connect`. Returns 0, or -1 with words a person
 * can act on. */
int rest_probe(struct rest *rest, struct err *err);

#endif
