/*
 * hints — membership in the consumer group of <ns>.hints.<entity>. Whoever owns
 * partition 0 of an entity's hints runs its passes; the others only hydrate. A
 * hint stays in memory until its event has its delivery report; offsets are
 * stored contiguously, so a crash reads the rest again.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "producers/poll/hash.h"
#include "stream/dead_letter.h"

enum { HINTS_A_TAKE = 1000, HANDOVER_MS = 3000 };

/* ---- what we own ---- */

static struct poll_entity *entity_of(struct poll *poll, const struct entity *entity)
{
    for (int i = 0; i < poll->entity_count; i++)
        if (poll->entities[i].entity == entity)
            return &poll->entities[i];
    return NULL;
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
static void forget_deliveries(struct poll_entity *entity)
{
    int64_t source_ms = poll_source_ms(entity->poll);
    memory_forget_all(&entity->incremental.memory, source_ms >= 0 ? source_ms + 1000 : INT64_MIN);
    entity->incremental.delivered_count = 0;
}

static void lose(struct poll_entity *entity, int32_t partition)
{
    forget_hints(entity->poll, &entity->partitions[partition]);
    forget_deliveries(entity);
    if (partition != 0 || !entity->owner)
        return;
    /* What we put need not be put again by the next owner. */
    poll_checkpoint(entity->poll, HANDOVER_MS);
    entity->owner = entity->ready = false;
    log_info("passes are another's", log_str("entity", entity->entity->name));
}

static void gain(struct poll_entity *entity, int32_t partition)
{
    forget_hints(entity->poll, &entity->partitions[partition]);
    forget_deliveries(entity);
    group_ready(entity->poll->group, entity->entity, partition);
    if (partition != 0)
        return;
    entity->owner = true;
    entity->ready = false;
    log_info("passes are ours", log_str("entity", entity->entity->name));
}

static int take_changes(struct poll *poll, struct err *err)
{
    struct group_change change;
    while (group_take_change(poll->group, &change)) {
        struct poll_entity *entity = entity_of(poll, change.entity);
        if (!entity || change.partition >= entity->partition_count)
            return err_exit(err, EX_CONFIG, "%s/%d: the migration has %d partitions",
                            change.entity->name, (int)change.partition,
                            entity ? entity->partition_count : 0);
        entity->partitions[change.partition].owned = change.gained;
        if (change.gained)
            gain(entity, change.partition);
        else
            lose(entity, change.partition);
    }
    return 0;
}

bool hints_own_key(const struct poll_entity *entity, struct span key)
{
    int32_t partition = rd_kafka_msg_partitioner_murmur2(NULL, key.data, key.len,
                                                         entity->partition_count, NULL, NULL);
    return entity->partitions[partition].owned;
}

/* ---- offsets ---- */

void hints_done(struct poll_entity *entity, int32_t partition, int at)
{
    struct hint_item *item = &entity->partitions[partition].items[at];
    entity->poll->hints_pending -= !item->done;
    item->done = true;
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
    const struct message last = {.topic = entity->hints_topic,
                                 .entity = entity->entity,
                                 .partition = partition,
                                 .offset = offset};
    group_store(entity->poll->group, &last);
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
static int put_unreadable(struct poll_entity *entity, const struct message *message,
                          const char *reason, struct err *err)
{
    const struct source_context *context = entity->poll->context;
    struct dead_letter letter = {.topic = message->topic,
                                 .partition = message->partition,
                                 .offset = message->offset,
                                 .timestamp_ms = message->timestamp_ms,
                                 .key = message->key,
                                 .value = message->value,
                                 .message = message->message,
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

/* What a hint asks for, into item. 1 = to be read, 0 = nothing is, -1 = err. */
static int read_hint(struct poll_entity *entity, const struct message *message,
                     struct hint_item *item, struct err *err)
{
    struct poll *poll = entity->poll;
    struct hint hint;
    struct err bad = ERR_INIT;
    arena_reset(&poll->arena);
    if (hint_decode(message->key, message->value, &poll->tape, &poll->arena, &hint, &bad) < 0) {
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
        return err_set(err, ERR_FATAL, "out of memory");
    item->id_hash = hash_id(id);
    item->not_before_ms = hint.not_before_ms;
    item->repair = strcmp(hint.why, "repair") == 0;
    item->missed = strcmp(hint.why, "census") == 0;
    return 1;
}

static int take_hint(struct poll *poll, const struct message *message, struct err *err)
{
    struct poll_entity *entity = entity_of(poll, message->entity);
    if (!entity || message->partition >= entity->partition_count)
        return 0;
    struct hint_item *item = item_add(&entity->partitions[message->partition]);
    if (!item)
        return err_set(err, ERR_FATAL, "out of memory");
    *item = (struct hint_item){.offset = message->offset, .taken_mono_ms = poll_mono_ms(poll)};
    poll->hints_pending++;
    int wanted = read_hint(entity, message, item, err);
    if (wanted < 0) /* not done, and so never stored: it comes again after a restart */
        return err_wrap(err, "hint %s/%d@%lld", message->topic, (int)message->partition,
                        (long long)message->offset);
    if (wanted == 0) {
        poll->hints_pending--;
        item->done = true;
        hints_store(entity, message->partition);
    }
    return 0;
}

/* Leave hints in Kafka while enough are in memory or nobody may ask the source. */
static void pause_or_resume(struct poll *poll)
{
    int limit = poll->hints_paused ? POLL_HINTS_MAX / 2 : POLL_HINTS_MAX;
    poll->hints_paused =
        poll->hints_pending >= limit || poll_mono_ms(poll) < poll->blocked_until_mono_ms;
    if (poll->hints_paused)
        group_pause(poll->group);
    else
        group_resume(poll->group);
}

int hints_take(struct poll *poll, int timeout_ms, struct err *err)
{
    pause_or_resume(poll);
    group_commit(poll->group, false);
    /* Once in any case: rebalances come this way too. */
    for (int n = 0; n < HINTS_A_TAKE && (n == 0 || poll->hints_pending < POLL_HINTS_MAX); n++) {
        struct message message = {0};
        int got = group_poll(poll->group, n ? 0 : timeout_ms, &message, err);
        if (got < 0 || take_changes(poll, err) < 0) {
            group_release(&message);
            return -1;
        }
        int rc = got ? take_hint(poll, &message, err) : 0;
        group_release(&message);
        if (rc < 0 || !got)
            return rc;
    }
    return 0;
}

/* ---- life cycle ---- */

int hints_open(struct poll *poll, struct err *err)
{
    static const enum topic_kind KINDS[] = {TOPIC_HINTS, TOPIC_KIND_COUNT};
    const struct source_context *context = poll->context;
    char name[128];
    for (int i = 0; i < poll->entity_count; i++) {
        struct poll_entity *entity = &poll->entities[i];
        entity->partition_count = (int)context->migration->kafka.partitions;
        entity->partitions = calloc((size_t)entity->partition_count, sizeof(*entity->partitions));
        if (!entity->partitions)
            return err_set(err, ERR_FATAL, "out of memory");
    }
    (void)snprintf(name, sizeof(name), "poll.%s", poll->system->name);
    poll->group = group_open(context->migration, name, context->instance, KINDS, err);
    return poll->group ? 0 : -1;
}

void hints_close(struct poll *poll)
{
    group_close(poll->group);
    poll->group = NULL;
    for (int i = 0; i < poll->entity_count; i++) {
        struct poll_entity *entity = &poll->entities[i];
        for (int p = 0; entity->partitions && p < entity->partition_count; p++) {
            forget_hints(poll, &entity->partitions[p]);
            free(entity->partitions[p].items);
        }
        free(entity->partitions);
        entity->partitions = NULL;
    }
}
