/*
 * rebuild — an empty or older Redis becomes the fold of the state topics again (design §4.5). One process holds the lease; it
 * first waits until no request of anybody can be executed any more, folds every partition to its end, and opens the scripts last.
 */
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "base/log.h"

enum { LEASE_MS = 60000, REBUILD_CHUNK = 500, STEP_MS = 1000, LATE_MAX = 64 };

/* A refused row with no accepted one behind it. Compaction keeps just that, so the next owner has to come by (replay.c). */
struct late {
    struct span key;
    int32_t partition;
    int64_t offset;
};

struct fold {
    struct apply *apply;
    struct apply_entity *ae;
    int64_t highest[STORE_PARTITIONS_MAX], next[STORE_PARTITIONS_MAX];
    struct store_finish rows[REBUILD_CHUNK];
    int count;
    int64_t total;
    struct late late[LATE_MAX];
    int late_count;
    struct arena arena, late_arena;
    struct json_tape tape;
};

/* Where there is no room for more of them, those stay as they are until the record's next change. */
static void note_late(struct fold *fold, const struct log_message *message)
{
    if (fold->late_count < LATE_MAX)
        fold->late[fold->late_count++] = (struct late){arena_copy(&fold->late_arena, message->key),
                                                       message->partition, message->offset};
}

static void forget_late(struct fold *fold, const struct log_message *message)
{
    int kept = 0;
    for (int i = 0; i < fold->late_count; i++)
        if (fold->late[i].partition != message->partition ||
            !span_equal(fold->late[i].key, message->key))
            fold->late[kept++] = fold->late[i];
    fold->late_count = kept;
}

/* From where the next owner replays: the end, or the first late row. */
static int64_t mark_of(const struct fold *fold, int32_t partition)
{
    int64_t mark = fold->next[partition];
    for (int i = 0; i < fold->late_count; i++)
        if (fold->late[i].partition == partition && fold->late[i].offset < mark)
            mark = fold->late[i].offset;
    return mark;
}

static int fold_flush(struct fold *fold, struct err *err)
{
    bool mine = false;
    enum store_outcome outcome =
        store_rebuild_rows(fold->apply->store, fold->ae->entity, fold->rows, fold->count, err);
    if (outcome == STORE_OK)
        outcome = store_rebuild_lease(fold->apply->store, LEASE_MS, &mine, err);
    if (outcome != STORE_OK)
        return apply_store(fold->apply, outcome, err);
    if (!mine)
        return err_set(err, ERR_RETRY, "another process rebuilds redis");
    fold->count = 0;
    arena_reset(&fold->arena);
    return 0;
}

static int fold_row(struct fold *fold, const struct log_message *message, struct err *err)
{
    const struct entity *entity = fold->ae->entity;
    int32_t p = message->partition;
    struct row row;
    struct span text = arena_copy(&fold->arena, message->value), known = SPAN_NONE;
    if (row_decode(entity, text, &fold->tape, &fold->arena, &row, err) != 0)
        return err_wrap(err, "%s[%d]@%lld", fold->ae->state, (int)p, (long long)message->offset);
    if (row.epoch < fold->highest[p]) {
        if (fold_flush(fold, err) != 0 ||
            apply_store(
                fold->apply,
                store_row(fold->apply->store, entity, message->key, &fold->arena, &known, err),
                err) != 0)
            return -1;
        text = arena_copy(&fold->arena, message->value); /* the flush took it */
        if (row_decode(entity, text, &fold->tape, &fold->arena, &row, err) != 0)
            return -1;
    }
    struct store_finish *finish = &fold->rows[fold->count];
    *finish = (struct store_finish){.partition = p};
    switch (state_fold(row.epoch, fold->highest[p], known.data != NULL)) {
    case FOLD_REFUSE:
        note_late(fold, message);
        return 0;
    case FOLD_REFUSE_UNCERTAIN:
        note_late(fold, message);
        if (partition_uncertain(entity, &row, &fold->arena, fold->highest[p], finish, err) != 0)
            return -1;
        finish->partition = p;
        break;
    case FOLD_ACCEPT: {
        struct buf index;
        forget_late(fold, message);
        buf_init(&index, 0);
        row_index(&row, &index);
        finish->key = arena_copy(&fold->arena, message->key);
        finish->row = text;
        finish->index = arena_copy(&fold->arena, buf_span(&index));
        buf_clear(&index);
        break;
    }
    }
    fold->count++;
    fold->total++;
    return fold->count == REBUILD_CHUNK ? fold_flush(fold, err) : 0;
}

