/*
 * kafka — see kafka.h.
 */
#include "stream/kafka.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"

enum { PROPERTY_NAME_BYTES = 128, QUERY_TIMEOUT_MS = 10 * 1000 };

/* Set by us alone: another value would break what design §4 promises. */
static const char *const RESERVED[] = {"acks",
                                       "request.required.acks",
                                       "enable.idempotence",
                                       "message.timeout.ms",
                                       "delivery.timeout.ms",
                                       "partitioner",
                                       "transactional.id",
                                       "enable.auto.commit",
                                       "enable.auto.offset.store",
                                       "auto.offset.reset",
                                       "partition.assignment.strategy",
                                       "group.id",
                                       "group.instance.id",
                                       "client.id",
                                       "session.timeout.ms",
                                       "max.poll.interval.ms",
                                       "enable.partition.eof",
                                       "isolation.level",
                                       "batch.size",
                                       "message.max.bytes",
                                       "allow.auto.create.topics",
                                       NULL};

static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle;
    /* CONFWARN: one list of properties serves producers and consumers. */
    enum log_level at = level <= 4 && strcmp(facility, "CONFWARN") != 0 ? LOG_WARN_ : LOG_DEBUG_;
    log_at(at, "kafka client", log_str("facility", facility), log_str("text", text));
}

static int put(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return 0;
    return err_exit(err, EX_CONFIG, "kafka property \"%s\": %s", name, text);
}

static int put_all(rd_kafka_conf_t *conf, const struct kafka_property *list, struct err *err)
{
    for (; list && list->name; list++)
        if (put(conf, list->name, list->value, err) < 0)
            return -1;
    return 0;
}

static int put_verbatim(rd_kafka_conf_t *conf, const char *property, struct err *err)
{
    char name[PROPERTY_NAME_BYTES];
    const char *equals = strchr(property, '=');
    if (!equals || (size_t)(equals - property) >= sizeof(name))
        return err_exit(err, EX_CONFIG, "kafka property \"%.100s\" is not name=value", property);
    (void)snprintf(name, sizeof(name), "%.*s", (int)(equals - property), property);
    for (int i = 0; RESERVED[i]; i++)
        if (strcmp(name, RESERVED[i]) == 0)
            return err_exit(err, EX_CONFIG,
                            "kafka property \"%s\" is set by Tandem itself; remove it", name);
    return put(conf, name, equals + 1, err);
}

rd_kafka_conf_t *kafka_conf_new(const struct migration *migration, const char *role,
                                const char *instance, const struct kafka_property *defaults,
                                const struct kafka_property *ours, struct err *err)
{
    char client_id[256];
    (void)snprintf(client_id, sizeof(client_id), "%s-%s-%s", migration->ns, role, instance);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (put_all(conf, defaults, err) < 0)
        goto fail;
    for (int i = 0; i < migration->kafka.property_count; i++)
        if (put_verbatim(conf, migration->kafka.properties[i], err) < 0)
            goto fail;
    if (put(conf, "client.id", client_id, err) < 0 || put_all(conf, ours, err) < 0)
        goto fail;
    return conf;
fail:
    rd_kafka_conf_destroy(conf);
    return NULL;
}

rd_kafka_t *kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *err)
{
    char text[256];
    rd_kafka_t *handle = rd_kafka_new(type, conf, text, sizeof(text));
    if (handle)
        return handle;
    rd_kafka_conf_destroy(conf);
    err_exit(err, EX_CONFIG, "kafka client: %s", text);
    return NULL;
}

static bool is_denied(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
           code == RD_KAFKA_RESP_ERR__AUTHENTICATION;
}

static bool is_unknown(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

int kafka_err(struct err *err, rd_kafka_resp_err_t code, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    const char *text = rd_kafka_err2str(code);
    if (is_denied(code))
        return err_exit(err, EX_NOPERM, "%s: %s", what, text);
    if (is_unknown(code))
        return err_exit(err, EX_CONFIG, "%s: %s; run `tandem topics apply`", what, text);
    if (code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__FENCED)
        return err_exit(err, EX_TEMPFAIL, "%s: %s", what, text);
    return err_set(err, ERR_RETRY, "%s: %s", what, text);
}

int kafka_partitions(rd_kafka_t *handle, const char *topic, int timeout_ms, int *ret_count,
                     struct err *err)
{
    /* All topics: asking for one by name would create it where the broker allows that. */
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 1, NULL, &metadata, timeout_ms);
    if (code)
        return kafka_err(err, code, "Kafka's list of topics");
    int count = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *found = &metadata->topics[i];
        if (strcmp(found->topic, topic) == 0) {
            count = found->partition_cnt;
            code = found->err;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    if (code && !is_unknown(code))
        return kafka_err(err, code, "topic %s", topic);
    *ret_count = count;
    return 0;
}

int kafka_offsets(rd_kafka_t *handle, const char *topic, int32_t partition, int64_t *ret_first,
                  int64_t *ret_end, struct err *err)
{
    int64_t first, end;
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(handle, topic, partition, &first, &end, QUERY_TIMEOUT_MS);
    if (code)
        return kafka_err(err, code, "offsets of %s/%d", topic, (int)partition);
    if (ret_first)
        *ret_first = first;
    if (ret_end)
        *ret_end = end;
    return 0;
}

struct span kafka_header(const rd_kafka_message_t *message, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(message, &headers) ||
        rd_kafka_header_get_last(headers, name, &value, &size))
        return SPAN_NONE;
    return (struct span){value, size};
}
