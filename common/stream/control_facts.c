/*
 * control_facts — the topic <ns>.control folded into facts. It has one partition: the last message of a key counts.
 */
#include "stream/control_facts.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "stream/log_reader.h"
#include "stream/members.h"
#include "stream/topics.h"

enum { M_PHASE, M_GO, M_KILL, M_COUNT };
static const struct member MIGRATION[M_COUNT] = {
    [M_PHASE] = {"phase", JSON_STRING_, false},
    [M_GO] = {"go", JSON_BOOL_, false},
    [M_KILL] = {"kill_ms", JSON_NUMBER_, false},
};
enum { G_GENERATION, G_HASH, G_SHAPE, G_COUNT };
static const struct member MAPPING[G_COUNT] = {
    [G_GENERATION] = {"generation", JSON_NUMBER_, false},
    [G_HASH] = {"hash", JSON_STRING_, false},
    [G_SHAPE] = {"shape", JSON_OBJECT_, true},
};
static const struct member PARTITIONS[1] = {{"count", JSON_NUMBER_, false}};

/* One reading of the topic. */
struct reading {
    const struct migration *migration;
    struct control_facts *facts;
    struct arena *keep;
    struct json_tape tape;
};

static int take_migration(struct reading *reading, struct err *err)
{
    uint32_t at[M_COUNT];
    struct control *control = &reading->facts->control;
    if (members_find(&reading->tape, 0, MIGRATION, M_COUNT, at, err) < 0 ||
        member_int(&reading->tape, at[M_KILL], "kill_ms", 0, &control->kill_ms, err) < 0)
        return -1;
    struct span phase = json_text(&reading->tape, at[M_PHASE]);
    (void)snprintf(control->phase, sizeof(control->phase), "%.*s", (int)phase.len, phase.data);
    control->go = json_text(&reading->tape, at[M_GO]).data[0] == 't';
    control->exists = true;
    return 0;
}

static int take_mapping(struct reading *reading, struct entity_facts *entity, struct err *err)
{
    uint32_t at[G_COUNT];
    if (members_find(&reading->tape, 0, MAPPING, G_COUNT, at, err) < 0 ||
        member_int(&reading->tape, at[G_GENERATION], "generation", 0, &entity->generation, err) < 0)
        return -1;
    struct span hash = json_text(&reading->tape, at[G_HASH]);
    (void)snprintf(entity->hash, sizeof(entity->hash), "%.*s", (int)hash.len, hash.data);
    entity->shape = SPAN_NONE;
    if (at[G_SHAPE] && reading->keep)
        entity->shape = arena_copy(reading->keep, json_text(&reading->tape, at[G_SHAPE]));
    return 0;
}

static int take_partitions(struct reading *reading, struct entity_facts *entity, struct err *err)
{
    uint32_t at[1];
    if (members_find(&reading->tape, 0, PARTITIONS, 1, at, err) < 0)
        return -1;
    return member_int(&reading->tape, at[0], "count", 0, &entity->partitions, err);
}

static struct entity_facts *entity_of(struct reading *reading, struct span key, const char *prefix)
{
    size_t len = strlen(prefix);
    if (key.len <= len || memcmp(key.data, prefix, len) != 0)
        return NULL;
    for (int i = 0; i < reading->migration->entity_count; i++)
        if (span_is((struct span){key.data + len, key.len - len},
                    reading->migration->entities[i].name))
            return &reading->facts->entities[i];
    return NULL;
}

/* Keys we do not know belong to a newer Tandem or to an entity that is not in this configuration. */
static int take(struct reading *reading, struct span key, struct err *err)
{
    struct entity_facts *entity;
    if (span_is(key, "migration"))
        return take_migration(reading, err);
    if ((entity = entity_of(reading, key, "mapping:")))
        return take_mapping(reading, entity, err);
    if ((entity = entity_of(reading, key, "partitions:")))
        return take_partitions(reading, entity, err);
    return 0;
}

static int on_message(void *self, const struct log_message *message, struct err *err)
{
    struct reading *reading = self;
    if (!message->key.data || !message->value.data)
        return 0;
    if (json_parse(&reading->tape, message->value, err) == 0 &&
        members_version(&reading->tape, "control record", CONTROL_FORMAT_VERSION, err) == 0 &&
        take(reading, message->key, err) == 0)
        return 0;
    err->exit_code = err->kind == ERR_FATAL ? err->exit_code : EX_DATAERR;
    err->kind = ERR_FATAL;
    return err_wrap(err, "control key %.*s", (int)message->key.len, message->key.data);
}

int control_facts_read(const struct migration *migration, struct arena *keep,
                       struct control_facts *ret_facts, struct err *err)
{
    char topic[TOPIC_NAME_BYTES];
    struct control_facts facts = {0};
    struct reading reading = {.migration = migration, .facts = &facts, .keep = keep};
    if (migration->entity_count > CONTROL_ENTITIES_MAX)
        return err_exit(err, EX_CONFIG, "more than %d entities", CONTROL_ENTITIES_MAX);
    topic_name(migration, TOPIC_CONTROL, NULL, topic);
    json_tape_init(&reading.tape);
    int result = log_reader_fold(migration, topic, on_message, &reading, err);
    json_tape_clear(&reading.tape);
    if (result == 0)
        *ret_facts = facts;
    return result;
}
