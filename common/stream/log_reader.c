/*
 * log_reader — see log_reader.h. PARTITION_EOF events tell where reading stands behind the last message: with compaction the end
 * offset may lie behind a gap that no message fills.
 */
#include "stream/log_reader.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/service.h"
#include "stream/kafka.h"

enum { READER_PARTITIONS_MAX = 8192, METADATA_TIMEOUT_MS = 10 * 1000, FOLD_SLICE_MS = 200 };

struct log_reader {
    rd_kafka_t *handle;
    rd_kafka_message_t *current;              /* what the last message borrows from */
    rd_kafka_topic_partition_list_t *reading; /* offset = position: the next one to be read */
};

struct log_reader *log_reader_open(const struct migration *migration, const char *role,
                                   struct err *err)
{
    char group[128];
    (void)snprintf(group, sizeof(group), "%s.reader", migration->ns);
    /* The library wants a group id even where nobody joins or commits. */
    const struct kafka_property ours[] = {{"group.id", group},
                                          {"enable.auto.commit", "false"},
                                          {"enable.auto.offset.store", "false"},
                                          {"auto.offset.reset", "error"},
                                          {"enable.partition.eof", "true"},
                                          {"isolation.level", "read_uncommitted"},
                                          {"allow.auto.create.topics", "false"},
                                          {0}};
    /* One reader may hold partitions by the dozen; RSS matters more than depth. */
    const struct kafka_property defaults[] = {
        {"queued.max.messages.kbytes", "8192"},
        {"queued.min.messages", "10000"},
        {"fetch.error.backoff.ms", "20"},
        {"fetch.wait.max.ms", "50"}, /* what is added waits until the fetch under way comes back */
        {0}};
    struct log_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) {
        err_set(err, ERR_RETRY, "log reader: out of memory");
        return NULL;
    }
    reader->reading = rd_kafka_topic_partition_list_new(8);
    rd_kafka_conf_t *conf = kafka_conf_new(migration, role, "reader", defaults, ours, err);
    if (conf)
        reader->handle = kafka_new(RD_KAFKA_CONSUMER, conf, err);
    if (!reader->handle) {
        log_reader_close(reader);
        return NULL;
    }
    rd_kafka_poll_set_consumer(reader->handle);
    return reader;
}

static void release_current(struct log_reader *reader)
{
    if (reader->current)
        rd_kafka_message_destroy(reader->current);
    reader->current = NULL;
}

void log_reader_close(struct log_reader *reader)
{
    if (!reader)
        return;
    release_current(reader);
    if (reader->handle) {
        rd_kafka_assign(reader->handle, NULL);
        rd_kafka_consumer_close(reader->handle);
        rd_kafka_destroy(reader->handle);
    }
    rd_kafka_topic_partition_list_destroy(reader->reading);
    free(reader);
}

typedef rd_kafka_error_t *change_fn(rd_kafka_t *, const rd_kafka_topic_partition_list_t *);

static int change(struct log_reader *reader, const rd_kafka_topic_partition_list_t *list,
                  change_fn *fn, struct err *err)
{
    rd_kafka_error_t *error = fn(reader->handle, list);
    if (!error)
        return 0;
    err_exit(err, EX_SOFTWARE, "reading %s: %s", list->elems[0].topic,
             rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return -1;
}

static int add_list(struct log_reader *reader, const rd_kafka_topic_partition_list_t *list,
                    struct err *err)
{
    if (reader->reading->cnt + list->cnt > READER_PARTITIONS_MAX)
        return err_set(err, ERR_FATAL, "one reader takes %d partitions", READER_PARTITIONS_MAX);
    if (change(reader, list, rd_kafka_incremental_assign, err) < 0)
        return -1;
    for (int i = 0; i < list->cnt; i++)
        rd_kafka_topic_partition_list_add(reader->reading, list->elems[i].topic,
                                          list->elems[i].partition)
            ->offset = list->elems[i].offset;
    return 0;
}

int log_reader_add(struct log_reader *reader, const char *topic, int32_t partition, int64_t offset,
                   struct err *err)
{
    if (log_reader_remove(reader, topic, partition, err) < 0)
        return -1;
    /* Left to the library, "from the beginning" often costs half a second: it asks a leader that it does not know yet. */
    if (offset == RD_KAFKA_OFFSET_BEGINNING &&
        kafka_offsets(reader->handle, topic, partition, &offset, NULL, err) < 0)
        return -1;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    int result = add_list(reader, list, err);
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}

int log_reader_remove(struct log_reader *reader, const char *topic, int32_t partition,
                      struct err *err)
{
    if (!rd_kafka_topic_partition_list_find(reader->reading, topic, partition))
        return 0;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    int result = change(reader, list, rd_kafka_incremental_unassign, err);
    rd_kafka_topic_partition_list_destroy(list);
    if (result == 0)
        rd_kafka_topic_partition_list_del(reader->reading, topic, partition);
    return result;
}

bool log_reader_position(const struct log_reader *reader, const char *topic, int32_t partition,
                         int64_t *ret_offset)
{
    const rd_kafka_topic_partition_t *at =
        rd_kafka_topic_partition_list_find(reader->reading, topic, partition);
    if (!at)
        return false;
    *ret_offset = at->offset;
    return true;
}

int log_reader_end(struct log_reader *reader, const char *topic, int32_t partition,
                   int64_t *ret_offset, struct err *err)
{
    return kafka_offsets(reader->handle, topic, partition, NULL, ret_offset, err);
}

struct span log_message_header(const struct log_message *message, const char *name)
{
    return kafka_header(message->message, name);
}

/* One event of the library: 1 = a message, 0 = nothing for the caller, -1 = err. */
static int take(struct log_reader *reader, rd_kafka_message_t *message, struct err *err)
{
    reader->current = message;
    if (!message->rkt)
        return kafka_err(err, reader->handle, message->err, "reading: %s",
                         rd_kafka_message_errstr(message));
    const char *topic = rd_kafka_topic_name(message->rkt);
    rd_kafka_topic_partition_t *at =
        rd_kafka_topic_partition_list_find(reader->reading, topic, message->partition);
    if (!at) /* removed meanwhile */
        return 0;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        at->offset = message->offset;
        return 0;
    }
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        return err_exit(err, EX_DATAERR, "%s/%d: offset %lld is not there any more", topic,
                        (int)message->partition, (long long)at->offset);
    if (message->err)
        return kafka_err(err, reader->handle, message->err, "reading %s/%d", topic,
                         (int)message->partition);
    at->offset = message->offset + 1;
    return 1;
}

