/*
 * sweep_hints — the ids that a sweep found become hints, and what was told within the overlap is not told again.
 */
#include "producers/poll/poll.h"

#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "stream/event.h"

enum { HINTS_A_HOLD = 1000 };

static int put_hint(struct poll_entity *entity, struct span id, const char *why, struct err *err)
{
    struct poll *poll = entity->poll;
    arena_reset(&poll->arena);
    const struct hint hint = {.key = publish_key(entity, id, &poll->arena),
                              .system = span_of(poll->system->name),
                              .id = id,
                              .why = why};
    struct buf *value = sink_scratch(poll->context->sink);
    hint_encode(&hint, value);
    const struct sink_message message = {.topic = entity->hints_topic,
                                         .partition = SINK_PARTITION_BY_KEY,
                                         .key = hint.key,
                                         .value = buf_span(value)};
    metric_add(entity->sweep.hinted, 1);
    return sink_put(poll->context->sink, &message, NULL, err);
}

void sweep_put_id(struct buf *ids, struct span id, int64_t at_ms)
{
    buf_printf(ids, "%lld ", (long long)at_ms);
    buf_put_span(ids, id);
    buf_putc(ids, '\n');
}

/* One line of ids, "<ms> <id>\n"; no id contains a newline. Returns what follows it. */
static struct span next_line(struct span left, int64_t *ret_ms, struct span *ret_id)
{
    size_t len = (size_t)((const char *)memchr(left.data, '\n', left.len) - left.data);
    char *id;
    *ret_ms = strtoll(left.data, &id, 10);
    id++;
    *ret_id = (struct span){id, len - (size_t)(id - left.data)};
    return (struct span){left.data + len + 1, left.len - len - 1};
}

void sweep_note_told(struct poll_entity *entity)
{
    struct sweep *sweep = &entity->sweep;
    struct memory_entry entry;
    struct span left = buf_span(&sweep->ids), id;
    int64_t at_ms;
    while (left.len) {
        left = next_line(left, &at_ms, &id);
        if (at_ms >= 0 && memory_entry_of(&entry, id, at_ms, sweep->to_ms, NULL))
            memory_note(&sweep->told, &entry);
    }
}

bool sweep_was_told(const struct poll_entity *entity, struct span id, int64_t at_ms)
{
    const struct memory_entry *entry = memory_find(&entity->sweep.told, id);
    return entry && entry->modified_ms == at_ms;
}

int sweep_put_hints(struct poll_entity *entity, const struct buf *ids, const char *why,
                    struct err *err)
{
    struct span left = buf_span(ids), id;
    int64_t at_ms;
    for (int n = 1; left.len; n++) {
        left = next_line(left, &at_ms, &id);
        if (put_hint(entity, id, why, err) < 0)
            return -1;
        if (n % HINTS_A_HOLD == 0 && poll_hold_back(entity->poll, err) < 0)
            return -1;
    }
    if (ids->len == 0)
        return 0;
    FAILPOINT("poll.sweep_put");
    return sink_settle(entity->poll->context->sink, entity->poll->settle_ms, err);
}
