/*
 * history — who wrote what stands in the new system, asked only where the value alone cannot tell: after a late request of ours, for a base
 * that nobody saw stored, where the declared truth is the newest change, and, where no write is conditional, after each write over what we
 * had read: an edit that a person made in between stands right before our own entry (design §4.7, outcome class `raced`).
 */
#include "apply.h"
#include "base/failpoint.h"

/* Which properties' histories are asked for: all of the entity's, or at[property] − 1 is the place in names, −1 not asked. */
struct wanted {
    const char *const *names;
    int count;
    const int *at;
};

/* One request of at most so many ids. */
static struct rest_op *start(struct apply *apply, struct apply_entity *ae, struct wanted wanted,
                             struct work **works, int n)
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

/* Of all the works, by target id. */
static int read_all(struct apply *apply, struct apply_entity *ae, struct wanted wanted,
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
    struct wanted all = {ae->properties, ae->property_count, NULL};
    if (read_all(apply, ae, all, works, n, &by_id, ret_retry_after_ms, err) != 0)
        return -1;
    for (int i = 0; i < n; i++) {
        const struct rest_record *record = map_get(&by_id, works[i]->twin);
        works[i]->stage = WORK_FIND; /* gone meanwhile: it is looked for again */
        if (record)
            plan_make(apply, ae, works[i], record);
    }
    return 0;
}

/* ---- what our own write overtook ---- */

bool history_tells(const struct apply *apply)
{
    const struct rest_traits *traits = rest_traits(apply->rest);
    return traits->tier != REST_TIER_T1 && traits->history_max > 0;
}

int64_t history_written_at(const struct apply_entity *ae, const struct work *work,
                           const struct rest_record *record)
{
    const struct rest_history *history = &record->histories[ae->marker_at];
    for (int i = 0; i < history->count; i++)
        if (span_equal(history->changes[i].value.text, work->row.op))
            return history->changes[i].at_ms;
    return -1;
}

/* Our write's own entry among the changes of a field; −1 none. */
static int own_entry(const struct rest_history *history, int64_t at_ms)
{
    for (int i = 0; i < history->count && at_ms >= 0; i++)
        if (history->changes[i].ours && history->changes[i].at_ms == at_ms)
            return i;
    return -1;
}

const struct raw_value *history_overtaken(struct apply *apply, const struct apply_entity *ae,
                                          const struct work *work, const struct rest_record *record,
                                          int f, const struct base_side *seen)
{
    const struct rest_history *history = &record->histories[ae->property_of_field[f]];
    int at = own_entry(history, history_written_at(ae, work, record));
    for (int i = 0; i < at; i++)
        if (!history->changes[i].ours) /* a person has decided anew since */
            return NULL;
    for (int i = at + 1; at >= 0 && i < history->count; i++) {
        const struct rest_change *change = &history->changes[i];
        struct value value =
            mapping_twin_value(&ae->entity->fields[f], &change->value, &apply->arena);
        if (seen && base_is(*seen, value))
            return NULL;
        if (!change->ours)
            return &change->value;
        if (!seen) /* of ours, and nobody knows what was seen then */
            return NULL;
    }
    return NULL;
}

bool history_wanted(const struct apply *apply, const struct apply_entity *ae,
                    const struct work *work)
{
    bool blind = work->kind == REST_UPSERT && !work->item.created; /* it met a record */
    if (!history_tells(apply) || delete_ends(work) || (!work->twin_found && !blind))
        return false;
    for (int i = 0; i < work->item.count; i++)
        if (work->item_fields[i] >= 0)
            return true;
    return plan_restores(ae, work);
}

/* What the operation wrote is agreed on by now, as its own entries say. */
static void move_bases(struct apply *apply, struct apply_entity *ae, struct work *work,
                       const struct rest_record *record)
{
    int64_t at_ms = history_written_at(ae, work, record);
    for (int i = 0; i < work->item.count; i++) {
        int f = work->item_fields[i];
        if (f < 0)
            continue;
        const struct rest_history *history = &record->histories[ae->property_of_field[f]];
        int at = own_entry(history, at_ms);
        struct value sent = work->event.after.values[f];
        struct value stored = at >= 0
                                  ? mapping_twin_value(&ae->entity->fields[f],
                                                       &history->changes[at].value, &apply->arena)
                                  : sent;
        work->before[f] = work->row.base[f];
        work->stands[f] = true;
        work->row.base[f] = (struct base_pair){.known = true,
                                               .unconfirmed = at < 0,
                                               .old_side = base_of(sent, &apply->arena),
                                               .new_side = base_of(stored, &apply->arena)};
    }
}

static bool was_sent(const struct apply_entity *ae, const struct work *work, int f)
{
    bool sent = work->restore[f] != NULL;
    for (int i = 0; i < work->item.count; i++)
        sent = sent || work->item_fields[i] == f;
    return sent && ae->property_of_field[f] >= 0;
}

