/*
 * compare_orphan — records that only the new system has: whose are they, and are they somebody twice?
 */
#include "consumers/verify/compare_internal.h"
#include "consumers/verify/example.h"
#include "consumers/verify/side.h"
#include "consumers/verify/values.h"

struct matching {
    struct compare *compare;
    const struct record *orphan;
    struct span id;
    struct orphan_facts *facts;
};

/* Same by one match field at least, and by none other than that. */
static bool matches(struct compare *compare, const struct record *a, const struct record *b)
{
    const struct entity *entity = compare->entity;
    struct arena *arena = &compare->arena;
    bool any = false;
    for (int i = 0; i < entity->field_count; i++) {
        enum value_type type = entity->fields[i].rules.type;
        if (!entity->fields[i].match || a->values[i].kind != VALUE_SET ||
            b->values[i].kind != VALUE_SET)
            continue;
        if (!span_equal(value_match_key(type, a->values[i], arena),
                        value_match_key(type, b->values[i], arena)))
            return false;
        any = true;
    }
    return any;
}

static int take_named(void *self, const struct table_pair *pair, struct err *err)
{
    struct matching *matching = self;
    struct compare *compare = matching->compare;
    struct facts_storage storage = {0};
    struct judge_facts facts;
    if (compare_gather(compare, pair, &storage, &facts, err) != 0)
        return -1;
    if (!facts.old_record || !matches(compare, matching->orphan, facts.old_record))
        return 0;
    matching->facts->matched = true;
    for (int i = 0; facts.row && i < facts.row->held_count; i++)
        matching->facts->matched_asks =
            matching->facts->matched_asks || facts.row->held[i].field < 0;
    if (pair->twin.id.data && !span_equal(pair->twin.id, matching->id))
        matching->facts->matched_twinned = true;
    return 0;
}

/* Is it the same person or thing as a record of the old system? */
static int match_orphan(struct compare *compare, const struct table_orphan *orphan,
                        struct orphan_facts *facts, struct err *err)
{
    const struct entity *entity = compare->entity;
    struct record record;
    if (values_read(orphan->values, entity, &compare->tape, &compare->arena, &record, err) != 0)
        return -1;
    struct matching matching = {compare, &record, orphan->id, facts};
    for (int i = 0; i < entity->field_count; i++) {
        uint64_t name =
            entity->fields[i].match ? side_name(entity, i, record.values[i], &compare->arena) : 0;
        if (name && table_each_named(compare->table, name, take_named, &matching, err) != 0)
            return -1;
    }
    return 0;
}

static int mark_orphan(struct compare *compare, const struct table_orphan *orphan, struct err *err)
{
    compare->suspects_left--;
    /* A source that was there is counted already, as a pair. */
    if (orphan->external_id.len && table_suspect(compare->table, SIDE_OLD, orphan->external_id,
                                                 !orphan->source_here, err) != 0)
        return -1;
    return table_suspect(compare->table, SIDE_NEW, orphan->id, true, err);
}

int compare_orphan(void *self, const struct table_orphan *orphan, struct err *err)
{
    struct compare *compare = self;
    struct orphan_facts facts = {.external_id = orphan->external_id.len > 0,
                                 .marker = orphan->marker.len > 0,
                                 .source_here = orphan->source_here,
                                 .row = orphan->row_key.data != NULL,
                                 .row_gone = orphan->row_gone,
                                 .row_asks = orphan->row_asks,
                                 .deletes = compare->entity->deletes};
    arena_reset(&compare->arena);
    if (judge_orphan(&facts) == ORPHAN_NATIVE && match_orphan(compare, orphan, &facts, err) != 0)
        return -1;
    enum orphan_class class_ = judge_orphan(&facts);
    bool explained = orphan_explained(class_);
    if (compare->marking && !explained && compare->suspects_left > 0)
        return mark_orphan(compare, orphan, err);
    if (!compare->marking && explained &&
        table_settle(compare->table, SIDE_NEW, orphan->id, err) != 0)
        return -1;
    bool final = compare_settles(compare, explained);
    struct tally *tally = final ? &compare->tally : &compare->open;
    struct list *list = final ? &compare->counted : &compare->still_open;
    tally->only_new[class_]++;
    int *listed = &list->listed[JUDGE_CLASS_COUNT + (int)class_];
    if (class_ != ORPHAN_NATIVE && *listed < compare->examples_max) {
        ++*listed;
        example_orphan(&list->text, orphan, orphan_class_name(class_), explained);
    }
    return 0;
}
