/*
 * sink_internal — the parts of sink, shared by sink.c (messages and reports) and sink_topic.c (where they go). Private.
 */
#ifndef TANDEM_STREAM_SINK_INTERNAL_H
#define TANDEM_STREAM_SINK_INTERNAL_H

#include <librdkafka/rdkafka.h>

#include "base/metrics.h"
#include "stream/sink.h"
#include "stream/topics.h"

enum { SINK_TOPICS_MAX = 128, SINK_WAIT_SLICE_MS = 100 };

struct sink_topic {
    char name[TOPIC_NAME_BYTES];
    rd_kafka_topic_t *handle;
    size_t max_bytes;
    struct metric *put;
};

struct sink {
    rd_kafka_t *handle;
    const struct migration *migration;
    struct sink_topic topics[SINK_TOPICS_MAX];
    int topic_count;
    int64_t put, reported;
    int64_t stop_seen_ms; /* monotonic; 0: no stop was asked for yet */
    bool abandoned;       /* nobody waits for reports any more: their places may be gone */
    struct err failed;    /* the first report that failed; ERR_NONE: none */
    struct buf scratch;
};

/* The topic of that name, which must be this migration's and exist. NULL with ERR_FATAL, or ERR_RETRY when stopping. */
struct sink_topic *sink_topic(struct sink *sink, const char *name, struct err *err);

/* Take reports for a slice; whoever waits long says so, and the watchdog knows that we are alive. */
void sink_wait(struct sink *sink, int64_t since_ms, int slice_ms);

/* A stop was asked for, and the grace that a healthy Kafka needs is over. */
bool sink_gives_up(struct sink *sink);

#endif
