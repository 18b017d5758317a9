/*
 * fake_kafka — sink.h and log_reader.h over the topics in the world. What was put is appended when the sink settles; of a process
 * that dies or is stopped before, any beginning of it may have arrived.
 */
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "base/service.h"
#include "simulator.h"
#include "stream/log_reader.h"
#include "stream/pause.h"
#include "stream/sink.h"

enum { PENDING_MAX = 256, LOG_READERS_MAX = 8 };

struct sink {
    struct {
        struct sim_topic *topic;
        struct sim_message message;
        struct sink_report *report;
        int64_t offset; /* −1: not appended */
    } pending[PENDING_MAX];
    int count;
};
static struct sink sinks[SIM_PROCESSES];

void kafka_init(void)
{
    memset(sinks, 0, sizeof sinks);
    world.changes.name = "sim.changes.contact";
    world.state.name = "sim.state.contact";
    world.outcomes.name = "sim.outcomes";
    world.hints.name = "sim.hints.contact";
    world.other.name = "sim.other";
}

/* A person's value that an outcome names did not vanish without a trace. */
static void find_traces(struct span text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] != '"' || (text.data[i + 1] | 32) != 'h')
            continue;
        int token = sim_token_of((struct value){VALUE_SET, {text.data + i + 1, text.len - i - 1}});
        if (token >= 0)
            world.traced[token] = true;
    }
}

void kafka_append(struct sim_topic *topic, struct span key, struct span value, struct span epoch)
{
    if (topic->count == topic->cap) {
        int cap = topic->cap ? topic->cap * 2 : 32;
        struct sim_message *more = arena_new(&world.arena, struct sim_message, cap);
        if (topic->count)
            memcpy(more, topic->messages, sizeof *more * (size_t)topic->count);
        topic->messages = more;
        topic->cap = cap;
    }
    if (topic == &world.outcomes) {
        find_traces(value);
        sim_log("outcome %.*s", (int)value.len, value.data);
    } else if (topic == &world.state && value.data) {
        sim_log("state[%d] %.*s", topic->count, (int)value.len, value.data);
    }
    topic->messages[topic->count++] = (struct sim_message){key, value, epoch};
}

static void append_pending(struct sink *sink, int count)
{
    for (int i = 0; i < count; i++) {
        if (sink->pending[i].offset >= 0)
            continue;
        struct sim_message *message = &sink->pending[i].message;
        sink->pending[i].offset = sink->pending[i].topic->count;
        kafka_append(sink->pending[i].topic, message->key, message->value, message->epoch);
    }
}

void kafka_process_stops(int process)
{
    struct sink *sink = &sinks[process];
    if (sink->count)
        append_pending(sink, (int)sim_below((uint32_t)sink->count + 1));
}

/* Nobody pauses anything here. */
const struct pause *pause_watch_of(const struct pause_watch *watch, const struct entity *entity)
{
    (void)watch;
    (void)entity;
    return NULL;
}

struct sink *sink_open(const struct migration *migration, const char *role, const char *instance,
                       int linger_ms, struct err *err)
{
    (void)migration, (void)role, (void)instance, (void)linger_ms, (void)err;
    sinks[process_current()].count = 0;
    return &sinks[process_current()];
}

void sink_close(struct sink *sink)
{
    if (sink)
        sink->count = 0;
}

enum { SCRATCH_MAX_BYTES = 1 << 20 };

static struct sim_topic *topic_of(const char *name)
{
    struct sim_topic *topics[] = {&world.state, &world.outcomes, &world.hints, &world.changes};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
        if (strcmp(topics[i]->name, name) == 0)
            return topics[i];
    return &world.other;
}

int sink_put(struct sink *sink, const struct sink_message *message, struct sink_report *report,
             struct err *err)
{
    if (sink->count == PENDING_MAX)
        return err_set(err, ERR_FATAL, "simulator: too many messages");
    struct span epoch = SPAN_NONE;
    for (int h = 0; h < message->header_count; h++)
        if (strcmp(message->headers[h].name, "epoch") == 0)
            epoch = arena_copy(&world.arena, message->headers[h].value);
    struct span value = message->value.data ? arena_copy(&world.arena, message->value) : SPAN_NONE;
    sink->pending[sink->count].topic = topic_of(message->topic);
    sink->pending[sink->count].message =
        (struct sim_message){arena_copy(&world.arena, message->key), value, epoch};
    sink->pending[sink->count].report = report;
    sink->pending[sink->count++].offset = -1;
    return 0;
}

