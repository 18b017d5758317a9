/*
 * begin — what comes before a request: its row will fit, the record and what identifies it is locked, and what will vanish has been said.
 */
#include <string.h>

#include "apply.h"
#include "base/failpoint.h"

/* ---- lock ---- */

static int claims_of(struct apply *apply, const struct work *work, struct span *claims)
{
    int count = 0;
    for (int k = 1; k < work->name_count; k++)
        claims[count++] = work->names[k];
    if (work->twin_found)
        claims[count++] = ARENA_JOIN(&apply->arena, span_of("id="), work->twin);
    return count;
}

/*
 * From its beginning on, until then, an operation may be sent; what comes later (a process that was stopped, a Kafka that took its time with
 * the intents) is not: after this and a request's lifetime nothing of it can happen any more, and whoever owns the record then looks.
 */
static int64_t send_within_ms(const struct apply *apply)
{
    return rest_traits(apply->rest)->request_lifetime_ms / 4;
}

/* Begin the operations; a record whose twin or match value another one holds waits until it is given up. */
static int lock(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                struct err *err)
{
    struct store_begin *begins = arena_new(&apply->arena, struct store_begin, n);
    struct store_owner owner = apply_owner(ae);
    apply->send_by_ms = clock_mono_ms(apply->clock) + send_within_ms(apply);
    int64_t sent_ms = apply_now_ms(apply) + send_within_ms(apply);
    for (int i = 0; i < n; i++) {
        struct span *claims = arena_new(&apply->arena, struct span, 2 + APPLY_MATCH_MAX);
        begins[i] = (struct store_begin){.key = works[i]->key,
                                         .partition = works[i]->partition,
                                         .op = works[i]->marker,
                                         .sent_ms = sent_ms,
                                         .claims = claims,
                                         .claim_count = claims_of(apply, works[i], claims)};
    }
    if (apply_store(apply, store_begin(apply->store, &owner, begins, n, &apply->arena, err), err) !=
        0)
        return -1;
    for (int i = 0; i < n; i++) {
        struct work *work = works[i];
        work->begun = begins[i].holder.data ? SPAN_NONE : begins[i].text;
        if (begins[i].holder.data) {
            defer_hold(apply, work, HELD_IDENTITY, begins[i].holder);
            work->row.waits_on = begins[i].taken;
            if (redirect_holder(apply, ae, work, begins[i].holder, err) != 0)
                return -1;
        } else if (work->wait_for_index) {
            for (int c = 0; c < begins[i].claim_count && c < ROW_CLAIMS_MAX; c++)
                work->row.claims[c] = begins[i].claims[c];
            work->row.claim_count =
                begins[i].claim_count < ROW_CLAIMS_MAX ? begins[i].claim_count : ROW_CLAIMS_MAX;
            work->row.attempt = 0; /* those of a refused retry are counted anew */
            defer_wait(apply, work, rest_traits(apply->rest)->index_lag_ms,
                       "the new system's index must have shown another record with this identity");
        }
    }
    return 0;
}

/* ---- size ---- */

/*
 * Would the row that follows fit its topic? At its largest it holds what it has, the whole event that waits, and what was sent, once more as
 * both sides of the base. Asked before anything is sent: a row that cannot be written afterwards would be written to the target for ever.
 */
static bool row_fits(struct apply *apply, const struct apply_entity *ae, const struct work *work)
{
    size_t most = 4 * (size_t)apply->context.migration->kafka.record_max_bytes;
    size_t bytes = work->event.value.len;
    for (int i = 0; i < work->item.count; i++) {
        size_t len = work->item.values[i].len;
        bytes += len + 2 * (len < BASE_INLINE_BYTES ? len : BASE_INLINE_BYTES);
    }
    if (bytes <
        most / 8) /* nearly always: the rest of a row is not worth to be rendered for this */
        return true;
    buf_reset(&apply->scratch);
    row_encode(&work->row, ae->entity, &apply->scratch);
    return !apply->scratch.failed && bytes + apply->scratch.len < most;
}

/* Those that fit, in place; the others are refused. */
static int refuse_oversized(struct apply *apply, const struct apply_entity *ae, struct work **works,
                            int n)
{
    int fit = 0;
    for (int i = 0; i < n; i++)
        if (row_fits(apply, ae, works[i]))
            works[fit++] = works[i];
        else
            defer_reject(apply, works[i],
                         "the record's row would be larger than four times kafka.record_max_bytes: "
                         "raise it, or leave its largest field out of the mapping");
    return fit;
}

/* ---- intents ---- */

/* What was agreed on where the old system was blank is a person's value all the same. */
static bool overwrites(const struct work *work, int f)
{
    struct value now = work->new_now[f];
    const struct base_pair *base = &work->row.base[f];
    bool agreed = base->known && base->old_side.kind == VALUE_SET && base_is(base->new_side, now);
    return merge_writes(work->verdicts[f]) && now.kind == VALUE_SET && !agreed &&
           !value_equal(now, work->event.after.values[f]);
}

/* A value that is not our base is about to vanish: it stands in outcomes before it does. */
static int put_intents(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                       struct err *err)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        bool needed =
            works[i]->stage == WORK_SEND && (delete_ends(works[i]) || plan_restores(ae, works[i]));
        for (int f = 0; works[i]->stage == WORK_SEND && f < ae->entity->field_count; f++)
            needed = needed || overwrites(works[i], f);
        if (!needed)
            continue;
        works[i]->class_ = delete_ends(works[i])         ? delete_policy_name(ae->entity->deletes)
                           : plan_restores(ae, works[i]) ? "raced"
                           : works[i]->overtaken         ? "late-overwrite"
                                                         : NULL;
        if (tell_outcome(apply, ae, works[i], OUTCOME_INTENT, err) != 0)
            return -1;
        count++;
    }
    return count ? sink_settle(apply->sink, -1, err) : 0;
}

int begin_works(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                struct err *err)
{
    n = refuse_oversized(apply, ae, works, n);
    if (n == 0)
        return 0;
    if (lock(apply, ae, works, n, err) != 0)
        return -1;
    FAILPOINT("apply.begun");
    if (put_intents(apply, ae, works, n, err) != 0)
        return -1;
    FAILPOINT("apply.intent");
    return n;
}
