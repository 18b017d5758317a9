/*
 * hydrate — hints become events: one read for many records, and one for all
 * hints of a record that wait together. A hint's not_before counts on the
 * source's clock: an answer whose Date is earlier does not satisfy it, and one
 * without Date satisfies none. What a hint asked for is always published; its
 * offset is stored after the report.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "producers/poll/hash.h"

/* The records of one read, found by id. */
struct wanted {
    struct span id; /* of a hint item */
    bool repair, satisfied;
    bool missed; /* a listing lacks it, too */
    const struct rest_record *record,
        *ended; /* ended: not read, and the source says it was deleted */
};
struct batch {
    struct wanted *items; /* in the order in which they fell due */
    struct span *ids;
    int count, max;
    bool ended_unknown; /* what became of them could not be asked */
    int *slots;         /* hash table of indexes + 1 */
    uint64_t slot_mask;
};

static void batch_init(struct batch *batch, int max, struct arena *arena)
{
    uint64_t slots = 16;
    while (slots < 2 * (uint64_t)max)
        slots *= 2;
    *batch = (struct batch){.items = arena_new(arena, struct wanted, max),
                            .ids = arena_new(arena, struct span, max),
                            .max = max,
                            .slots = arena_new(arena, int, slots),
                            .slot_mask = slots - 1};
}

/* The slot of this id: its index + 1, or 0 where it would go. */
static int *slot_of(const struct batch *batch, struct span id, uint64_t hash)
{
    uint64_t at = hash & batch->slot_mask;
    while (batch->slots[at] && !span_equal(batch->items[batch->slots[at] - 1].id, id))
        at = (at + 1) & batch->slot_mask;
    return &batch->slots[at];
}

static struct span item_id(const struct hint_item *item)
{
    return (struct span){item->id, strlen(item->id)};
}

/* Has its time come? Date headers are whole seconds: one that proves it must be able to arrive. */
static bool is_due(const struct hint_item *item, int64_t source_ms)
{
    return item->id && !item->done &&
           (source_ms < 0 || item->not_before_ms <= source_ms - source_ms % 1000);
}

static void gather(struct poll_entity *entity, struct batch *batch)
{
    int64_t source_ms = poll_source_ms(entity->poll);
    for (int p = 0; p < entity->partition_count; p++) {
        const struct hint_partition *part = &entity->partitions[p];
        for (int i = part->first; i < part->count && batch->count < batch->max; i++) {
            const struct hint_item *item = &part->items[i];
            if (!is_due(item, source_ms))
                continue;
            int *slot = slot_of(batch, item_id(item), item->id_hash);
            if (*slot)
                continue;
            batch->items[batch->count].id = item_id(item);
            batch->ids[batch->count] = item_id(item);
            *slot = ++batch->count;
        }
    }
}

/*
 * Call fn for every waiting hint whose record is in the batch and whose time the answer proves. date_ms INT64_MAX: all of them.
 */
static void each_satisfied(struct poll_entity *entity, const struct batch *batch, int64_t date_ms,
                           void (*fn)(struct poll_entity *entity, int32_t partition, int at,
                                      struct wanted *wanted))
{
    for (int p = 0; p < entity->partition_count; p++) {
        const struct hint_partition *part = &entity->partitions[p];
        for (int i = part->first; i < part->count; i++) {
            const struct hint_item *item = &part->items[i];
            if (!item->id || item->done || item->not_before_ms > date_ms)
                continue;
            int slot = *slot_of(batch, item_id(item), item->id_hash);
            if (slot)
                fn(entity, p, i, &batch->items[slot - 1]);
        }
    }
}

static void note_satisfied(struct poll_entity *entity, int32_t partition, int at,
                           struct wanted *wanted)
{
    wanted->satisfied = true;
    wanted->repair |= entity->partitions[partition].items[at].repair;
    wanted->missed |= entity->partitions[partition].items[at].missed;
}

static void note_done(struct poll_entity *entity, int32_t partition, int at, struct wanted *wanted)
{
    (void)wanted;
    hints_done(entity, partition, at);
}

