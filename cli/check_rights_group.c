/*
 * check_rights_group — may we be a member of this group? A commit for a partition that no topic has: judged, and of no effect.
 */
#include "cli/check_rights_internal.h"
#include "stream/kafka.h"

enum { NO_PARTITION = 1 << 30 /* more than any topic has */ };

rd_kafka_t *rights_consumer(const struct migration *migration, const char *group, struct err *err)
{
    const struct kafka_property ours[] = {{"group.id", group},
                                          {"enable.auto.commit", "false"},
                                          {"enable.partition.eof", "true"},
                                          {"auto.offset.reset", "latest"},
                                          {"allow.auto.create.topics", "false"},
                                          {NULL, NULL}};
    rd_kafka_conf_t *conf = kafka_conf_new(migration, "check", "cli", NULL, ours, err);
    return conf ? kafka_new(RD_KAFKA_CONSUMER, conf, err) : NULL;
}

/*
 * Describe first: without it the commit below would look for the group's coordinator until the library gives up on it, which takes
 * the better part of a minute, also in rd_kafka_destroy.
 */
static enum answer ask_describe_group(rd_kafka_t *handle, const char *group)
{
    char text[256];
    enum answer answer = NOT_ANSWERED;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, RIGHTS_ANSWER_MS, text, sizeof(text));
    rd_kafka_DescribeConsumerGroups(handle, &group, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, RIGHTS_ANSWER_MS + RIGHTS_POLL_MS);
    const rd_kafka_DescribeConsumerGroups_result_t *result =
        event ? rd_kafka_event_DescribeConsumerGroups_result(event) : NULL;
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        result ? rd_kafka_DescribeConsumerGroups_result_groups(result, &count) : NULL;
    if (count == 1) {
        const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
        rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
            answer = MAY_NOT;
        else if (code != RD_KAFKA_RESP_ERR__TIMED_OUT) /* there may be no such group yet */
            answer = MAY;
    }
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return answer;
}

static enum answer ask_commit(rd_kafka_t *handle, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, NO_PARTITION)->offset = 0;
    rd_kafka_resp_err_t code = rd_kafka_commit(handle, list, 0);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__NO_OFFSET)
        code = list->elems[0].err;
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        return MAY_NOT;
    return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT
               ? NOT_ANSWERED
               : MAY;
}

int rights_ask_group(const struct migration *migration, const char *group, const char *topic,
                     enum answer *ret_answer, struct err *err)
{
    rd_kafka_t *handle = rights_consumer(migration, group, err);
    if (!handle)
        return -1;
    enum answer answer = ask_describe_group(handle, group);
    if (answer == MAY)
        answer = ask_commit(handle, topic);
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    *ret_answer = answer;
    return 0;
}
