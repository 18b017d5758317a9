/*
 * write — send what begin.c has prepared, and read the answers item by item.
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

/* ---- answers ---- */

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
        answer_read(apply, ae, work, answer_of(&work->item));
    }
}

static void slice_unsent(struct apply *apply, struct slice *slice)
{
    for (int i = 0; i < slice->count; i++)
        if (slice->works[i]->wrote_sent) /* in an earlier round it was sent */
            defer_unsent(apply, slice->works[i]);
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
                answer_refused(apply, slice.works[0], own.len ? own : span_of(why.text));
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
                answer_read(apply, ae, slice.works[w], WRITE_UNKNOWN);
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
    n = begin_works(apply, ae, works, n, err);
    if (n <= 0)
        return n;
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
