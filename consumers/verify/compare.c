/*
 * compare — judge.h over every line of the joins.
 */
#include "consumers/verify/compare_internal.h"

#include <stdlib.h>
#include <string.h>

#include "consumers/verify/example.h"
#include "consumers/verify/trail.h"
#include "consumers/verify/values.h"

enum { EXAMPLES_MAX_BYTES = 14 * 1024 * 1024 };

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

int64_t tally_records(const struct tally *tally)
{
    int64_t count = 0;
    for (int i = 0; i < JUDGE_CLASS_COUNT; i++)
        count += tally->both[i] + tally->only_old[i];
    for (int i = 0; i < ORPHAN_CLASS_COUNT; i++)
        count += tally->only_new[i];
    return count;
}

struct compare *compare_open(const struct entity *entity, struct table *table,
                             const struct relations *relations, int examples, struct meter *meter,
                             struct err *err)
{
    struct compare *compare = calloc(1, sizeof(*compare));
    if (!compare) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    compare->entity = entity;
    compare->table = table;
    compare->relations = relations;
    compare->meter = meter;
    compare->examples_max = examples;
    json_tape_init(&compare->tape);
    arena_init(&compare->arena);
    buf_init(&compare->counted.text, EXAMPLES_MAX_BYTES);
    buf_init(&compare->still_open.text, EXAMPLES_MAX_BYTES);
    return compare;
}

void compare_close(struct compare *compare)
{
    if (!compare)
        return;
    json_tape_clear(&compare->tape);
    arena_clear(&compare->arena);
    buf_clear(&compare->counted.text);
    buf_clear(&compare->still_open.text);
    free(compare);
}

/* ---- a pair ---- */

static int read_values(struct compare *compare, struct span text, struct record *storage,
                       const struct record **ret_record, struct err *err)
{
    if (values_read(text, compare->entity, &compare->tape, &compare->arena, storage, err) != 0)
        return -1;
    *ret_record = storage;
    return 0;
}

static void take_truth(void *self, int field, struct span old_text, struct span new_text)
{
    struct facts_storage *storage = self;
    struct value said =
        storage->related.said ? storage->related.said[field] : storage->old_record.values[field];
    if ((span_equal(old_text, trail_text(storage->old_record.values[field], storage->arena)) ||
         span_equal(old_text, trail_text(said, storage->arena))) &&
        span_equal(new_text, trail_text(storage->new_record.values[field], storage->arena)))
        storage->truths[field] = true;
}

/* What the two refer to, each in the new system's terms. */
static int relate(struct compare *compare, const struct table_pair *pair,
                  struct facts_storage *storage, struct judge_facts *facts, struct err *err)
{
    struct relation_pair related = {.entity = compare->entity,
                                    .table = compare->table,
                                    .row = facts->row,
                                    .twin = pair->twin.id,
                                    .old_record = &storage->old_record,
                                    .new_record = facts->new_record ? &storage->new_record : NULL};
    if (relation_resolve(compare->relations, &related, &compare->arena, &storage->related, err) !=
        0)
        return -1;
    facts->said = storage->related.said;
    facts->dangling = storage->related.dangling;
    facts->links = storage->related.links;
    return 0;
}

int compare_gather(struct compare *compare, const struct table_pair *pair,
                   struct facts_storage *storage, struct judge_facts *ret_facts, struct err *err)
{
    const struct entity *entity = compare->entity;
    struct judge_facts facts = {
        .letter = pair->letter, .shared_twin = pair->shared_twin, .arena = &compare->arena};
    if (pair->old_record.values.data &&
        read_values(compare, pair->old_record.values, &storage->old_record, &facts.old_record,
                    err) != 0)
        return -1;
    if (pair->twin.id.data &&
        read_values(compare, pair->twin.values, &storage->new_record, &facts.new_record, err) != 0)
        return -1;
    if (pair->twin.writers.len == (size_t)entity->field_count)
        facts.writers = pair->twin.writers.data;
    if (pair->row.data) {
        if (row_decode(entity, arena_copy(&compare->arena, pair->row), &compare->tape,
                       &compare->arena, &storage->row, err) != 0)
            return -1;
        facts.row = &storage->row;
    }
    if (facts.old_record && relate(compare, pair, storage, &facts, err) != 0)
        return -1;
    bool same = pair->twin.id.data && span_equal(pair->old_record.values, pair->twin.values);
    if (facts.old_record && facts.new_record && !same) {
        storage->arena = &compare->arena;
        storage->truths = arena_new(&compare->arena, bool, (size_t)entity->field_count);
        if (table_each_truth(compare->table, pair->old_record.key, take_truth, storage, err) != 0)
            return -1;
        facts.truths = storage->truths;
    }
    *ret_facts = facts;
    return 0;
}

