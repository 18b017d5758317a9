/*
 * compare — judge.h over every line of the joins.
 */
#include "consumers/verify/compare.h"

#include <stdlib.h>
#include <string.h>

#include "consumers/verify/example.h"
#include "consumers/verify/values.h"

enum { EXAMPLES_MAX_BYTES = 8 * 1024 * 1024 };

struct compare {
    const struct entity *entity;
    struct table *table;
    int examples_max, suspects_left;
    bool marking; /* the first pass */
    struct tally tally;
    struct json_tape tape;
    struct arena arena;
    struct buf first_examples, suspect_examples;
    struct buf *examples;
    int listed[JUDGE_CLASS_COUNT + ORPHAN_CLASS_COUNT];
};

static const char *const ORPHANS[] = {
    [ORPHAN_NATIVE] = "native",
    [ORPHAN_SOURCE_GONE] = "source-gone",
    [ORPHAN_SECOND_TWIN] = "second-twin",
    [ORPHAN_NO_ROW] = "no-row",
};
_Static_assert(sizeof(ORPHANS) / sizeof(ORPHANS[0]) == ORPHAN_CLASS_COUNT, "a class without name");

const char *orphan_class_name(enum orphan_class class_)
{
    return ORPHANS[class_];
}

bool orphan_explained(enum orphan_class class_)
{
    return class_ == ORPHAN_NATIVE || class_ == ORPHAN_SOURCE_GONE;
}

void tally_add(struct tally *tally, const struct tally *more)
{
    for (int i = 0; i < JUDGE_CLASS_COUNT; i++) {
        tally->both[i] += more->both[i];
        tally->only_old[i] += more->only_old[i];
    }
    for (int i = 0; i < ORPHAN_CLASS_COUNT; i++)
        tally->only_new[i] += more->only_new[i];
}

int64_t tally_unexplained(const struct tally *tally)
{
    int64_t count = 0;
    for (int i = 0; i < JUDGE_CLASS_COUNT; i++) {
        if (!judge_explained((enum judge_class)i))
            count += tally->both[i] + tally->only_old[i];
    }
    for (int i = 0; i < ORPHAN_CLASS_COUNT; i++) {
        if (!orphan_explained((enum orphan_class)i))
            count += tally->only_new[i];
    }
    return count;
}

struct compare *compare_open(const struct entity *entity, struct table *table, int examples,
                             struct err *err)
{
    struct compare *compare = calloc(1, sizeof(*compare));
    if (!compare) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    compare->entity = entity;
    compare->table = table;
    compare->examples_max = examples;
    json_tape_init(&compare->tape);
    arena_init(&compare->arena);
    buf_init(&compare->first_examples, EXAMPLES_MAX_BYTES);
    buf_init(&compare->suspect_examples, EXAMPLES_MAX_BYTES);
    return compare;
}

void compare_close(struct compare *compare)
{
    if (!compare)
        return;
    json_tape_clear(&compare->tape);
    arena_clear(&compare->arena);
    buf_clear(&compare->first_examples);
    buf_clear(&compare->suspect_examples);
    free(compare);
}

struct facts_storage {
    struct row row;
    struct record old_record, new_record;
};

static int gather(struct compare *compare, const struct table_pair *pair,
                  struct facts_storage *storage, struct judge_facts *ret_facts, struct err *err)
{
    struct judge_facts facts = {.letter = pair->letter, .shared_twin = pair->shared_twin};
    if (pair->old_record.values.data) {
        if (values_read(pair->old_record.values, compare->entity, &compare->tape, &compare->arena,
                        &storage->old_record, err) != 0)
            return -1;
        facts.old_record = &storage->old_record;
    }
    if (pair->twin.id.data) {
        if (values_read(pair->twin.values, compare->entity, &compare->tape, &compare->arena,
                        &storage->new_record, err) != 0)
            return -1;
        facts.new_record = &storage->new_record;
    }
    if (pair->row.data) { /* last: the row borrows the tape */
        if (row_decode(compare->entity, arena_copy(&compare->arena, pair->row), &compare->tape,
                       &compare->arena, &storage->row, err) != 0)
            return -1;
        facts.row = &storage->row;
    }
    *ret_facts = facts;
    return 0;
}

