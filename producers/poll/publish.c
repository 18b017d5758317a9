/*
 * publish — a record as the source gave it becomes one event, or one dead
 * letter: a value that cannot be mapped takes its own record out of the stream
 * and no other one.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"

static const char CONNECTOR[] = "poll";

enum { SECOND_MS = 1000 };

struct sighting sighting_of(const struct poll *poll, enum event_pass pass, const struct rest_op *op)
{
    return (struct sighting){.pass = pass,
                             .date_ms = op->date_ms,
                             .duration_ms = op->duration_ms,
                             .ts_ms = clock_wall_ms(poll->context->clock)};
}

struct span publish_key(const struct poll_entity *entity, struct span id, struct arena *arena)
{
    const char *system = entity->poll->system->name;
    size_t len = strlen(system);
    char *text = arena_alloc(arena, len + 1 + id.len);
    memcpy(text, system, len);
    text[len] = ':';
    memcpy(text + len + 1, id.data, id.len);
    return (struct span){text, len + 1 + id.len};
}

/* The record's values by field index. */
static const struct raw_value *by_field(const struct poll_entity *entity,
                                        const struct rest_record *record, struct arena *arena)
{
    if (entity->straight)
        return record->values;
    int n = entity->entity->field_count;
    struct raw_value *raw = arena_new(arena, struct raw_value, n);
    for (int i = 0; i < n; i++)
        if (entity->columns[i] >= 0)
            raw[i] = record->values[entity->columns[i]];
    return raw;
}

static int dead_letter(struct poll_entity *entity, struct span key, struct span raw,
                       const char *reason_class, const char *reason, struct err *err)
{
    metric_add(entity->dead, 1);
    log_warn("dead letter", log_str("entity", entity->entity->name),
             log_str("key", arena_copy(&entity->poll->arena, key).data),
             log_str("class", reason_class), log_str("reason", reason));
    return source_put_dead_letter(entity->poll->context, entity->entity, key, raw, reason_class,
                                  reason, err);
}

/* Is this exactly what the memory says was delivered last? */
static bool is_known(const struct poll_entity *entity, struct event *event)
{
    const struct memory_entry *entry = memory_find(&entity->incremental.memory, event->id);
    if (!entry)
        return false;
    event_identify(event);
    return memory_is(entry, event->event_id);
}

/* Something is delivered that the incremental pass did not read: whatever it reads next of this record is published. */
static void unlearn(struct poll_entity *entity, const struct event *event)
{
    struct memory_entry entry;
    struct memory *memory = &entity->incremental.memory;
    if (event->version.modified_ms < memory->floor_ms && !memory_find(memory, event->id))
        return;
    if (memory_entry_of(&entry, event->id, event->version.modified_ms,
                        event->version.observed_from_ms, NULL))
        memory_note(memory, &entry);
}

static int put_event(struct poll_entity *entity, struct event *event, struct span raw,
                     struct err *err)
{
    struct err refused = ERR_INIT;
    if (source_put_event(entity->poll->context, entity->entity, event, CONNECTOR, &refused) == 0) {
        metric_add(entity->published[event->pass], 1);
        return 1;
    }
    if (refused.kind == ERR_REJECT)
        return dead_letter(entity, event->key, raw, "too-large", refused.text, err) < 0 ? -1 : 0;
    *err = refused;
    return -1;
}

/*
 * A record that cannot be mapped: one dead letter for the same bytes, however often the overlap reads them again. In the memory it stands
 * under the hash of its bytes, where an event stands under its id.
 */
static int bury(struct poll_entity *entity, const struct rest_record *record,
                const struct event *event, const char *reason, struct memory_entry *delivered,
                struct err *err)
{
    char name[HASH_HEX_BYTES];
    hash_start();
    hash_put_sized(event->key);
    hash_put_sized(record->raw);
    hash_hex(name);
    if (delivered && memory_is(memory_find(&entity->incremental.memory, event->id), name)) {
        metric_add(entity->suppressed, 1);
        return 0;
    }
    if (dead_letter(entity, event->key, record->raw, "mapping", reason, err) < 0)
        return -1;
    if (delivered && hints_own_key(entity, event->key))
        (void)memory_entry_of(delivered, event->id, event->version.modified_ms,
                              event->version.observed_from_ms, name);
    return 0;
}

