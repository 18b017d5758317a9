/*
 * plan — what is to be written: three-way merge per field, the request's item, and what the row says afterwards.
 */
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "references.h"

static void add_item(struct work *work, const char *name, struct span value, int field)
{
    int at = work->item.count++;
    work->item_names[at] = span_of(name);
    work->item_values[at] = value.data ? value : span_of("");
    work->item_fields[at] = field;
}

void plan_marker(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    struct marker marker = {.partition = work->partition,
                            .epoch = ae->epochs[work->partition],
                            .number = ++ae->op_seq,
                            .deletes = work->event.op == 'd',
                            .has_version = !work->event.partial,
                            .version = work->event.version};
    char text[MARKER_BYTES];
    size_t len = marker_print(&marker, work->event.hash, text);
    work->marker = arena_copy(&apply->arena, (struct span){text, len});
}

static void make_item(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    const struct entity *entity = ae->entity;
    bool exact = rest_traits(apply->rest)->tier == REST_TIER_T1;
    bool upserts = !work->twin_found && !exact;
    work->item = (struct rest_item){0};
    work->item_names = arena_new(&apply->arena, struct span, entity->field_count + 2);
    work->item_values = arena_new(&apply->arena, struct span, entity->field_count + 2);
    work->item_fields = arena_new(&apply->arena, int, entity->field_count + 2);
    for (int f = 0; f < entity->field_count; f++) {
        struct value value = work->event.after.values[f];
        const struct field *field = &entity->fields[f];
        if (ae->property_of_field[f] < 0) /* an association, or nowhere */
            continue;
        bool writes = merge_writes(work->verdicts[f]) && !work->stands[f];
        bool clears = upserts && value.kind == VALUE_BLANK; /* of a record that nobody has seen */
        if ((writes && (work->twin_found || value.kind == VALUE_SET)) || clears)
            add_item(work, field->new_name,
                     value_write(&field->rules, SIDE_NEW, value, &apply->arena), f);
        else if (work->restore[f] && !work->stands[f]) /* as the new system itself wrote it */
            add_item(work, field->new_name,
                     work->restore[f]->type == JSON_NONE_ ? SPAN_NONE : work->restore[f]->text, -1);
    }
    work->adopt = work->twin_found && (work->twin_external_id.len == 0 || work->inherits);
    if (work->twin_found && work->item.count == 0 && !work->adopt)
        return;
    plan_marker(apply, ae, work);
    if (!work->twin_found || work->adopt)
        add_item(work, entity->external_id, work->event.id, -1);
    add_item(work, entity->marker, work->marker, -1);
    work->item.names = work->item_names;
    work->item.values = work->item_values;
    work->kind = work->twin_found ? REST_UPDATE : upserts ? REST_UPSERT : REST_CREATE;
    work->item.id = work->twin_found ? work->twin : SPAN_NONE;
    work->item.version = work->twin_version;
    work->item.external_id = work->event.id;
}

static enum held_class held_class(enum merge_verdict verdict)
{
    return verdict == MERGE_HOLD_CONFLICT ? HELD_CONFLICT
           : verdict == MERGE_HOLD_FIRST  ? HELD_FIRST_MEETING
                                          : HELD_UNCONFIRMED;
}

void plan_ask(const struct apply *apply, const struct row *before, struct held *question)
{
    question->since_ms = apply->now_ms;
    for (int h = 0; h < before->held_count; h++)
        if (before->held[h].field == question->field &&
            before->held[h].class_ == question->class_ && before->held[h].since_ms)
            question->since_ms = before->held[h].since_ms;
}

/* What a partial event does not speak of stays a question; a woken record was not looked at as a whole. */
static void keep_questions(const struct row *before, struct work *work)
{
    struct row *row = &work->row;
    for (int h = 0; work->event.partial && h < before->held_count; h++) {
        const struct held *held = &before->held[h];
        if (held->field < 0 ? work->woken && held->class_ == HELD_REJECTED
                            : work->event.after.values[held->field].kind == VALUE_MISSING)
            row->held[row->held_count++] = *held;
    }
}