static void fill(const rd_kafka_message_t *from, struct log_message *ret_message)
{
    *ret_message = (struct log_message){
        .partition = from->partition,
        .offset = from->offset,
        .timestamp_ms = rd_kafka_message_timestamp(from, NULL),
        .key = {from->key, from->key_len},
        .value = {from->payload, from->len},
        .message = from,
    };
}

int log_reader_next(struct log_reader *reader, int timeout_ms, struct log_message *ret_message,
                    struct err *err)
{
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + timeout_ms;
    release_current(reader);
    for (;;) {
        int64_t left_ms = until_ms - clock_mono_ms(&CLOCK_SYSTEM);
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(reader->handle, left_ms > 0 ? (int)left_ms : 0);
        if (!message)
            return 0;
        int got = take(reader, message, err);
        if (got > 0)
            fill(message, ret_message);
        if (got != 0)
            return got;
        release_current(reader);
    }
}

/* ---- a whole topic ---- */

static int add_all(struct log_reader *reader, const char *topic, int64_t *ends, int count,
                   struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    int result = 0;
    for (int p = 0; p < count && result == 0; p++) {
        int64_t first;
        result = kafka_offsets(reader->handle, topic, p, &first, &ends[p], err);
        if (result == 0 && first < ends[p])
            rd_kafka_topic_partition_list_add(list, topic, p)->offset = first;
    }
    if (result == 0 && list->cnt > 0)
        result = add_list(reader, list, err);
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}

static bool at_ends(const struct log_reader *reader, const char *topic, const int64_t *ends,
                    int count)
{
    int64_t position;
    for (int p = 0; p < count; p++)
        if (log_reader_position(reader, topic, p, &position) && position < ends[p])
            return false;
    return true;
}

static int fold(struct log_reader *reader, const char *topic, const int64_t *ends, int count,
                int (*fn)(void *self, const struct log_message *message, struct err *err),
                void *self, struct err *err)
{
    struct log_message message;
    while (!at_ends(reader, topic, ends, count)) {
        int got = log_reader_next(reader, FOLD_SLICE_MS, &message, err);
        service_heartbeat();
        if (got < 0)
            return -1;
        if (got == 0 && service_stopping())
            return err_set(err, ERR_RETRY, "stopping while reading %s", topic);
        /* What came after we asked for the ends belongs to the next reading. */
        if (got > 0 && message.offset < ends[message.partition] && fn(self, &message, err) < 0)
            return -1;
    }
    return 0;
}

int log_reader_fold(const struct migration *migration, const char *topic,
                    int (*fn)(void *self, const struct log_message *message, struct err *err),
                    void *self, struct err *err)
{
    int64_t *ends = NULL;
    int count = 0, result = -1;
    struct log_reader *reader = log_reader_open(migration, "fold", err);
    if (!reader)
        return -1;
    if (kafka_partitions(reader->handle, topic, METADATA_TIMEOUT_MS, &count, err) < 0)
        goto done;
    if (count == 0) {
        err_exit(err, EX_CONFIG, "topic %s does not exist; run `tandem topics apply`", topic);
        goto done;
    }
    ends = calloc((size_t)count, sizeof(*ends));
    if (!ends)
        err_set(err, ERR_RETRY, "reading %s: out of memory", topic);
    else if (add_all(reader, topic, ends, count, err) == 0)
        result = fold(reader, topic, ends, count, fn, self, err);
done:
    free(ends);
    log_reader_close(reader);
    return result;
}