/* The edits that the operation overtook, by field; false: none. */
static bool find_edits(struct apply *apply, struct apply_entity *ae, struct work *work,
                       const struct rest_record *record, const struct raw_value **ret_edits)
{
    bool raced = false;
    struct span op = work->row.op;
    work->row.op = work->marker;
    for (int f = 0; f < ae->entity->field_count; f++) {
        if (!was_sent(ae, work, f))
            continue;
        struct base_side seen = base_of(work->seen[f], &apply->arena);
        ret_edits[f] =
            history_overtaken(apply, ae, work, record, f, work->twin_found ? &seen : NULL);
        raced = raced || ret_edits[f];
    }
    work->row.op = op;
    return raced;
}

/* No more than the marker and what one of the operations sent: histories are long. */
static struct wanted narrow(struct apply *apply, const struct apply_entity *ae, struct work **works,
                            int n)
{
    int *at = arena_new(&apply->arena, int, ae->property_count);
    const char **names = arena_new(&apply->arena, const char *, ae->property_count);
    int count = 0;
    names[count] = ae->properties[ae->marker_at];
    at[ae->marker_at] = ++count;
    for (int f = 0; f < ae->entity->field_count; f++) {
        bool sent = false;
        for (int i = 0; i < n && !sent; i++)
            sent = was_sent(ae, works[i], f);
        if (!sent)
            continue;
        names[count] = ae->properties[ae->property_of_field[f]];
        at[ae->property_of_field[f]] = ++count;
    }
    return (struct wanted){names, count, at};
}

/* It overtook some: what is left is decided from the whole record, read once more. */
static void settle(struct apply *apply, struct apply_entity *ae, struct work *work,
                   const struct rest_record *record)
{
    int count = ae->entity->field_count;
    const struct raw_value **edits = arena_new(&apply->arena, const struct raw_value *, count);
    if (!record || !find_edits(apply, ae, work, record, edits)) { /* gone, or decided anew */
        plan_written(apply, ae, work);
        return;
    }
    work->row.op = work->marker;
    work->twin = arena_copy(&apply->arena, record->id);
    work->twin_found = true;
    work->twin_marker = work->marker;
    work->twin_external_id = work->event.id;
    work->inherits = false;
    move_bases(apply, ae, work, record);
    work->seen = decide_read(apply, ae, record->values);
    for (int f = 0; f < count; f++) {
        if (work->restore[f] && !edits[f]) /* it is back */
            work->stands[f] = true;
        if (work->restore[f] && edits[f]) /* overtaken while an earlier edit was put back */
            work->before[f] = work->row.base[f];
        if (edits[f])
            decide_raced(apply, ae, work, record, f, edits[f]);
    }
    plan_raced(apply, ae, work);
}

/* Looked at again like operations of unknown outcome: the marker stands there, and what it overtook is asked for then. */
static int look_later(struct apply *apply, struct work **works, int n, int64_t retry_after_ms)
{
    for (int i = 0; i < n; i++) {
        plan_uncertain(apply, works[i]);
        works[i]->row.due_ms = apply_now_ms(apply) + retry_after_ms;
    }
    return -1;
}

int history_look(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                 int64_t *ret_retry_after_ms, struct err *err)
{
    struct map by_id;
    struct work **written = arena_new(&apply->arena, struct work *, n);
    struct work **raced = arena_new(&apply->arena, struct work *, n);
    int count = 0, raced_count = 0;
    for (int i = 0; i < n; i++)
        if (works[i]->stage == WORK_WRITTEN) {
            works[i]->twin = arena_copy(&apply->arena, works[i]->item.ret_id);
            written[count++] = works[i];
        }
    if (count == 0)
        return 0;
    FAILPOINT("apply.written");
    if (read_all(apply, ae, narrow(apply, ae, written, count), written, count, &by_id,
                 ret_retry_after_ms, err) != 0)
        return look_later(apply, written, count, *ret_retry_after_ms);
    const struct raw_value **edits =
        arena_new(&apply->arena, const struct raw_value *, ae->entity->field_count);
    for (int i = 0; i < count; i++) {
        const struct rest_record *record = map_get(&by_id, written[i]->twin);
        if (record && find_edits(apply, ae, written[i], record, edits))
            raced[raced_count++] = written[i];
        else /* none, or gone meanwhile, which is not the write's fault */
            plan_written(apply, ae, written[i]);
    }
    struct wanted all = {ae->properties, ae->property_count, NULL};
    if (raced_count == 0)
        return 0;
    if (read_all(apply, ae, all, raced, raced_count, &by_id, ret_retry_after_ms, err) != 0)
        return look_later(apply, raced, raced_count, *ret_retry_after_ms);
    for (int i = 0; i < raced_count; i++)
        settle(apply, ae, raced[i], map_get(&by_id, raced[i]->twin));
    return 0;
}
