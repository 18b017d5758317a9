/*
 * sink_topic — where messages go: topics that are ours and there, looked up once.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "stream/kafka.h"
#include "stream/sink_internal.h"

enum { METADATA_TIMEOUT_MS = 2000 };

int sink_topic_exists(struct sink *sink, const char *topic, int timeout_ms, struct err *err)
{
    int count = 0;
    if (kafka_partitions(sink->handle, topic, timeout_ms, &count, err) < 0)
        return -1;
    return count > 0;
}

/* Topics are never created by using them: it must be there, with its own settings. */
static int wait_for_topic(struct sink *sink, const char *name, struct err *err)
{
    int64_t since_ms = clock_mono_ms(&CLOCK_SYSTEM);
    for (;;) {
        struct err now = ERR_INIT;
        int there = sink_topic_exists(sink, name, METADATA_TIMEOUT_MS, &now);
        if (there > 0)
            return 0;
        if (there == 0)
            return err_exit(err, EX_CONFIG, "topic %s does not exist; run `tandem topics apply`",
                            name);
        if (now.kind != ERR_RETRY || sink_gives_up(sink)) {
            *err = now;
            return -1;
        }
        sink_wait(sink, since_ms, SINK_WAIT_SLICE_MS);
    }
}

struct sink_topic *sink_topic(struct sink *sink, const char *name, struct err *err)
{
    for (int i = 0; i < sink->topic_count; i++)
        if (strcmp(sink->topics[i].name, name) == 0)
            return &sink->topics[i];
    enum topic_kind kind;
    if (!topic_parse(sink->migration, name, &kind, NULL)) {
        err_set(err, ERR_FATAL, "%s is not a topic of this migration", name);
        return NULL;
    }
    if (sink->topic_count == SINK_TOPICS_MAX) {
        err_set(err, ERR_FATAL, "more than %d topics", SINK_TOPICS_MAX);
        return NULL;
    }
    if (wait_for_topic(sink, name, err) < 0)
        return NULL;
    struct sink_topic *topic = &sink->topics[sink->topic_count];
    topic->handle = rd_kafka_topic_new(sink->handle, name, NULL);
    if (!topic->handle) {
        kafka_err(err, sink->handle, rd_kafka_last_error(), "topic %s", name);
        return NULL;
    }
    char labels[TOPIC_NAME_BYTES + 16];
    (void)snprintf(topic->name, sizeof(topic->name), "%s", name);
    (void)snprintf(labels, sizeof(labels), "topic=\"%s\"", name);
    topic->max_bytes =
        (size_t)TOPIC_RULES[kind].size_factor * (size_t)sink->migration->kafka.record_max_bytes;
    topic->put = metric_counter("tandem_produced_messages_total",
                                "Messages handed to the Kafka client.", labels);
    sink->topic_count++;
    return topic;
}

int sink_open_topic(struct sink *sink, const char *topic, struct err *err)
{
    return sink_topic(sink, topic, err) ? 0 : -1;
}
