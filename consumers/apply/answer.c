/*
 * answer — what the target said of one item, and what becomes of its work.
 */
#include "apply.h"

void answer_refused(struct apply *apply, struct work *work, struct span message)
{
    defer_reject(apply, work,
                 arena_printf(&apply->arena, "the new system refuses the record: %.*s",
                              (int)message.len, message.data ? message.data : ""));
}

/* Refused: what was learned of the twin is not so any more, or was learned of another record. The row is what it was. */
static void unjudge(struct work *work)
{
    if (work->judged && !work->wrote_sent)
        work->row = *work->judged;
    work->judged = NULL;
}

/* A unique value belongs to another target record: that one is the twin, unless we have one already. */
static void exists(struct apply *apply, struct work *work)
{
    struct span id = arena_copy(&apply->arena, work->item.ret_id);
    unjudge(work);
    /* Its second time: that record was read and is not the one, e.g. the value stands in a field that is not mapped. */
    bool again = id.len && span_equal(work->exists_with, id);
    if (!again && id.len &&
        work->exists_with.len) { /* two records have a unique value of it each */
        defer_hold(apply, work, HELD_AMBIGUOUS, id);
        return;
    }
    if (again || (work->row.twin.len && !span_equal(work->row.twin, id))) {
        defer_hold(apply, work, HELD_IDENTITY, id);
        return;
    }
    work->exists_with = id;
    work->candidate_count = 0;
    work->more_candidates = false;
    if (id.len)
        work->candidates[work->candidate_count++] = id;
    work->searched = id.len > 0 && work->searched;
    work->stage = WORK_FIND;
}

void answer_read(struct apply *apply, struct apply_entity *ae, struct work *work,
                 enum write_result result)
{
    int attempts = (int)apply->context.migration->apply.retry_max;
    switch (state_after_write(result, work->row.attempt, attempts)) {
    case AFTER_DONE:
        if (raced_wanted(apply, ae, work))
            work->stage = WORK_WRITTEN;
        else
            plan_written(apply, ae, work);
        break;
    case AFTER_READ_AGAIN:
        if (result == WRITE_EXISTS) {
            exists(apply, work);
        } else {
            unjudge(work);
            work->stage = WORK_FIND;
        }
        break;
    case AFTER_HOLD:
        if (delete_ends(work))
            delete_gone(apply, ae, work);
        else
            defer_hold(apply, work, HELD_TWIN_GONE, work->twin);
        break;
    case AFTER_DEAD_LETTER:
        answer_refused(apply, work, work->item.message);
        break;
    case AFTER_WAIT:
        if (work->wrote_sent || (work->raced && work->behind)) {
            defer_unsent(apply, work);
            break;
        }
        defer_retry(apply, work, "the new system asks to try this record again later");
        break;
    case AFTER_UNCERTAIN:
        defer_uncertain(apply, work);
        break;
    }
}

enum write_result answer_of(const struct rest_item *item)
{
    static const enum write_result results[] = {
        [REST_ITEM_UNKNOWN] = WRITE_UNKNOWN,   [REST_ITEM_OK] = WRITE_OK,
        [REST_ITEM_MISMATCH] = WRITE_MISMATCH, [REST_ITEM_EXISTS] = WRITE_EXISTS,
        [REST_ITEM_GONE] = WRITE_GONE,         [REST_ITEM_REFUSED] = WRITE_REFUSED,
        [REST_ITEM_BUSY] = WRITE_BUSY};
    return results[item->result];
}
