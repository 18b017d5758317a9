/*
 * defer — nothing more is written of this record now: a question, an operation of unknown outcome, a refusal, a wait. What the row
 * keeps of what was learned and of what was written.
 */
#include <string.h>

#include "apply.h"

/*
 * What the base says of the new system's side is said of this target record: should it go away, the next one that is found is another. One
 * that is not ours yet is not kept.
 */
static void keep_twin(struct work *work)
{
    if (work->twin_found && work->row.twin.len == 0 && work->twin_external_id.len &&
        span_equal(work->twin_external_id, work->event.id))
        work->row.twin = work->twin;
}

/* Nothing is put right now: whoever looks next has to know that the marker which stands there is a late request's. */
static void keep_hidden(struct work *work)
{
    if (work->hidden.len)
        work->row.op = work->hidden;
}

/* What was written and is not settled is as unknown as before: the row says what it was, and what was agreed on before it. */
static void keep_wrote(struct apply *apply, struct work *work)
{
    int count = work->event.after.entity->field_count;
    if (!work->wrote_sent)
        return;
    work->row.base = work->wrote_base;
    work->row.sent = arena_new(&apply->arena, struct value, count);
    memcpy(work->row.sent, work->wrote_sent, sizeof *work->row.sent * (size_t)count);
}

/* What overtook an edit was an operation of unknown outcome, which stands there. */
static void take_behind(struct work *work)
{
    if (work->wrote_sent)
        return;
    work->wrote_base = work->before;
    work->wrote_sent = work->behind_sent;
}

void defer_hold(struct apply *apply, struct work *work, enum held_class class_, struct span detail)
{
    struct row *row = &work->row;
    if (work->raced && work->behind)
        take_behind(work);
    keep_wrote(apply, work);
    struct held *held = arena_new(&apply->arena, struct held, 1);
    *held = (struct held){.field = -1, .class_ = class_, .detail = detail};
    plan_ask(apply, row, held);
    row->held = held;
    row->held_count = 1;
    row->status = STATE_HELD;
    keep_twin(work);
    keep_hidden(work);
    row->due_ms = 0;
    row->waits_on = SPAN_NONE; /* a claim that is free by now would wake it again and again */
    row->pending = work->event.value;
    work->row_changed = true;
    work->what = OUTCOME_HELD;
    work->class_ = held_class_name(class_);
    work->links = false;
    work->stage = WORK_DONE;
}

static void add_claim(struct row *row, struct span claim)
{
    for (int c = 0; c < row->claim_count; c++)
        if (span_equal(row->claims[c], claim))
            return;
    if (row->claim_count < ROW_CLAIMS_MAX)
        row->claims[row->claim_count++] = claim;
}

/* What was locked stays locked while the request may still be executed: Redis gives up what the row does not name. */
static void keep_claims(struct apply *apply, struct work *work)
{
    if (work->twin_found)
        add_claim(&work->row, ARENA_JOIN(&apply->arena, span_of("id="), work->twin));
    for (int k = 1; k < work->name_count; k++)
        add_claim(&work->row, work->names[k]);
}

void defer_uncertain(struct apply *apply, struct work *work)
{
    struct row *row = &work->row;
    row->status = STATE_UNCERTAIN;
    row->op = work->marker;
    if (work->twin_found) /* one that is not ours yet may have become so */
        row->twin = work->twin;
    row->deleted = row->deleted || delete_ends(work); /* see delete_forgets */
    /* From now on: the process may have been stopped between beginning and sending. */
    row->due_ms = apply_now_ms(apply) + rest_traits(apply->rest)->request_lifetime_ms;
    row->why = span_of("a request was sent and its outcome is not known");
    row->waits_on = SPAN_NONE;
    row->pending = work->event.value;
    const struct value *sent = row->sent;
    row->sent = arena_new(&apply->arena, struct value, work->event.after.entity->field_count);
    keep_wrote(apply, work);
    for (int f = 0; f < work->event.after.entity->field_count; f++) {
        if (work->link_doubts && work->link_doubts[f])
            row->sent[f] = sent[f];
        bool back = work->restore && work->restore[f]; /* or not: what was overtaken is not there */
        if (back && !work->wrote_sent && work->after[f].known)
            row->base[f] = work->after[f];
        if (work->verdicts && work->twin_found && !back &&
            work->verdicts[f] == MERGE_AGREE) /* they do, whatever becomes of the operation */
            row->base[f] =
                (struct base_pair){.known = true,
                                   .old_side = base_of(work->event.after.values[f], &apply->arena),
                                   .new_side = base_of(work->new_now[f], &apply->arena)};
    }
    for (int i = 0; i < work->item.count; i++)
        if (work->item_fields[i] >= 0)
            row->sent[work->item_fields[i]] = work->event.after.values[work->item_fields[i]];
    keep_claims(apply, work);
    work->row_changed = true;
    work->what = OUTCOME_UNCERTAIN;
    work->links = false;
    work->stage = WORK_DONE;
}

void defer_unsent(struct apply *apply, struct work *work)
{
    work->marker = work->twin_marker;
    work->item.count = 0;
    take_behind(work);
    defer_uncertain(apply, work);
}

void defer_reject(struct apply *apply, struct work *work, const char *why)
{
    defer_hold(apply, work, HELD_REJECTED, SPAN_NONE);
    struct row *row = &work->row;
    row->pending = SPAN_NONE;
    row->deleted = row->deleted || work->event.op == 'd';
    row->has_version = true;
    row->version = work->event.version;
    row->hash[0] = '\0'; /* nothing of this content is in the target */
    memcpy(row->event_id, work->event.event_id, sizeof row->event_id);
    work->what = OUTCOME_DEAD_LETTERED;
    work->dead_letter = "rejected";
    work->why = why;
}

void defer_wait(struct apply *apply, struct work *work, int64_t delay_ms, const char *why)
{
    struct row *row = &work->row;
    row->status = STATE_WAITING;
    keep_twin(work);
    keep_hidden(work);
    row->attempt++;
    row->due_ms = apply->now_ms + delay_ms;
    row->why = span_of(why);
    row->waits_on = SPAN_NONE;
    row->pending = work->event.value;
    work->row_changed = true;
    work->what = OUTCOME_WAITING;
    work->why = why;
    work->links = false;
    work->stage = WORK_DONE;
}

void defer_retry(struct apply *apply, struct work *work, const char *why)
{
    int attempt = work->row.attempt;
    defer_wait(apply, work, attempt >= 8 ? 300000 : (int64_t)1000 << attempt, why);
}