static int put_batch(struct poll_entity *entity, const struct batch *batch,
                     const struct rest_op *answer, struct err *err)
{
    for (int i = 0; i < batch->count; i++) {
        const struct wanted *wanted = &batch->items[i];
        if (!wanted->satisfied)
            continue;
        struct sighting sighting =
            sighting_of(entity->poll, wanted->repair ? PASS_REPAIR : PASS_HYDRATE, answer);
        if (wanted->ended) {
            sighting = sighting_of(entity->poll, sighting.pass, &entity->ended);
            if (publish_ended(entity, wanted->ended, &sighting, err) < 0)
                return -1;
        } else if (!wanted->record && wanted->missed && !batch->ended_unknown) {
            if (publish_gone(entity, wanted->id, &sighting, err) < 0)
                return -1;
        } else if (!wanted->record) {
            if (publish_missing(entity, wanted->id, "missing-in-source",
                                "a hint asked for this record, the source does not have it",
                                err) < 0)
                return -1;
        } else if (publish_record(entity, wanted->record, &sighting, NULL, err) < 0) {
            return -1;
        }
        metric_add(entity->hydrated, 1);
    }
    return 0;
}

/* Events → reports → offsets. */
static int settle(struct poll_entity *entity, const struct batch *batch, int64_t date_ms,
                  struct err *err)
{
    struct poll *poll = entity->poll;
    FAILPOINT("poll.hydrate_put");
    if (sink_settle(poll->context->sink, poll->settle_ms, err) < 0)
        return -1;
    FAILPOINT("poll.hydrate_settled");
    each_satisfied(entity, batch, date_ms, note_done);
    for (int p = 0; p < entity->partition_count; p++)
        hints_store(entity, p);
    return 0;
}

/* A read that is refused as a whole: fewer ids, until the one is found that it is refused for. */
static int refused(struct poll_entity *entity, const struct batch *batch, enum rest_outcome outcome,
                   struct err *err)
{
    if (outcome == REST_REFUSED && !entity->read_described) {
        entity->read_described = true;
        if (describe_again(entity) == 1) { /* for a property that is gone */
            err_clear(err);
            return 1;
        }
    }
    if (batch->count > 1) {
        entity->read_records = batch->count / 2;
        log_debug("read refused, trying fewer", log_int("records", entity->read_records),
                  log_str("why", err->text));
        err_clear(err);
        return 1;
    }
    struct err why = *err;
    err_clear(err);
    if (publish_missing(entity, batch->items[0].id, "rejected", why.text, err) < 0 ||
        settle(entity, batch, INT64_MAX, err) < 0)
        return -1;
    return 1;
}

static enum rest_outcome read_batch(struct poll_entity *entity, const struct batch *batch,
                                    int64_t *ret_retry_after_ms, bool *ret_started, struct err *err)
{
    struct poll *poll = entity->poll;
    struct rest_op *op = &entity->read;
    rest_op_reset(op);
    op->kind = REST_READ;
    op->object = entity->entity->old_object;
    op->properties = entity->properties;
    op->property_count = entity->property_count;
    op->ids = batch->ids;
    op->id_count = batch->count;
    *ret_started = rest_start(poll->rest, op, err) == 0;
    if (!*ret_started)
        return REST_LATER;
    enum rest_outcome outcome = rest_finish(poll->rest, op, ret_retry_after_ms, err);
    poll_saw_date(poll, op->date_ms);
    return outcome;
}

