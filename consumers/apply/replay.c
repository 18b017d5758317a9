/*
 * replay — what the last owner of a partition made durable but did not bring to Redis (design §4.5).
 */
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "base/log.h"
#include "base/service.h"

enum { REPLAY_CHUNK = 500, REPLAY_WAIT_MS = 10000 };

struct replay {
    struct apply *apply;
    struct apply_entity *ae;
    int32_t partition;
    int64_t highest;
    struct store_finish rows[REPLAY_CHUNK];
    int count;
    struct arena arena;
    struct json_tape tape;
};

static int replay_flush(struct replay *replay, struct err *err)
{
    struct store_owner owner = apply_owner(replay->ae);
    int64_t no_marks[STORE_PARTITIONS_MAX] = {0};
    int status = 0;
    if (replay->count > 0)
        status = apply_store(
            replay->apply,
            store_finish(replay->apply->store, &owner, replay->rows, replay->count, no_marks, err),
            err);
    replay->count = 0;
    arena_reset(&replay->arena);
    return status;
}

/*
 * A refused row that has no accepted one beside it is not nothing: its writer wrote to the target. What it sent, and what was stored, counts
 * if its marker still stands there.
 */
int partition_uncertain(const struct entity *entity, const struct row *refused, struct arena *arena,
                        int64_t epoch, struct store_finish *ret_row, struct err *err)
{
    struct row row;
    struct buf text, index;
    struct span key = refused->key;
    buf_init(&text, 0);
    buf_init(&index, 0);
    row_init(&row, entity, key, arena);
    row.op = refused->op;
    row.base = refused->base;
    row.sent = refused->sent;
    row.status = STATE_REBUILD;
    row.epoch = epoch;
    row.due_ms = 1;
    row.why = span_of("a process that did not own the partition any more wrote this record");
    row_encode(&row, entity, &text);
    row_index(&row, &index);
    ret_row->key = arena_copy(arena, key);
    ret_row->row = arena_copy(arena, buf_span(&text));
    ret_row->index = arena_copy(arena, buf_span(&index));
    bool failed = text.failed || index.failed;
    buf_clear(&text);
    buf_clear(&index);
    return failed ? err_set(err, ERR_FATAL, "row of %.*s is too large", (int)key.len, key.data) : 0;
}

/* The names under which the match index knows the row's twin: what it claims, and our id in the external id property. */
static void add_match_names(const struct apply_entity *ae, const struct row *row,
                            struct arena *arena, struct store_finish *finish)
{
    struct span *names = arena_new(arena, struct span, ROW_CLAIMS_MAX + 1);
    const char *colon = memchr(finish->key.data, ':', finish->key.len);
    int count = 0;
    if (row->twin.len == 0 || !colon)
        return;
    names[count++] = span_of(
        arena_printf(arena, "%s=%.*s", ae->entity->external_id,
                     (int)(finish->key.len - (size_t)(colon + 1 - finish->key.data)), colon + 1));
    for (int c = 0; c < row->claim_count; c++)
        if (row->claims[c].len < 3 || memcmp(row->claims[c].data, "id=", 3) != 0)
            names[count++] = arena_copy(arena, row->claims[c]);
    finish->match_names = names;
    finish->match_count = count;
    finish->match_id = arena_copy(arena, row->twin);
}

static int tell_again(struct replay *replay, const struct row *row, struct err *err)
{
    struct apply *apply = replay->apply;
    struct outcome outcome = {.entity = replay->ae->entity,
                              .key = row->key,
                              .what = OUTCOME_REPLAYED,
                              .class_ = state_status_name(row->status),
                              .event_id = row->event_id,
                              .target = row->twin,
                              .op = row->op,
                              .epoch = replay->ae->epochs[replay->partition],
                              .partition = replay->partition,
                              .offset = -1,
                              .version = row->has_version ? &row->version : NULL,
                              .ts_ms = clock_wall_ms(apply->clock)};
    buf_reset(&apply->scratch);
    outcome_encode(&outcome, &apply->scratch);
    struct sink_message out = {.topic = apply->outcomes,
                               .partition = SINK_PARTITION_BY_KEY,
                               .key = row->key,
                               .value = buf_span(&apply->scratch)};
    metric_add(apply->outcomes_total[OUTCOME_REPLAYED], 1);
    return sink_put(apply->sink, &out, NULL, err);
}

/* Our row again, behind the refused one: compaction keeps the last, and a later fold may not know any more why to refuse it. */
static int put_again(struct replay *replay, struct err *err)
{
    replay->count = 1;
    return partition_put(replay->apply, replay->ae, &replay->rows[0], err);
}

/* A refused row beside the one in Redis: what it says of an operation that ours knows nothing of is looked for. */
static int replay_beside(struct replay *replay, const struct row *refused, struct span known,
                         struct err *err)
{
    struct apply_entity *ae = replay->ae;
    struct row row;
    struct json_tape tape; /* the replay's holds the refused one */
    json_tape_init(&tape);
    int status = row_decode(ae->entity, known, &tape, &replay->arena, &row, err);
    if (status == 0) {
        (void)state_unknown_beside(&row, refused);
        status = partition_render(replay->apply, ae, replay->partition, &row, &replay->arena,
                                  &replay->rows[0], err);
    }
    if (status == 0)
        status = put_again(replay, err);
    json_tape_clear(&tape);
    return status;
}