/* The row agrees with everything that was decided: what is left are the questions. */
static void settle_row(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    struct row *row = &work->row;
    const struct row before = *row;
    int field_count = ae->entity->field_count;
    row->held = arena_new(&apply->arena, struct held, field_count + before.held_count);
    row->held_count = 0;
    for (int f = 0; f < field_count; f++) {
        struct value old_now = work->event.after.values[f], new_now = work->new_now[f];
        enum merge_verdict verdict = work->verdicts[f];
        if (merge_moves_base(verdict))
            row->base[f] = (struct base_pair){.known = true,
                                              .old_side = base_of(old_now, &apply->arena),
                                              .new_side = base_of(new_now, &apply->arena)};
        if (merge_holds(verdict)) {
            struct held *held = &row->held[row->held_count++];
            *held = (struct held){.field = f,
                                  .class_ = held_class(verdict),
                                  .old_now = old_now,
                                  .new_now = new_now,
                                  .who = work->twin_writer};
            plan_ask(apply, &before, held);
        }
    }
    keep_questions(&before, work);
    row->status = row->held_count ? STATE_HELD : STATE_IDLE;
    row->twin = work->twin;
    row->due_ms = 0;
    row->attempt = 0;
    row->why = row->pending = row->waits_on = SPAN_NONE;
    row->sent = arena_new(&apply->arena, struct value, field_count);
    row->claim_count = 0;
    for (int k = 1; k < work->name_count && row->claim_count < ROW_CLAIMS_MAX - 1; k++)
        row->claims[row->claim_count++] = work->names[k];
    row->claims[row->claim_count++] = ARENA_JOIN(&apply->arena, span_of("id="), work->twin);
    if (!work->event.partial) {
        row->deleted = false; /* a delete never comes here: a confirmed sighting reopened it */
        row->redirect = SPAN_NONE;
        row->has_version = true;
        row->version = work->event.version;
        memcpy(row->hash, work->event.hash, sizeof row->hash);
    }
    memcpy(row->event_id, work->event.event_id, sizeof row->event_id);
    references_settle(apply, ae, work, &before);
    work->row_changed = true;
    work->stage = WORK_DONE;
}

static bool any(const struct apply_entity *ae, const struct work *work, enum merge_verdict verdict)
{
    for (int f = 0; f < ae->entity->field_count; f++)
        if (work->verdicts[f] == verdict)
            return true;
    return false;
}

bool plan_restores(const struct apply_entity *ae, const struct work *work)
{
    for (int f = 0; work->restore && f < ae->entity->field_count; f++)
        if (work->restore[f])
            return true;
    return false;
}

static const char *class_of(const struct apply_entity *ae, const struct work *work)
{
    if (work->raced || plan_restores(ae, work))
        return "raced";
    if (work->row.held_count)
        return held_class_name(work->row.held[0].class_);
    if (work->overtaken)
        return "late-overwrite";
    if (any(ae, work, MERGE_TRUTH_OLD) || any(ae, work, MERGE_TRUTH_NEW))
        return "truth";
    if (any(ae, work, MERGE_KEEP))
        return "edited-in-new";
    return work->redirected ? "twin-merged" : NULL;
}

/* A create that nothing in the target would refuse a second time: its claims must be durable and the index must have had its time. */
static bool must_wait_for_index(const struct apply_entity *ae, const struct work *work)
{
    bool waited = work->due && work->row.status == STATE_WAITING && work->row.attempt > 0;
    if (work->twin_found || work->name_count == 1)
        return false;
    for (int k = 1; k < work->name_count; k++) {
        bool claimed =
            false; /* before this wait: an event that came meanwhile may bring another value */
        if (ae->entity->fields[work->fields[k]].unique_in_new)
            return false;
        for (int c = 0; c < work->row.claim_count; c++)
            claimed = claimed || span_equal(work->row.claims[c], work->names[k]);
        waited = waited && claimed;
    }
    return !waited;
}

