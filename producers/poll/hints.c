/*
 * hints — the consumer group <ns>.poll.<system> on every <ns>.hints.<entity>.
 * Whoever owns partition 0 of an entity's hints runs its passes; the others
 * only hydrate. A hint stays in memory until its event has its delivery
 * report; offsets are stored contiguously, so a crash reads the rest again.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/service.h"
#include "producers/poll/hash.h"
#include "stream/dead_letter.h"
#include "stream/kafka.h"

enum {
    HINTS_A_TAKE = 1000,
    HANDOVER_MS = 3000,
    MAX_POLL_INTERVAL_MS = 10 * 60 * 1000,
    PARTITIONS_MAX = 10000
};

/* ---- what we own ---- */

static struct poll_entity *entity_of(struct poll *poll, const char *topic)
{
    for (int i = 0; i < poll->entity_count; i++)
        if (strcmp(poll->entities[i].hints_topic, topic) == 0)
            return &poll->entities[i];
    return NULL;
}

static struct hint_partition *partition_of(struct poll_entity *entity, int32_t partition)
{
    if (partition < 0 || partition >= PARTITIONS_MAX)
        return NULL;
    if (partition >= entity->partition_count) {
        int count = partition + 1;
        struct hint_partition *grown = realloc(entity->partitions, (size_t)count * sizeof(*grown));
        if (!grown)
            return NULL;
        memset(grown + entity->partition_count, 0,
               (size_t)(count - entity->partition_count) * sizeof(*grown));
        entity->partitions = grown;
        entity->partition_count = count;
    }
    return &entity->partitions[partition];
}

static void forget_hints(struct poll *poll, struct hint_partition *part)
{
    for (int i = part->first; i < part->count; i++) {
        poll->hints_pending -= !part->items[i].done;
        free(part->items[i].id);
    }
    part->first = part->count = 0;
}

/* Others may have hydrated, or will: what we remember of deliveries no longer holds. */
static void entity_changed(struct poll_entity *entity)
{
    int64_t source_ms = poll_source_ms(entity->poll);
    memory_forget_all(&entity->incremental.memory, source_ms >= 0 ? source_ms + 1000 : INT64_MIN);
    entity->incremental.delivered_count = 0;
}

static void take_partition(struct poll *poll, const rd_kafka_topic_partition_t *tp, bool assigned)
{
    struct poll_entity *entity = entity_of(poll, tp->topic);
    struct hint_partition *part = entity ? partition_of(entity, tp->partition) : NULL;
    if (!part)
        return;
    forget_hints(poll, part);
    if (part->assigned != assigned)
        entity->assigned_count += assigned ? 1 : -1;
    part->assigned = assigned;
    entity_changed(entity);
    if (tp->partition != 0 || entity->owner == assigned)
        return;
    entity->owner = assigned;
    entity->ready = false; /* what is put but has no cursor yet, the next owner repeats */
    log_info(assigned ? "passes are ours" : "passes are another's",
             log_str("entity", entity->entity->name));
}

static void on_rebalance(rd_kafka_t *group, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct poll *poll = opaque;
    bool assigned = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    /* The group waits for us: the next owner need not repeat what we put. */
    if (!assigned && !rd_kafka_assignment_lost(group))
        poll_checkpoint(poll, HANDOVER_MS);
    for (int i = 0; i < list->cnt; i++)
        take_partition(poll, &list->elems[i], assigned);
    rd_kafka_resp_err_t failed = rd_kafka_assign(group, assigned ? list : NULL);
    if (failed)
        (void)kafka_err(&poll->group_err, failed, "assignment of hints");
    poll->hints_paused = false;
}

bool hints_own_key(const struct poll_entity *entity, struct span key)
{
    int total = (int)entity->poll->context->migration->kafka.partitions;
    if (entity->assigned_count == total)
        return true;
    int32_t partition =
        rd_kafka_msg_partitioner_murmur2(NULL, key.data, key.len, total, NULL, NULL);
    return partition < entity->partition_count && entity->partitions[partition].assigned;
}

/* ---- offsets ---- */

void hints_done(struct poll_entity *entity, int32_t partition, int at)
{
    struct hint_item *item = &entity->partitions[partition].items[at];
    if (item->done)
        return;
    item->done = true;
    entity->poll->hints_pending--;
}

