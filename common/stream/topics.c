/*
 * topics — the table, and the names made from it. What the cluster has is compared in topics_plan.c.
 */
#include "stream/topics.h"

#include <stdio.h>
#include <string.h>

#define HOURS(n) ((int64_t)(n)*60 * 60 * 1000)
#define DAYS(n)  (HOURS(24) * (n))

/* 400 days: a year of migration and a margin; a kill date further away asks for more (topics_plan). */
const struct topic_rule TOPIC_RULES[TOPIC_KIND_COUNT] = {
    [TOPIC_CHANGES] = {.name = "changes",
                       .per_entity = true,
                       .spread = true,
                       .log_append_time = true,
                       .size_factor = 1,
                       .retention_ms = DAYS(400),
                       .summary = "normalized change events, keyed by record, never null"},
    [TOPIC_HINTS] = {.name = "hints",
                     .per_entity = true,
                     .spread = true,
                     .log_append_time = true,
                     .size_factor = 1,
                     .retention_ms = DAYS(400),
                     .summary = "a record changed: go and read it"},
    [TOPIC_STATE] = {.name = "state",
                     .per_entity = true,
                     .spread = true,
                     .compact = true,
                     .size_factor = 4,
                     .retention_ms = -1,
                     .min_compaction_lag_ms = HOURS(1),
                     .summary = "the one row per record that is the truth"},
    [TOPIC_OUTCOMES] = {.name = "outcomes",
                        .spread = true,
                        .log_append_time = true,
                        .size_factor = 4,
                        .retention_ms = DAYS(400),
                        .summary = "the audit trail: what became of every event"},
    [TOPIC_REVIEW] = {.name = "review",
                      .compact = true,
                      .size_factor = 4,
                      .retention_ms = -1,
                      .summary = "the open questions; null = closed"},
    [TOPIC_DLQ] = {.name = "dlq",
                   .spread = true,
                   .log_append_time = true,
                   .size_factor = 4,
                   .retention_ms = DAYS(400),
                   .summary = "what could not be applied, bytes and headers as they came"},
    [TOPIC_DECISIONS] = {.name = "decisions",
                         .per_entity = true,
                         .spread = true,
                         .log_append_time = true,
                         .size_factor = 1,
                         .retention_ms = DAYS(400),
                         .summary = "what a person or a rule decided, who and why"},
    [TOPIC_CURSORS] = {.name = "cursors",
                       .compact = true,
                       .size_factor = 1,
                       .retention_ms = -1,
                       .summary = "each producer's place"},
    [TOPIC_CONTROL] = {.name = "control",
                       .compact = true,
                       .size_factor = 1,
                       .retention_ms = -1,
                       .summary = "what all processes of the migration agree on"},
    [TOPIC_ACTIVITY] = {.name = "activity",
                        .log_append_time = true,
                        .size_factor = 1,
                        .retention_ms = DAYS(400),
                        .summary = "logins and API use on either system"},
};

void topic_name(const struct migration *migration, enum topic_kind kind,
                const struct entity *entity, char *ret_name)
{
    const struct topic_rule *rule = &TOPIC_RULES[kind];
    if (rule->per_entity)
        (void)snprintf(ret_name, TOPIC_NAME_BYTES, "%s.%s.%s", migration->ns, rule->name,
                       entity ? entity->name : "");
    else
        (void)snprintf(ret_name, TOPIC_NAME_BYTES, "%s.%s", migration->ns, rule->name);
}

bool topic_parse(const struct migration *migration, const char *name, enum topic_kind *ret_kind,
                 struct entity **ret_entity)
{
    char candidate[TOPIC_NAME_BYTES];
    for (int kind = 0; kind < TOPIC_KIND_COUNT; kind++) {
        int entities = TOPIC_RULES[kind].per_entity ? migration->entity_count : 1;
        for (int i = 0; i < entities; i++) {
            struct entity *entity = TOPIC_RULES[kind].per_entity ? &migration->entities[i] : NULL;
            topic_name(migration, (enum topic_kind)kind, entity, candidate);
            if (strcmp(candidate, name) != 0)
                continue;
            *ret_kind = (enum topic_kind)kind;
            if (ret_entity)
                *ret_entity = entity;
            return true;
        }
    }
    return false;
}

int topic_partitions(const struct migration *migration, enum topic_kind kind)
{
    return TOPIC_RULES[kind].spread ? (int)migration->kafka.partitions : 1;
}