static uint64_t mix(uint64_t hash, struct span text)
{
    hash = (hash ^ (text.data ? text.len + 1 : 0)) * 1099511628211U;
    for (size_t i = 0; text.data && i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211U;
    return hash;
}

static uint64_t looks_of(const struct table_pair *pair)
{
    return mix(mix(mix(mix(1, pair->old_record.values), pair->row), pair->twin.id),
               pair->twin.values);
}

/* A record that may only look so because it was read at two moments. */
static int mark(struct compare *compare, const struct table_pair *pair, struct err *err)
{
    bool ignored = false;
    compare->suspects_left--;
    if (table_suspect(compare->table, SIDE_OLD, pair->old_record.id, true, err) != 0 ||
        table_look(compare->table, SIDE_OLD, pair->old_record.id, looks_of(pair), &ignored, err) !=
            0)
        return -1;
    /* Should the row let go of its twin meanwhile, that one is to be counted too. */
    return pair->row_twin.len ? table_suspect(compare->table, SIDE_NEW, pair->row_twin, true, err)
                              : 0;
}

static void count_pair(struct compare *compare, const struct table_pair *pair,
                       const struct judge_facts *facts, enum judge_class class_,
                       const enum judge_class *fields)
{
    bool final = compare_settles(compare, judge_explained(class_));
    struct tally *tally = final ? &compare->tally : &compare->open;
    struct list *list = final ? &compare->counted : &compare->still_open;
    if (facts->new_record)
        tally->both[class_]++;
    else
        tally->only_old[class_]++;
    if (class_ != JUDGE_IDENTICAL && list->listed[class_] < compare->examples_max) {
        list->listed[class_]++;
        example_pair(&list->text, compare->entity, pair, facts, class_, fields);
    }
}

static int take_pair(void *self, const struct table_pair *pair, struct err *err)
{
    struct compare *compare = self;
    const struct entity *entity = compare->entity;
    struct facts_storage storage = {0};
    struct judge_facts facts;
    arena_reset(&compare->arena);
    enum judge_class *fields =
        arena_new(&compare->arena, enum judge_class, (size_t)entity->field_count + 1);
    if (compare_gather(compare, pair, &storage, &facts, err) != 0)
        return err_wrap(err, "record %.*s", (int)pair->old_record.key.len,
                        pair->old_record.key.data);
    meter_say(compare->meter, entity->name, ++compare->compared, "records compared");
    enum judge_class class_ = judge_record(entity, &facts, fields);
    bool explained = judge_explained(class_);
    if (compare->marking && !explained && compare->suspects_left > 0)
        return mark(compare, pair, err);
    if (!compare->marking) {
        bool moved = false;
        if (table_look(compare->table, SIDE_OLD, pair->old_record.id, looks_of(pair), &moved,
                       err) != 0 ||
            (explained && table_settle(compare->table, SIDE_OLD, pair->old_record.id, err) != 0))
            return -1;
        if (moved && !explained)
            class_ = JUDGE_MOVING;
    }
    count_pair(compare, pair, &facts, class_, fields);
    return 0;
}

/* ---- walks ---- */

static void list_reset(struct list *list)
{
    buf_reset(&list->text);
    memset(list->listed, 0, sizeof(list->listed));
}

static int walk(struct compare *compare, struct err *err)
{
    bool suspects = !compare->marking;
    memset(&compare->tally, 0, sizeof(compare->tally));
    memset(&compare->open, 0, sizeof(compare->open));
    list_reset(&compare->still_open);
    compare->compared = 0;
    if (table_begin(compare->table, err) != 0 ||
        table_each_pair(compare->table, suspects, take_pair, compare, err) != 0 ||
        table_each_orphan(compare->table, suspects, compare_orphan, compare, err) != 0 ||
        table_drop_settled(compare->table, err) != 0 || table_commit(compare->table, err) != 0)
        return -1;
    return 0;
}

int compare_first(struct compare *compare, int suspects_max, struct tally *ret_tally,
                  struct err *err)
{
    compare->marking = true;
    compare->suspects_left = suspects_max;
    list_reset(&compare->counted);
    if (table_forget_suspects(compare->table, err) != 0 || walk(compare, err) != 0)
        return -1;
    *ret_tally = compare->tally;
    return 0;
}

int compare_suspects(struct compare *compare, struct tally *ret_settled, struct tally *ret_open,
                     struct err *err)
{
    compare->marking = false;
    if (walk(compare, err) != 0)
        return -1;
    *ret_settled = compare->tally;
    *ret_open = compare->open;
    return 0;
}

void compare_examples(const struct compare *compare, struct buf *out)
{
    buf_put_span(out, buf_span(&compare->counted.text));
    if (compare->counted.text.len && compare->still_open.text.len)
        buf_putc(out, ',');
    buf_put_span(out, buf_span(&compare->still_open.text));
}