void hints_store(struct poll_entity *entity, int32_t partition)
{
    struct hint_partition *part = &entity->partitions[partition];
    int64_t offset = -1;
    while (part->first < part->count && part->items[part->first].done) {
        offset = part->items[part->first].offset;
        free(part->items[part->first++].id);
    }
    if (part->first == part->count)
        part->first = part->count = 0;
    if (offset < 0)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, entity->hints_topic, partition)->offset = offset + 1;
    /* Refused when the partition is not ours any more: its new owner reads these hints again. */
    (void)rd_kafka_offsets_store(entity->poll->group, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- taking hints ---- */

static struct hint_item *item_add(struct hint_partition *part)
{
    if (part->count == part->cap && part->first > 0) {
        memmove(part->items, part->items + part->first,
                (size_t)(part->count - part->first) * sizeof(*part->items));
        part->count -= part->first;
        part->first = 0;
    }
    if (part->count == part->cap) {
        int cap = part->cap ? part->cap * 2 : 64;
        struct hint_item *items = realloc(part->items, (size_t)cap * sizeof(*items));
        if (!items)
            return NULL;
        part->items = items;
        part->cap = cap;
    }
    return &part->items[part->count++];
}

/* A hint that nobody can act on is kept where it can be seen. */
static int put_unreadable(struct poll_entity *entity, const rd_kafka_message_t *message,
                          const char *reason, struct err *err)
{
    const struct source_context *context = entity->poll->context;
    struct dead_letter letter = {.topic = entity->hints_topic,
                                 .partition = message->partition,
                                 .offset = message->offset,
                                 .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                                 .key = {message->key, message->key_len},
                                 .value = {message->payload, message->len},
                                 .message = message,
                                 .process = "poll",
                                 .instance = context->instance,
                                 .stage = "VALUE_CONVERTER",
                                 .reason_class = "undecodable",
                                 .reason = reason,
                                 .entity = entity->entity->name,
                                 .system = entity->poll->system->name};
    metric_add(entity->dead, 1);
    if (dead_letter_put(context->sink, context->migration, &letter, NULL, err) < 0)
        return -1;
    return sink_settle(context->sink, entity->poll->settle_ms, err);
}

/* The hint of a message into item; item->done if there is nothing to read for it. */
static int read_hint(struct poll_entity *entity, const rd_kafka_message_t *message,
                     struct hint_item *item, struct err *err)
{
    struct poll *poll = entity->poll;
    struct hint hint;
    struct err bad = ERR_INIT;
    item->done = true;
    arena_reset(&poll->arena);
    if (hint_decode((struct span){message->key, message->key_len},
                    (struct span){message->payload, message->len}, &poll->tape, &poll->arena, &hint,
                    &bad) < 0) {
        if (bad.kind == ERR_REJECT)
            return put_unreadable(entity, message, bad.text, err);
        *err = bad;
        return -1;
    }
    if (!span_is(hint.system, poll->system->name))
        return 0;
    struct span id = rest_canonical_id(poll->rest, hint.id, &poll->arena);
    if (id.len == 0)
        return put_unreadable(entity, message, "not an id of this system", err);
    item->id = strndup(id.data, id.len);
    if (!item->id)
        return err_set(err, ERR_RETRY, "out of memory");
    item->done = false;
    item->id_hash = hash_id(id);
    item->not_before_ms = hint.not_before_ms;
    item->repair = strcmp(hint.why, "repair") == 0;
    poll->hints_pending++;
    return 0;
}

static int take_message(struct poll *poll, const rd_kafka_message_t *message, struct err *err)
{
    struct poll_entity *entity = entity_of(poll, rd_kafka_topic_name(message->rkt));
    struct hint_partition *part = entity ? partition_of(entity, message->partition) : NULL;
    if (!part || !part->assigned)
        return 0;
    struct hint_item *item = item_add(part);
    if (!item)
        return err_set(err, ERR_RETRY, "out of memory");
    *item = (struct hint_item){.offset = message->offset, .taken_mono_ms = poll_mono_ms(poll)};
    if (read_hint(entity, message, item, err) < 0) {
        part->count--;
        /* Fetched but not kept: it must come again. */
        rd_kafka_resp_err_t code =
            rd_kafka_seek(message->rkt, message->partition, message->offset, 5000);
        if (code)
            err->kind = ERR_FATAL;
        return err_wrap(err, "hint %s/%d@%lld", entity->hints_topic, (int)message->partition,
                        (long long)message->offset);
    }
    if (item->done)
        hints_store(entity, message->partition);
    return 0;
}

static int group_event(struct poll *poll, const rd_kafka_message_t *message, struct err *err)
{
    char text[256];
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(poll->group, text, sizeof(text));
    if (fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return err_exit(err, EXIT_FENCED, "another process runs as instance %s: %s",
                        poll->context->instance, text);
    if (fatal)
        return err_exit(err, EX_TEMPFAIL, "kafka consumer: %s", text);
    if (kafka_err(err, message->err, "hints: %s", rd_kafka_message_errstr(message)) < 0 &&
        err->kind == ERR_FATAL)
        return -1;
    log_debug("hints", log_str("why", err->text));
    err_clear(err); /* librdkafka tries again by itself */
    return 0;
}

/* Leave hints in Kafka while enough are in memory or nobody may ask the source. */
static void pause_or_resume(struct poll *poll)
{
    int limit = poll->hints_paused ? POLL_HINTS_MAX / 2 : POLL_HINTS_MAX;
    bool pause = poll->hints_pending >= limit || poll_mono_ms(poll) < poll->blocked_until_mono_ms;
    rd_kafka_topic_partition_list_t *list = NULL;
    if (pause == poll->hints_paused || rd_kafka_assignment(poll->group, &list))
        return;
    if (list->cnt > 0) {
        if (pause)
            rd_kafka_pause_partitions(poll->group, list);
        else
            rd_kafka_resume_partitions(poll->group, list);
        poll->hints_paused = pause;
    }
    rd_kafka_topic_partition_list_destroy(list);
}

int hints_take(struct poll *poll, int timeout_ms, struct err *err)
{
    pause_or_resume(poll);
    /* Once in any case: rebalances come this way too. */
    for (int n = 0; n < HINTS_A_TAKE && (n == 0 || poll->hints_pending < POLL_HINTS_MAX); n++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(poll->group, n ? 0 : timeout_ms);
        if (poll->group_err.kind != ERR_NONE) {
            *err = poll->group_err;
            err_clear(&poll->group_err);
        }
        int rc = err->kind == ERR_NONE ? 0 : -1;
        if (message && rc == 0)
            rc = message->err ? group_event(poll, message, err) : take_message(poll, message, err);
        bool any = message != NULL;
        if (message)
            rd_kafka_message_destroy(message);
        if (rc < 0 || !any)
            return rc;
    }
    return 0;
}

/* ---- life cycle ---- */

static rd_kafka_t *group_new(struct poll *poll, struct err *err)
{
    const struct source_context *context = poll->context;
    char group[256], instance[256], session[24], interval[24];
    (void)snprintf(group, sizeof(group), "%s.poll.%s", context->migration->ns, poll->system->name);
    (void)snprintf(instance, sizeof(instance), "%s-poll-%s-%s", context->migration->ns,
                   poll->system->name, context->instance);
    (void)snprintf(session, sizeof(session), "%lld", (long long)poll->session_timeout_ms);
    (void)snprintf(interval, sizeof(interval), "%d", MAX_POLL_INTERVAL_MS);
    const struct kafka_property ours[] = {{"group.id", group},
                                          {"group.instance.id", instance},
                                          {"partition.assignment.strategy", "range"},
                                          {"session.timeout.ms", session},
                                          {"max.poll.interval.ms", interval},
                                          {"auto.offset.reset", "earliest"},
                                          {"enable.auto.commit", "true"},
                                          {"enable.auto.offset.store", "false"},
                                          {"allow.auto.create.topics", "false"},
                                          {0}};
    const struct kafka_property defaults[] = {{"queued.max.messages.kbytes", "4096"},
                                              {"queued.min.messages", "1000"},
                                              {"auto.commit.interval.ms", "1000"},
                                              {0}};
    rd_kafka_conf_t *conf =
        kafka_conf_new(context->migration, "poll-hints", context->instance, defaults, ours, err);
    if (!conf)
        return NULL;
    rd_kafka_conf_set_opaque(conf, poll);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    return kafka_new(RD_KAFKA_CONSUMER, conf, err);
}

int hints_open(struct poll *poll, struct err *err)
{
    poll->group = group_new(poll, err);
    if (!poll->group)
        return -1;
    rd_kafka_poll_set_consumer(poll->group);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(poll->entity_count);
    for (int i = 0; i < poll->entity_count; i++)
        rd_kafka_topic_partition_list_add(topics, poll->entities[i].hints_topic,
                                          RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(poll->group, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return code ? kafka_err(err, code, "subscription to the hints") : 0;
}

void hints_close(struct poll *poll)
{
    if (poll->group) {
        rd_kafka_consumer_close(poll->group); /* commits what is stored */
        rd_kafka_destroy(poll->group);
        poll->group = NULL;
    }
    for (int i = 0; i < poll->entity_count; i++) {
        struct poll_entity *entity = &poll->entities[i];
        for (int j = 0; j < entity->partition_count; j++) {
            forget_hints(poll, &entity->partitions[j]);
            free(entity->partitions[j].items);
        }
        free(entity->partitions);
        entity->partitions = NULL;
        entity->partition_count = 0;
    }
}
