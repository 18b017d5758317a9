/*
 * group_hold — consuming is paused and resumed: all of it, or one entity's; see group.h.
 */
#include "base/log.h"
#include "stream/group_internal.h"

static rd_kafka_topic_partition_list_t *co_list(const struct group *group,
                                                const struct co_partition *member)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(group->kind_count);
    for (int i = 0; i < group->topic_count; i++) {
        const struct group_topic *topic = &group->topics[i];
        if (topic->entity == member->entity && (member->assigned & 1U << topic->kind))
            rd_kafka_topic_partition_list_add(list, topic->name, member->partition);
    }
    return list;
}

void group_hold(struct group *group, const struct co_partition *member, bool hold)
{
    rd_kafka_topic_partition_list_t *list = co_list(group, member);
    rd_kafka_resp_err_t code = hold ? rd_kafka_pause_partitions(group->handle, list)
                                    : rd_kafka_resume_partitions(group->handle, list);
    if (code)
        log_warn("pause or resume", log_str("error", rd_kafka_err2str(code)));
    rd_kafka_topic_partition_list_destroy(list);
}

static void hold_all(struct group *group, bool hold)
{
    group->paused = hold;
    for (int i = 0; i < group->member_count; i++)
        if (group->members[i].ready && (hold || !group_rests(group, group->members[i].entity)))
            group_hold(group, &group->members[i], hold);
}

bool group_rests(const struct group *group, const struct entity *entity)
{
    int64_t at = entity - group->migration->entities;
    return group->paused || (at < PAUSE_ENTITIES_MAX && group->held[at]);
}

bool group_hold_entity(struct group *group, const struct entity *entity, bool hold)
{
    int64_t at = entity - group->migration->entities;
    if (at >= PAUSE_ENTITIES_MAX || group->held[at] == hold)
        return false;
    group->held[at] = hold;
    for (int i = 0; i < group->member_count; i++)
        if (group->members[i].ready && group->members[i].entity == entity && !group->paused)
            group_hold(group, &group->members[i], hold);
    return true;
}

void group_pause(struct group *group)
{
    if (!group->paused)
        hold_all(group, true);
}

void group_resume(struct group *group)
{
    if (group->paused)
        hold_all(group, false);
}
