/*
 * source — how every producer type puts what it captured: see source.h.
 */
#include "stream/source.h"

#include <stdio.h>
#include <string.h>

#include "stream/dead_letter.h"
#include "stream/topics.h"

/* Five headers and no more: they cost more than their bytes (facts: each is an allocation at both ends). */
enum { EVENT_HEADERS = 5 };

int source_put_event(const struct source_context *context, const struct entity *entity,
                     struct event *event, const char *connector, struct err *err)
{
    char topic[TOPIC_NAME_BYTES], source[256], type[160];
    const char *ns = context->migration->ns;
    struct buf *value = sink_scratch(context->sink);
    event_identify(event);
    event_encode(event, entity, ns, connector, value);
    if (value->failed)
        return err_set(err, ERR_REJECT, "an event larger than %zu bytes", value->max_bytes);
    topic_name(context->migration, TOPIC_CHANGES, entity, topic);
    (void)snprintf(source, sizeof(source), "/%s/%.*s/%s", ns, (int)event->system.len,
                   event->system.data, context->settings->name);
    (void)snprintf(type, sizeof(type), "dev.tandem.%s.changed.v1", entity->name);
    const struct sink_header headers[EVENT_HEADERS] = {
        {"content-type", span_of("application/json")},
        {"ce_specversion", span_of("1.0")},
        {"ce_id", {event->event_id, HASH_HEX_BYTES - 1}},
        {"ce_source", span_of(source)},
        {"ce_type", span_of(type)},
    };
    const struct sink_message message = {.topic = topic,
                                         .partition = SINK_PARTITION_BY_KEY,
                                         .key = event->key,
                                         .value = buf_span(value),
                                         .headers = headers,
                                         .header_count = EVENT_HEADERS};
    return sink_put(context->sink, &message, NULL, err);
}

int source_put_dead_letter(const struct source_context *context, const struct entity *entity,
                           struct span key, struct span raw, const char *reason_class,
                           const char *reason, struct err *err)
{
    const struct dead_letter letter = {
        .key = key,
        .value = raw,
        .process = context->settings->type,
        .instance = context->instance,
        .stage = "VALUE_CONVERTER",
        .reason_class = reason_class,
        .reason = reason,
        .entity = entity->name,
        .system = context->settings->system ? context->settings->system->name : NULL,
    };
    return dead_letter_put(context->sink, context->migration, &letter, NULL, err);
}
