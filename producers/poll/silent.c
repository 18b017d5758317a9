/*
 * silent — see silent.h.
 */
#include "producers/poll/silent.h"

#include <string.h>

/* What the row says that the old system said of this field; false: it does not. */
static bool is_as_before(const struct row *row, int field, struct value now, bool *ret_known)
{
    *ret_known = true;
    /* What is a question, or waits for another record, has not moved the base. */
    for (int i = 0; i < row->held_count; i++)
        if (row->held[i].field == field)
            return value_equal(row->held[i].old_now, now);
    for (int i = 0; i < row->await_count; i++)
        if (row->awaits[i].field == field)
            return value_equal(row->awaits[i].old_now, now);
    *ret_known = row->base[field].known;
    return *ret_known && base_is(row->base[field].old_side, now);
}

/* Has anything moved but by not being there? */
static bool note_moved(const struct row *row, const struct record *now, bool *moved)
{
    const struct entity *entity = now->entity;
    bool any = false, unknown = false, missing = false;
    for (int i = 0; i < entity->field_count; i++) {
        struct value value = now->values[i];
        bool known = true;
        const struct field *field = &entity->fields[i];
        if (field->is_volatile || (!field->old_name && !field->jq))
            continue;
        if (value.kind == VALUE_MISSING) {
            missing = true;
            continue;
        }
        bool moves = !is_as_before(row, i, value, &known);
        unknown |= moves && !known;
        any |= moves;
        if (moved)
            moved[i] = moves && known;
    }
    /* Where a property is gone the hashes differ by that alone. */
    return any || unknown || !missing;
}

enum silent_verdict silent_compare(const struct row *row, const struct event *event, bool *moved)
{
    if (!row || !row->has_version || row->deleted || row->redirect.len || row->pending.len)
        return SILENT_UNKNOWN;
    const struct version *known = &row->version, *now = &event->version;
    if (known->modified_ms != now->modified_ms || known->generation != now->generation)
        return version_compare(known, now, false) == VERSION_OLDER ? SILENT_KNOWN : SILENT_UNKNOWN;
    if (strcmp(row->hash, event->hash) == 0)
        return SILENT_KNOWN;
    if (known->observed_from_ms > now->observed_to_ms) /* apply is ahead of this page */
        return SILENT_KNOWN;
    return note_moved(row, &event->after, moved) ? SILENT_MOVED : SILENT_KNOWN;
}
