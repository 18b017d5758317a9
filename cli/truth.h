/*
 * truth — the parts of `tandem truth`: the declaration as sentences, what it would make of the open questions, and asking for the
 * records whose questions it closes.
 */
#ifndef TANDEM_CLI_TRUTH_H
#define TANDEM_CLI_TRUTH_H

#include "model/migration.h"
#include "model/truth_open.h"

/* ---- truth_words.c ---- */

/* The declared rules of an entity, one sentence a rule, each ended by a newline: "As of 1 March 2027, …". */
void truth_sentences(const struct migration *migration, const struct entity *entity,
                     struct buf *out);

/* ---- truth_count.c ---- */

struct truth_group { /* questions of one field and class */
    int field;       /* -1: of the whole record */
    enum held_class class_;
    int64_t count[TRUTH_OPEN_COUNT];
};
struct truth_counts {
    struct truth_group *groups; /* in the order of the fields, then of the classes; arena memory */
    int group_count;
    int64_t open, closes, records; /* records: with at least one that closes */
};

/* Called for each record with a question that closes. */
typedef int truth_closes_fn(void *self, const struct entity *entity, struct span key,
                            struct err *err);

/*
 * All rows of the entity that have questions, through truth_open. Where the rule is "newest", the new system is asked for the field's
 * history, in requests of as many records as it takes at once; nothing is written anywhere.
 */
int truth_count(struct migration *migration, const struct entity *entity, truth_closes_fn *fn,
                void *self, struct arena *arena, struct truth_counts *ret_counts, struct err *err);

/* ---- truth_ask.c ---- */

/* Ask for the records whose questions close (`--redecide`): a hint each, so that poll reads and apply decides them. */
int truth_redecide(struct migration *migration, const char *entity, int64_t *ret_records,
                   struct err *err);

/* The same for those of which <ns>.review tells another rule than the configuration has now: when a run begins. */
int truth_redecide_changed(struct migration *migration, int64_t *ret_records, struct err *err);

#endif
