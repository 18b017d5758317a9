/*
 * handler — the contract of a consumer process that works on the stream in batches. consumer_run() owns the group, the pauses, the
 * offsets, the signals and the metrics; the handler decides what becomes of the messages.
 */
#ifndef TANDEM_STREAM_HANDLER_H
#define TANDEM_STREAM_HANDLER_H

#include "base/clock.h"
#include "base/conf.h"
#include "model/migration.h"
#include "stream/pause.h"
#include "stream/topics.h"

struct message {
    enum topic_kind kind; /* TOPIC_CHANGES or TOPIC_DECISIONS */
    const struct entity *entity;
    const char *topic;
    int32_t partition;
    int64_t offset, timestamp_ms;
    struct span key, value; /* value.data NULL = null */
    const void *message;    /* rd_kafka_message_t, for headers */
};

struct handler_context {
    struct migration *migration;
    const struct clock *clock;
    const char *instance;
    /* What people paused (stream/pause.h). No batch comes of a paused entity, no idle() while all is paused; work that idle() does for one
     * entity asks pause_watch_of(pauses, entity) first. NULL: nothing ever is. */
    const struct pause_watch *pauses;
};

struct handler_type {
    const char *name, *summary; /* "apply": group.id = <ns>.apply, process tandem-apply */
    size_t size;
    const struct conf_option
        *options; /* of the configuration's group of this name; ends with {0}; may be NULL */
    enum topic_kind topics[4]; /* subscribed for every entity; ends with TOPIC_KIND_COUNT */
    int (*open)(void *self, const struct handler_context *context, struct err *err);
    /* Own these partitions of an entity from now on (of changes, and so of everything co-partitioned). Called outside the rebalance
     * callback, before their first batch; ERR_RETRY: tried again, nothing is consumed from the partition until it succeeded. */
    int (*assigned)(void *self, const struct entity *entity, int32_t partition, struct err *err);
    void (*revoked)(void *self, const struct entity *entity, int32_t partition);
    /*
     * Work on messages[n] (all of partitions owned now; in offset order per partition). Returns 0: each of them has become durable,
     * their offsets may be stored. -1 with ERR_RETRY: nothing is stored, partitions pause for *ret_retry_after_ms (≥ 1) while polling goes on,
     * and the same batch comes again. ERR_FATAL: the process ends without storing.
     */
    int (*batch)(void *self, const struct message *messages, int n, int64_t *ret_retry_after_ms,
                 struct err *err);
    /* Between batches, at least every 200 ms: due work. Same results as batch. */
    int (*idle)(void *self, int64_t *ret_retry_after_ms, struct err *err);
    void (*close)(void *self);
};

#endif
