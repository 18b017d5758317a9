/*
 * history — who wrote what stands in the new system, asked only where the value alone cannot tell: after a late request of ours, for a base
 * that nobody saw stored, and where the declared truth is the newest change.
 */
#include "apply.h"

/* One request of at most so many ids. */
static struct rest_op *start(struct apply *apply, struct apply_entity *ae, struct work **works,
                             int n)
{
    struct rest_op *op = apply_op(apply);
    if (!op)
        return NULL;
    op->kind = REST_HISTORY;
    op->object = ae->entity->new_object;
    op->properties = ae->properties;
    op->property_count = ae->property_count;
    op->own_property = ae->entity->marker;
    struct span *ids = arena_new(&apply->arena, struct span, n);
    for (int i = 0; i < n; i++)
        ids[i] = works[i]->twin;
    op->ids = ids;
    op->id_count = n;
    return op;
}

int history_read(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                 int64_t *ret_retry_after_ms, struct err *err)
{
    struct rest_op *ops[APPLY_OPS_MAX];
    struct map by_id;
    int most = rest_traits(apply->rest)->history_max, count = 0;
    for (int at = 0; at < n; at += most) {
        ops[count] = start(apply, ae, works + at, n - at < most ? n - at : most);
        if (!ops[count])
            return err_set(err, ERR_RETRY, "apply: more than %d requests in one chunk",
                           APPLY_OPS_MAX);
        count++;
    }
    if (apply_read(apply, ops, count, ret_retry_after_ms, err) != 0)
        return -1;
    map_init(&by_id, (size_t)n + 1, &apply->arena);
    for (int i = 0; i < count; i++)
        for (int r = 0; r < ops[i]->record_count; r++)
            map_put(&by_id, ops[i]->records[r].id, &ops[i]->records[r]);
    for (int i = 0; i < n; i++) {
        const struct rest_record *record = map_get(&by_id, works[i]->twin);
        works[i]->stage = WORK_FIND; /* gone meanwhile: it is looked for again */
        if (record)
            plan_make(apply, ae, works[i], record);
    }
    return 0;
}
