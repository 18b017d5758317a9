/*
 * group_lag — how far behind: the client's own statistics (librdkafka STATISTICS.md), summed by topic.
 */
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "stream/group_internal.h"

static int64_t lag_of(const struct json_tape *tape, uint32_t partitions, int *ret_known)
{
    int64_t sum = 0;
    for (uint32_t k = json_first(tape, partitions); k < json_end(tape, partitions);
         k = tape->tokens[k + 1].next) {
        int64_t lag;
        if (!json_int_at(tape, k + 1, "consumer_lag_stored", &lag) || lag < 0)
            continue;
        sum += lag;
        ++*ret_known;
    }
    return sum;
}

void group_take_stats(struct group *group, struct span text)
{
    struct json_tape *tape = &group->tape;
    if (json_parse(tape, text, NULL) < 0)
        return;
    group_take_health(group);
    uint32_t topics = json_get(tape, 0, "topics");
    if (!topics)
        return;
    for (uint32_t k = json_first(tape, topics); k < json_end(tape, topics);
         k = tape->tokens[k + 1].next) {
        char labels[TOPIC_NAME_BYTES + 16];
        int known = 0;
        uint32_t partitions = json_get(tape, k + 1, "partitions");
        int64_t lag = partitions ? lag_of(tape, partitions, &known) : 0;
        struct span name = json_text(tape, k);
        (void)snprintf(labels, sizeof(labels), "topic=\"%.*s\"", (int)name.len, name.data);
        if (known)
            metric_set(
                metric_gauge("tandem_consumer_lag_messages",
                             "Messages behind the end offset whose offset is not stored yet.",
                             labels),
                (double)lag);
    }
}
