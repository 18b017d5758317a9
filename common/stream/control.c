/*
 * control — this process checked against what the migration agreed on: see control.h.
 */
#include "stream/control.h"

#include <string.h>
#include <sysexits.h>

#include "stream/control_facts.h"
#include "stream/kafka.h"
#include "stream/topics.h"

enum { METADATA_TIMEOUT_MS = 10 * 1000 };

static int check_mapping(const struct entity *entity, const struct entity_facts *facts,
                         struct err *err)
{
    if (facts->generation < 1)
        return err_exit(
            err, EX_CONFIG,
            "entity %s is not part of the prepared migration; run `tandem run --remap %s`",
            entity->name, entity->name);
    if (strcmp(facts->hash, entity->hash) != 0)
        return err_exit(
            err, EX_CONFIG,
            "the mapping of entity %s is not the one the migration knows as generation %lld; "
            "run `tandem run --remap %s`, or take the change back",
            entity->name, (long long)facts->generation, entity->name);
    return 0;
}

/* Co-partitioned, and as many as on the first day: a record's partition must never change. */
static int check_partitions(rd_kafka_t *handle, const struct migration *migration,
                            const struct entity *entity, int64_t known, struct err *err)
{
    static const enum topic_kind KINDS[] = {TOPIC_CHANGES, TOPIC_HINTS, TOPIC_STATE,
                                            TOPIC_DECISIONS};
    for (size_t k = 0; k < sizeof(KINDS) / sizeof(KINDS[0]); k++) {
        char topic[TOPIC_NAME_BYTES];
        int count;
        topic_name(migration, KINDS[k], entity, topic);
        if (kafka_partitions(handle, topic, METADATA_TIMEOUT_MS, &count, err) < 0)
            return -1;
        if (count == 0)
            return err_exit(err, EX_CONFIG, "topic %s does not exist; run `tandem topics apply`",
                            topic);
        if (count != known)
            return err_exit(err, EX_CONFIG,
                            "topic %s has %d partitions, the migration was prepared with %lld",
                            topic, count, (long long)known);
    }
    return 0;
}

static int check(struct migration *migration, const struct control_facts *facts, struct err *err)
{
    rd_kafka_conf_t *conf = kafka_conf_new(migration, "control", "check", NULL, NULL, err);
    rd_kafka_t *handle = conf ? kafka_new(RD_KAFKA_PRODUCER, conf, err) : NULL;
    if (!handle)
        return -1;
    int result = 0;
    for (int i = 0; i < migration->entity_count && result == 0; i++) {
        const struct entity *entity = &migration->entities[i];
        if (check_mapping(entity, &facts->entities[i], err) < 0 ||
            check_partitions(handle, migration, entity, facts->entities[i].partitions, err) < 0)
            result = -1;
    }
    for (int i = 0; i < migration->entity_count && result == 0; i++)
        migration->entities[i].generation = facts->entities[i].generation;
    rd_kafka_destroy(handle);
    return result;
}

int control_read(struct migration *migration, struct control *ret_control, struct err *err)
{
    struct control_facts facts;
    if (control_facts_read(migration, NULL, &facts, err) < 0)
        return -1;
    if (facts.control.exists && check(migration, &facts, err) < 0)
        return -1;
    *ret_control = facts.control;
    return 0;
}
