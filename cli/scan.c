/*
 * scan — see scan.h.
 */
#include "cli/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "stream/kafka.h"

enum { TOLD_EVERY_MS = 1000, ANSWER_TIMEOUT_MS = 4000, SLICE_MS = 200, FROM_BEGINNING = -2 };

struct scan {
    const char *topic;
    scan_fn *fn;
    void *self;
    int64_t count, told_ms;
    bool terminal, told;
};

static void scan_begin(struct scan *scan)
{
    scan->terminal = isatty(STDERR_FILENO) == 1;
    scan->told_ms = clock_mono_ms(&CLOCK_SYSTEM);
}

static int on_message(void *self, const struct log_message *message, struct err *err)
{
    struct scan *scan = self;
    scan->count++;
    if (scan->terminal && scan->count % 1024 == 0 &&
        clock_mono_ms(&CLOCK_SYSTEM) - scan->told_ms >= TOLD_EVERY_MS) {
        scan->told_ms = clock_mono_ms(&CLOCK_SYSTEM);
        scan->told = true;
        (void)fprintf(stderr, "\rreading %s: %" PRId64 " messages", scan->topic, scan->count);
    }
    return scan->fn(scan->self, message, err);
}

static void scan_end(const struct scan *scan)
{
    if (scan->told)
        (void)fputs("\r\033[K", stderr);
}

int scan_topic(const struct migration *migration, const char *topic, scan_fn *fn, void *self,
               struct err *err)
{
    struct scan scan = {.topic = topic, .fn = fn, .self = self};
    scan_begin(&scan);
    int result = log_reader_fold(migration, topic, on_message, &scan, err);
    scan_end(&scan);
    return result;
}

static int read_partition(struct log_reader *reader, struct scan *scan, int32_t partition,
                          struct err *err)
{
    int64_t end, at = 0;
    struct log_message message;
    if (log_reader_add(reader, scan->topic, partition, FROM_BEGINNING, err) < 0 ||
        log_reader_end(reader, scan->topic, partition, &end, err) < 0)
        return -1;
    while (log_reader_position(reader, scan->topic, partition, &at) && at < end) {
        int got = log_reader_next(reader, SLICE_MS, &message, err);
        if (got < 0 || (got > 0 && message.offset < end && on_message(scan, &message, err) < 0))
            return -1;
    }
    return 0;
}

int scan_partition(const struct migration *migration, const char *topic, int32_t partition,
                   scan_fn *fn, void *self, struct err *err)
{
    struct scan scan = {.topic = topic, .fn = fn, .self = self};
    struct log_reader *reader = log_reader_open(migration, "scan", err);
    if (!reader)
        return -1;
    scan_begin(&scan);
    int result = read_partition(reader, &scan, partition, err);
    scan_end(&scan);
    log_reader_close(reader);
    return result;
}

int scan_ready(const struct migration *migration, struct err *err)
{
    return kafka_probe(migration, ANSWER_TIMEOUT_MS, err);
}

/* org.apache.kafka.common.utils.Utils.murmur2 (Apache Kafka); librdkafka has the same, but only for a topic handle. */
static uint32_t murmur2(struct span key)
{
    const uint32_t m = 0x5bd1e995;
    const unsigned char *data = (const unsigned char *)key.data;
    uint32_t h = 0x9747b28cU ^ (uint32_t)key.len;
    size_t len = key.len;
    for (; len >= 4; data += 4, len -= 4) {
        uint32_t k =
            data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
        k *= m;
        k ^= k >> 24;
        h = h * m ^ k * m;
    }
    if (len == 3)
        h ^= (uint32_t)data[2] << 16;
    if (len >= 2)
        h ^= (uint32_t)data[1] << 8;
    if (len >= 1)
        h = (h ^ data[0]) * m;
    h = (h ^ h >> 13) * m;
    return h ^ h >> 15;
}

int32_t scan_partition_of(struct span key, int partitions)
{
    return (int32_t)((murmur2(key) & 0x7fffffff) % (uint32_t)partitions);
}