static int read_event(const struct poll_entity *entity, const struct rest_record *record,
                      const struct sighting *sighting, struct event *ret_event, struct err *err)
{
    struct arena *arena = &entity->poll->arena;
    arena_reset(arena);
    struct event event = {.system = span_of(entity->poll->system->name),
                          .id = record->id,
                          .op = 'r', /* we read a state; what it was before we cannot know */
                          .pass = sighting->pass,
                          .writer = record->writer,
                          .ts_ms = sighting->ts_ms};
    event.key = publish_key(entity, record->id, arena);
    event.version = version_observed(record->modified_ms, sighting->date_ms, sighting->duration_ms,
                                     entity->entity->generation);
    int failed = 0;
    if (record->modified_ms < 0)
        failed = err_set(err, ERR_REJECT, "the record has no time of modification");
    else
        failed = mapping_read(entity->entity, SIDE_OLD, by_field(entity, record, arena), arena,
                              &event.after, NULL, err);
    *ret_event = event;
    return failed;
}

int publish_read(const struct poll_entity *entity, const struct rest_record *record,
                 const struct sighting *sighting, struct event *ret_event, struct err *err)
{
    if (read_event(entity, record, sighting, ret_event, err) < 0)
        return -1;
    event_identify(ret_event);
    return 0;
}

int publish_event(struct poll_entity *entity, const struct rest_record *record, struct event *event,
                  struct err *err)
{
    unlearn(entity, event);
    return put_event(entity, event, record->raw, err);
}

int publish_unmapped(struct poll_entity *entity, const struct rest_record *record,
                     const struct event *event, const char *reason, struct err *err)
{
    return bury(entity, record, event, reason, NULL, err);
}

int publish_record(struct poll_entity *entity, const struct rest_record *record,
                   const struct sighting *sighting, struct memory_entry *delivered, struct err *err)
{
    struct event event;
    struct err bad = ERR_INIT;
    if (delivered)
        *delivered = (struct memory_entry){0};
    if (read_event(entity, record, sighting, &event, &bad) < 0)
        return bury(entity, record, &event, bad.text, delivered, err);
    if (!delivered) {
        unlearn(entity, &event);
    } else if (is_known(entity, &event)) {
        metric_add(entity->suppressed, 1);
        return 0;
    }
    int put = put_event(entity, &event, record->raw, err);
    if (put == 1 && delivered && hints_own_key(entity, event.key))
        (void)memory_entry_of(delivered, event.id, event.version.modified_ms,
                              event.version.observed_from_ms, event.event_id);
    return put;
}

/* At the moment when it ended, as far as that is known; into: where it lives on. */
static int put_end(struct poll_entity *entity, struct span id, int64_t ended_ms, struct span into,
                   struct span raw, const struct sighting *sighting, struct err *err)
{
    struct arena *arena = &entity->poll->arena;
    arena_reset(arena);
    struct event event = {.system = span_of(entity->poll->system->name),
                          .id = id,
                          .op = 'd',
                          .pass = sighting->pass,
                          .ts_ms = sighting->ts_ms,
                          .merged_into = into,
                          .after = record_new(entity->entity, arena)};
    event.key = publish_key(entity, id, arena);
    event.version = version_observed(ended_ms, sighting->date_ms, sighting->duration_ms,
                                     entity->entity->generation);
    unlearn(entity, &event);
    return put_event(entity, &event, raw, err);
}

int publish_ended(struct poll_entity *entity, const struct rest_record *record,
                  const struct sighting *sighting, struct err *err)
{
    if (record->modified_ms < 0)
        return publish_missing(entity, record->id, "missing-in-source",
                               "deleted, and the source does not say when", err);
    return put_end(entity, record->id, record->modified_ms, record->into, record->raw, sighting,
                   err);
}

int publish_gone(struct poll_entity *entity, struct span id, const struct sighting *sighting,
                 struct err *err)
{
    const struct span none = {"", 0};
    return put_end(entity, id, sighting->date_ms + SECOND_MS, none, none, sighting, err);
}

int publish_missing(struct poll_entity *entity, struct span id, const char *reason_class,
                    const char *reason, struct err *err)
{
    struct arena *arena = &entity->poll->arena;
    struct span key = publish_key(entity, id, arena);
    return dead_letter(entity, key, (struct span){"", 0}, reason_class, reason, err);
}
