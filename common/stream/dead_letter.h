/*
 * dead_letter — what could not be applied, put on <ns>.dlq: key, value and headers byte-identical as they came, and behind them
 * Kafka Connect's __connect.errors.* headers (apache/kafka DeadLetterQueueReporter.java) without the stack trace, and ours
 * (schemas/dlq-headers.schema.json):
 *
 *   tandem.reason         the reason class, few and counted: "mapping", "rejected", "undecodable", "too-large" …
 *   tandem.entity, tandem.system
 *   tandem.timestamp_ms   of the original message (the topic itself has LogAppendTime); not for source records
 */
#ifndef TANDEM_STREAM_DEAD_LETTER_H
#define TANDEM_STREAM_DEAD_LETTER_H

#include "model/migration.h"
#include "stream/sink.h"

struct dead_letter {
    /* The message as it came: from struct message (handler.h) or struct log_message; or a source's
     * raw record with topic NULL. */
    const char *topic;
    int32_t partition;
    int64_t offset, timestamp_ms;
    struct span key, value; /* value.data NULL = null */
    const void *message;    /* rd_kafka_message_t whose headers are kept; NULL: none */

    const char *process;  /* "apply", "poll": __connect.errors.connector.name = "<ns>-<process>" */
    const char *instance; /* __connect.errors.task.id */
    const char
        *stage; /* Connect's names: "VALUE_CONVERTER", "TRANSFORMATION", "TASK_PUT", "TASK_POLL" */
    const char
        *reason_class;  /* tandem.reason, and exception.class.name = "tandem.<reason_class>" */
    const char *reason; /* in words, pii masked; exception.message */
    const char *entity, *system; /* NULL: left out */
};

/*
 * As sink_put. What is over the dead-letter topic's own cap (4 × record_max_bytes) is put with an
 * empty value, the length in tandem.value_bytes: a dead letter must never be refused. Headers
 * of its own beyond SINK_HEADERS_MAX are dropped.
 */
int dead_letter_put(struct sink *sink, const struct migration *migration,
                    const struct dead_letter *letter, struct sink_report *report, struct err *err);

#endif
