/*
 * compare_internal — what compare.c and compare_orphan.c share.
 */
#ifndef TANDEM_VERIFY_COMPARE_INTERNAL_H
#define TANDEM_VERIFY_COMPARE_INTERNAL_H

#include "consumers/verify/compare.h"

/* A list of examples, so many of each class. */
struct list {
    struct buf text;
    int listed[JUDGE_CLASS_COUNT + ORPHAN_CLASS_COUNT];
};

struct compare {
    const struct entity *entity;
    struct table *table;
    const struct relations *relations;
    struct meter *meter;
    int64_t compared;
    int examples_max, suspects_left;
    bool marking; /* the first walk */
    struct tally tally, open;
    struct json_tape tape;
    struct arena arena;
    struct list counted, still_open;
};

struct facts_storage {
    struct row row;
    struct record old_record, new_record;
    struct relation_facts related;
    bool *truths;
    struct arena *arena;
};

/* Everything that is known about a pair, for the judge. Borrows pair, storage and the arena. */
int compare_gather(struct compare *compare, const struct table_pair *pair,
                   struct facts_storage *storage, struct judge_facts *ret_facts, struct err *err);

/* Judge one record that only the new system has: mark it as a suspect, or count it. */
int compare_orphan(void *self, const struct table_orphan *orphan, struct err *err);

/* Where it is to be counted and shown: true = for good. */
static inline bool compare_settles(const struct compare *compare, bool explained)
{
    return compare->marking || explained;
}

#endif
