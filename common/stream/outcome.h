/*
 * outcome — what became of one event, question or due wait: the audit trail on <ns>.outcomes
 * (schemas/outcome.schema.json). Key = the record's key. An INTENT stands there before a value that
 * is not our base is overwritten; every other outcome is written before the offset of its event
 * moves on (design §4.4).
 */
#ifndef TANDEM_STREAM_OUTCOME_H
#define TANDEM_STREAM_OUTCOME_H

#include "model/record.h"
#include "model/version.h"

enum { OUTCOME_FORMAT_VERSION = 1 };

enum outcome_what {
    OUTCOME_INTENT,   /* about to overwrite the values named in fields (new_now is what will vanish)
                       */
    OUTCOME_CREATED,  /* a record was created in the target */
    OUTCOME_UPDATED,  /* fields of the twin were written */
    OUTCOME_ADOPTED,  /* a twin that was there before us is this record's from now on (fields: what
                         was written besides) */
    OUTCOME_AGREED,   /* both sides say the same already: nothing written, the base moved */
    OUTCOME_ADVANCED, /* same content, newer version: only the row's version moved */
    OUTCOME_STALE,    /* an older version: dropped */
    OUTCOME_DUPLICATE,    /* the same version: dropped */
    OUTCOME_PARKED,       /* the row waits: this event replaced its pending one */
    OUTCOME_HINTED,       /* published a hint: somebody has to read again */
    OUTCOME_HELD,         /* a question; class says which (fields: those that are held) */
    OUTCOME_WAITING,      /* waits for a time or for another record */
    OUTCOME_UNCERTAIN,    /* sent, and what came of it is unknown */
    OUTCOME_CONFIRMED,    /* an unknown operation turned out executed */
    OUTCOME_NOT_EXECUTED, /* an unknown operation turned out not executed */
    OUTCOME_OVERWRITTEN,  /* a late request of ours overwrote something (tier T3): detected, counted
                           */
    OUTCOME_REPAIRED,     /* and put right again */
    OUTCOME_DELETED,      /* the source deleted the record: the row says so */
    OUTCOME_ARCHIVED,     /* and its twin was archived */
    OUTCOME_REMOVED,      /* and its twin was removed for ever */
    OUTCOME_MERGED,       /* the source merged the record into another one: the row leads there */
    OUTCOME_DEAD_LETTERED, /* could not be applied; the message is in <ns>.dlq */
    OUTCOME_REPLAYED, /* a row that its writer may have died before telling: an event of it may have no other outcome; class: its status */
    OUTCOME_WHAT_COUNT
};
const char *outcome_what_name(
    enum outcome_what what);              /* "intent", …, "not-executed", …, "dead-lettered" */
int outcome_what_parse(struct span name); /* -1 unknown */

/* One field of it. */
struct outcome_field {
    int field; /* index in the entity */
    struct value old_now,
        new_now; /* as read; MISSING is left out, BLANK is null. What is written is old_now */
    const char *verdict; /* merge_verdict_name() or held_class_name(); NULL: left out */
};

/* All pointers borrowed. Empty spans, NULL texts and empty strings are left out of the JSON text,
 * except where null is said. */
struct outcome {
    const struct entity *entity;
    struct span key;
    enum outcome_what what;
    const char *class_; /* "conflict", "first-meeting", "edited-in-new", "mapping", … ; NULL none */
    const char *event_id; /* of the event; NULL or "": due work without one */
    struct span target;   /* target id; empty: none */
    struct span op;       /* our operation's marker; empty: none */
    int64_t epoch;
    const char *topic;             /* of the message that led to it; NULL for due work */
    int32_t partition;             /* of the record (its state and changes), also for due work */
    int64_t offset;                /* of the message; −1 for due work */
    const struct version *version; /* of the event; NULL: null */
    const struct outcome_field *fields;
    int field_count;
    const char *why; /* in words; NULL none */
    int64_t ts_ms;   /* wall clock of apply: for people */
};

/* The JSON value. Failed: out->failed. */
void outcome_encode(const struct outcome *outcome, struct buf *out);

#endif
