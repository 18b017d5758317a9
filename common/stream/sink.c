/*
 * sink — see sink.h. Everything runs in the caller's thread: reports arrive inside rd_kafka_poll and rd_kafka_flush, so
 * the counters need no lock.
 */
#include "stream/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/service.h"
#include "stream/kafka.h"
#include "stream/sink_internal.h"

enum {
    SERVE_EVERY_PUTS = 64,
    STOP_GRACE_MS = 5000,          /* what is on its way when a stop is asked for usually arrives */
    SILENCE_MS = 2000,             /* waiting longer than this is said in /readyz */
    MESSAGE_OVERHEAD_BYTES = 1024, /* of a record and its batch, generously */
};

static void on_report(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle;
    struct sink *sink = opaque;
    sink->reported++;
    if (message->err) {
        (void)kafka_err(&sink->failed, sink->handle, message->err, "delivery to %s/%d",
                        rd_kafka_topic_name(message->rkt), (int)message->partition);
        return;
    }
    struct sink_report *report = message->_private;
    if (!report || sink->abandoned)
        return;
    report->partition = message->partition;
    /* A batch whose first ack was lost is acknowledged again as a duplicate, without its offset. */
    report->offset = message->offset >= 0 ? message->offset : -2;
}

static rd_kafka_conf_t *sink_conf(const struct migration *migration, const char *role,
                                  const char *instance, int linger_ms, struct err *err)
{
    char linger[16], batch[24], message_max[24];
    int64_t record_max = migration->kafka.record_max_bytes;
    int64_t message_bytes_max = 4 * record_max + MESSAGE_OVERHEAD_BYTES;
    (void)snprintf(linger, sizeof(linger), "%d", linger_ms > 0 ? linger_ms : 5);
    /* The broker's cap is on a batch: several records together must not exceed the smallest topic's. */
    (void)snprintf(batch, sizeof(batch), "%lld",
                   (long long)(record_max < 1000000 ? record_max : 1000000));
    (void)snprintf(message_max, sizeof(message_max), "%lld", (long long)message_bytes_max);
    const struct kafka_property defaults[] = {{"compression.type", "lz4"},
                                              {"linger.ms", linger},
                                              {"queue.buffering.max.kbytes", "65536"},
                                              {"queue.buffering.max.messages", "200000"},
                                              {"batch.num.messages", "10000"},
                                              {0}};
    const struct kafka_property ours[] = {{"enable.idempotence", "true"},
                                          {"acks", "all"},
                                          {"partitioner", "murmur2_random"},
                                          {"message.timeout.ms", "0"},
                                          {"batch.size", batch},
                                          {"message.max.bytes", message_max},
                                          {0}};
    return kafka_conf_new(migration, role, instance, defaults, ours, err);
}

struct sink *sink_open(const struct migration *migration, const char *role, const char *instance,
                       int linger_ms, struct err *err)
{
    struct sink *sink = calloc(1, sizeof(*sink));
    if (!sink) {
        err_set(err, ERR_RETRY, "sink: out of memory");
        return NULL;
    }
    sink->migration = migration;
    buf_init(&sink->scratch, 0);
    rd_kafka_conf_t *conf = sink_conf(migration, role, instance, linger_ms, err);
    if (!conf)
        goto fail;
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_opaque(conf, sink);
    sink->handle = kafka_new(RD_KAFKA_PRODUCER, conf, err);
    if (!sink->handle)
        goto fail;
    return sink;
fail:
    sink_close(sink);
    return NULL;
}

