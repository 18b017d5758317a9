/*
 * listing — the target is listed once into the match index before the first apply (design §4.6), so that a twin is found
 * even before the target's own index would show it. Any number of processes may list: the result is the same.
 */
#include <stdio.h>
#include <string.h>

#include "apply.h"
#include "base/log.h"

enum { LISTING_SLICE_MS = 3000, LISTING_NAMES_MAX = 2000 };

static int add_page(struct apply *apply, struct apply_entity *ae, const struct rest_op *op,
                    struct err *err)
{
    struct store_match *adds = arena_new(&apply->arena, struct store_match, LISTING_NAMES_MAX);
    int count = 0;
    for (int r = 0; r < op->record_count; r++) {
        struct span names[1 + APPLY_MATCH_MAX];
        int name_count = listing_names(ae, &op->records[r], &apply->arena, names);
        for (int k = 0; k < name_count; k++)
            adds[count++] = (struct store_match){names[k], op->records[r].id};
        if (count > LISTING_NAMES_MAX - 1 - APPLY_MATCH_MAX || r + 1 == op->record_count) {
            if (count > 0 &&
                apply_store(apply, store_match_add(apply->store, ae->entity, adds, count, err),
                            err) != 0)
                return -1;
            count = 0;
        }
    }
    return 0;
}

/* 1: that was the last page, 0: more follow. */
static int list_page(struct apply *apply, struct apply_entity *ae, int64_t *ret_retry_after_ms,
                     struct err *err)
{
    apply_chunk_begin(apply);
    struct rest_op *op = apply_op(apply);
    enum rest_outcome outcome = REST_LATER;
    struct err why = ERR_INIT;
    op->kind = REST_LIST;
    op->priority = BUDGET_BACKFILL;
    op->object = ae->entity->new_object;
    op->properties = ae->properties;
    op->property_count = ae->property_count;
    op->cursor = span_of(ae->list_cursor);
    rest_run(apply->rest, &op, 1, &outcome, ret_retry_after_ms, &why);
    if (outcome != REST_DONE) {
        if (*ret_retry_after_ms < 1)
            *ret_retry_after_ms = 1000;
        return err_set(err, ERR_RETRY, "listing the new system: %s", why.text);
    }
    if (add_page(apply, ae, op, err) != 0)
        return -1;
    ae->list_count += op->record_count;
    if (!op->more)
        return 1;
    if (op->next_cursor.len >= sizeof ae->list_cursor)
        return err_set(err, ERR_FATAL, "listing the new system: its cursor has %zu bytes",
                       op->next_cursor.len);
    (void)snprintf(ae->list_cursor, sizeof ae->list_cursor, "%.*s", (int)op->next_cursor.len,
                   op->next_cursor.data);
    return 0;
}

int listing_step(struct apply *apply, struct apply_entity *ae, int64_t *ret_retry_after_ms,
                 struct err *err)
{
    bool owned = false;
    for (int32_t p = 0; p < ae->partitions; p++)
        owned = owned || ae->epochs[p] >= 0;
    if (!owned)
        return 0;
    if (apply_store(apply, store_listed(apply->store, ae->entity, false, &ae->listed, err), err) !=
        0)
        return -1;
    int64_t stop_ms = clock_mono_ms(apply->clock) + LISTING_SLICE_MS;
    while (!ae->listed) {
        int last = list_page(apply, ae, ret_retry_after_ms, err);
        if (last < 0)
            return -1;
        if (last > 0) {
            if (apply_store(apply, store_listed(apply->store, ae->entity, true, &ae->listed, err),
                            err) != 0)
                return -1;
            log_info("target listed", log_str("entity", ae->entity->name),
                     log_int("records", ae->list_count));
        } else if (clock_mono_ms(apply->clock) > stop_ms) {
            *ret_retry_after_ms = 1;
            return err_set(err, ERR_RETRY, "listing the new system's %s: %lld so far",
                           ae->entity->name, (long long)ae->list_count);
        }
    }
    ae->list_cursor[0] = '\0';
    ae->list_count = 0;
    return 0;
}
