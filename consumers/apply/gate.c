/*
 * gate — before every batch: Redis is here, open and complete, our partitions are ours, and the target is listed.
 */
#include "apply.h"
#include "base/log.h"

/* Bring Redis up to date with every partition we own, after it was rebuilt by whomever. */
static int replay_owned(struct apply *apply, struct err *err)
{
    for (int i = 0; i < apply->entity_count; i++) {
        struct apply_entity *ae = &apply->entities[i];
        ae->listed = false;
        ae->list_cursor[0] = '\0'; /* the pages listed so far may have gone with the old content */
        ae->list_count = 0;
        for (int32_t p = 0; p < ae->partitions; p++) {
            if (ae->epochs[p] < 0)
                continue;
            int64_t mark = 0, highest = 0;
            if (apply_store(
                    apply,
                    store_take(apply->store, ae->entity, p, ae->epochs[p], &mark, &highest, err),
                    err) != 0 ||
                partition_replay(apply, ae, p, mark, highest, err) != 0)
                return -1;
        }
    }
    apply->replay_needed = false;
    return 0;
}

/*
 * A process that was given our partition, took it and died before the group noticed leaves its epoch behind. Once the group had more than
 * its session timeout to tell us otherwise, the partition is ours: announce it again.
 */
static int take_again(struct apply *apply, struct err *err)
{
    int64_t patience_ms = 2 * apply->context.migration->apply.session_timeout_ms;
    if ((int64_t)apply->fenced_turns * APPLY_RETRY_MS < patience_ms)
        return 0;
    log_warn("partitions taken again: whoever fenced us is gone");
    for (int i = 0; i < apply->entity_count; i++)
        for (int32_t p = 0; p < apply->entities[i].partitions; p++)
            if (apply->entities[i].epochs[p] >= 0 &&
                partition_assigned(apply, &apply->entities[i], p, err) != 0)
                return -1;
    apply->fenced_turns = 0;
    return 0;
}

int gate_pass(struct apply *apply, int64_t *ret_retry_after_ms, struct err *err)
{
    *ret_retry_after_ms = APPLY_RETRY_MS;
    bool changed = false;
    enum store_outcome outcome = store_ensure(apply->store, &changed, err);
    if (outcome == STORE_CLOSED) {
        err_clear(err);
        apply->replay_needed = true;
        if (rebuild_step(apply, ret_retry_after_ms, err) != 0)
            return -1;
        outcome = store_ensure(apply->store, &changed, err);
    }
    if (apply_store(apply, outcome, err) != 0)
        return -1;
    apply->rebuilding = false;
    if (take_again(apply, err) != 0)
        return -1;
    if ((changed || apply->replay_needed) && replay_owned(apply, err) != 0)
        return -1;
    for (int i = 0; i < apply->entity_count; i++)
        if (!apply->entities[i].listed &&
            listing_step(apply, &apply->entities[i], ret_retry_after_ms, err) != 0)
            return -1;
    return 0;
}