bool plan_behind(struct work *work)
{
    struct row *row = &work->row;
    if (work->there != VERSION_OLDER && work->there != VERSION_UNORDERED)
        return false;
    bool unordered = work->there == VERSION_UNORDERED;
    work->stage = WORK_DONE;
    work->what = unordered ? OUTCOME_HINTED : OUTCOME_STALE;
    work->class_ = unordered ? "unordered" : "behind-our-own";
    if (unordered || work->due)
        work->hint = unordered ? "unordered" : "recovered";
    if (unordered)
        work->hint_not_before_ms =
            version_read_again_ms(&work->there_version, &work->event.version, 0);
    if (!work->due)
        return true; /* the row is what it was: the operation's own event, or a newer one, comes */
    if (row->status == STATE_WAITING || row->status == STATE_HELD)
        row->status = row->held_count ? STATE_HELD : STATE_IDLE;
    row->due_ms = 0;
    row->attempt = 0;
    row->why = row->pending = row->waits_on = SPAN_NONE;
    work->row_changed = true;
    return true;
}

void plan_make(struct apply *apply, struct apply_entity *ae, struct work *work,
               const struct rest_record *record)
{
    struct row *row = &work->row;
    if (work->event.op == 'd') {
        delete_plan(apply, ae, work, record);
        return;
    }
    if (!decide_fields(apply, ae, work, record)) {
        work->stage = WORK_HISTORY;
        return;
    }
    if (plan_behind(work))
        return;
    make_item(apply, ae, work);
    work->links = links_planned(ae, work);
    if (work->links && work->item.count == 0)
        plan_marker(apply, ae, work);
    if (work->links || (work->marker.len && work->item.count > 0)) {
        work->wait_for_index = must_wait_for_index(ae, work);
        work->stage = WORK_SEND;
        return;
    }
    settle_row(apply, ae, work);
    if (work->overtaken) /* looked at: what a person edits from now on is not the late request's */
        row->op = work->twin_marker;
    work->what = work->raced ? OUTCOME_REPAIRED : row->held_count ? OUTCOME_HELD : OUTCOME_AGREED;
    work->class_ = class_of(ae, work);
}

void plan_written(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    if (delete_ends(work)) {
        delete_written(apply, ae, work);
        return;
    }
    bool created = !work->twin_found;
    const struct value *stored =
        work->item.ret_values ? decide_read(apply, ae, work->item.ret_values) : NULL;
    work->twin = arena_copy(&apply->arena, work->item.ret_id);
    for (int f = 0; f < ae->entity->field_count; f++) {
        if (!merge_writes(work->verdicts[f]) || work->stands[f] || ae->property_of_field[f] < 0)
            continue;
        struct value sent = work->event.after.values[f], now = stored ? stored[f] : sent;
        bool seen = stored && now.kind != VALUE_MISSING;
        work->row.base[f] =
            (struct base_pair){.known = true,
                               .unconfirmed = !seen,
                               .old_side = base_of(sent, &apply->arena),
                               .new_side = base_of(seen ? now : sent, &apply->arena)};
    }
    settle_row(apply, ae, work);
    work->row.op = work->marker;
    work->what = created                          ? OUTCOME_CREATED
                 : work->adopt                    ? OUTCOME_ADOPTED
                 : work->overtaken || work->raced ? OUTCOME_REPAIRED
                                                  : OUTCOME_UPDATED;
    work->class_ = class_of(ae, work);
}

void plan_raced(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    make_item(apply, ae, work);
    work->wait_for_index = false;
    work->stage = WORK_SEND;
    if (work->item.count > 0)
        return;
    settle_row(apply, ae, work);
    work->row.op = work->twin_marker;
    work->what = OUTCOME_REPAIRED;
    work->class_ = class_of(ae, work);
}

void plan_linked(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    settle_row(apply, ae, work); /* the marker that stands in the target stays the row's */
    if (work->overtaken)
        work->row.op = work->twin_marker;
    work->what = OUTCOME_UPDATED;
    work->class_ = class_of(ae, work);
}
