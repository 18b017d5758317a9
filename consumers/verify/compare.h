/*
 * compare — walk the table, judge every record, count.
 *
 * Systems and rows are not read at one moment, and people go on working. So what is not the same, or not explained beyond doubt, in
 * the first walk is a suspect: it is read again singly, with its row, and only then counted. A suspect is settled by the first look at which
 * it is the same or explained; the others stay suspects for as long as main.c goes on looking. In the last look those that
 * changed since the look before are "moving", which explains nothing either: it says that a later run may find otherwise.
 */
#ifndef TANDEM_VERIFY_COMPARE_H
#define TANDEM_VERIFY_COMPARE_H

#include "consumers/verify/meter.h"
#include "consumers/verify/relation.h"
#include "consumers/verify/table.h"

struct tally {
    int64_t both[JUDGE_CLASS_COUNT]; /* records that both systems have */
    int64_t only_old[JUDGE_CLASS_COUNT];
    int64_t only_new[ORPHAN_CLASS_COUNT];
};
void tally_add(struct tally *tally, const struct tally *more);
int64_t tally_unexplained(const struct tally *tally);
int64_t tally_records(const struct tally *tally);

struct compare;

/* examples: how many records of each class are listed in the text. Borrows all. */
struct compare *compare_open(const struct entity *entity, struct table *table,
                             const struct relations *relations, int examples, struct meter *meter,
                             struct err *err);
void compare_close(struct compare *compare);

/*
 * Everything but the suspects, which it marks in the table: at most suspects_max. What is beyond counts as it looked the first
 * time; where only a second look could explain it, it is "unchecked".
 */
int compare_first(struct compare *compare, int suspects_max, struct tally *ret_tally,
                  struct err *err);
/* The suspects that are left: those that this look settles (each counted once), and those that stay open as they are now. */
int compare_suspects(struct compare *compare, struct tally *ret_settled, struct tally *ret_open,
                     struct err *err);

/* Put the examples of the last passes as JSON objects, comma-separated; values of pii fields are
 * masked. */
void compare_examples(const struct compare *compare, struct buf *out);

#endif
