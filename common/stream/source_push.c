/*
 * source_push — what a small producer type needs beside source.c: a record that was pushed to us becomes an event, and its place is kept
 * in the one right order. See source.h.
 */
#include "stream/source.h"

#include <stdio.h>

#include "base/clock.h"

/* -1 with why: the record cannot become an event. */
static int make_event(const struct source_context *context, const struct entity *entity,
                      struct span modified, struct span record, struct json_tape *tape,
                      struct arena *arena, struct event *event, struct err *why)
{
    int64_t modified_ms = 0;
    if (!event->id.len)
        return err_set(why, ERR_REJECT, "it has no id");
    if (!modified.len || !timestamp_parse(modified.data, modified.len, &modified_ms))
        return err_set(why, ERR_REJECT, "when it was changed is no timestamp with a zone");
    if (json_parse(tape, record, why) != 0 ||
        record_from_json(entity, tape, 0, arena, &event->after, why) != 0)
        return -1;
    event->op = 'u';
    event->pass = PASS_PUSH;
    event->partial = true;
    event->ts_ms = clock_wall_ms(context->clock);
    event->version = version_observed(modified_ms, -1, 0, entity->generation);
    return 0;
}

int source_put_pushed(const struct source_context *context, const struct entity *entity,
                      struct span id, struct span modified, struct span record, struct err *err)
{
    const char *system = context->settings->system->name;
    struct event event = {.system = span_of(system), .id = id};
    struct json_tape tape;
    struct arena arena;
    struct err why = ERR_INIT;
    int result;
    json_tape_init(&tape);
    arena_init(&arena);
    event.key = span_of(arena_printf(&arena, "%s:%.*s", system, (int)id.len, id.data));
    if (make_event(context, entity, modified, record, &tape, &arena, &event, &why) == 0)
        result = source_put_event(context, entity, &event, context->settings->type, err);
    else
        result = source_put_dead_letter(context, entity, id.len ? event.key : SPAN_NONE, record,
                                        "mapping", why.text, err);
    arena_clear(&arena);
    json_tape_clear(&tape);
    return result;
}

int source_place(const struct source_context *context, const char *entity, const char *pass,
                 struct cursor *ret_place, struct err *err)
{
    bool found;
    return cursor_load(context->migration, context->settings->system->name, entity, pass, ret_place,
                       &found, err);
}

int source_checkpoint(const struct source_context *context, const char *entity, const char *pass,
                      struct cursor *place, const char *after_id, int64_t count, struct err *err)
{
    struct cursor next = *place;
    next.seq_from = place->seq_to + 1;
    next.seq_to = place->seq_to + count;
    next.count = count;
    (void)snprintf(next.after_id, sizeof(next.after_id), "%s", after_id);
    next.ts_ms = clock_wall_ms(context->clock);
    if (sink_settle(context->sink, -1, err) != 0 ||
        cursor_put(context->sink, context->migration, context->settings->system->name, entity, pass,
                   &next, err) != 0 ||
        sink_settle(context->sink, -1, err) != 0)
        return -1;
    *place = next;
    return 0;
}
