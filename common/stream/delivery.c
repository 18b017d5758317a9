/*
 * delivery — see delivery.h.
 */
#include "stream/delivery.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/service.h"
#include "stream/control.h"
#include "stream/topics.h"

enum { SETTLE_LEAST_MS = 10, PROBE_MS = 200, PROBE_EVERY_MS = 2000 };

int delivery_begin(struct delivery *delivery, struct err *err)
{
    const struct migration *migration = delivery->context->migration;
    struct sink *sink = delivery->context->sink;
    char topic[TOPIC_NAME_BYTES];
    topic_name(migration, TOPIC_DLQ, NULL, topic);
    if (sink_open_topic(sink, topic, err) < 0)
        return -1;
    for (int i = 0; i < migration->entity_count; i++) {
        topic_name(migration, TOPIC_HINTS, &migration->entities[i], topic);
        if (delivery->hints && sink_open_topic(sink, topic, err) < 0)
            return -1;
        topic_name(migration, TOPIC_CHANGES, &migration->entities[i], topic);
        if (sink_open_topic(sink, topic, err) < 0)
            return -1;
    }
    delivery->begun = true;
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

/* ERR_RETRY: not yet. */
static int begin_if_there(struct delivery *delivery, struct err *err)
{
    const struct source_context *context = delivery->context;
    char topic[TOPIC_NAME_BYTES];
    struct control control = {.exists = false};
    topic_name(context->migration, TOPIC_CONTROL, NULL, topic);
    int there = sink_topic_exists(context->sink, topic, PROBE_MS, err);
    if (there < 0 || (there > 0 && control_read(context->migration, &control, err) < 0))
        return -1;
    if (!control.exists)
        return err_set(err, ERR_RETRY, "waiting for `tandem run` to prepare the migration");
    return delivery_begin(delivery, err);
}

static bool begun(struct delivery *delivery, struct err *err)
{
    struct err now = ERR_INIT;
    if (delivery->begun)
        return true;
    if (clock_mono_ms(delivery->context->clock) < delivery->next_ms)
        return false;
    if (begin_if_there(delivery, &now) == 0) {
        set_away(delivery, false, NULL);
        return true;
    }
    if (now.kind != ERR_RETRY)
        *err = now;
    else
        set_away(delivery, true, now.text);
    delivery->next_ms = clock_mono_ms(delivery->context->clock) + PROBE_EVERY_MS;
    return false;
}

bool delivery_away(struct delivery *delivery, struct err *err)
{
    struct sink *sink = delivery->context->sink;
    struct err now = ERR_INIT;
    if (!begun(delivery, err))
        return true;
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
