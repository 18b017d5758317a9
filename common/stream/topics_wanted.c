/*
 * topics_wanted — see topics_wanted.h.
 */
#include "stream/topics_wanted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/kafka.h"

enum { ADMIN_TIMEOUT_MS = 15 * 1000 };
#define MARGIN_MS ((int64_t)90 * 24 * 60 * 60 * 1000)

static struct topic_setting *add(struct topic_wanted *wanted, const char *name)
{
    struct topic_setting *setting = &wanted->settings[wanted->setting_count++];
    *setting = (struct topic_setting){.name = name};
    return setting;
}

static void add_text(struct topic_wanted *wanted, const char *name, const char *want)
{
    (void)snprintf(add(wanted, name)->want, sizeof(wanted->settings[0].want), "%s", want);
}

static void add_at_least(struct topic_wanted *wanted, const char *name, int64_t want)
{
    struct topic_setting *setting = add(wanted, name);
    setting->at_least = true;
    (void)snprintf(setting->want, sizeof(setting->want), "%lld", (long long)want);
}

static void fill(const struct migration *migration, enum topic_kind kind,
                 const struct entity *entity, int64_t now_ms, struct topic_wanted *wanted)
{
    const struct topic_rule *rule = &TOPIC_RULES[kind];
    *wanted = (struct topic_wanted){.kind = kind,
                                    .partitions = topic_partitions(migration, kind),
                                    .replication = (int)migration->kafka.replication};
    topic_name(migration, kind, entity, wanted->name);
    add_text(wanted, "cleanup.policy", rule->compact ? "compact" : "delete");
    add_at_least(wanted, "max.message.bytes",
                 rule->size_factor * migration->kafka.record_max_bytes);
    /* acks=all is worth nothing when one replica may answer for all. */
    add_at_least(wanted, "min.insync.replicas", wanted->replication >= 3 ? 2 : 1);
    if (rule->log_append_time)
        add_text(wanted, "message.timestamp.type", "LogAppendTime");
    if (rule->min_compaction_lag_ms)
        add_at_least(wanted, "min.compaction.lag.ms", rule->min_compaction_lag_ms);
    if (!rule->compact) {
        int64_t until_ms = migration->kill_ms - now_ms + MARGIN_MS;
        bool longer = rule->retention_ms >= 0 && until_ms > rule->retention_ms;
        add_at_least(wanted, "retention.ms", longer ? until_ms : rule->retention_ms);
    }
}

int topics_wanted(const struct migration *migration, int64_t now_ms, struct topic_wanted **ret_list,
                  int *ret_count)
{
    size_t most = (size_t)TOPIC_KIND_COUNT * (size_t)(migration->entity_count + 1);
    struct topic_wanted *list = calloc(most, sizeof(*list));
    if (!list)
        return -1;
    int count = 0;
    for (int kind = 0; kind < TOPIC_KIND_COUNT; kind++) {
        if (!TOPIC_RULES[kind].per_entity) {
            fill(migration, (enum topic_kind)kind, NULL, now_ms, &list[count++]);
            continue;
        }
        for (int i = 0; i < migration->entity_count; i++)
            fill(migration, (enum topic_kind)kind, &migration->entities[i], now_ms, &list[count++]);
    }
    *ret_list = list;
    *ret_count = count;
    return 0;
}

bool topic_setting_holds(const struct topic_setting *setting, const char *has)
{
    if (!has)
        return false;
    if (!setting->at_least)
        return strcmp(setting->want, has) == 0;
    long long want = strtoll(setting->want, NULL, 10), is = strtoll(has, NULL, 10);
    return want == -1 ? is == -1 : is == -1 || is >= want;
}

int topics_admin_open(struct topics_admin *admin, const struct migration *migration,
                      struct err *err)
{
    *admin = (struct topics_admin){0};
    rd_kafka_conf_t *conf = kafka_conf_new(migration, "admin", "cli", NULL, NULL, err);
    if (conf)
        admin->handle = kafka_new(RD_KAFKA_PRODUCER, conf, err);
    if (!admin->handle)
        return -1;
    admin->queue = rd_kafka_queue_new(admin->handle);
    return 0;
}

void topics_admin_close(struct topics_admin *admin)
{
    if (admin->queue)
        rd_kafka_queue_destroy(admin->queue);
    if (admin->handle)
        rd_kafka_destroy(admin->handle);
    *admin = (struct topics_admin){0};
}

rd_kafka_event_t *topics_admin_wait(struct topics_admin *admin, const char *what, struct err *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, 2 * ADMIN_TIMEOUT_MS);
    if (!event) {
        err_set(err, ERR_RETRY, "%s: Kafka does not answer", what);
        return NULL;
    }
    if (!rd_kafka_event_error(event))
        return event;
    kafka_err(err, admin->handle, rd_kafka_event_error(event), "%s: %s", what,
              rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    return NULL;
}

int topics_admin_describe(struct topics_admin *admin, const char *topic,
                          rd_kafka_event_t **ret_event, const rd_kafka_ConfigEntry_t ***ret_entries,
                          size_t *ret_count, struct err *err)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_DescribeConfigs(admin->handle, &resource, 1, NULL, admin->queue);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_event_t *event = topics_admin_wait(admin, "settings of topics", err);
    if (!event)
        return -1;
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    rd_kafka_resp_err_t code =
        count == 1 ? rd_kafka_ConfigResource_error(resources[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
    if (code) {
        kafka_err(err, admin->handle, code, "settings of topic %s", topic);
        rd_kafka_event_destroy(event);
        return -1;
    }
    *ret_event = event;
    *ret_entries = rd_kafka_ConfigResource_configs(resources[0], ret_count);
    return 0;
}
