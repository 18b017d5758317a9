/*
 * kafka_tool — what a test asks Kafka beyond producing and consuming, as JSON
 * on stdout:
 *
 *   kafka-tool <bootstrap> create <topic> <partitions> [name=value ...]
 *   kafka-tool <bootstrap> delete <topic>         (returns when nobody sees it any more)
 *   kafka-tool <bootstrap> topics
 *   kafka-tool <bootstrap> ends <topic>
 *   kafka-tool <bootstrap> committed <group> <topic>
 *   kafka-tool <bootstrap> allow|deny topic|group <name> <operation> [<principal>] (a name ending in '.' is a prefix;
 *       operations: read write create describe describe-configs alter-configs all; no principal: whom the broker knows by no name)
 */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 30000, TEXT_BYTES = 512 };

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "kafka-tool: %s: %s\n", what, why);
    return 1;
}

static rd_kafka_t *client(const char *bootstrap, const char *group)
{
    char text[TEXT_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof(text)) ||
        rd_kafka_conf_set(conf, "group.id", group, text, sizeof(text))) {
        (void)fail("configuration", text);
        exit(1);
    }
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (!kafka) {
        (void)fail("client", text);
        exit(1);
    }
    return kafka;
}

static int create(rd_kafka_t *kafka, int argc, char **argv)
{
    char text[TEXT_BYTES];
    int partitions = (int)strtol(argv[1], NULL, 10);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(argv[0], partitions, 1, text, sizeof(text));
    if (!topic)
        return fail(argv[0], text);
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value) {
            *value = '\0';
            (void)rd_kafka_NewTopic_set_config(topic, argv[i], value + 1);
        }
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
    rd_kafka_CreateTopics(kafka, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    int failed = event ? 0 : fail(argv[0], "no answer");
    if (event && rd_kafka_event_error(event))
        failed = fail(argv[0], rd_kafka_event_error_string(event));
    const rd_kafka_CreateTopics_result_t *result =
        event && !failed ? rd_kafka_event_CreateTopics_result(event) : NULL;
    size_t count = 0;
    const rd_kafka_topic_result_t **topics =
        result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_topic_result_error(topics[i]))
            failed = fail(argv[0], rd_kafka_topic_result_error_string(topics[i]));
    if (!failed)
        (void)puts("{}");
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return failed;
}

static int has_topic(rd_kafka_t *kafka, const char *name)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int found = rd_kafka_metadata(kafka, 1, NULL, &metadata, TIMEOUT_MS) ? 1 : 0;
    for (int i = 0; metadata && i < metadata->topic_cnt; i++)
        found |= strcmp(metadata->topics[i].topic, name) == 0;
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    return found;
}

static int delete_topic(rd_kafka_t *kafka, const char *name)
{
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
    rd_kafka_DeleteTopics(kafka, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    int failed = event && !rd_kafka_event_error(event) ? 0 : fail(name, "not deleted");
    for (int tries = 0; !failed && has_topic(kafka, name); tries++)
        if (tries == 1000)
            failed = fail(name, "still there");
    if (!failed)
        (void)puts("{}");
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteTopic_destroy(topic);
    return failed;
}

static int topics(rd_kafka_t *kafka)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(kafka, 1, NULL, &metadata, TIMEOUT_MS);
    if (error)
        return fail("metadata", rd_kafka_err2str(error));
    (void)printf("{");
    for (int i = 0; i < metadata->topic_cnt; i++)
        (void)printf("%s\"%s\":%d", i ? "," : "", metadata->topics[i].topic,
                     metadata->topics[i].partition_cnt);
    (void)puts("}");
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

/* The topic's partitions as a list, or NULL when it does not exist. */
static rd_kafka_topic_partition_list_t *partitions_of(rd_kafka_t *kafka, const char *name)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(kafka, 0, topic, &metadata, TIMEOUT_MS);
    rd_kafka_topic_destroy(topic);
    if (!error && metadata->topic_cnt == 1)
        error = metadata->topics[0].err;
    rd_kafka_topic_partition_list_t *list = NULL;
    if (error) {
        (void)fail(name, rd_kafka_err2str(error));
    } else {
        list = rd_kafka_topic_partition_list_new(metadata->topics[0].partition_cnt);
        for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
            rd_kafka_topic_partition_list_add(list, name, i);
    }
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    return list;
}

static int ends(rd_kafka_t *kafka, const char *name)
{
    rd_kafka_topic_partition_list_t *list = partitions_of(kafka, name);
    if (!list)
        return 1;
    int failed = 0;
    (void)printf("{");
    for (int i = 0; i < list->cnt && !failed; i++) {
        int64_t low = 0, high = 0;
        rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(kafka, name, i, &low, &high, TIMEOUT_MS);
        if (error)
            failed = fail(name, rd_kafka_err2str(error));
        (void)printf("%s\"%d\":[%lld,%lld]", i ? "," : "", i, (long long)low, (long long)high);
    }
    (void)puts("}");
    rd_kafka_topic_partition_list_destroy(list);
    return failed;
}

