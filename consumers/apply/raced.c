/*
 * raced — what our own write overtook. Where no write is conditional, the histories of what was written are asked after each write over
 * what we had read: an edit that a person made in between stands right before our own entry, the marker of a former owner's late request
 * right before our marker. What was overtaken is decided by the truth, put back, or asked, and told as `raced` (design §4.7).
 */
#include <string.h>

#include "apply.h"
#include "base/failpoint.h"

bool raced_wanted(const struct apply *apply, const struct apply_entity *ae, const struct work *work)
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
    for (int i = 0; i < work->item.count; i++) {
        int f = work->item_fields[i];
        if (f < 0)
            continue;
        const struct rest_history *history = &record->histories[ae->property_of_field[f]];
        int at = history_entry(ae, work->row.op, record, f);
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

/* The marker of a former owner's late request that was executed between our read and our write; empty: none. */
static struct span late_between(const struct apply_entity *ae, const struct work *work,
                                const struct rest_record *record)
{
    const struct rest_history *history = &record->histories[ae->marker_at];
    struct marker ignored;
    for (int i = 0; work->twin_found && i + 1 < history->count; i++) {
        struct span before = history->changes[i + 1].value.text;
        if (span_equal(history->changes[i].value.text, work->marker))
            return span_equal(before, work->twin_marker) || !marker_parse(before, &ignored)
                       ? SPAN_NONE
                       : before;
    }
    return SPAN_NONE;
}

/* The edits that the operation overtook, by field; false: none, and no late request either. */
static bool find_edits(struct apply *apply, struct apply_entity *ae, struct work *work,
                       const struct rest_record *record, const struct raw_value **ret_edits)
{
    bool raced = late_between(ae, work, record).len > 0;
    for (int f = 0; f < ae->entity->field_count; f++) {
        if (!was_sent(ae, work, f))
            continue;
        struct base_side seen = base_of(work->seen[f], &apply->arena);
        ret_edits[f] =
            history_overtaken(apply, ae, work->marker, record, f, work->twin_found ? &seen : NULL);
        raced = raced || ret_edits[f];
    }
    return raced;
}

/* No more than the marker and what one of the operations sent: histories are long. */
static struct history_names narrow(struct apply *apply, const struct apply_entity *ae,
                                   struct work **works, int n)
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
    return (struct history_names){names, count, at};
}

/* Should what is left to be done not come to its end: what this operation has written, and what was agreed on before it. */
static void remember(struct apply *apply, const struct apply_entity *ae, struct work *work)
{
    int count = ae->entity->field_count;
    work->wrote_base = arena_new(&apply->arena, struct base_pair, count);
    memcpy(work->wrote_base, work->row.base, sizeof *work->wrote_base * (size_t)count);
    work->wrote_sent = arena_new(&apply->arena, struct value, count);
    for (int i = 0; i < work->item.count; i++)
        if (work->item_fields[i] >= 0)
            work->wrote_sent[work->item_fields[i]] = work->event.after.values[work->item_fields[i]];
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
    struct span late = late_between(ae, work, record);
    remember(apply, ae, work);
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
        else if (late.len && !was_sent(ae, work, f))
            decide_late(apply, ae, work, record, f, late);
    }
    plan_raced(apply, ae, work);
}

/* Looked at again like operations of unknown outcome: the marker stands there, and what it overtook is asked for then. */
static int look_later(struct apply *apply, struct work **works, int n, int64_t retry_after_ms)
{
    for (int i = 0; i < n; i++) {
        defer_uncertain(apply, works[i]);
        works[i]->row.due_ms = apply_now_ms(apply) + retry_after_ms;
    }
    return -1;
}

int raced_look(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
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
    if (history_fetch(apply, ae, narrow(apply, ae, written, count), written, count, &by_id,
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
    struct history_names all = {ae->properties, ae->property_count, NULL};
    if (raced_count == 0)
        return 0;
    if (history_fetch(apply, ae, all, raced, raced_count, &by_id, ret_retry_after_ms, err) != 0)
        return look_later(apply, raced, raced_count, *ret_retry_after_ms);
    for (int i = 0; i < raced_count; i++)
        settle(apply, ae, raced[i], map_get(&by_id, raced[i]->twin));
    return 0;
}