static int fold_message(void *self, const struct log_message *message, struct err *err)
{
    struct fold *fold = self;
    int32_t p = message->partition;
    if (p >= fold->ae->partitions)
        return err_set(err, ERR_FATAL,
                       "%s has more partitions than the migration was prepared with",
                       fold->ae->state);
    fold->next[p] = message->offset + 1;
    if (partition_is_assignment(message->key)) {
        if (message->offset > fold->highest[p])
            fold->highest[p] = message->offset;
        return 0;
    }
    return message->value.data ? fold_row(fold, message, err) : 0;
}

static int fold_entity(struct apply *apply, struct apply_entity *ae, struct err *err)
{
    struct fold *fold = calloc(1, sizeof *fold);
    if (!fold)
        return err_set(err, ERR_RETRY, "rebuild: out of memory");
    fold->apply = apply;
    fold->ae = ae;
    arena_init(&fold->arena);
    arena_init(&fold->late_arena);
    json_tape_init(&fold->tape);
    int status = log_reader_fold(apply->context.migration, ae->state, fold_message, fold, err);
    if (status == 0)
        status = fold_flush(fold, err);
    for (int32_t p = 0; status == 0 && p < ae->partitions; p++)
        if (fold->next[p] > 0)
            status = apply_store(apply,
                                 store_rebuild_partition(apply->store, ae->entity, p,
                                                         fold->highest[p], mark_of(fold, p), err),
                                 err);
    if (status == 0)
        status = apply_store(apply, store_rebuild_derive(apply->store, ae->entity, err), err);
    if (status == 0)
        log_info("rows folded into redis", log_str("entity", ae->entity->name),
                 log_int("messages", fold->total));
    json_tape_clear(&fold->tape);
    arena_clear(&fold->arena);
    arena_clear(&fold->late_arena);
    free(fold);
    return status;
}

/* ---- is there anything that could have been sent? ---- */

static int stop_at_row(void *self, const struct log_message *message, struct err *err)
{
    bool *found = self;
    if (partition_is_assignment(message->key))
        return 0;
    *found = true;
    return err_set(err, ERR_RETRY, "a row");
}

static int any_row(struct apply *apply, bool *ret_found, struct err *err)
{
    *ret_found = false;
    for (int i = 0; i < apply->entity_count && !*ret_found; i++) {
        struct err stop = ERR_INIT;
        if (log_reader_fold(apply->context.migration, apply->entities[i].state, stop_at_row,
                            ret_found, &stop) != 0 &&
            !*ret_found)
            return err_set(err, stop.kind, "%s", stop.text);
    }
    return 0;
}

/* The moment before which a request sent before the loss might still be executed, or not yet be found. */
static int begin(struct apply *apply, struct err *err)
{
    bool found = false;
    if (any_row(apply, &found, err) != 0)
        return -1;
    const struct rest_traits *traits = rest_traits(apply->rest);
    int64_t wait_ms = found ? traits->request_lifetime_ms + traits->index_lag_ms : 0;
    apply->rebuild_after_ms = clock_mono_ms(apply->clock) + wait_ms;
    apply->rebuilding = true;
    log_warn("redis is rebuilt", log_int("after_ms", wait_ms));
    return 0;
}

int rebuild_step(struct apply *apply, int64_t *ret_retry_after_ms, struct err *err)
{
    bool mine = false;
    *ret_retry_after_ms = STEP_MS;
    if (apply_store(apply, store_rebuild_lease(apply->store, LEASE_MS, &mine, err), err) != 0)
        return -1;
    if (!mine) {
        apply->rebuilding = false;
        return err_set(err, ERR_RETRY, "redis was lost: another process rebuilds it");
    }
    if (!apply->rebuilding && begin(apply, err) != 0)
        return -1;
    int64_t left_ms = apply->rebuild_after_ms - clock_mono_ms(apply->clock);
    if (left_ms > 0) {
        *ret_retry_after_ms = left_ms < STEP_MS ? left_ms : STEP_MS;
        return err_set(err, ERR_RETRY,
                       "redis was lost: rebuilding it when no old request can be executed any "
                       "more, in %lld ms",
                       (long long)left_ms);
    }
    if (apply_store(apply, store_rebuild_clear(apply->store, err), err) != 0)
        return -1;
    for (int i = 0; i < apply->entity_count; i++)
        if (fold_entity(apply, &apply->entities[i], err) != 0)
            return -1;
    if (apply_store(apply, store_rebuild_open(apply->store, err), err) != 0)
        return -1;
    apply->rebuilding = false;
    log_info("redis is rebuilt and open");
    return 0;
}
