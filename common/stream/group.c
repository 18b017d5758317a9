/*
 * group — see group.h. Everything, the callbacks too, runs in the thread that calls group_poll.
 */
#include "stream/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/service.h"
#include "stream/group_internal.h"
#include "stream/kafka.h"

enum { COMMIT_EVERY_MS = 1000, HEARTBEAT_MAX_MS = 3000, OWN_JOIN_MS = 60 * 1000 };

static void on_assigned(struct group *group, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t code = rd_kafka_assign(group->handle, list);
    if (code)
        log_error("assignment", log_str("error", rd_kafka_err2str(code)));
    /* Nothing is consumed before the owner is ready for it. */
    (void)rd_kafka_pause_partitions(group->handle, list);
    group_record_assigned(group, list);
    log_info("partitions assigned", log_int("count", list->cnt));
}

static void on_revoked(struct group *group, rd_kafka_topic_partition_list_t *list)
{
    /* What is stored is done; whoever comes next need not do it again. A lost assignment would only be refused. */
    if (!rd_kafka_assignment_lost(group->handle))
        group_commit(group, true);
    group_record_revoked(group, list);
    (void)rd_kafka_assign(group->handle, NULL);
    log_info("partitions revoked", log_int("count", list->cnt),
             log_int("lost", rd_kafka_assignment_lost(group->handle)));
}

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct group *group = opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        on_assigned(group, list);
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        on_revoked(group, list);
    } else {
        log_error("rebalance", log_str("error", rd_kafka_err2str(code)));
        (void)rd_kafka_assign(handle, NULL);
    }
}

static void on_committed(rd_kafka_t *handle, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    (void)handle;
    (void)list;
    (void)opaque;
    if (code && code != RD_KAFKA_RESP_ERR__NO_OFFSET)
        log_warn("commit of offsets", log_str("error", rd_kafka_err2str(code)));
}

static int on_stats(rd_kafka_t *handle, char *json, size_t len, void *opaque)
{
    (void)handle;
    group_take_stats(opaque, (struct span){json, len});
    return 0; /* the library frees json */
}

/* In the library's threads. It tells of a lost session only so (librdkafka, rd_kafka_cgrp_session_timeout_check). */
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    struct group *group = rd_kafka_opaque(handle);
    if (group && strcmp(facility, "SESSTMOUT") == 0)
        group->session_lost_ms = clock_mono_ms(&CLOCK_SYSTEM);
    kafka_log(handle, level, facility, text);
}

static rd_kafka_conf_t *group_conf(const struct group *group, struct err *err)
{
    char id[160], member[256], session[24], heartbeat[24];
    int64_t session_ms = group->migration->apply.session_timeout_ms;
    int64_t heartbeat_ms = session_ms / 4 < HEARTBEAT_MAX_MS ? session_ms / 4 : HEARTBEAT_MAX_MS;
    (void)snprintf(id, sizeof(id), "%s.%s", group->migration->ns, group->name);
    (void)snprintf(member, sizeof(member), "%s-%s-%s", group->migration->ns, group->name,
                   group->instance);
    (void)snprintf(session, sizeof(session), "%lld", (long long)session_ms);
    (void)snprintf(heartbeat, sizeof(heartbeat), "%lld", (long long)heartbeat_ms);
    const struct kafka_property defaults[] = {
        {"queued.max.messages.kbytes", "16384"}, {"queued.min.messages", "20000"},
        {"fetch.max.bytes", "16777216"},         {"statistics.interval.ms", "5000"},
        {"heartbeat.interval.ms", heartbeat},    {0}};
    const struct kafka_property ours[] = {{"group.id", id},
                                          {"group.instance.id", member},
                                          {"session.timeout.ms", session},
                                          {"max.poll.interval.ms", "300000"},
                                          {"partition.assignment.strategy", "range"},
                                          {"enable.auto.commit", "false"},
                                          {"enable.auto.offset.store", "false"},
                                          {"auto.offset.reset", "earliest"},
                                          {"isolation.level", "read_uncommitted"},
                                          {"allow.auto.create.topics", "false"},
                                          {0}};
    return kafka_conf_new(group->migration, group->name, group->instance, defaults, ours, err);
}

static int name_topics(struct group *group, const enum topic_kind *kinds, struct err *err)
{
    while (group->kind_count < GROUP_KINDS_MAX && kinds[group->kind_count] != TOPIC_KIND_COUNT) {
        group->kinds[group->kind_count] = kinds[group->kind_count];
        group->kind_count++;
    }
    int entities = group->migration->entity_count;
    group->topics = calloc((size_t)(group->kind_count * entities) + 1, sizeof(*group->topics));
    if (!group->topics)
        return err_set(err, ERR_RETRY, "group: out of memory");
    for (int k = 0; k < group->kind_count; k++) {
        for (int i = 0; i < entities; i++) {
            struct group_topic *topic = &group->topics[group->topic_count++];
            topic->entity = &group->migration->entities[i];
            topic->kind = k;
            topic_name(group->migration, group->kinds[k], topic->entity, topic->name);
        }
    }
    return 0;
}

