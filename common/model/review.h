/*
 * review — the open questions of one record, as the topic <ns>.review tells them: a pure projection of its row (and of the truth
 * declared in the configuration), so that it can be written again from `state` at any time (`tandem review rebuild`).
 * Format: schemas/review.schema.json.
 */
#ifndef TANDEM_MODEL_REVIEW_H
#define TANDEM_MODEL_REVIEW_H

#include "model/state.h"

enum { REVIEW_FORMAT_VERSION = 1, REVIEW_KEY_BYTES = 1024 };

/*
 * The Kafka key: "<entity>/<record key>", because all entities share the topic and two of them may use the same ids. Returns 0, or -1 with
 * ERR_REJECT when it is longer than REVIEW_KEY_BYTES.
 */
int review_key(const struct entity *entity, struct span record_key, char ret_key[REVIEW_KEY_BYTES],
               struct err *err);
/* The other way: the entity's name and the record's key, borrowed; false: not such a key. */
bool review_key_parse(struct span key, struct span *ret_entity, struct span *ret_record_key);

/*
 * The message of a row. True: it is in out, or out->failed. False, out untouched: nothing is open, the message is null. To be published
 * whenever a row is written that has questions or whose predecessor had some; equal rows give equal bytes.
 *
 *   {"v":1,"entity":"contact","key":"salesforce:003A","held":[{"class":"conflict","field":"phone","base":{"old":"110"},
 *    "old":"111","new":"112","since_ms":1767312001000,"who":"user:7","rule":"newest"}],"twin":"501",
 *    "modified_ms":1767312000000,"ts_ms":1767312001000}
 */
bool review_encode(const struct entity *entity, const struct row *row, struct buf *out);

/* A value as the message says it. kind MISSING: not said. */
struct review_value {
    enum value_kind kind;
    struct span text; /* of a base over BASE_INLINE_BYTES: its SHA-256 */
    int64_t bytes;    /* and its length; 0 = text is the value */
};
struct review_question {
    enum held_class class_;
    struct span field; /* canonical name; empty: the whole record */
    bool has_base, unconfirmed;
    struct review_value base_old, base_new, old_now, new_now;
    struct span detail, who, rule; /* may be empty */
    int64_t since_ms;              /* 0 = not known */
};
struct review {
    struct span entity, key, twin;
    bool deleted;
    int64_t ts_ms, modified_ms; /* 0 = not known */
    struct review_question *questions;
    int question_count;
};

/*
 * Borrowed from text, the tape and the arena. -1 with ERR_FATAL EX_CONFIG for a higher format version ("upgrade first"), ERR_REJECT for
 * anything else that is no such message.
 */
int review_decode(struct span text, struct json_tape *tape, struct arena *arena,
                  struct review *ret_review, struct err *err);

#endif