static int committed(rd_kafka_t *kafka, const char *name)
{
    rd_kafka_topic_partition_list_t *list = partitions_of(kafka, name);
    if (!list)
        return 1;
    rd_kafka_resp_err_t error = rd_kafka_committed(kafka, list, TIMEOUT_MS);
    (void)printf("{");
    for (int i = 0; i < list->cnt && !error; i++) {
        if (list->elems[i].offset < 0)
            (void)printf("%s\"%d\":null", i ? "," : "", list->elems[i].partition);
        else
            (void)printf("%s\"%d\":%lld", i ? "," : "", list->elems[i].partition,
                         (long long)list->elems[i].offset);
    }
    (void)puts("}");
    rd_kafka_topic_partition_list_destroy(list);
    return error ? fail(name, rd_kafka_err2str(error)) : 0;
}

static rd_kafka_AclOperation_t operation_of(const char *name)
{
    static const struct {
        const char *name;
        rd_kafka_AclOperation_t operation;
    } all[] = {{"read", RD_KAFKA_ACL_OPERATION_READ},
               {"write", RD_KAFKA_ACL_OPERATION_WRITE},
               {"create", RD_KAFKA_ACL_OPERATION_CREATE},
               {"describe", RD_KAFKA_ACL_OPERATION_DESCRIBE},
               {"describe-configs", RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS},
               {"alter-configs", RD_KAFKA_ACL_OPERATION_ALTER_CONFIGS}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(name, all[i].name) == 0)
            return all[i].operation;
    return RD_KAFKA_ACL_OPERATION_ALL;
}

/* argv: verb, type, name, operation, and the principal or NULL. */
static int make_rule(rd_kafka_t *kafka, char **argv)
{
    char text[TEXT_BYTES], principal[TEXT_BYTES];
    (void)snprintf(principal, sizeof(principal), "User:%s", argv[4] ? argv[4] : "ANONYMOUS");
    const char *name = argv[2];
    bool prefix = *name && name[strlen(name) - 1] == '.';
    rd_kafka_AclBinding_t *rule = rd_kafka_AclBinding_new(
        strcmp(argv[1], "group") == 0 ? RD_KAFKA_RESOURCE_GROUP : RD_KAFKA_RESOURCE_TOPIC, name,
        prefix ? RD_KAFKA_RESOURCE_PATTERN_PREFIXED : RD_KAFKA_RESOURCE_PATTERN_LITERAL, principal,
        "*", operation_of(argv[3]),
        strcmp(argv[0], "deny") == 0 ? RD_KAFKA_ACL_PERMISSION_TYPE_DENY
                                     : RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
        text, sizeof(text));
    if (!rule)
        return fail(name, text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
    rd_kafka_CreateAcls(kafka, &rule, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    int failed = event ? 0 : fail(name, "no answer");
    size_t count = 0;
    const rd_kafka_acl_result_t **results =
        event ? rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &count)
              : NULL;
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_acl_result_error(results[i]))
            failed = fail(name, rd_kafka_error_string(rd_kafka_acl_result_error(results[i])));
    if (!failed)
        (void)puts("{}");
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AclBinding_destroy(rule);
    return failed;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[2] : "";
    int asks_group = strcmp(verb, "committed") == 0;
    int known =
        (strcmp(verb, "create") == 0 && argc >= 5) || (strcmp(verb, "topics") == 0 && argc == 3) ||
        ((strcmp(verb, "ends") == 0 || strcmp(verb, "delete") == 0) && argc == 4) ||
        (asks_group && argc == 5) ||
        ((strcmp(verb, "deny") == 0 || strcmp(verb, "allow") == 0) && (argc == 6 || argc == 7));
    if (!known)
        return fail(
            "usage",
            "<bootstrap> create|delete|topics|ends|committed|allow|deny ..., see kafka_tool.c");
    rd_kafka_t *kafka = client(argv[1], asks_group ? argv[3] : "kafka-tool");
    int failed = 0;
    if (strcmp(verb, "create") == 0)
        failed = create(kafka, argc - 3, argv + 3);
    else if (strcmp(verb, "topics") == 0)
        failed = topics(kafka);
    else if (strcmp(verb, "delete") == 0)
        failed = delete_topic(kafka, argv[3]);
    else if (strcmp(verb, "ends") == 0)
        failed = ends(kafka, argv[3]);
    else if (argc >= 6)
        failed = make_rule(kafka, argv + 2);
    else
        failed = committed(kafka, argv[4]);
    rd_kafka_destroy(kafka);
    return failed;
}