void sink_close(struct sink *sink)
{
    if (!sink)
        return;
    for (int i = 0; i < sink->topic_count; i++)
        rd_kafka_topic_destroy(sink->topics[i].handle);
    if (sink->handle) {
        sink->abandoned = true;
        /* Without this, destroy would wait for what message.timeout.ms=0 keeps for ever. */
        rd_kafka_purge(sink->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_poll(sink->handle, 0);
        rd_kafka_destroy(sink->handle);
    }
    buf_clear(&sink->scratch);
    free(sink);
}

void sink_wait(struct sink *sink, int64_t since_ms, int slice_ms)
{
    char why[256], brokers[KAFKA_BROKERS_BYTES];
    rd_kafka_poll(sink->handle, slice_ms);
    service_heartbeat();
    if (clock_mono_ms(&CLOCK_SYSTEM) - since_ms < SILENCE_MS)
        return;
    kafka_brokers(sink->handle, brokers);
    (void)snprintf(why, sizeof(why),
                   "waiting for Kafka at %s: %lld messages without a delivery report", brokers,
                   (long long)sink_unreported(sink));
    service_set_ready(false, why);
}

bool sink_gives_up(struct sink *sink)
{
    if (!service_stopping())
        return false;
    int64_t now_ms = clock_mono_ms(&CLOCK_SYSTEM);
    if (!sink->stop_seen_ms)
        sink->stop_seen_ms = now_ms;
    sink->abandoned = sink->abandoned || now_ms - sink->stop_seen_ms >= STOP_GRACE_MS;
    return sink->abandoned;
}

static int sink_check(struct sink *sink, struct err *err)
{
    if (sink->failed.kind == ERR_NONE) {
        char text[256];
        if (!rd_kafka_fatal_error(sink->handle, text, sizeof(text)))
            return 0;
        (void)err_exit(&sink->failed, EX_TEMPFAIL, "kafka producer: %s", text);
    }
    int code = sink->failed.exit_code ? sink->failed.exit_code : EX_TEMPFAIL;
    return err_exit(err, code, "%s", sink->failed.text);
}

static size_t message_bytes(const struct sink_message *message)
{
    size_t bytes = MESSAGE_OVERHEAD_BYTES + message->key.len + message->value.len;
    for (int i = 0; i < message->header_count; i++)
        bytes += strlen(message->headers[i].name) + message->headers[i].value.len + 10;
    return bytes;
}

static rd_kafka_headers_t *sink_headers(const struct sink_message *message)
{
    if (message->header_count == 0)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new((size_t)message->header_count);
    for (int i = 0; i < message->header_count; i++) {
        const struct sink_header *header = &message->headers[i];
        rd_kafka_header_add(headers, header->name, -1, header->value.data,
                            (ssize_t)header->value.len);
    }
    return headers;
}

static rd_kafka_resp_err_t produce(struct sink *sink, const struct sink_topic *topic,
                                   const struct sink_message *message, struct sink_report *report)
{
    rd_kafka_headers_t *headers = sink_headers(message);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        sink->handle, RD_KAFKA_V_RKT(topic->handle),
        RD_KAFKA_V_PARTITION(message->partition < 0 ? RD_KAFKA_PARTITION_UA : message->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(message->key.data, message->key.len),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)message->value.data, message->value.len),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(report), RD_KAFKA_V_END);
    if (code && headers)
        rd_kafka_headers_destroy(headers);
    return code;
}

int sink_put(struct sink *sink, const struct sink_message *message, struct sink_report *report,
             struct err *err)
{
    struct sink_topic *topic = sink_topic(sink, message->topic, err);
    if (!topic || sink_check(sink, err) < 0)
        return -1;
    size_t bytes = message_bytes(message);
    if (bytes > topic->max_bytes)
        return err_set(err, ERR_REJECT, "%zu bytes are more than topic %s takes (%zu)", bytes,
                       topic->name, topic->max_bytes);
    if (report)
        *report = (struct sink_report){.partition = -1, .offset = -1};
    int64_t since_ms = 0;
    for (;;) {
        rd_kafka_resp_err_t code = produce(sink, topic, message, report);
        if (!code)
            break;
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return sink_check(sink, err) < 0
                       ? -1
                       : kafka_err(err, sink->handle, code, "put to %s", topic->name);
        if (sink_gives_up(sink))
            return err_set(err, ERR_RETRY, "stopping while Kafka takes nothing");
        if (!since_ms)
            since_ms = clock_mono_ms(&CLOCK_SYSTEM);
        sink_wait(sink, since_ms, SINK_WAIT_SLICE_MS);
        if (sink_check(sink, err) < 0)
            return -1;
    }
    metric_add(topic->put, 1);
    if (++sink->put % SERVE_EVERY_PUTS == 0)
        sink_serve(sink);
    return 0;
}

int sink_settle(struct sink *sink, int timeout_ms, struct err *err)
{
    int64_t since_ms = clock_mono_ms(&CLOCK_SYSTEM);
    while (sink_unreported(sink) > 0) {
        int64_t left_ms = since_ms + timeout_ms - clock_mono_ms(&CLOCK_SYSTEM);
        if (timeout_ms >= 0 && left_ms <= 0)
            return err_set(err, ERR_RETRY, "%lld delivery reports are outstanding after %d ms",
                           (long long)sink_unreported(sink), timeout_ms);
        if (timeout_ms < 0 && sink_gives_up(sink))
            return err_set(err, ERR_RETRY, "stopping with %lld delivery reports outstanding",
                           (long long)sink_unreported(sink));
        int slice_ms =
            timeout_ms >= 0 && left_ms < SINK_WAIT_SLICE_MS ? (int)left_ms : SINK_WAIT_SLICE_MS;
        /* flush, because it does not wait for linger.ms */
        (void)rd_kafka_flush(sink->handle, slice_ms);
        if (sink_unreported(sink) > 0)
            sink_wait(sink, since_ms, 0);
        if (sink_check(sink, err) < 0)
            return -1;
    }
    return sink_check(sink, err);
}

void sink_serve(struct sink *sink)
{
    rd_kafka_poll(sink->handle, 0);
}

struct buf *sink_scratch(struct sink *sink)
{
    buf_reset(&sink->scratch);
    return &sink->scratch;
}

int64_t sink_unreported(const struct sink *sink)
{
    return sink->put - sink->reported;
}

int sink_end_offset(struct sink *sink, const char *topic, int32_t partition, int64_t *ret_offset,
                    struct err *err)
{
    return kafka_offsets(sink->handle, topic, partition, NULL, ret_offset, err);
}
