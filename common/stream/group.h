/*
 * group — membership in a consumer group: which partitions are ours, their messages, pauses and offsets. What consumer_run() and poll's
 * hydration stand on. Static membership, `range` assignor, one thread.
 *
 * A co-partition is the same partition number of every subscribed kind of one entity (changes and decisions of contact, number 2): they are
 * owned together or not worked on at all. A rebalance only records what came and went; the owner then takes each change by
 * group_take_change(), and no message of a new co-partition is handed out before group_ready().
 */
#ifndef TANDEM_STREAM_GROUP_H
#define TANDEM_STREAM_GROUP_H

#include "stream/handler.h"

struct group;

/*
 * name: group.id = <ns>.<name>, group.instance.id = <ns>-<name>-<instance>. kinds: subscribed for every entity, ends with
 * TOPIC_KIND_COUNT, at most 4, all per entity. NULL with ERR_FATAL.
 */
struct group *group_open(const struct migration *migration, const char *name, const char *instance,
                         const enum topic_kind *kinds, struct err *err);
/* Commits what is stored (waits for it, bounded by the session timeout). As a static member it keeps its place until the session runs out. */
void group_close(struct group *group);

/*
 * The next message within timeout_ms: 1 = one in ret_message (owned: group_release), 0 = none, or a change is to be taken first; -1 =
 * err: ERR_RETRY (Kafka away), ERR_FATAL (EXIT_FENCED: another process has our instance id). Fenced within a minute of losing its session, it
 * joins anew instead, 8 times at most: a broker that hung works off our first join after our second, and then fences us by ourselves.
 * Must be called at least every max.poll.interval.ms (5 minutes), also while everything is paused.
 */
int group_poll(struct group *group, int timeout_ms, struct message *ret_message, struct err *err);
void group_release(struct message *message); /* the message's memory; a zeroed one is fine */

struct group_change {
    bool gained; /* else lost */
    const struct entity *entity;
    int32_t partition;
};
/* The next thing that a rebalance changed: all that is lost before anything that is gained. False: nothing. A co-partition lost before it was
 * taken as gained is never mentioned. A gained one stays paused until group_ready(). */
bool group_take_change(struct group *group, struct group_change *ret_change);
void group_ready(struct group *group, const struct entity *entity, int32_t partition);
/* Is it still ours? */
bool group_owns(const struct group *group, const struct entity *entity, int32_t partition);
int group_owned_count(const struct group *group); /* taken as gained, and ready */

/* Pause or resume everything that is ready (the target is away, a quota is spent). group_poll goes on. */
void group_pause(struct group *group);
void group_resume(struct group *group);

/* The same for one entity, beside that: its partitions rest until both let them go. True when that is news. */
bool group_hold_entity(struct group *group, const struct entity *entity, bool hold);

/*
 * All messages up to and including this one are done, in its topic and partition: its offset may be committed. Nothing happens when the
 * partition was lost. Offsets are committed by group_commit: asynchronously at most once a second, or at once and waited for.
 */
void group_store(struct group *group, const struct message *last);
void group_commit(struct group *group, bool wait);

#endif
