/*
 * kafka — how every librdkafka handle of a migration is configured and what its errors mean to us. Private to common/stream.
 */
#ifndef TANDEM_STREAM_KAFKA_H
#define TANDEM_STREAM_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "base/err.h"
#include "model/migration.h"

struct kafka_property {
    const char *name, *value;
};

/*
 * A configuration: defaults (may be NULL; ends with {0}), over them the migration's properties verbatim, over them client.id =
 * "<ns>-<role>-<instance>" and ours (may be NULL; ends with {0}), which no property may touch. A property the library refuses, or one
 * that Tandem sets itself, is ERR_FATAL EX_CONFIG naming it. Returns the configuration (owned), or NULL.
 */
rd_kafka_conf_t *kafka_conf_new(const struct migration *migration, const char *role,
                                const char *instance, const struct kafka_property *defaults,
                                const struct kafka_property *ours, struct err *err);

/* The log callback that kafka_conf_new sets; for those who set one of their own on top. */
void kafka_log(const rd_kafka_t *handle, int level, const char *facility, const char *text);

/* conf is taken, also on failure. Returns the handle, or NULL. */
rd_kafka_t *kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *err);

/* The bootstrap servers of a handle, for people: cut at a comma when there are many. */
enum { KAFKA_BROKERS_BYTES = 120 };
void kafka_brokers(const rd_kafka_t *handle, char ret_brokers[KAFKA_BROKERS_BYTES]);

/*
 * What an error code of this handle means, with the brokers asked and what a person does next: ERR_FATAL EX_NOPERM where a right or the
 * password is missing, EX_TEMPFAIL for a broken client, else ERR_RETRY (an unknown topic too: a broker that was cut off knows none for a
 * while). format says what we were doing. Returns -1.
 */
int kafka_err(struct err *err, const rd_kafka_t *handle, rd_kafka_resp_err_t code,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Does any broker answer within timeout_ms? Reads a little metadata. 0, or -1 as kafka_err. For commands, which a person waits for. */
int kafka_probe(const struct migration *migration, int timeout_ms, struct err *err);

/* How many partitions topic has; never creates it. 0 with *ret_count 0 when there is no such topic; -1 with ERR_RETRY / ERR_FATAL. */
int kafka_partitions(rd_kafka_t *handle, const char *topic, int timeout_ms, int *ret_count,
                     struct err *err);

/* A partition's first offset and its end (one past the last message) now; each may be NULL. */
int kafka_offsets(rd_kafka_t *handle, const char *topic, int32_t partition, int64_t *ret_first,
                  int64_t *ret_end, struct err *err);

/* The last header of that name; SPAN_NONE if absent. */
struct span kafka_header(const rd_kafka_message_t *message, const char *name);

#endif