static int replay_one(struct replay *replay, const struct log_message *message, struct err *err)
{
    struct apply *apply = replay->apply;
    const struct entity *entity = replay->ae->entity;
    if (partition_is_assignment(message->key)) {
        if (message->offset > replay->highest)
            replay->highest = message->offset;
        return 0;
    }
    if (!message->value.data)
        return 0;
    struct store_finish *finish = &replay->rows[replay->count];
    *finish = (struct store_finish){.partition = replay->partition};
    struct row row;
    struct span text = arena_copy(&replay->arena, message->value);
    if (row_decode(entity, text, &replay->tape, &replay->arena, &row, err) != 0)
        return err_wrap(err, "%s[%d]@%lld", replay->ae->state, (int)message->partition,
                        (long long)message->offset);
    struct span known = SPAN_NONE;
    if (row.epoch < replay->highest) {
        if (replay_flush(replay, err) != 0)
            return -1;
        finish = &replay->rows[0];
        *finish = (struct store_finish){.partition = replay->partition};
        if (apply_store(apply,
                        store_row(apply->store, entity, message->key, &replay->arena, &known, err),
                        err) != 0)
            return -1;
        text = arena_copy(&replay->arena, message->value); /* the flush took it */
        if (row_decode(entity, text, &replay->tape, &replay->arena, &row, err) != 0)
            return -1;
    }
    enum fold_verdict verdict = state_fold(row.epoch, replay->highest, known.data != NULL);
    if (verdict == FOLD_REFUSE)
        return replay_beside(replay, &row, known, err);
    if (verdict == FOLD_REFUSE_UNCERTAIN) {
        if (partition_uncertain(entity, &row, &replay->arena, replay->ae->epochs[replay->partition],
                                &replay->rows[0], err) != 0)
            return -1;
        replay->rows[0].keep_op = true; /* what it began is all that is left of it */
        return put_again(replay, err);
    }
    /* Whoever wrote the row may have died before its questions, and what became of its event, were told. */
    if (settle_review(apply, replay->ae, &row, err) != 0 || tell_again(replay, &row, err) != 0)
        return -1;
    struct buf index;
    buf_init(&index, 0);
    row_index(&row, &index);
    finish->key = arena_copy(&replay->arena, message->key);
    finish->row = text;
    finish->index = arena_copy(&replay->arena, buf_span(&index));
    add_match_names(replay->ae, &row, &replay->arena, finish);
    finish->drop_op = arena_copy(&replay->arena, row.op.data ? row.op : span_of(""));
    /* An owner puts the row of one operation before it begins the next. */
    finish->drop_epoch = span_of(
        arena_printf(&replay->arena, "%d.%lld", (int)replay->partition, (long long)row.epoch));
    /* The record ended, and has no twin: whoever said so had looked at everything that was begun before. */
    finish->drop_earlier =
        row.deleted && row.has_version && row.status == STATE_IDLE && row.twin.len == 0;
    buf_clear(&index);
    replay->count++;
    return replay->count == REPLAY_CHUNK ? replay_flush(replay, err) : 0;
}

static int replay_read(struct replay *replay, struct log_reader *reader, int64_t from, int64_t end,
                       struct err *err)
{
    if (log_reader_add(reader, replay->ae->state, replay->partition, from > 0 ? from : -2, err) !=
        0)
        return -1;
    int64_t next = from;
    int64_t deadline = clock_mono_ms(replay->apply->clock) + REPLAY_WAIT_MS;
    while (next < end) {
        struct log_message message;
        int got = log_reader_next(reader, 200, &message, err);
        service_heartbeat();
        if (got < 0)
            return -1;
        if (got == 0) {
            /* What is left before the end may be a gap that compaction made: only the reader's position knows. */
            if (log_reader_position(reader, replay->ae->state, replay->partition, &next) &&
                next >= end)
                break;
            if (clock_mono_ms(replay->apply->clock) > deadline)
                return err_set(err, ERR_RETRY, "%s[%d] cannot be read to its end",
                               replay->ae->state, (int)replay->partition);
            continue;
        }
        deadline = clock_mono_ms(replay->apply->clock) + REPLAY_WAIT_MS;
        next = message.offset + 1;
        if (message.offset < end && replay_one(replay, &message, err) != 0)
            return -1;
    }
    return replay_flush(replay, err);
}

int partition_replay(struct apply *apply, struct apply_entity *ae, int32_t partition, int64_t from,
                     int64_t highest_epoch, struct err *err)
{
    struct replay *replay = calloc(1, sizeof *replay);
    if (!replay)
        return err_set(err, ERR_RETRY, "replay: out of memory");
    replay->apply = apply;
    replay->ae = ae;
    replay->partition = partition;
    replay->highest = highest_epoch;
    if (from > ae->epochs[partition] && replay->highest < ae->epochs[partition])
        replay->highest = ae->epochs[partition]; /* our own assignment lies below the mark */
    arena_init(&replay->arena);
    json_tape_init(&replay->tape);
    int64_t end = 0;
    struct log_reader *reader = log_reader_open(apply->context.migration, "apply-replay", err);
    int status = reader ? log_reader_end(reader, ae->state, partition, &end, err) : -1;
    if (status == 0 && from < end)
        status = replay_read(replay, reader, from, end, err);
    if (status == 0)
        status = sink_settle(apply->sink, -1, err);
    if (status == 0) {
        struct store_owner owner = apply_owner(ae);
        int64_t marks[STORE_PARTITIONS_MAX] = {0};
        marks[partition] = end;
        status = apply_store(apply, store_finish(apply->store, &owner, NULL, 0, marks, err), err);
        if (status == 0)
            ae->marks[partition] = end;
    }
    log_reader_close(reader);
    json_tape_clear(&replay->tape);
    arena_clear(&replay->arena);
    free(replay);
    return status;
}
