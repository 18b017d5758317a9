/*
 * check_rights — each question is a request that fails for another reason once the right is there:
 *   Describe  metadata of one named topic
 *   Read      a fetch at the end of the topic
 *   Write     a message with acks=2, which brokers refuse since 0.9, after they asked for the right
 *   group     check_rights_group.c
 */
#include "cli/check_rights_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "stream/kafka.h"
#include "stream/topics.h"

enum { TOPICS_MAX = 200 };

/* One topic and what was found out about it. */
struct asked {
    char name[TOPIC_NAME_BYTES];
    enum answer read, write;
};

struct rights {
    const struct migration *migration;
    struct asked topics[TOPICS_MAX];
    int topic_count;
    struct rights_lack *lacks;
    int lack_count;
};

static void add_lack(struct rights *rights, bool is_group, const char *operation, const char *name,
                     bool unknown)
{
    if (rights->lack_count == RIGHTS_LACKS_MAX)
        return;
    struct rights_lack *lack = &rights->lacks[rights->lack_count++];
    *lack = (struct rights_lack){.is_group = is_group, .operation = operation, .unknown = unknown};
    (void)snprintf(lack->name, sizeof(lack->name), "%s", name);
}

/* ---- which topics there are ---- */

static int describe(struct rights *rights, rd_kafka_t *handle, const char *name, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
    if (!topic)
        return kafka_err(err, handle, rd_kafka_last_error(), "topic %s", name);
    rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 0, topic, &metadata, RIGHTS_ANSWER_MS);
    rd_kafka_topic_destroy(topic);
    if (code)
        return kafka_err(err, handle, code, "asking for topic %s", name);
    if (metadata->topic_cnt == 1)
        code = metadata->topics[0].err;
    rd_kafka_metadata_destroy(metadata);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        add_lack(rights, false, "Describe", name, false);
    else if (!code && rights->topic_count < TOPICS_MAX)
        (void)snprintf(rights->topics[rights->topic_count++].name, TOPIC_NAME_BYTES, "%s", name);
    return 0;
}

static int describe_all(struct rights *rights, rd_kafka_t *handle, struct err *err)
{
    const struct migration *migration = rights->migration;
    for (int kind = 0; kind < TOPIC_KIND_COUNT; kind++) {
        int count = TOPIC_RULES[kind].per_entity ? migration->entity_count : 1;
        for (int i = 0; i < count; i++) {
            char name[TOPIC_NAME_BYTES];
            topic_name(migration, (enum topic_kind)kind, &migration->entities[i], name);
            if (describe(rights, handle, name, err) != 0)
                return -1;
        }
    }
    return 0;
}

static struct asked *find(struct rights *rights, const rd_kafka_message_t *message)
{
    const char *name = message->rkt ? rd_kafka_topic_name(message->rkt) : "";
    for (int i = 0; i < rights->topic_count; i++)
        if (strcmp(rights->topics[i].name, name) == 0)
            return &rights->topics[i];
    return NULL;
}

/* ---- Read ---- */

