/*
 * group_members — what is ours: co-partitions that came and went, and the owner's taking note of it.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "stream/group_internal.h"

const struct group_topic *group_find_topic(const struct group *group, const char *topic)
{
    for (int i = 0; i < group->topic_count; i++)
        if (strcmp(group->topics[i].name, topic) == 0)
            return &group->topics[i];
    return NULL;
}

struct co_partition *group_member(struct group *group, const struct entity *entity,
                                  int32_t partition)
{
    for (int i = 0; i < group->member_count; i++)
        if (group->members[i].entity == entity && group->members[i].partition == partition)
            return &group->members[i];
    return NULL;
}

static struct co_partition *member_add(struct group *group, const struct entity *entity,
                                       int32_t partition)
{
    struct co_partition *member = group_member(group, entity, partition);
    if (member)
        return member;
    struct co_partition *members =
        realloc(group->members, ((size_t)group->member_count + 1) * sizeof(*members));
    if (!members)
        abort(); /* crash-safe by design §4; there is nobody to tell inside a rebalance */
    group->members = members;
    member = &members[group->member_count++];
    *member = (struct co_partition){.entity = entity, .partition = partition};
    return member;
}

static bool is_whole(const struct group *group, const struct co_partition *member)
{
    return member->assigned == (1U << group->kind_count) - 1;
}

void group_record_assigned(struct group *group, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        const struct group_topic *topic = group_find_topic(group, list->elems[i].topic);
        if (topic)
            member_add(group, topic->entity, list->elems[i].partition)->assigned |= 1U
                                                                                    << topic->kind;
    }
    /* Not whole: a topic was created while the group was assigned. The next rebalance mends it; until then it rests. */
    for (int i = 0; i < group->member_count; i++) {
        const struct co_partition *member = &group->members[i];
        if (member->assigned && !is_whole(group, member))
            log_warn("partition is not worked on: not all of its topics came together",
                     log_str("entity", member->entity->name),
                     log_int("partition", member->partition));
    }
    group->changed = true;
}

static void revoke(struct co_partition *member, unsigned kinds)
{
    member->assigned &= ~kinds;
    member->ready = false;
    member->lost = member->lost || member->taken;
}

void group_record_revoked(struct group *group, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        const struct group_topic *topic = group_find_topic(group, list->elems[i].topic);
        struct co_partition *member =
            topic ? group_member(group, topic->entity, list->elems[i].partition) : NULL;
        if (member)
            revoke(member, 1U << topic->kind);
    }
    group->changed = true;
}

void group_record_all_revoked(struct group *group)
{
    for (int i = 0; i < group->member_count; i++)
        revoke(&group->members[i], UINT_MAX);
    group->changed = true;
}

bool group_take_change(struct group *group, struct group_change *ret_change)
{
    if (!group->changed)
        return false;
    for (int i = 0; i < group->member_count; i++) {
        struct co_partition *member = &group->members[i];
        if (!member->lost)
            continue;
        member->lost = member->taken = false;
        *ret_change = (struct group_change){false, member->entity, member->partition};
        return true;
    }
    for (int i = 0; i < group->member_count; i++) {
        struct co_partition *member = &group->members[i];
        if (member->taken || !is_whole(group, member))
            continue;
        member->taken = true;
        *ret_change = (struct group_change){true, member->entity, member->partition};
        return true;
    }
    group->changed = false;
    return false;
}

void group_ready(struct group *group, const struct entity *entity, int32_t partition)
{
    struct co_partition *member = group_member(group, entity, partition);
    if (!member || !member->taken || member->lost || !is_whole(group, member))
        return;
    member->ready = true;
    if (!group_rests(group, entity))
        group_hold(group, member, false);
}

bool group_owns(const struct group *group, const struct entity *entity, int32_t partition)
{
    for (int i = 0; i < group->member_count; i++) {
        const struct co_partition *member = &group->members[i];
        if (member->entity == entity && member->partition == partition)
            return member->taken && !member->lost && is_whole(group, member);
    }
    return false;
}

int group_owned_count(const struct group *group)
{
    int count = 0;
    for (int i = 0; i < group->member_count; i++)
        count += group->members[i].ready;
    return count;
}
