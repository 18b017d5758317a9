/*
 * topics — the names and settings of every topic of a migration (design §2), as one table; schemas/asyncapi.yaml is
 * checked against it. Nothing ever touches what does not start with "<ns>.".
 */
#ifndef TANDEM_STREAM_TOPICS_H
#define TANDEM_STREAM_TOPICS_H

#include "base/err.h"
#include "model/migration.h"

enum topic_kind {
    TOPIC_CHANGES,
    TOPIC_HINTS,
    TOPIC_STATE,
    TOPIC_OUTCOMES,
    TOPIC_REVIEW,
    TOPIC_DLQ,
    TOPIC_DECISIONS,
    TOPIC_CURSORS,
    TOPIC_CONTROL,
    TOPIC_ACTIVITY,
    TOPIC_KIND_COUNT
};

struct topic_rule {
    const char *name; /* "changes": <ns>.changes.<entity> when per_entity, else <ns>.<name> */
    bool per_entity;  /* one topic an entity */
    bool
        spread; /* with the migration's partition count (always so when per_entity); else one partition */
    bool compact;                  /* cleanup.policy compact, else delete */
    bool log_append_time;          /* message.timestamp.type */
    int size_factor;               /* max.message.bytes = factor × record_max_bytes */
    int64_t retention_ms;          /* delete topics; −1 = for ever */
    int64_t min_compaction_lag_ms; /* compacted topics; 1 h for state */
    const char *summary;
};
extern const struct topic_rule TOPIC_RULES[TOPIC_KIND_COUNT];

enum { TOPIC_NAME_BYTES = 250 };
/* entity: NULL for a topic that is not per entity. ret_name has TOPIC_NAME_BYTES. */
void topic_name(const struct migration *migration, enum topic_kind kind,
                const struct entity *entity, char *ret_name);
/* The other way: false when it is no topic of this migration. ret_entity (may be NULL): NULL where the topic is not per entity. */
bool topic_parse(const struct migration *migration, const char *name, enum topic_kind *ret_kind,
                 struct entity **ret_entity);
/* The partition count this migration wants of it. */
int topic_partitions(const struct migration *migration, enum topic_kind kind);

/* One difference between what should be and what the cluster has. */
struct topic_difference {
    char topic[TOPIC_NAME_BYTES];
    bool missing; /* to be created */
    char what
        [256]; /* "partitions 3, wants 4 (cannot be changed once data is in)", "cleanup.policy delete, wants compact" */
    bool fatal; /* apply cannot mend it */
};
struct topics_plan {
    struct topic_difference *items;
    int count;
};
/* Compare with the cluster. Returns 0 (plan may be empty), or -1 with ERR_RETRY / ERR_FATAL. Clear with topics_plan_clear. */
int topics_plan(const struct migration *migration, struct topics_plan *ret_plan, struct err *err);
/* Create what is missing, alter what can be altered; refuses when a difference is fatal. */
int topics_apply(const struct migration *migration, const struct topics_plan *plan,
                 struct err *err);
void topics_plan_clear(struct topics_plan *plan);

#endif
