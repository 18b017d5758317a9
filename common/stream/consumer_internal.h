/*
 * consumer_internal — one run of a consumer process, shared by consumer.c (start, loop, end), consumer_partitions.c (what is ours),
 * consumer_batch.c (what is worked on) and consumer_pause.c (what rests). Private.
 */
#ifndef TANDEM_STREAM_CONSUMER_INTERNAL_H
#define TANDEM_STREAM_CONSUMER_INTERNAL_H

#include "base/metrics.h"
#include "stream/consumer.h"
#include "stream/group.h"
#include "stream/pause.h"
#include "stream/process.h"

enum { CONSUMER_PENDING_MAX = 8192, CONSUMER_IDLE_EVERY_MS = 200 };

/* A co-partition that was gained and whose assigned() did not succeed yet. */
struct pending {
    const struct entity *entity;
    int32_t partition;
};

/* One run of one handler type. */
struct consumer {
    const struct handler_type *type;
    struct process process;
    void *options; /* an instance filled from the configuration, copied for each opening */
    void *self;
    bool is_open;
    struct group *group;
    struct pause_watch *pauses;
    struct message *batch;
    int count, capacity;
    struct pending *pending;
    int pending_count;
    int64_t assign_again_ms, batch_again_ms, idle_at_ms, idle_again_ms;
    bool retrying; /* batch[] was tried and has to come again, unchanged but for what is lost */
    struct metric *messages, *batches, *retries, *owned;
    struct metric *seconds;
};

static inline int64_t consumer_now_ms(void)
{
    return clock_mono_ms(&CLOCK_SYSTEM);
}

/* The world is ill: log it, say it in /readyz, count it. */
void consumer_say_waiting(struct consumer *consumer, const struct err *why);

/* Take what a rebalance changed: tell the handler what is lost, remember what is gained. */
int consumer_take_changes(struct consumer *consumer, struct err *err);
/* Have the handler open what is gained, again and again until it can. */
int consumer_open_pending(struct consumer *consumer, struct err *err);

/* Collect a batch, waiting at most wait_ms for its first message; it may stay empty. */
int consumer_collect(struct consumer *consumer, int wait_ms, struct err *err);
/* Have batch[] worked on: done, stored and cleared; or retrying, with everything paused. -1: ERR_FATAL. */
int consumer_work_batch(struct consumer *consumer, struct err *err);
void consumer_clear_batch(struct consumer *consumer);

/* Pauses: known before anything is done, then followed in every round. */
int consumer_open_pauses(struct consumer *consumer, struct err *err);
int consumer_take_pauses(struct consumer *consumer, struct err *err);
bool consumer_is_paused(const struct consumer *consumer); /* the whole migration */
void consumer_say_paused(const struct consumer *consumer);

#endif
