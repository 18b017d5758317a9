/*
 * compare — walk the table, judge every record, count. What looks wrong the
 * first time is a suspect: it is read again singly before it is counted, since systems and rows
 * are not read at one moment.
 */
#ifndef TANDEM_VERIFY_COMPARE_H
#define TANDEM_VERIFY_COMPARE_H

#include "consumers/verify/table.h"

/* Records that only the new system has. */
enum orphan_class {
    ORPHAN_NATIVE,      /* was there before, or was made there: never ours           explained */
    ORPHAN_SOURCE_GONE, /* its source record was deleted in the old system           explained */
    ORPHAN_SECOND_TWIN, /* carries the id of a source record that has another twin */
    ORPHAN_NO_ROW,      /* carries our external id, and no row and no record know it */
    ORPHAN_CLASS_COUNT
};
const char *orphan_class_name(enum orphan_class class_);
bool orphan_explained(enum orphan_class class_);

struct tally {
    int64_t both[JUDGE_CLASS_COUNT]; /* records that both systems have */
    int64_t only_old[JUDGE_CLASS_COUNT];
    int64_t only_new[ORPHAN_CLASS_COUNT];
};
void tally_add(struct tally *tally, const struct tally *more);
int64_t tally_unexplained(const struct tally *tally);

struct compare;

/* examples: how many records of each class are listed in the text. Borrows entity and table. */
struct compare *compare_open(const struct entity *entity, struct table *table, int examples,
                             struct err *err);
void compare_close(struct compare *compare);

/* Everything but the suspects, which it marks in the table, at most suspects_max. */
int compare_first(struct compare *compare, int suspects_max, struct tally *ret_tally,
                  struct err *err);
/* The suspects alone. */
int compare_suspects(struct compare *compare, struct tally *ret_tally, struct err *err);

/* Put the examples of the last passes as JSON objects, comma-separated; values of pii fields are
 * masked. */
void compare_examples(const struct compare *compare, struct buf *out);

#endif
