/*
 * group_internal — the parts of group, shared by group.c (the handle), group_members.c (what is ours), group_hold.c,
 * group_lag.c and group_health.c. Private.
 */
#ifndef TANDEM_STREAM_GROUP_INTERNAL_H
#define TANDEM_STREAM_GROUP_INTERNAL_H

#include <stdatomic.h>

#include <librdkafka/rdkafka.h>

#include "stream/group.h"

enum { GROUP_KINDS_MAX = 4, GROUP_REJOINS_MAX = 8 };

/* One topic that is subscribed. */
struct group_topic {
    char name[TOPIC_NAME_BYTES];
    const struct entity *entity;
    int kind; /* index into kinds */
};

/* One co-partition. */
struct co_partition {
    const struct entity *entity;
    int32_t partition;
    unsigned assigned; /* a bit per subscribed kind */
    bool taken;        /* the owner was told that it gained this */
    bool ready;        /* the owner said group_ready */
    bool lost;         /* went away since it was taken: the owner must be told */
};

struct group {
    rd_kafka_t *handle;
    char name[128], instance[128];
    rd_kafka_t *fenced; /* the handle before, until the owner has let go of its messages; or NULL */
    int rejoins;
    _Atomic int64_t session_lost_ms; /* monotonic, written by the library's threads; 0 never */
    const struct migration *migration;
    enum topic_kind kinds[GROUP_KINDS_MAX];
    int kind_count;
    struct group_topic *topics;
    int topic_count;
    struct co_partition *members; /* grows, entries are reused */
    int member_count;
    bool paused;
    bool held[PAUSE_ENTITIES_MAX]; /* of the migration's entities: group_hold_entity */
    bool changed;                  /* something for group_take_change */
    bool silent;                   /* the last statistics said so */
    int64_t committed_ms;          /* monotonic, of the last asynchronous commit */
    struct json_tape tape;
};

/* NULL: not one of ours. */
const struct group_topic *group_find_topic(const struct group *group, const char *topic);
struct co_partition *group_member(struct group *group, const struct entity *entity,
                                  int32_t partition);

/* The rebalance callback's record. */
void group_record_assigned(struct group *group, const rd_kafka_topic_partition_list_t *list);
void group_record_revoked(struct group *group, const rd_kafka_topic_partition_list_t *list);
void group_record_all_revoked(struct group *group); /* of a handle that is given up */

/* Does all of an entity, or this group, rest? */
bool group_rests(const struct group *group, const struct entity *entity);

/* Pause or resume all of a co-partition's partitions. */
void group_hold(struct group *group, const struct co_partition *member, bool hold);

/* The library's statistics (JSON) as metrics: lag by topic; and group_take_health. */
void group_take_stats(struct group *group, struct span text);
/* From the same statistics, parsed in group->tape: the readiness check "kafka" (base/service.h). Bounded: 10 s of silence and the
 * statistics' interval (5 s, unless kafka.properties says otherwise). */
void group_take_health(struct group *group);

#endif
