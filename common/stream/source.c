/*
 * source — how every producer type puts what it captured: see source.h.
 */
#include "stream/source.h"

#include "stream/dead_letter.h"
#include "stream/event_put.h"

int source_put_event(const struct source_context *context, const struct entity *entity,
                     struct event *event, const char *connector, struct err *err)
{
    const struct event_publisher publisher = {
        .ns = context->migration->ns, .connector = connector, .name = context->settings->name};
    return event_put(context->sink, &publisher, entity, event, err);
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
