/*
 * offsets — one client that only asks.
 */
#include "cli/offsets.h"

#include <stdio.h>
#include <stdlib.h>

#include "stream/kafka.h"

enum { ASK_TIMEOUT_MS = 2000, PROBE_TIMEOUT_MS = 4000 };

struct offsets {
    rd_kafka_t *handle;
};

/* The group of tandem-apply (stream/group.h): committed offsets are asked for by its name. */
struct offsets *offsets_open(const struct migration *migration, struct err *err)
{
    return offsets_open_group(migration, "apply", err);
}

struct offsets *offsets_open_group(const struct migration *migration, const char *name,
                                   struct err *err)
{
    char group[192];
    (void)snprintf(group, sizeof(group), "%s.%s", migration->ns, name);
    const struct kafka_property ours[] = {
        {"group.id", group}, {"enable.auto.commit", "false"}, {NULL, NULL}};
    struct offsets *offsets = calloc(1, sizeof(*offsets));
    if (!offsets) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    rd_kafka_conf_t *conf = kafka_conf_new(migration, "cli", "status", NULL, ours, err);
    offsets->handle = conf ? kafka_new(RD_KAFKA_CONSUMER, conf, err) : NULL;
    if (!offsets->handle) {
        offsets_close(offsets);
        return NULL;
    }
    return offsets;
}

void offsets_close(struct offsets *offsets)
{
    if (!offsets)
        return;
    if (offsets->handle)
        rd_kafka_destroy(offsets->handle);
    free(offsets);
}

int offsets_probe(struct offsets *offsets, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t failed =
        rd_kafka_metadata(offsets->handle, 0, NULL, &metadata, PROBE_TIMEOUT_MS);
    if (failed)
        return kafka_err(err, offsets->handle, failed, "asking Kafka");
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

int offsets_members(struct offsets *offsets, int *ret_count, struct err *err)
{
    char group[256] = "";
    size_t size = sizeof(group);
    const struct rd_kafka_group_list *list = NULL;
    (void)rd_kafka_conf_get(rd_kafka_conf(offsets->handle), "group.id", group, &size);
    rd_kafka_resp_err_t failed =
        rd_kafka_list_groups(offsets->handle, group, &list, PROBE_TIMEOUT_MS);
    if (failed)
        return kafka_err(err, offsets->handle, failed, "the members of group %s", group);
    *ret_count = 0;
    for (int i = 0; i < list->group_cnt; i++)
        *ret_count += list->groups[i].member_cnt;
    rd_kafka_group_list_destroy(list);
    return 0;
}

/* Nothing committed yet: everything that is there is to be done. */
static int64_t left_of(int64_t low, int64_t high, int64_t committed)
{
    int64_t from = committed > low ? committed : low;
    return high > from ? high - from : 0;
}

static int sum(struct offsets *offsets, const char *topic,
               const rd_kafka_topic_partition_list_t *committed, int64_t *ret_messages,
               int64_t *ret_lag, struct err *err)
{
    int64_t messages = 0, lag = 0;
    for (int i = 0; i < committed->cnt; i++) {
        int64_t low = 0, high = 0;
        rd_kafka_resp_err_t failed = rd_kafka_query_watermark_offsets(
            offsets->handle, topic, committed->elems[i].partition, &low, &high, ASK_TIMEOUT_MS);
        if (failed)
            return kafka_err(err, offsets->handle, failed, "the end of %s", topic);
        messages += high - low;
        lag += left_of(low, high, committed->elems[i].offset);
    }
    *ret_messages = messages;
    *ret_lag = lag;
    return 0;
}

int offsets_read(struct offsets *offsets, const char *topic, int partitions, int64_t *ret_messages,
                 int64_t *ret_lag, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    rd_kafka_topic_partition_list_add_range(list, topic, 0, partitions - 1);
    rd_kafka_resp_err_t failed = rd_kafka_committed(offsets->handle, list, ASK_TIMEOUT_MS);
    int result = failed ? kafka_err(err, offsets->handle, failed, "the offsets of apply")
                        : sum(offsets, topic, list, ret_messages, ret_lag, err);
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}
