/*
 * sink — where messages go: one idempotent librdkafka producer (acks=all, no
 * transactions: design §4.2), its delivery reports, and the wait for all of
 * them. What was put is on Kafka only when sink_settle returned 0.
 *
 * Settings on top of the migration's Kafka properties: enable.idempotence, acks=all, partitioner=murmur2_random,
 * compression.type=lz4 unless the properties say otherwise, message.timeout.ms=0 (a broker that is away delays, it loses
 * nothing), bounded queue, linger.ms by role.
 */
#ifndef TANDEM_STREAM_SINK_H
#define TANDEM_STREAM_SINK_H

#include "base/buf.h"
#include "base/err.h"
#include "model/migration.h"

struct sink;

struct sink_header {
    const char *name;
    struct span value;
};
enum { SINK_HEADERS_MAX = 24, SINK_PARTITION_BY_KEY = -1 };

struct sink_message {
    const char *topic;      /* whole name */
    int32_t partition;      /* or SINK_PARTITION_BY_KEY */
    struct span key, value; /* value.data NULL = tombstone; both are copied */
    const struct sink_header *headers;
    int header_count;
};

/* Where one message ended; filled while the sink is served. Must stay at its place until the sink settled or was closed. */
struct sink_report {
    int32_t partition;
    int64_t
        offset; /* −1 until reported; −2: it is on Kafka, its offset is unknown (the first ack was lost) */
};

/* role: "poll", "apply" …: part of client.id = <ns>-<role>-<instance>. linger_ms: 0 = a default of 5. */
struct sink *sink_open(const struct migration *migration, const char *role, const char *instance,
                       int linger_ms, struct err *err);
void sink_close(
    struct sink *sink); /* does not wait: what is unreported may or may not be on Kafka */

/*
 * Look the topic up now: else the first sink_put to it does, which waits for Kafka however long that is away. Errors as sink_put's;
 * ERR_FATAL too: it does not exist.
 */
int sink_open_topic(struct sink *sink, const char *topic, struct err *err);

/* Asks a broker once whether the topic is there, for at most timeout_ms. 1 it is, 0 it is not; -1 ERR_RETRY: nobody answers; ERR_FATAL. */
int sink_topic_exists(struct sink *sink, const char *topic, int timeout_ms, struct err *err);

/*
 * Queue a message. Waits (serving reports, bounded memory) while the queue is full and Kafka is away, until 5 s after a stop was asked
 * for (then ERR_RETRY). report may be NULL. ERR_REJECT: the message is larger than the broker takes. ERR_FATAL: the producer is fenced or broken.
 */
int sink_put(struct sink *sink, const struct sink_message *message, struct sink_report *report,
             struct err *err);

/*
 * Wait until every message put so far has its report. Returns 0 only when all of them succeeded. timeout_ms −1: until 5 s after a
 * stop was asked for: a healthy Kafka lets what is on its way arrive. Having given up so, the sink fills no report any more.
 * -1: ERR_RETRY (time is up or stopping: some are not yet reported) or ERR_FATAL (a report failed: exit and begin again at the last cursor).
 */
int sink_settle(struct sink *sink, int timeout_ms, struct err *err);

void sink_serve(struct sink *sink); /* take reports without waiting */
struct buf *sink_scratch(
    struct sink *sink); /* an emptied buffer for rendering what is put next; the sink's own */
int64_t sink_unreported(const struct sink *sink);

/* The cluster's end offset of a partition (for waiting until one's own writes are read back). */
int sink_end_offset(struct sink *sink, const char *topic, int32_t partition, int64_t *ret_offset,
                    struct err *err);

#endif
