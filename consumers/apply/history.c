/*
 * history — who wrote what stands in the new system, asked only where the value alone cannot tell: after a late request of ours, for a base
 * that nobody saw stored, where the declared truth is the newest change, and after a write that nothing made conditional (raced.c).
 */
#include "apply.h"

/* One request of at most so many ids. */
static struct rest_op *start(struct apply *apply, struct apply_entity *ae,
                             struct history_names wanted, struct work **works, int n)
{
    struct rest_op *op = apply_op(apply);
    if (!op)
        return NULL;
    op->kind = REST_HISTORY;
    op->object = ae->entity->new_object;
    op->properties = wanted.names;
    op->property_count = wanted.count;
    op->own_property = ae->entity->marker;
    struct span *ids = arena_new(&apply->arena, struct span, n);
    for (int i = 0; i < n; i++)
        ids[i] = works[i]->twin;
    op->ids = ids;
    op->id_count = n;
    return op;
}

/* By the entity's properties again; what was not asked for has no changes. */
static void widen(struct apply *apply, const struct apply_entity *ae, const int *at,
                  struct rest_record *record)
{
    struct rest_history *histories =
        arena_new(&apply->arena, struct rest_history, ae->property_count);
    for (int p = 0; p < ae->property_count; p++)
        if (at[p])
            histories[p] = record->histories[at[p] - 1];
    record->histories = histories;
}

int history_fetch(struct apply *apply, struct apply_entity *ae, struct history_names wanted,
                  struct work **works, int n, struct map *by_id, int64_t *ret_retry_after_ms,
                  struct err *err)
{
    struct rest_op *ops[APPLY_OPS_MAX];
    int most = rest_traits(apply->rest)->history_max, count = 0;
    for (int at = 0; at < n; at += most) {
        ops[count] = start(apply, ae, wanted, works + at, n - at < most ? n - at : most);
        if (!ops[count])
            return err_set(err, ERR_RETRY, "apply: more than %d requests in one chunk",
                           APPLY_OPS_MAX);
        count++;
    }
    if (apply_read(apply, ops, count, ret_retry_after_ms, err) != 0)
        return -1;
    map_init(by_id, (size_t)n + 1, &apply->arena);
    for (int i = 0; i < count; i++)
        for (int r = 0; r < ops[i]->record_count; r++) {
            if (wanted.at)
                widen(apply, ae, wanted.at, &ops[i]->records[r]);
            map_put(by_id, ops[i]->records[r].id, &ops[i]->records[r]);
        }
    return 0;
}

int history_read(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                 int64_t *ret_retry_after_ms, struct err *err)
{
    struct map by_id;
    struct history_names all = {ae->properties, ae->property_count, NULL};
    if (history_fetch(apply, ae, all, works, n, &by_id, ret_retry_after_ms, err) != 0)
        return -1;
    for (int i = 0; i < n; i++) {
        const struct rest_record *record = map_get(&by_id, works[i]->twin);
        works[i]->stage = WORK_FIND; /* gone meanwhile: it is looked for again */
        if (record)
            plan_make(apply, ae, works[i], record);
    }
    return 0;
}

/* ---- what an operation of ours has done ---- */

bool history_tells(const struct apply *apply)
{
    const struct rest_traits *traits = rest_traits(apply->rest);
    return traits->tier != REST_TIER_T1 && traits->history_max > 0;
}

int64_t history_written_at(const struct apply_entity *ae, struct span marker,
                           const struct rest_record *record)
{
    const struct rest_history *history = &record->histories[ae->marker_at];
    for (int i = 0; i < history->count; i++)
        if (span_equal(history->changes[i].value.text, marker))
            return history->changes[i].at_ms;
    return -1;
}

int history_entry(const struct apply_entity *ae, struct span marker,
                  const struct rest_record *record, int f)
{
    const struct rest_history *history = &record->histories[ae->property_of_field[f]];
    int64_t at_ms = history_written_at(ae, marker, record);
    for (int i = 0; i < history->count && at_ms >= 0; i++)
        if (history->changes[i].ours && history->changes[i].at_ms == at_ms)
            return i;
    return -1;
}

static struct value value_at(struct apply *apply, const struct apply_entity *ae,
                             const struct rest_record *record, int f, int at)
{
    const struct rest_history *history = &record->histories[ae->property_of_field[f]];
    return mapping_twin_value(&ae->entity->fields[f], &history->changes[at].value, &apply->arena);
}

const struct raw_value *history_overtaken(struct apply *apply, const struct apply_entity *ae,
                                          struct span marker, const struct rest_record *record,
                                          int f, const struct base_side *seen)
{
    const struct rest_history *history = &record->histories[ae->property_of_field[f]];
    int at = history_entry(ae, marker, record, f);
    for (int i = 0; i < at; i++)
        if (!history->changes[i].ours) /* a person has decided anew since */
            return NULL;
    for (int i = at + 1; at >= 0 && i < history->count; i++) {
        struct value value = value_at(apply, ae, record, f, i);
        if (seen && base_is(*seen, value))
            return NULL;
        if (!history->changes[i].ours) /* what has its value again was not overtaken */
            return value_equal(value, value_at(apply, ae, record, f, at))
                       ? NULL
                       : &history->changes[i].value;
        if (!seen) /* of ours, and nobody knows what was seen then */
            return NULL;
    }
    return NULL;
}

bool history_put_back(struct apply *apply, const struct apply_entity *ae,
                      const struct rest_record *record, int f, int at)
{
    const struct rest_history *history = &record->histories[ae->property_of_field[f]];
    int i = at + 1;
    while (at >= 0 && i < history->count && history->changes[i].ours)
        i++;
    return at >= 0 && i > at + 1 && i < history->count &&
           value_equal(value_at(apply, ae, record, f, i), value_at(apply, ae, record, f, at));
}
