/*
 * due — records whose time has come: retries, unknown outcomes, waits for another record that were released. Nothing waits in
 * memory: the row holds the event, Redis' due set only says when.
 */
#include <stdlib.h>

#include "apply.h"

enum { DUE_CHUNK = 500 };

static int due_partition(struct apply *apply, struct apply_entity *ae, int32_t partition,
                         int64_t *ret_retry_after_ms, struct err *err)
{
    struct span *keys = NULL;
    int count = 0;
    struct store_owner owner = apply_owner(ae);
    apply_chunk_begin(apply);
    if (apply_store(apply,
                    store_due(apply->store, &owner, partition,
                              apply_chunk_max(apply, ae, DUE_CHUNK), &keys, &count, &apply->arena,
                              err),
                    err) != 0)
        return -1;
    if (count == 0)
        return 0;
    struct work *works = arena_new(&apply->arena, struct work, count);
    for (int i = 0; i < count; i++)
        works[i] = (struct work){.key = keys[i], .partition = partition, .due = true};
    return work_chunk(apply, ae, works, count, ret_retry_after_ms, err);
}

int due_work(struct apply *apply, int64_t *ret_retry_after_ms, struct err *err)
{
    *ret_retry_after_ms = 500;
    for (int i = 0; i < apply->entity_count; i++) {
        if (pause_watch_of(apply->context.pauses, apply->entities[i].entity))
            continue;
        for (int32_t p = 0; p < apply->entities[i].partitions; p++)
            if (apply->entities[i].epochs[p] >= 0 &&
                due_partition(apply, &apply->entities[i], p, ret_retry_after_ms, err) != 0)
                return -1;
    }
    return 0;
}