static void take_fetched(struct rights *rights, const rd_kafka_message_t *message)
{
    struct asked *asked = find(rights, message);
    if (!asked)
        return;
    if (message->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        asked->read = MAY_NOT;
    else if (!message->err || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        asked->read = MAY;
}

static bool all_read(const struct rights *rights)
{
    for (int i = 0; i < rights->topic_count; i++)
        if (rights->topics[i].read == NOT_ANSWERED)
            return false;
    return true;
}

static void ask_read(struct rights *rights, rd_kafka_t *handle)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(TOPICS_MAX);
    for (int i = 0; i < rights->topic_count; i++)
        rd_kafka_topic_partition_list_add(list, rights->topics[i].name, 0)->offset =
            RD_KAFKA_OFFSET_END;
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + RIGHTS_ANSWER_MS;
    if (rd_kafka_assign(handle, list) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        while (!all_read(rights) && clock_mono_ms(&CLOCK_SYSTEM) < until_ms) {
            rd_kafka_message_t *message = rd_kafka_consumer_poll(handle, RIGHTS_POLL_MS);
            if (message)
                take_fetched(rights, message);
            if (message)
                rd_kafka_message_destroy(message);
        }
        (void)rd_kafka_assign(handle, NULL);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- Write ---- */

static void on_report(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle;
    struct asked *asked = find(opaque, message);
    if (!asked)
        return;
    if (message->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        asked->write = MAY_NOT;
    else if (message->err == RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS)
        asked->write = MAY;
}

static int ask_write(struct rights *rights, struct err *err)
{
    const struct kafka_property ours[] = {{"acks", "2"},
                                          {"enable.idempotence", "false"},
                                          {"message.timeout.ms", "4000"},
                                          {"linger.ms", "0"},
                                          {"retries", "0"},
                                          {NULL, NULL}};
    rd_kafka_conf_t *conf = kafka_conf_new(rights->migration, "check", "cli", NULL, ours, err);
    if (!conf)
        return -1;
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_opaque(conf, rights);
    rd_kafka_t *handle = kafka_new(RD_KAFKA_PRODUCER, conf, err);
    if (!handle)
        return -1;
    char text[] = "check";
    for (int i = 0; i < rights->topic_count; i++) /* with a key: compacted topics want one */
        (void)rd_kafka_producev(handle, RD_KAFKA_V_TOPIC(rights->topics[i].name),
                                RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_KEY(text, sizeof(text) - 1),
                                RD_KAFKA_V_VALUE(text, sizeof(text) - 1), RD_KAFKA_V_END);
    (void)rd_kafka_flush(handle, RIGHTS_ANSWER_MS);
    (void)rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(handle, RIGHTS_POLL_MS);
    rd_kafka_destroy(handle);
    return 0;
}

/* ---- groups ---- */

static int ask_group(struct rights *rights, const char *group, struct err *err)
{
    enum answer answer = NOT_ANSWERED;
    if (rights_ask_group(rights->migration, group, rights->topics[0].name, &answer, err) != 0)
        return -1;
    if (answer != MAY)
        add_lack(rights, true, "Read", group, answer == NOT_ANSWERED);
    return 0;
}

static int ask_groups(struct rights *rights, struct err *err)
{
    const struct migration *migration = rights->migration;
    char group[256];
    (void)snprintf(group, sizeof(group), "%s.apply", migration->ns);
    if (ask_group(rights, group, err) != 0)
        return -1;
    for (int i = 0; i < migration->source_count; i++) { /* of hints: producers/poll */
        if (migration->sources[i].webhook || migration->sources[i].form ||
            migration->sources[i].singer)
            continue; /* no hints are read by whoever is called, or by a tap */
        (void)snprintf(group, sizeof(group), "%s.%s.%s", migration->ns, migration->sources[i].type,
                       migration->sources[i].system->name);
        if (ask_group(rights, group, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- all of it ---- */

static int ask_all(struct rights *rights, rd_kafka_t *handle, struct err *err)
{
    if (describe_all(rights, handle, err) != 0)
        return -1;
    if (rights->topic_count == 0)
        return 0;
    ask_read(rights, handle);
    if (ask_write(rights, err) != 0 || ask_groups(rights, err) != 0)
        return -1;
    for (int i = 0; i < rights->topic_count; i++) {
        const struct asked *asked = &rights->topics[i];
        if (asked->read != MAY)
            add_lack(rights, false, "Read", asked->name, asked->read == NOT_ANSWERED);
        if (asked->write != MAY)
            add_lack(rights, false, "Write", asked->name, asked->write == NOT_ANSWERED);
    }
    return 0;
}

int check_rights(const struct migration *migration, struct rights_lack *lacks, struct err *err)
{
    struct rights rights = {.migration = migration, .lacks = lacks};
    char group[256];
    (void)snprintf(group, sizeof(group), "%s.check", migration->ns);
    rd_kafka_t *handle = rights_consumer(migration, group, err);
    if (!handle)
        return -1;
    (void)rd_kafka_poll_set_consumer(handle);
    int failed = ask_all(&rights, handle, err);
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return failed ? -1 : rights.lack_count;
}