/* What was asked for and not found: does the source say that it was deleted? Returns 0, or as poll_block. */
static int read_ended(struct poll_entity *entity, struct batch *batch, struct err *err)
{
    struct poll *poll = entity->poll;
    struct rest_op *op = &entity->ended;
    int64_t retry_after_ms = 0;
    int most = rest_max(poll->rest, REST_ENDED, entity->entity->old_object, NULL), count = 0;
    rest_op_reset(op);
    for (int i = 0; i < batch->count && count < most; i++)
        if (batch->items[i].satisfied && !batch->items[i].record)
            batch->ids[count++] = batch->items[i].id;
    if (count == 0)
        return 0;
    op->kind = REST_ENDED;
    op->object = entity->entity->old_object;
    op->ids = batch->ids;
    op->id_count = count;
    if (rest_start(poll->rest, op, err) != 0)
        return poll_start_failed(poll, err);
    enum rest_outcome outcome = rest_finish(poll->rest, op, &retry_after_ms, err);
    poll_saw_date(poll, op->date_ms);
    if (outcome == REST_REFUSED || outcome == REST_TOO_LARGE) { /* as if it knew nothing of them */
        log_warn("deleted records cannot be read", log_str("entity", entity->entity->name),
                 log_str("why", err->text));
        err_clear(err);
        op->record_count = 0;
        batch->ended_unknown = true;
    } else if (outcome != REST_DONE) {
        return poll_block(poll, outcome, retry_after_ms, err);
    }
    for (int i = 0; i < op->record_count && op->date_ms >= 0; i++) {
        int slot = *slot_of(batch, op->records[i].id, hash_id(op->records[i].id));
        if (slot)
            batch->items[slot - 1].ended = &op->records[i];
    }
    return 0;
}

static int hydrate(struct poll_entity *entity, struct batch *batch, struct err *err)
{
    struct poll *poll = entity->poll;
    struct rest_op *op = &entity->read;
    int64_t retry_after_ms = 0;
    bool started;
    enum rest_outcome outcome = read_batch(entity, batch, &retry_after_ms, &started, err);
    if (!started)
        return poll_start_failed(poll, err);
    if (outcome == REST_REFUSED || outcome == REST_TOO_LARGE)
        return refused(entity, batch, outcome, err);
    if (outcome != REST_DONE)
        return poll_block(poll, outcome, retry_after_ms, err);
    entity->read_described = false;
    /*
     * What is read at an unknown time is newer than nothing: apply would have to ask for it again, at once and for ever.
     * The incremental pass refuses it too.
     */
    if (op->date_ms < 0)
        return err_set(err, ERR_RETRY, "%s sends no Date: when a record was read cannot be known",
                       poll->system->name);
    entity->read_records = poll->traits->read_max;
    for (int i = 0; i < op->record_count; i++) {
        const struct rest_record *record = &op->records[i];
        int slot = *slot_of(batch, record->id, hash_id(record->id));
        if (slot)
            batch->items[slot - 1].record = record;
    }
    each_satisfied(entity, batch, op->date_ms, note_satisfied);
    int blocked = read_ended(entity, batch, err);
    if (blocked != 0)
        return blocked;
    if (put_batch(entity, batch, op, err) < 0 || settle(entity, batch, op->date_ms, err) < 0)
        return -1;
    return 1;
}

int64_t hydrate_due_mono_ms(const struct poll_entity *entity)
{
    const struct poll *poll = entity->poll;
    int64_t source_ms = poll_source_ms(poll), now = poll_mono_ms(poll), first = INT64_MAX;
    int waiting = 0;
    for (int p = 0; p < entity->partition_count && first > now; p++) {
        const struct hint_partition *part = &entity->partitions[p];
        for (int i = part->first; i < part->count && first > now; i++) {
            const struct hint_item *item = &part->items[i];
            if (!item->id || item->done)
                continue;
            int64_t due = item->taken_mono_ms + poll->gather_ms;
            if (!is_due(item, source_ms)) {
                int64_t from_ms = (item->not_before_ms + 999) / 1000 * 1000;
                int64_t later = now + from_ms - source_ms;
                due = later > due ? later : due;
            } else if (++waiting >= entity->read_records) {
                due = now;
            }
            first = due < first ? due : first;
        }
    }
    return first;
}

int hydrate_step(struct poll_entity *entity, struct err *err)
{
    struct batch batch;
    if (hydrate_due_mono_ms(entity) > poll_mono_ms(entity->poll))
        return 0;
    /* An arena of its own: publish_record resets the instance's for every record. */
    arena_reset(&entity->read_arena);
    batch_init(&batch, entity->read_records, &entity->read_arena);
    gather(entity, &batch);
    return batch.count ? hydrate(entity, &batch, err) : 0;
}