int sink_settle(struct sink *sink, int timeout_ms, struct err *err)
{
    (void)timeout_ms, (void)err;
    append_pending(sink, sink->count);
    for (int i = 0; i < sink->count; i++)
        if (sink->pending[i].report)
            *sink->pending[i].report = (struct sink_report){0, sink->pending[i].offset};
    sink->count = 0;
    return 0;
}

void sink_serve(struct sink *sink)
{
    (void)sink;
}

struct buf *sink_scratch(struct sink *sink)
{
    static struct buf scratch; /* as the real one's: until the next use */
    (void)sink;
    if (!scratch.max_bytes)
        buf_init(&scratch, SCRATCH_MAX_BYTES);
    buf_reset(&scratch);
    return &scratch;
}

/* ---- reading ---- */

struct log_reader {
    bool open, added;
    int64_t next;
    rd_kafka_message_t raw; /* what partition.c asks the topic's name of */
};
static struct log_reader readers[SIM_PROCESSES * LOG_READERS_MAX];

/* Instead of librdkafka's: the only topic that apply reads. */
const char *rd_kafka_topic_name(const rd_kafka_topic_t *topic)
{
    (void)topic;
    return world.state.name;
}

struct log_reader *log_reader_open(const struct migration *migration, const char *role,
                                   struct err *err)
{
    (void)migration, (void)role;
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        if (!readers[i].open) {
            readers[i] = (struct log_reader){.open = true};
            return &readers[i];
        }
    (void)err_set(err, ERR_FATAL, "simulator: too many readers");
    return NULL;
}

void log_reader_close(struct log_reader *reader)
{
    if (reader)
        reader->open = false;
}

int log_reader_add(struct log_reader *reader, const char *topic, int32_t partition, int64_t offset,
                   struct err *err)
{
    (void)topic, (void)partition, (void)err;
    reader->added = true;
    reader->next = offset < 0 ? 0 : offset;
    return 0;
}

int log_reader_remove(struct log_reader *reader, const char *topic, int32_t partition,
                      struct err *err)
{
    (void)topic, (void)partition, (void)err;
    reader->added = false;
    return 0;
}

bool log_reader_position(const struct log_reader *reader, const char *topic, int32_t partition,
                         int64_t *ret_offset)
{
    (void)topic, (void)partition;
    if (!reader->added)
        return false;
    *ret_offset = reader->next;
    return true;
}

int log_reader_end(struct log_reader *reader, const char *topic, int32_t partition,
                   int64_t *ret_offset, struct err *err)
{
    (void)reader, (void)topic, (void)partition, (void)err;
    *ret_offset = world.state.count;
    return 0;
}

static struct log_message message_at(struct log_reader *reader, int64_t offset)
{
    const struct sim_message *message = &world.state.messages[offset];
    return (struct log_message){.offset = offset,
                                .key = message->key,
                                .value = message->value,
                                .message = reader ? &reader->raw : NULL};
}

int log_reader_next(struct log_reader *reader, int timeout_ms, struct log_message *ret_message,
                    struct err *err)
{
    (void)timeout_ms, (void)err;
    if (!reader->added || reader->next >= world.state.count)
        return 0;
    *ret_message = message_at(reader, reader->next++);
    return 1;
}

struct span log_message_header(const struct log_message *message, const char *name)
{
    (void)name;
    return world.state.messages[message->offset].epoch;
}

int log_reader_fold(const struct migration *migration, const char *topic,
                    int (*fn)(void *self, const struct log_message *message, struct err *err),
                    void *self, struct err *err)
{
    (void)migration, (void)topic;
    int end = world.state.count;
    for (int i = 0; i < end; i++) {
        struct log_message message = message_at(NULL, i);
        if (fn(self, &message, err) != 0)
            return -1;
    }
    return 0;
}

/* Reading takes no time here. */
void service_heartbeat(void)
{
}
