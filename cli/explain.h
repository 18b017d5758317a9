/*
 * explain — the journey of one record as steps: what was captured, asked, decided, written, refused, in plain sentences.
 */
#ifndef TANDEM_CLI_EXPLAIN_H
#define TANDEM_CLI_EXPLAIN_H

#include "model/migration.h"
#include "model/state.h"
#include "stream/log_reader.h"
#include "stream/topics.h"

enum { JOURNEY_STEPS_MAX = 20000 }; /* later ones are counted, and not kept */

struct journey_step {
    enum topic_kind kind;
    int64_t ts_ms; /* of the message on Kafka */
    int32_t partition;
    int64_t offset;
    struct span event_id; /* empty: of none */
    const char *text;     /* a sentence */
};

struct journey {
    struct migration *migration;
    const struct entity *entity;
    struct span key;
    bool unmask;
    struct arena arena; /* of the steps */
    struct journey_step *steps;
    int count;
    int64_t dropped;
    /* the row that counts now */
    bool has_row;
    int64_t rows, highest_epoch;
    struct buf row; /* its text */
    struct json_tape tape;
};

void journey_init(struct journey *journey, struct migration *migration, bool unmask);
void journey_clear(struct journey *journey);

/*
 * Read everything there is about entity's record key: one partition of changes, hints, decisions, state, outcomes and dlq. Steps are in
 * order afterwards. 0, or -1 with err.
 */
int journey_read(struct journey *journey, const struct entity *entity, struct span key,
                 struct err *err);

/* ---- explain_words.c ---- */

/* The message as a sentence, into the journey's arena; ret_event_id: empty when it names none. Never fails: what cannot be read says so. */
const char *explain_words(struct journey *journey, enum topic_kind kind,
                          const struct log_message *message, struct span *ret_event_id);

/* The row as it stands, a line each. */
void explain_row(struct journey *journey, const struct row *row, struct buf *out);

#endif
