/*
 * kafka — see kafka.h.
 */
#include "stream/kafka.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

/*
 * librdkafka before 2.6.1 repeats its nonce in SCRAM (confluentinc/librdkafka#4895): Kafka up to 3.9 lets that pass, Kafka 4 calls the
 * credentials invalid.
 */
enum { SCRAM_MENDED_VERSION = 0x020601ff };

/* A password that is not taken shows to the caller as a broker that does not answer: it has to be said here. */
static bool tell_refusal(const char *text)
{
    if (!strstr(text, "SASL authentication error") || strstr(text, "transport failure"))
        return false;
    bool scram = strstr(text, "SCRAM") && rd_kafka_version() < SCRAM_MENDED_VERSION;
    log_error("Kafka does not take the user or the password", log_str("why", text),
              log_str("advice",
                      scram ? "SCRAM of this librdkafka (before 2.6.1) is refused by Kafka 4; "
                              "with Kafka 4 take PLAIN over TLS, a client certificate, or a newer "
                              "librdkafka"
                            : "look at sasl.username and the password file"));
    return true;
}

void kafka_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle;
    if (tell_refusal(text))
        return;
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

static int put_password(rd_kafka_conf_t *conf, const char *path, struct err *err)
{
    char *password = NULL;
    if (!path)
        return 0;
    if (secret_read(path, &password, err) < 0)
        return -1;
    int failed = put(conf, "sasl.password", password, err);
    explicit_bzero(password, strlen(password));
    free(password);
    return failed;
}

rd_kafka_conf_t *kafka_conf_new(const struct migration *migration, const char *role,
                                const char *instance, const struct kafka_property *defaults,
                                const struct kafka_property *ours, struct err *err)
{
    char client_id[256];
    (void)snprintf(client_id, sizeof(client_id), "%s-%s-%s", migration->ns, role, instance);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, kafka_log);
    if (put_all(conf, defaults, err) < 0)
        goto fail;
    for (int i = 0; i < migration->kafka.property_count; i++)
        if (put_verbatim(conf, migration->kafka.properties[i], err) < 0)
            goto fail;
    if (put_password(conf, migration->kafka.password_file, err) < 0 ||
        put(conf, "client.id", client_id, err) < 0 || put_all(conf, ours, err) < 0)
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
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static bool is_stranger(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
           code == RD_KAFKA_RESP_ERR__AUTHENTICATION;
}

static bool is_unknown(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

static bool is_silent(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__RESOLVE ||
           code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

void kafka_brokers(const rd_kafka_t *handle, char ret_brokers[KAFKA_BROKERS_BYTES])
{
    char all[4096] = "";
    size_t size = sizeof(all);
    if (rd_kafka_conf_get(rd_kafka_conf((rd_kafka_t *)(uintptr_t)handle), "bootstrap.servers", all,
                          &size) != RD_KAFKA_CONF_OK ||
        !all[0])
        (void)snprintf(all, sizeof(all), "(no bootstrap.servers in kafka.properties)");
    /* A long list is cut at a comma. */
    if (strlen(all) >= KAFKA_BROKERS_BYTES) {
        all[KAFKA_BROKERS_BYTES - sizeof(", \u2026")] = '\0';
        char *comma = strrchr(all, ',');
        (void)snprintf(comma ? comma : all + strlen(all), sizeof(", \u2026"), ", \u2026");
    }
    (void)snprintf(ret_brokers, KAFKA_BROKERS_BYTES, "%s", all);
}

int kafka_err(struct err *err, const rd_kafka_t *handle, rd_kafka_resp_err_t code,
              const char *format, ...)
{
    char what[256], brokers[KAFKA_BROKERS_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    const char *text = rd_kafka_err2str(code);
    kafka_brokers(handle, brokers);
    if (is_denied(code))
        return err_exit(err, EX_NOPERM,
                        "%s: %s at %s; `tandem check --connect` lists the rights that are missing",
                        what, text, brokers);
    if (is_stranger(code))
        return err_exit(err, EX_NOPERM,
                        "%s: %s at %s; see the sasl and ssl lines of kafka.properties", what, text,
                        brokers);
    /* Retriable to Kafka's own clients as well: a broker that was cut off knows no leaders for a while. */
    if (is_unknown(code))
        return err_set(err, ERR_RETRY, "%s: %s; if this lasts, run `tandem topics apply`", what,
                       text);
    if (code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__FENCED)
        return err_exit(err, EX_TEMPFAIL, "%s: %s", what, text);
    if (is_silent(code))
        return err_set(err, ERR_RETRY,
                       "%s: no answer from Kafka at %s (%s); see that it runs and that "
                       "bootstrap.servers names it",
                       what, brokers, text);
    return err_set(err, ERR_RETRY, "%s: %s (Kafka at %s)", what, text, brokers);
}

int kafka_probe(const struct migration *migration, int timeout_ms, struct err *err)
{
    rd_kafka_conf_t *conf = kafka_conf_new(migration, "probe", "cli", NULL, NULL, err);
    rd_kafka_t *handle = conf ? kafka_new(RD_KAFKA_PRODUCER, conf, err) : NULL;
    if (!handle)
        return -1;
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 0, NULL, &metadata, timeout_ms);
    int result = code ? kafka_err(err, handle, code, "asking Kafka") : 0;
    if (!code)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(handle);
    return result;
}

int kafka_partitions(rd_kafka_t *handle, const char *topic, int timeout_ms, int *ret_count,
                     struct err *err)
{
    /* All topics: asking for one by name would create it where the broker allows that. */
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 1, NULL, &metadata, timeout_ms);
    if (code)
        return kafka_err(err, handle, code, "Kafka's list of topics");
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
        return kafka_err(err, handle, code, "topic %s", topic);
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
        return kafka_err(err, handle, code, "offsets of %s/%d", topic, (int)partition);
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