static int subscribe(struct group *group, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(group->topic_count);
    for (int i = 0; i < group->topic_count; i++)
        rd_kafka_topic_partition_list_add(list, group->topics[i].name, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(group->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code ? err_exit(err, EX_TEMPFAIL, "subscribe: %s", rd_kafka_err2str(code)) : 0;
}

/* Fails for good only. */
static int join(struct group *group, struct err *err)
{
    rd_kafka_conf_t *conf = group_conf(group, err);
    if (!conf)
        return -1;
    rd_kafka_conf_set_opaque(conf, group);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_committed);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    group->handle = kafka_new(RD_KAFKA_CONSUMER, conf, err);
    if (!group->handle)
        return -1;
    rd_kafka_poll_set_consumer(group->handle);
    return subscribe(group, err);
}

struct group *group_open(const struct migration *migration, const char *name, const char *instance,
                         const enum topic_kind *kinds, struct err *err)
{
    struct group *group = calloc(1, sizeof(*group));
    if (!group) {
        err_set(err, ERR_RETRY, "group: out of memory");
        return NULL;
    }
    group->migration = migration;
    (void)snprintf(group->name, sizeof(group->name), "%s", name);
    (void)snprintf(group->instance, sizeof(group->instance), "%s", instance);
    json_tape_init(&group->tape);
    if (name_topics(group, kinds, err) == 0 && join(group, err) == 0)
        return group;
    group_close(group);
    return NULL;
}

void group_close(struct group *group)
{
    if (!group)
        return;
    if (group->handle) {
        rd_kafka_consumer_close(group->handle); /* revokes, and so commits */
        rd_kafka_destroy(group->handle);
    }
    if (group->fenced)
        rd_kafka_destroy(group->fenced);
    json_tape_clear(&group->tape);
    free(group->topics);
    free(group->members);
    free(group);
}

static bool fenced_by_own_join(const struct group *group)
{
    int64_t lost_ms = group->session_lost_ms;
    return lost_ms > 0 && clock_mono_ms(&CLOCK_SYSTEM) - lost_ms <= OWN_JOIN_MS && !group->fenced &&
           group->rejoins < GROUP_REJOINS_MAX;
}

/* A handle with a fatal error does not close, and calls nobody back (rd_kafka_consumer_close). */
static int join_anew(struct group *group, struct err *err)
{
    group->rejoins++;
    log_warn("the session had run out, and an earlier join of our own took its place: joining anew",
             log_int("times", group->rejoins));
    (void)rd_kafka_assign(group->handle, NULL);
    group_record_all_revoked(group);
    group->fenced = group->handle;
    group->handle = NULL;
    return join(group, err);
}

static int group_failed(struct group *group, rd_kafka_message_t *message, struct err *err)
{
    char text[256];
    rd_kafka_resp_err_t code = message->err;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        code = rd_kafka_fatal_error(group->handle, text, sizeof(text));
    else
        (void)snprintf(text, sizeof(text), "%s", rd_kafka_message_errstr(message));
    rd_kafka_message_destroy(message);
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID && fenced_by_own_join(group))
        return join_anew(group, err);
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return err_exit(err, EXIT_FENCED, "another process has this instance id: %s", text);
    if (code == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) {
        log_warn("left the group: the last batch took too long"); /* and joins again by itself */
        return 0;
    }
    return kafka_err(err, group->handle, code, "consume: %s", text);
}

int group_poll(struct group *group, int timeout_ms, struct message *ret_message, struct err *err)
{
    if (group->fenced && group->changed)
        return 0;
    if (group->fenced) {
        rd_kafka_destroy(group->fenced);
        group->fenced = NULL;
    }
    if (group->changed)
        timeout_ms = 0;
    rd_kafka_message_t *from = rd_kafka_consumer_poll(group->handle, timeout_ms);
    if (!from)
        return 0;
    if (from->err)
        return group_failed(group, from, err);
    const struct group_topic *topic = group_find_topic(group, rd_kafka_topic_name(from->rkt));
    if (!topic) {
        rd_kafka_message_destroy(from);
        return 0;
    }
    const struct co_partition *member = group_member(group, topic->entity, from->partition);
    if (!member || !member->assigned) { /* lost meanwhile: whoever has it now reads it */
        rd_kafka_message_destroy(from);
        return 0;
    }
    if (!member->ready || group_rests(group, member->entity)) {
        /* Dropped, it would be skipped for ever; begin again at what is committed. */
        err_exit(err, EX_TEMPFAIL, "%s/%d: a message at %lld of a paused partition", topic->name,
                 (int)from->partition, (long long)from->offset);
        rd_kafka_message_destroy(from);
        return -1;
    }
    *ret_message = (struct message){.kind = group->kinds[topic->kind],
                                    .entity = topic->entity,
                                    .topic = topic->name,
                                    .partition = from->partition,
                                    .offset = from->offset,
                                    .timestamp_ms = rd_kafka_message_timestamp(from, NULL),
                                    .key = {from->key, from->key_len},
                                    .value = {from->payload, from->len},
                                    .message = from};
    return 1;
}

void group_release(struct message *message)
{
    if (message->message)
        rd_kafka_message_destroy((rd_kafka_message_t *)(uintptr_t)message->message);
    *message = (struct message){0};
}

void group_store(struct group *group, const struct message *last)
{
    if (!group_owns(group, last->entity, last->partition))
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, last->topic, last->partition)->offset =
        last->offset + 1;
    rd_kafka_resp_err_t code = rd_kafka_offsets_store(group->handle, list);
    if (code && list->elems[0].err != RD_KAFKA_RESP_ERR__STATE)
        log_warn("store of an offset", log_str("error", rd_kafka_err2str(code)));
    rd_kafka_topic_partition_list_destroy(list);
}

void group_commit(struct group *group, bool wait)
{
    int64_t now_ms = clock_mono_ms(&CLOCK_SYSTEM);
    if (!wait && now_ms - group->committed_ms < COMMIT_EVERY_MS)
        return;
    group->committed_ms = now_ms;
    rd_kafka_resp_err_t code = rd_kafka_commit(group->handle, NULL, !wait);
    if (code && code != RD_KAFKA_RESP_ERR__NO_OFFSET)
        log_warn("commit of offsets", log_str("error", rd_kafka_err2str(code)));
    FAILPOINT("consumer.after_commit");
}
