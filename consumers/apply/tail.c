/*
 * tail — the owner of a partition looks at what is written to it, and writes its own row again over a former owner's (design §4.5). Nothing
 * that the delivery reports say is ours has to be read for that: while we write, only what lies between our rows is; when we are quiet, all
 * that comes.
 */
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "apply.h"
#include "base/log.h"

/* Compaction leaves what is younger than an hour (topics.h), so a row that is seen a little later is seen in time. */
enum { TAIL_MESSAGES_MAX = 20000, TAIL_QUIET_MS = 500 };

/* ---- what has to be read ---- */

static void stop(struct apply *apply, struct apply_entity *ae, int32_t partition)
{
    struct err err = ERR_INIT;
    if (!ae->tails[partition].reading)
        return;
    ae->tails[partition].reading = false;
    if (log_reader_remove(apply->tail, ae->state, partition, &err) != 0)
        log_warn("tail not removed", log_str("why", err.text), log_int("partition", partition));
}

static int go_on(struct apply *apply, struct apply_entity *ae, int32_t partition, struct err *err)
{
    struct tail *tail = &ae->tails[partition];
    if (log_reader_add(apply->tail, ae->state, partition, tail->seen, err) != 0)
        return -1;
    tail->reading = true;
    return 0;
}

static void skip_own(struct tail *tail)
{
    if (tail->seen >= tail->own_from && tail->seen < tail->own_to)
        tail->seen = tail->own_to;
}

int tail_begin(struct apply *apply, struct apply_entity *ae, int32_t partition, int64_t from,
               struct err *err)
{
    ae->tails[partition] = (struct tail){.seen = from, .own_from = from, .own_to = from};
    return go_on(apply, ae, partition, err);
}

void tail_end(struct apply *apply, struct apply_entity *ae, int32_t partition)
{
    stop(apply, ae, partition);
}

void tail_wrote(struct apply *apply, struct apply_entity *ae, const struct store_finish *rows,
                const struct sink_report *reports, int n)
{
    int64_t now_ms = clock_mono_ms(apply->clock);
    for (int i = 0; i < n; i++) {
        struct tail *tail = &ae->tails[rows[i].partition];
        if (reports[i].offset < 0) /* on Kafka, nobody knows where: read like a foreign one */
            continue;
        if (reports[i].offset != tail->own_to)
            tail->own_from = reports[i].offset;
        tail->own_to = reports[i].offset + 1;
        tail->wrote_ms = now_ms;
    }
    for (int32_t p = 0; p < ae->partitions; p++) {
        struct tail *tail = &ae->tails[p];
        if (ae->epochs[p] < 0 ||
            (tail->reading && !log_reader_position(apply->tail, ae->state, p, &tail->seen)))
            continue;
        skip_own(tail);
        if (tail->seen >= tail->own_to && tail->wrote_ms == now_ms)
            stop(apply, ae, p);
    }
}

/* Where something lies between our rows, or where we have been quiet. */
static int start_wanted(struct apply *apply, struct err *err)
{
    int64_t now_ms = clock_mono_ms(apply->clock);
    for (int i = 0; i < apply->entity_count; i++)
        for (int32_t p = 0; p < apply->entities[i].partitions; p++) {
            struct apply_entity *ae = &apply->entities[i];
            struct tail *tail = &ae->tails[p];
            if (ae->epochs[p] < 0 || tail->reading)
                continue;
            skip_own(tail);
            bool wanted = tail->seen < tail->own_from || now_ms - tail->wrote_ms >= TAIL_QUIET_MS;
            if (wanted && go_on(apply, ae, p, err) != 0)
                return -1;
        }
    return 0;
}

/* ---- what is read ---- */

static struct apply_entity *entity_of_topic(struct apply *apply, const struct log_message *message)
{
    const char *topic = rd_kafka_topic_name(((const rd_kafka_message_t *)message->message)->rkt);
    for (int i = 0; i < apply->entity_count; i++)
        if (strcmp(apply->entities[i].state, topic) == 0)
            return &apply->entities[i];
    return NULL;
}

/* Our row again, behind the foreign one, so that compaction keeps ours. */
static int write_again(struct apply *apply, struct apply_entity *ae,
                       const struct log_message *message, struct err *err)
{
    arena_reset(&apply->arena);
    struct store_finish finish = {.partition = message->partition};
    struct span key = arena_copy(&apply->arena, message->key), known = SPAN_NONE;
    struct span foreign = arena_copy(&apply->arena, message->value);
    int64_t epoch = ae->epochs[message->partition];
    struct row refused, row;
    struct json_tape tape;
    if (apply_store(apply, store_row(apply->store, ae->entity, key, &apply->arena, &known, err),
                    err) != 0)
        return -1;
    json_tape_init(&tape);
    int status = row_decode(ae->entity, foreign, &tape, &apply->arena, &refused, err);
    if (status == 0 && known.data) {
        status = row_decode(ae->entity, known, &apply->tape, &apply->arena, &row, err);
        if (status == 0)
            (void)state_unknown_beside(&row, &refused);
        if (status == 0)
            status =
                partition_render(apply, ae, message->partition, &row, &apply->arena, &finish, err);
    } else if (status == 0) {
        status = partition_uncertain(ae->entity, &refused, &apply->arena, epoch, &finish, err);
    }
    json_tape_clear(&tape);
    if (status != 0)
        return -1;
    log_warn("row written again over a former owner's", log_str("entity", ae->entity->name),
             log_int("partition", message->partition), log_int("offset", message->offset));
    struct store_owner owner = apply_owner(ae);
    int64_t marks[STORE_PARTITIONS_MAX] = {0};
    if (partition_put(apply, ae, &finish, err) != 0 || sink_settle(apply->sink, -1, err) != 0)
        return -1;
    finish.keep_op = true;
    return apply_store(apply, store_finish(apply->store, &owner, &finish, 1, marks, err), err);
}

int tail_read(struct apply *apply, struct err *err)
{
    if (start_wanted(apply, err) != 0)
        return -1;
    for (int i = 0; i < TAIL_MESSAGES_MAX; i++) {
        struct log_message message;
        int got = log_reader_next(apply->tail, 0, &message, err);
        if (got <= 0)
            return got;
        struct apply_entity *ae = entity_of_topic(apply, &message);
        if (!ae || !message.value.data || ae->epochs[message.partition] < 0 ||
            partition_is_assignment(message.key))
            continue;
        struct span epoch = log_message_header(&message, "epoch");
        char text[32] = "";
        if (epoch.len < sizeof text && epoch.data)
            memcpy(text, epoch.data, epoch.len);
        if (strtoll(text, NULL, 10) < ae->epochs[message.partition] &&
            write_again(apply, ae, &message, err) != 0)
            return -1;
    }
    return 0;
}
