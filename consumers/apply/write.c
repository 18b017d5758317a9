/*
 * write — lock what is written, say what will vanish, send, and read the answers item by item.
 */
#include <string.h>

#include "apply.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "references.h"

/* Works that travel in one request. */
struct slice {
    struct work **works;
    int count;
};

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
            plan_hold(apply, work, HELD_IDENTITY, begins[i].holder);
            work->row.waits_on = begins[i].taken;
        } else if (work->wait_for_index) {
            for (int c = 0; c < begins[i].claim_count && c < ROW_CLAIMS_MAX; c++)
                work->row.claims[c] = begins[i].claims[c];
            work->row.claim_count =
                begins[i].claim_count < ROW_CLAIMS_MAX ? begins[i].claim_count : ROW_CLAIMS_MAX;
            work->row.attempt = 0; /* those of a refused retry are counted anew */
            plan_wait(apply, work, rest_traits(apply->rest)->index_lag_ms,
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
            plan_reject(apply, works[i],
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

/* ---- answers ---- */

static void dead_letter_item(struct apply *apply, struct work *work, struct span message)
{
    plan_reject(apply, work,
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
        plan_hold(apply, work, HELD_AMBIGUOUS, id);
        return;
    }
    if (again || (work->row.twin.len && !span_equal(work->row.twin, id))) {
        plan_hold(apply, work, HELD_IDENTITY, id);
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

static int64_t backoff_ms(int attempt)
{
    return attempt >= 8 ? 300000 : (int64_t)1000 << attempt;
}

static void read_result(struct apply *apply, struct apply_entity *ae, struct work *work,
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
            plan_hold(apply, work, HELD_TWIN_GONE, work->twin);
        break;
    case AFTER_DEAD_LETTER:
        dead_letter_item(apply, work, work->item.message);
        break;
    case AFTER_WAIT:
        if (work->wrote_sent || (work->raced && work->behind)) {
            plan_unsent(apply, work);
            break;
        }
        plan_wait(apply, work, backoff_ms(work->row.attempt),
                  "the new system asks to try this record again later");
        break;
    case AFTER_UNCERTAIN:
        plan_uncertain(apply, work);
        break;
    }
}

static enum write_result result_of(const struct rest_item *item)
{
    static const enum write_result results[] = {
        [REST_ITEM_UNKNOWN] = WRITE_UNKNOWN,   [REST_ITEM_OK] = WRITE_OK,
        [REST_ITEM_MISMATCH] = WRITE_MISMATCH, [REST_ITEM_EXISTS] = WRITE_EXISTS,
        [REST_ITEM_GONE] = WRITE_GONE,         [REST_ITEM_REFUSED] = WRITE_REFUSED,
        [REST_ITEM_BUSY] = WRITE_BUSY};
    return results[item->result];
}

static void slice_done(struct apply *apply, struct apply_entity *ae, struct slice *slice,
                       const struct rest_op *op)
{
    for (int i = 0; i < slice->count; i++) {
        struct work *work = slice->works[i];
        const struct span *names = work->item.names, *values = work->item.values;
        int count = work->item.count;
        work->item = op->items[i];
        work->item.names = names;
        work->item.values = values;
        work->item.count = count;
        if (work->item.result == REST_ITEM_OK && work->item.ret_id.len == 0)
            work->item.result = REST_ITEM_UNKNOWN;
        read_result(apply, ae, work, result_of(&work->item));
    }
}

static void slice_unsent(struct apply *apply, struct slice *slice)
{
    for (int i = 0; i < slice->count; i++)
        if (slice->works[i]->wrote_sent) /* in an earlier round it was sent */
            plan_unsent(apply, slice->works[i]);
        else
            slice->works[i]->stage = WORK_UNSENT;
}

/* ---- sending ---- */

static struct rest_op *slice_op(struct apply *apply, struct apply_entity *ae,
                                const struct slice *slice)
{
    struct rest_op *op = apply_op(apply);
    if (!op)
        return NULL;
    op->kind = slice->works[0]->kind;
    op->object = ae->entity->new_object;
    op->properties = ae->properties;
    op->property_count = ae->property_count;
    op->external_id_property = ae->entity->external_id;
    op->items = arena_new(&apply->arena, struct rest_item, slice->count);
    op->item_count = slice->count;
    op->send_by_ms = apply->send_by_ms;
    for (int i = 0; i < slice->count; i++)
        op->items[i] = slice->works[i]->item;
    return op;
}

/* Nothing of the record itself is to be written. */
static bool only_links(const struct work *work)
{
    return work->links && work->item.count == 0;
}

/* Cut the works to be sent into requests of one kind each. */
static int cut(struct apply *apply, const struct apply_entity *ae, struct work **works, int n,
               struct slice *slices)
{
    static const enum rest_kind kinds[] = {REST_UPDATE, REST_UPSERT, REST_CREATE, REST_ARCHIVE,
                                           REST_DELETE};
    int write_max = rest_traits(apply->rest)->write_max, count = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct work **group = arena_new(&apply->arena, struct work *, n);
        int size = 0, most = write_max;
        if (kinds[k] == REST_ARCHIVE || kinds[k] == REST_DELETE)
            most = rest_max(apply->rest, kinds[k], ae->entity->new_object, NULL);
        for (int i = 0; i < n; i++)
            if (works[i]->stage == WORK_SEND && !only_links(works[i]) && works[i]->kind == kinds[k])
                group[size++] = works[i];
        for (int at = 0; at < size; at += most)
            slices[count++] = (struct slice){group + at, size - at < most ? size - at : most};
    }
    return count;
}

/*
 * One wave of requests. Refused slices of several works come back in halves (nothing of them was executed), in slices.
 * Returns how many; what the target could not take now is WORK_UNSENT, and later says why.
 */
static int send_wave(struct apply *apply, struct apply_entity *ae, struct slice *slices, int n,
                     int64_t *ret_retry_after_ms, struct err *later)
{
    struct rest_op *ops[APPLY_OPS_MAX];
    enum rest_outcome outcomes[APPLY_OPS_MAX];
    int64_t retry_after_ms = 0;
    struct err why = ERR_INIT;
    int sent = 0, halves = 0;
    while (sent < n && (ops[sent] = slice_op(apply, ae, &slices[sent])))
        sent++;
    for (int i = sent; i < n; i++) {
        slice_unsent(apply, &slices[i]);
        err_set(later, ERR_RETRY, "more requests than one chunk may have");
    }
    rest_run(apply->rest, ops, sent, outcomes, &retry_after_ms, &why);
    FAILPOINT("apply.answered");
    struct slice *next = arena_new(&apply->arena, struct slice, 2 * n + 1);
    for (int i = 0; i < sent; i++) {
        struct slice slice = slices[i];
        switch (outcomes[i]) {
        case REST_DONE:
            slice_done(apply, ae, &slice, ops[i]);
            break;
        case REST_REFUSED:
        case REST_TOO_LARGE:
            if (slice.count == 1) {
                struct span own = ops[i]->items[0].message;
                dead_letter_item(apply, slice.works[0], own.len ? own : span_of(why.text));
                apply_op_release(apply, ops[i]);
                break;
            }
            apply_op_release(apply, ops[i]); /* else a batch of nothing but poison never ends */
            next[halves++] = (struct slice){slice.works, slice.count / 2};
            next[halves++] =
                (struct slice){slice.works + slice.count / 2, slice.count - slice.count / 2};
            break;
        case REST_UNCERTAIN:
#ifdef TANDEM_MUTANT_NO_MARKER
            next[halves++] = slice; /* the mutant: send it again, whatever became of the first */
            break;
#endif
            for (int w = 0; w < slice.count; w++)
                read_result(apply, ae, slice.works[w], WRITE_UNKNOWN);
            break;
        case REST_LATER:
        case REST_DENIED:
            slice_unsent(apply, &slice);
            *ret_retry_after_ms = retry_after_ms > 0 ? retry_after_ms : 30000;
            err_set(later, ERR_RETRY, "writing to the new system: %s", why.text);
            break;
        }
    }
    memcpy(slices, next, sizeof *next * (size_t)halves);
    return halves;
}

/* Nothing was executed for these: their locks must not look like operations in flight. */
static int cancel_unsent(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                         struct err *err)
{
    struct store_cancel *cancels = arena_new(&apply->arena, struct store_cancel, n);
    struct store_owner owner = apply_owner(ae);
    int count = 0;
    for (int i = 0; i < n; i++)
        if (works[i]->stage == WORK_UNSENT)
            cancels[count++] = (struct store_cancel){works[i]->key, works[i]->partition};
    if (count == 0)
        return 0;
    return apply_store(apply, store_cancel(apply->store, &owner, cancels, count, err), err);
}

int write_send(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
               int64_t *ret_retry_after_ms, struct err *err)
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
    struct slice *slices = arena_new(&apply->arena, struct slice, 2 * n + 1);
    struct err later = ERR_INIT;
    int count = cut(apply, ae, works, n, slices);
#ifdef TANDEM_MUTANT_REDIS_FIRST
    if (settle_redis_first(apply, ae, works, n, err) != 0)
        return -1;
#endif
    FAILPOINT("apply.sending");
    while (count > 0)
        count = send_wave(apply, ae, slices, count, ret_retry_after_ms, &later);
    for (int i = 0; i < n; i++)
        if (works[i]->stage == WORK_SEND && only_links(works[i]))
            plan_linked(apply, ae, works[i]);
    struct err look = ERR_INIT;
    if (raced_look(apply, ae, works, n, ret_retry_after_ms, &look) != 0 && later.kind == ERR_NONE)
        later = look;
    links_write(apply, ae, works, n);
    if (later.kind == ERR_NONE)
        return 0;
    struct err ignored =
        ERR_INIT; /* what cannot be cancelled now is looked at as an unknown outcome later */
    if (cancel_unsent(apply, ae, works, n, &ignored) != 0)
        log_warn("operations not cancelled", log_str("why", ignored.text));
    return err_set(err, later.kind, "%s", later.text);
}
