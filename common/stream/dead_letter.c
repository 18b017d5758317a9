/*
 * dead_letter — see dead_letter.h. Ours come last, because of two headers of a name the last one counts (a message may die twice); and
 * have their room, so that a message with too many headers loses some of its own, never why it is here.
 */
#include "stream/dead_letter.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "stream/topics.h"

#define CONNECT "__connect.errors."

/* Headers under construction; numbers are rendered into texts. */
struct headers {
    struct sink_header items[SINK_HEADERS_MAX];
    int count;
    char connector[128], exception[128], class_name[128];
    char numbers[5][24];
    int number_count;
};

static void add(struct headers *headers, const char *name, struct span value)
{
    if (value.data && headers->count < SINK_HEADERS_MAX)
        headers->items[headers->count++] = (struct sink_header){name, value};
}

static void add_int(struct headers *headers, const char *name, int64_t value)
{
    char *text = headers->numbers[headers->number_count++];
    (void)snprintf(text, sizeof(headers->numbers[0]), "%lld", (long long)value);
    add(headers, name, span_of(text));
}

static void add_why(struct headers *headers, const struct migration *migration,
                    const struct dead_letter *letter)
{
    (void)snprintf(headers->connector, sizeof(headers->connector), "%s-%s", migration->ns,
                   letter->process);
    (void)snprintf(headers->class_name, sizeof(headers->class_name), "tandem.%s", letter->process);
    (void)snprintf(headers->exception, sizeof(headers->exception), "tandem.%s",
                   letter->reason_class);
    if (letter->topic) {
        add(headers, CONNECT "topic", span_of(letter->topic));
        add_int(headers, CONNECT "partition", letter->partition);
        add_int(headers, CONNECT "offset", letter->offset);
    }
    add(headers, CONNECT "connector.name", span_of(headers->connector));
    add(headers, CONNECT "task.id", span_of(letter->instance));
    add(headers, CONNECT "stage", span_of(letter->stage));
    add(headers, CONNECT "class.name", span_of(headers->class_name));
    add(headers, CONNECT "exception.class.name", span_of(headers->exception));
    add(headers, CONNECT "exception.message", span_of(letter->reason));
    add(headers, "tandem.reason", span_of(letter->reason_class));
    add(headers, "tandem.entity", span_of(letter->entity));
    add(headers, "tandem.system", span_of(letter->system));
    if (letter->topic)
        add_int(headers, "tandem.timestamp_ms", letter->timestamp_ms);
}

/* The message's own headers, then ours; returns how many. */
static int join(const struct headers *ours, const void *message, struct sink_header *ret_items)
{
    rd_kafka_headers_t *from = NULL;
    struct sink_header item;
    const void *value;
    int count = 0;
    if (message && rd_kafka_message_headers(message, &from) == 0 && from)
        while (count < SINK_HEADERS_MAX - ours->count &&
               rd_kafka_header_get_all(from, (size_t)count, &item.name, &value, &item.value.len) ==
                   0) {
            item.value.data = value;
            ret_items[count++] = item;
        }
    memcpy(ret_items + count, ours->items, (size_t)ours->count * sizeof(*ret_items));
    return count + ours->count;
}

int dead_letter_put(struct sink *sink, const struct migration *migration,
                    const struct dead_letter *letter, struct sink_report *report, struct err *err)
{
    char topic[TOPIC_NAME_BYTES], labels[160];
    struct headers ours = {.count = 0};
    struct sink_header items[SINK_HEADERS_MAX];
    topic_name(migration, TOPIC_DLQ, NULL, topic);
    add_why(&ours, migration, letter);
    struct sink_message message = {.topic = topic,
                                   .partition = SINK_PARTITION_BY_KEY,
                                   .key = letter->key,
                                   .value = letter->value,
                                   .headers = items,
                                   .header_count = join(&ours, letter->message, items)};
    struct err tried = ERR_INIT;
    int result = sink_put(sink, &message, report, &tried);
    if (result < 0 && tried.kind == ERR_REJECT) {
        /* Larger than even this topic takes: that it is dead must not be lost with it. */
        err_clear(&tried);
        add_int(&ours, "tandem.value_bytes", (int64_t)letter->value.len);
        message.value = (struct span){"", 0};
        message.headers = ours.items;
        message.header_count = ours.count;
        result = sink_put(sink, &message, report, &tried);
    }
    if (result < 0) {
        *err = tried;
        return -1;
    }
    (void)snprintf(labels, sizeof(labels), "reason=\"%.60s\"", letter->reason_class);
    metric_add(metric_counter("tandem_dead_letters_total", "Messages put on the dead-letter topic.",
                              labels),
               1);
    return 0;
}
