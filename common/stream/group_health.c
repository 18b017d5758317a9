/*
 * group_health — does Kafka still answer? A consumer without work gets no error from a broker that hangs: it waits. The client's own
 * statistics (librdkafka STATISTICS.md) tell: a request without an answer while nothing at all comes in.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/service.h"
#include "stream/group_internal.h"
#include "stream/kafka.h"

/* A fetch comes back within fetch.wait.max.ms (0.5 s), a heartbeat at once. */
enum { SILENT_MS = 10 * 1000 };

/* What the statistics say about all brokers. */
struct picture {
    int brokers, up;
    int64_t silent_ms; /* the longest silence of one that owes an answer */
};

static struct picture look(const struct json_tape *tape, uint32_t brokers)
{
    struct picture picture = {0};
    for (uint32_t k = json_first(tape, brokers); k < json_end(tape, brokers);
         k = tape->tokens[k + 1].next) {
        struct span state = SPAN_NONE;
        int64_t owed = 0, idle_us = 0;
        picture.brokers++;
        if (!json_string_at(tape, k + 1, "state", &state) || !span_is(state, "UP"))
            continue;
        picture.up++;
        if (json_int_at(tape, k + 1, "waitresp_cnt", &owed) && owed > 0 &&
            json_int_at(tape, k + 1, "rxidle", &idle_us) && idle_us / 1000 > picture.silent_ms)
            picture.silent_ms = idle_us / 1000;
    }
    return picture;
}

void group_take_health(struct group *group)
{
    char brokers[KAFKA_BROKERS_BYTES], why[256] = "";
    uint32_t list = json_get(&group->tape, 0, "brokers");
    if (!list)
        return;
    const struct picture picture = look(&group->tape, list);
    kafka_brokers(group->handle, brokers);
    if (picture.brokers > 0 && picture.up == 0)
        (void)snprintf(why, sizeof(why), "no connection to Kafka at %s", brokers);
    else if (picture.silent_ms > SILENT_MS)
        (void)snprintf(why, sizeof(why), "Kafka at %s has not answered for %lld s", brokers,
                       (long long)(picture.silent_ms / 1000));
    service_set_check("kafka", !why[0], why);
    if (group->silent == !why[0])
        log_at(why[0] ? LOG_WARN_ : LOG_INFO_, why[0] ? "Kafka is silent" : "Kafka answers again",
               log_str("why", why));
    group->silent = why[0] != '\0';
}
