/*
 * topics_plan — what the cluster has, compared with what the migration wants.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/kafka.h"
#include "stream/topics_wanted.h"

enum { METADATA_TIMEOUT_MS = 10 * 1000 };

static struct topic_difference *add(struct topics_plan *plan, const struct topic_wanted *wanted)
{
    struct topic_difference *items =
        realloc(plan->items, ((size_t)plan->count + 1) * sizeof(*plan->items));
    if (!items)
        return NULL;
    plan->items = items;
    struct topic_difference *item = &items[plan->count++];
    *item = (struct topic_difference){.missing = false};
    (void)snprintf(item->topic, sizeof(item->topic), "%s", wanted->name);
    return item;
}

static int no_memory(struct err *err)
{
    return err_set(err, ERR_RETRY, "topics: out of memory");
}

static int compare_missing(struct topics_plan *plan, const struct topic_wanted *wanted,
                           struct err *err)
{
    struct topic_difference *item = add(plan, wanted);
    if (!item)
        return no_memory(err);
    item->missing = true;
    int at = snprintf(item->what, sizeof(item->what), "missing: %d partition%s, replication %d",
                      wanted->partitions, wanted->partitions == 1 ? "" : "s", wanted->replication);
    for (int i = 0; i < wanted->setting_count && at > 0 && at < (int)sizeof(item->what); i++)
        at += snprintf(item->what + at, sizeof(item->what) - (size_t)at, ", %s=%s",
                       wanted->settings[i].name, wanted->settings[i].want);
    return 0;
}

static int compare_shape(struct topics_plan *plan, const struct topic_wanted *wanted,
                         const struct rd_kafka_metadata_topic *found, struct err *err)
{
    if (found->partition_cnt != wanted->partitions) {
        struct topic_difference *item = add(plan, wanted);
        if (!item)
            return no_memory(err);
        item->fatal = true;
        (void)snprintf(item->what, sizeof(item->what),
                       "partitions %d, wants %d (a record's partition must never change)",
                       found->partition_cnt, wanted->partitions);
    }
    int replicas = found->partition_cnt > 0 ? found->partitions[0].replica_cnt : 0;
    if (replicas < wanted->replication) {
        struct topic_difference *item = add(plan, wanted);
        if (!item)
            return no_memory(err);
        item->fatal = true;
        (void)snprintf(item->what, sizeof(item->what),
                       "replication %d, wants %d (reassign with kafka-reassign-partitions)",
                       replicas, wanted->replication);
    }
    return 0;
}

static const char *value_of(const rd_kafka_ConfigEntry_t **entries, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    return NULL;
}

static int compare_settings(struct topics_admin *admin, struct topics_plan *plan,
                            const struct topic_wanted *wanted, struct err *err)
{
    rd_kafka_event_t *event;
    const rd_kafka_ConfigEntry_t **entries;
    size_t count;
    if (topics_admin_describe(admin, wanted->name, &event, &entries, &count, err) < 0)
        return -1;
    int result = 0;
    for (int i = 0; i < wanted->setting_count && result == 0; i++) {
        const struct topic_setting *setting = &wanted->settings[i];
        const char *has = value_of(entries, count, setting->name);
        if (topic_setting_holds(setting, has))
            continue;
        struct topic_difference *item = add(plan, wanted);
        if (!item)
            result = no_memory(err);
        else
            (void)snprintf(item->what, sizeof(item->what), "%s %s, wants %s%s", setting->name,
                           has ? has : "unset", setting->at_least ? "at least " : "",
                           setting->want);
    }
    rd_kafka_event_destroy(event);
    return result;
}

static const struct rd_kafka_metadata_topic *find(const struct rd_kafka_metadata *metadata,
                                                  const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, name) == 0 && metadata->topics[i].partition_cnt > 0)
            return &metadata->topics[i];
    return NULL;
}

static int compare(struct topics_admin *admin, const struct topic_wanted *wanted, int count,
                   struct topics_plan *plan, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(admin->handle, 1, NULL, &metadata, METADATA_TIMEOUT_MS);
    if (code)
        return kafka_err(err, admin->handle, code, "Kafka's list of topics");
    int result = 0;
    for (int i = 0; i < count && result == 0; i++) {
        const struct rd_kafka_metadata_topic *found = find(metadata, wanted[i].name);
        if (!found)
            result = compare_missing(plan, &wanted[i], err);
        else if (compare_shape(plan, &wanted[i], found, err) < 0 ||
                 compare_settings(admin, plan, &wanted[i], err) < 0)
            result = -1;
    }
    rd_kafka_metadata_destroy(metadata);
    return result;
}

int topics_plan(const struct migration *migration, struct topics_plan *ret_plan, struct err *err)
{
    struct topics_admin admin = {0};
    struct topic_wanted *wanted = NULL;
    struct topics_plan plan = {0};
    int count = 0, result = -1;
    if (topics_wanted(migration, clock_wall_ms(&CLOCK_SYSTEM), &wanted, &count) < 0)
        no_memory(err);
    else if (topics_admin_open(&admin, migration, err) == 0)
        result = compare(&admin, wanted, count, &plan, err);
    topics_admin_close(&admin);
    free(wanted);
    if (result == 0)
        *ret_plan = plan;
    else
        topics_plan_clear(&plan);
    return result;
}

void topics_plan_clear(struct topics_plan *plan)
{
    if (!plan)
        return;
    free(plan->items);
    *plan = (struct topics_plan){0};
}
