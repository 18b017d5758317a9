/*
 * check_kafka — Kafka's part of `tandem check --connect`: does it answer, are the topics right, may we
 * use them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/check.h"
#include "cli/check_rights.h"
#include "stream/kafka.h"
#include "stream/topics.h"

enum { ANSWER_TIMEOUT_MS = 4000 };

static const char *kind_of(const struct rights_lack *lack)
{
    return lack->is_group ? "group" : "topic";
}

/* The command that gives a right, once for all topics or groups that lack it. */
static void print_remedy(const struct migration *migration, const struct rights_lack *lacks, int at)
{
    for (int i = 0; i < at; i++)
        if (lacks[i].is_group == lacks[at].is_group && !lacks[i].unknown &&
            strcmp(lacks[i].operation, lacks[at].operation) == 0)
            return;
    if (!lacks[at].unknown)
        printf("         kafka-acls.sh --add --allow-principal User:... --operation %s --%s %s. "
               "--resource-pattern-type prefixed\n",
               lacks[at].operation, kind_of(&lacks[at]), migration->ns);
}

static void print_lacks(const struct migration *migration, const struct rights_lack *lacks,
                        int count)
{
    for (int i = 0; i < count; i++) {
        char what[TOPIC_NAME_BYTES + 32];
        (void)snprintf(what, sizeof(what), "right %s on %s %s", lacks[i].operation,
                       kind_of(&lacks[i]), lacks[i].name);
        (void)check_missing(what, lacks[i].unknown ? "Kafka did not say in time; try again"
                                                   : "Kafka refuses it to this user");
    }
    for (int i = 0; i < count; i++)
        print_remedy(migration, lacks, i);
    if (count == 0)
        check_ok("Kafka rights", "reads and writes every topic that is there, joins its groups");
}

/* What this user may not see is there, for all we know. */
static bool is_hidden(const struct rights_lack *lacks, int count, const char *topic)
{
    for (int i = 0; i < count; i++)
        if (strcmp(lacks[i].operation, "Describe") == 0 && strcmp(lacks[i].name, topic) == 0)
            return true;
    return false;
}

static int check_topics(const struct migration *migration, const struct rights_lack *lacks,
                        int lack_count)
{
    struct err err = ERR_INIT;
    struct topics_plan plan = {NULL, 0};
    int missing = 0;
    bool mendable = false;
    if (topics_plan(migration, &plan, &err) != 0)
        return check_missing("topics", err.text);
    for (int i = 0; i < plan.count; i++) {
        const struct topic_difference *difference = &plan.items[i];
        char what[TOPIC_NAME_BYTES + 16];
        if (difference->missing && is_hidden(lacks, lack_count, difference->topic))
            continue;
        (void)snprintf(what, sizeof(what), "topic %s", difference->topic);
        missing += check_missing(what, difference->missing ? "does not exist" : difference->what);
        mendable |= !difference->fatal;
    }
    if (mendable)
        printf("         `tandem topics apply` mends that\n");
    if (plan.count == 0)
        check_ok("topics", "all there, as they should be");
    topics_plan_clear(&plan);
    return missing;
}

int check_kafka(const struct migration *migration)
{
    struct err err = ERR_INIT;
    if (kafka_probe(migration, ANSWER_TIMEOUT_MS, &err) != 0)
        return check_missing("Kafka", err.text);
    check_ok("Kafka", "answers");
    struct rights_lack *lacks = calloc(RIGHTS_LACKS_MAX, sizeof(*lacks));
    if (!lacks)
        return check_missing("Kafka rights", "out of memory");
    int count = check_rights(migration, lacks, &err);
    int missing = count < 0 ? check_missing("Kafka rights", err.text) : count;
    if (count >= 0)
        print_lacks(migration, lacks, count);
    missing += check_topics(migration, lacks, count);
    free(lacks);
    return missing;
}
