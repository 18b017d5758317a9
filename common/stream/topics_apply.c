/*
 * topics_apply — create what is missing, alter what can be altered. Partitions are never added: a record's partition must not change.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/clock.h"
#include "stream/kafka.h"
#include "stream/topics_wanted.h"

enum { VISIBLE_TIMEOUT_MS = 30 * 1000, VISIBLE_EVERY_MS = 20, METADATA_TIMEOUT_MS = 5 * 1000 };

static int create(struct topics_admin *admin, const struct topic_wanted *wanted, struct err *err)
{
    char text[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(wanted->name, wanted->partitions,
                                                       wanted->replication, text, sizeof(text));
    if (!topic)
        return err_exit(err, EX_CONFIG, "topic %s: %s", wanted->name, text);
    for (int i = 0; i < wanted->setting_count; i++)
        (void)rd_kafka_NewTopic_set_config(topic, wanted->settings[i].name,
                                           wanted->settings[i].want);
    rd_kafka_CreateTopics(admin->handle, &topic, 1, NULL, admin->queue);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_event_t *event = topics_admin_wait(admin, "creating topics", err);
    if (!event)
        return -1;
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    int result = 0;
    /* Somebody else may have been faster; the next plan says whether it is right. */
    if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        result = kafka_err(err, admin->handle, code, "creating topic %s: %s", wanted->name,
                           rd_kafka_topic_result_error_string(results[0])
                               ? rd_kafka_topic_result_error_string(results[0])
                               : "");
    rd_kafka_event_destroy(event);
    return result;
}

/*
 * The library's AlterConfigs replaces all of a topic's own settings (it has no incremental one), so those that are there are set
 * again.
 */
static int copy_settings(struct topics_admin *admin, const struct topic_wanted *wanted,
                         rd_kafka_ConfigResource_t *resource, struct err *err)
{
    rd_kafka_event_t *event;
    const rd_kafka_ConfigEntry_t **entries;
    size_t count;
    if (topics_admin_describe(admin, wanted->name, &event, &entries, &count, err) < 0)
        return -1;
    for (size_t e = 0; e < count; e++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[e]);
        const char *value = rd_kafka_ConfigEntry_value(entries[e]);
        const struct topic_setting *setting = NULL;
        for (int i = 0; i < wanted->setting_count; i++)
            if (strcmp(wanted->settings[i].name, name) == 0)
                setting = &wanted->settings[i];
        bool own =
            rd_kafka_ConfigEntry_source(entries[e]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
        if (setting && !topic_setting_holds(setting, value))
            value = setting->want;
        else if (!own)
            continue;
        (void)rd_kafka_ConfigResource_set_config(resource, name, value);
    }
    rd_kafka_event_destroy(event);
    return 0;
}

static int alter(struct topics_admin *admin, const struct topic_wanted *wanted, struct err *err)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, wanted->name);
    rd_kafka_event_t *event = NULL;
    int result = copy_settings(admin, wanted, resource, err);
    if (result == 0) {
        rd_kafka_AlterConfigs(admin->handle, &resource, 1, NULL, admin->queue);
        event = topics_admin_wait(admin, "altering topics", err);
        result = event ? 0 : -1;
    }
    rd_kafka_ConfigResource_destroy(resource);
    if (!event)
        return result;
    size_t count;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count);
    rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resources[0]);
    if (code) {
        const char *text = rd_kafka_ConfigResource_error_string(resources[0]);
        result = kafka_err(err, admin->handle, code, "altering topic %s: %s", wanted->name,
                           text ? text : "");
    }
    rd_kafka_event_destroy(event);
    return result;
}

static const struct topic_difference *in_plan(const struct topics_plan *plan, const char *topic)
{
    for (int i = 0; i < plan->count; i++)
        if (strcmp(plan->items[i].topic, topic) == 0)
            return &plan->items[i];
    return NULL;
}

/* The controller answers before all brokers know the new topic; whoever starts next must find it. */
static int wait_visible(struct topics_admin *admin, const char *topic, struct err *err)
{
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + VISIBLE_TIMEOUT_MS;
    while (clock_mono_ms(&CLOCK_SYSTEM) < until_ms) {
        int count = 0;
        if (kafka_partitions(admin->handle, topic, METADATA_TIMEOUT_MS, &count, err) < 0)
            return -1;
        if (count > 0)
            return 0;
        (void)nanosleep(&(struct timespec){.tv_nsec = VISIBLE_EVERY_MS * 1000000}, NULL);
    }
    return err_set(err, ERR_RETRY, "topic %s was created, but the broker does not show it", topic);
}

static int apply(struct topics_admin *admin, const struct topic_wanted *wanted, int count,
                 const struct topics_plan *plan, struct err *err)
{
    for (int i = 0; i < count; i++) {
        const struct topic_difference *item = in_plan(plan, wanted[i].name);
        if (!item)
            continue;
        if ((item->missing ? create(admin, &wanted[i], err) : alter(admin, &wanted[i], err)) < 0)
            return -1;
    }
    for (int i = 0; i < plan->count; i++)
        if (plan->items[i].missing && wait_visible(admin, plan->items[i].topic, err) < 0)
            return -1;
    return 0;
}

int topics_apply(const struct migration *migration, const struct topics_plan *plan, struct err *err)
{
    for (int i = 0; i < plan->count; i++)
        if (plan->items[i].fatal)
            return err_exit(err, EX_CONFIG, "topic %s: %s", plan->items[i].topic,
                            plan->items[i].what);
    struct topics_admin admin = {0};
    struct topic_wanted *wanted = NULL;
    int count = 0, result = -1;
    if (topics_wanted(migration, clock_wall_ms(&CLOCK_SYSTEM), &wanted, &count) < 0)
        err_set(err, ERR_RETRY, "topics: out of memory");
    else if (topics_admin_open(&admin, migration, err) == 0)
        result = apply(&admin, wanted, count, plan, err);
    topics_admin_close(&admin);
    free(wanted);
    return result;
}
