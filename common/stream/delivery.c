/*
 * delivery — see delivery.h.
 */
#include "stream/delivery.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/service.h"
#include "stream/topics.h"

enum { SETTLE_LEAST_MS = 10 };

int delivery_open_topics(const struct source_context *context, bool hints, struct err *err)
{
    const struct migration *migration = context->migration;
    char topic[TOPIC_NAME_BYTES];
    topic_name(migration, TOPIC_DLQ, NULL, topic);
    if (sink_open_topic(context->sink, topic, err) < 0)
        return -1;
    for (int i = 0; i < migration->entity_count; i++) {
        topic_name(migration, TOPIC_HINTS, &migration->entities[i], topic);
        if (hints && sink_open_topic(context->sink, topic, err) < 0)
            return -1;
        topic_name(migration, TOPIC_CHANGES, &migration->entities[i], topic);
        if (sink_open_topic(context->sink, topic, err) < 0)
            return -1;
    }
    return 0;
}

static void set_away(struct delivery *delivery, bool away, const char *why)
{
    if (away != delivery->away)
        log_warn(away ? "Kafka gives no delivery reports" : "Kafka gives delivery reports again",
                 log_str("why", why ? why : ""),
                 log_str("meanwhile", away ? delivery->meanwhile : ""));
    delivery->away = away;
    service_set_check("kafka", !away, why);
}

bool delivery_away(struct delivery *delivery, struct err *err)
{
    struct sink *sink = delivery->context->sink;
    struct err now = ERR_INIT;
    if (!delivery->away)
        return false;
    sink_serve(sink);
    if (sink_unreported(sink) == 0 && sink_settle(sink, 0, &now) == 0) {
        set_away(delivery, false, NULL);
        return false;
    }
    if (now.kind == ERR_FATAL)
        *err = now;
    return true;
}

int delivery_settle(struct delivery *delivery, int64_t since_ms, struct err *err)
{
    struct err now = ERR_INIT;
    int64_t left_ms = since_ms + delivery->patience_ms - clock_mono_ms(delivery->context->clock);
    int wait_ms = left_ms < SETTLE_LEAST_MS ? SETTLE_LEAST_MS : (int)left_ms;
    if (sink_settle(delivery->context->sink, wait_ms, &now) == 0)
        return 0;
    if (now.kind == ERR_FATAL)
        *err = now;
    else
        set_away(delivery, true, now.text);
    return -1;
}