/* A record that may only look so because it was read at two moments. */
static int mark(struct compare *compare, const struct table_pair *pair, struct err *err)
{
    compare->suspects_left--;
    if (table_suspect(compare->table, SIDE_OLD, pair->old_record.id, err) != 0)
        return -1;
    return pair->row_twin.len ? table_suspect(compare->table, SIDE_NEW, pair->row_twin, err) : 0;
}

static bool is_suspect(const struct compare *compare, enum judge_class class_)
{
    return compare->marking && compare->suspects_left > 0 &&
           (class_ == JUDGE_EDITED_IN_NEW || !judge_explained(class_));
}

static int take_pair(void *self, const struct table_pair *pair, struct err *err)
{
    struct compare *compare = self;
    const struct entity *entity = compare->entity;
    struct facts_storage storage;
    struct judge_facts facts;
    arena_reset(&compare->arena);
    enum judge_class *fields =
        arena_new(&compare->arena, enum judge_class, (size_t)entity->field_count + 1);
    if (gather(compare, pair, &storage, &facts, err) != 0)
        return err_wrap(err, "record %.*s", (int)pair->old_record.key.len,
                        pair->old_record.key.data);
    enum judge_class class_ = judge_record(entity, &facts, fields);
    if (is_suspect(compare, class_))
        return mark(compare, pair, err);
    if (facts.new_record)
        compare->tally.both[class_]++;
    else
        compare->tally.only_old[class_]++;
    if (class_ != JUDGE_IDENTICAL && compare->listed[class_] < compare->examples_max) {
        compare->listed[class_]++;
        example_pair(compare->examples, entity, pair, &facts, class_, fields);
    }
    return 0;
}

static enum orphan_class judge_orphan(const struct table_orphan *orphan)
{
    if (orphan->external_id.len && orphan->source_here)
        return ORPHAN_SECOND_TWIN;
    if (orphan->row_key.data)
        return ORPHAN_SOURCE_GONE;
    return orphan->external_id.len ? ORPHAN_NO_ROW : ORPHAN_NATIVE;
}

static int take_orphan(void *self, const struct table_orphan *orphan, struct err *err)
{
    struct compare *compare = self;
    enum orphan_class class_ = judge_orphan(orphan);
    if (compare->marking && compare->suspects_left > 0 && class_ != ORPHAN_NATIVE) {
        compare->suspects_left--;
        if (orphan->external_id.len &&
            table_suspect(compare->table, SIDE_OLD, orphan->external_id, err) != 0)
            return -1;
        return table_suspect(compare->table, SIDE_NEW, orphan->id, err);
    }
    compare->tally.only_new[class_]++;
    int *listed = &compare->listed[JUDGE_CLASS_COUNT + (int)class_];
    if (class_ != ORPHAN_NATIVE && *listed < compare->examples_max) {
        ++*listed;
        example_orphan(compare->examples, orphan, orphan_class_name(class_),
                       orphan_explained(class_));
    }
    return 0;
}

static int walk(struct compare *compare, struct buf *examples, struct tally *ret_tally,
                struct err *err)
{
    memset(&compare->tally, 0, sizeof(compare->tally));
    memset(compare->listed, 0, sizeof(compare->listed));
    compare->examples = examples;
    buf_reset(examples);
    bool suspects = !compare->marking;
    if (table_each_pair(compare->table, suspects, take_pair, compare, err) != 0 ||
        table_each_orphan(compare->table, suspects, take_orphan, compare, err) != 0)
        return -1;
    *ret_tally = compare->tally;
    return 0;
}

int compare_first(struct compare *compare, int suspects_max, struct tally *ret_tally,
                  struct err *err)
{
    compare->marking = true;
    compare->suspects_left = suspects_max;
    buf_reset(&compare->suspect_examples);
    if (table_forget_suspects(compare->table, err) != 0)
        return -1;
    return walk(compare, &compare->first_examples, ret_tally, err);
}

int compare_suspects(struct compare *compare, struct tally *ret_tally, struct err *err)
{
    compare->marking = false;
    return walk(compare, &compare->suspect_examples, ret_tally, err);
}

void compare_examples(const struct compare *compare, struct buf *out)
{
    buf_put_span(out, buf_span(&compare->first_examples));
    if (compare->first_examples.len && compare->suspect_examples.len)
        buf_putc(out, ',');
    buf_put_span(out, buf_span(&compare->suspect_examples));
}
