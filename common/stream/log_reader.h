/*
 * log_reader — read partitions of a topic from given offsets to their end (or on and on), without a consumer group: how
 * a compacted topic becomes knowledge (control, cursors, state). One librdkafka consumer in assign mode.
 */
#ifndef TANDEM_STREAM_LOG_READER_H
#define TANDEM_STREAM_LOG_READER_H

#include "base/buf.h"
#include "base/err.h"
#include "model/migration.h"

struct log_reader;

struct log_message {
    int32_t partition;
    int64_t offset, timestamp_ms;
    struct span key, value; /* value.data NULL = tombstone; borrowed until the next call */
    const void *message;    /* rd_kafka_message_t, for headers: log_message_header */
};
/* The last header of that name; SPAN_NONE if absent. */
struct span log_message_header(const struct log_message *message, const char *name);

struct log_reader *log_reader_open(const struct migration *migration, const char *role,
                                   struct err *err);
void log_reader_close(struct log_reader *reader);

/* Read partition of topic from offset (≥ 0, or −2 = beginning); may be called for several partitions; a partition already read is moved. */
int log_reader_add(struct log_reader *reader, const char *topic, int32_t partition, int64_t offset,
                   struct err *err);
int log_reader_remove(struct log_reader *reader, const char *topic, int32_t partition,
                      struct err *err);

/*
 * Where reading stands: every message below *ret_offset was handed out by log_reader_next (or is not there: compacted away, a gap), so
 * position ≥ end offset = read to the end. Untouched and false for a partition that was not added.
 */
bool log_reader_position(const struct log_reader *reader, const char *topic, int32_t partition,
                         int64_t *ret_offset);

/* End offset (one past the last message) of a partition now. */
int log_reader_end(struct log_reader *reader, const char *topic, int32_t partition,
                   int64_t *ret_offset, struct err *err);

/* Next message within timeout_ms: 1 = one in ret_message, 0 = none, -1 = err (ERR_RETRY, ERR_FATAL). Offset out of range is ERR_FATAL naming the partition. */
int log_reader_next(struct log_reader *reader, int timeout_ms, struct log_message *ret_message,
                    struct err *err);

/* Fold a whole topic (all partitions, beginning to the end offsets of now): each message in offset order per partition.
 * fn returns 0 to go on, -1 to stop with err. */
int log_reader_fold(const struct migration *migration, const char *topic,
                    int (*fn)(void *self, const struct log_message *message, struct err *err),
                    void *self, struct err *err);

#endif
