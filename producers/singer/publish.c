/*
 * publish — a record becomes an event, a delete, a dead letter, or nothing that is not known. See singer.h.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "producers/singer/singer.h"
#include "stream/dead_letter.h"

static const char CONNECTOR[] = "singer";

static int put_dead(struct singer *singer, struct singer_flow *flow, struct span key,
                    struct span raw, const char *reason_class, const char *reason, struct err *err)
{
    const struct source_context *context = singer->context;
    const struct dead_letter letter = {.key = key,
                                       .value = raw,
                                       .process = CONNECTOR,
                                       .instance = context->instance,
                                       .stage = "VALUE_CONVERTER",
                                       .reason_class = reason_class,
                                       .reason = reason,
                                       .entity = flow ? flow->stream->entity->name : NULL,
                                       .system = context->settings->system->name};
    metric_add(flow ? flow->kinds[SINGER_DEAD] : singer->undecodable, 1);
    log_warn("dead letter", log_str("stream", flow ? flow->stream->name : ""),
             log_str("class", reason_class), log_str("reason", reason));
    singer->put++;
    return dead_letter_put(context->sink, context->migration, &letter, NULL, err);
}

int publish_bytes(struct singer *singer, struct span raw, const char *reason_class,
                  const char *reason, struct err *err)
{
    return put_dead(singer, NULL, SPAN_NONE, raw, reason_class, reason, err);
}

/* ---- a record ---- */

static struct event event_of(const struct singer *singer, struct span id, struct arena *arena)
{
    struct span system = span_of(singer->context->settings->system->name);
    return (struct event){.system = system,
                          .id = id,
                          .key = ARENA_JOIN(arena, system, span_of(":"), id),
                          .op = 'r', /* we are told a state; what it was before we cannot know */
                          .pass = PASS_INCREMENTAL,
                          .ts_ms = clock_wall_ms(singer->context->clock)};
}

/* What names the content that was delivered, whenever it was seen: of a stream without `modified` the sequence is no part of it. */
static void digest_of(const struct singer_flow *flow, struct event *event,
                      char ret_digest[HASH_HEX_BYTES])
{
    int64_t modified_ms = event->version.modified_ms;
    if (!flow->stream->modified)
        event->version.modified_ms = 0;
    event_identify(event);
    memcpy(ret_digest, event->event_id, HASH_HEX_BYTES);
    event->version.modified_ms = modified_ms;
}

static int version_of(struct singer *singer, const struct singer_flow *flow, int64_t modified_ms,
                      struct event *event, struct err *err)
{
    int64_t moment_ms;
    if (place_sequence(&singer->place, singer->context, &moment_ms, err) < 0)
        return -1;
    event->version =
        (struct version){.modified_ms = flow->stream->modified ? modified_ms : moment_ms,
                         .observed_from_ms = moment_ms,
                         .observed_to_ms = moment_ms,
                         .generation = flow->stream->entity->generation};
    return 0;
}

/* -1: ERR_REJECT. */
static int read_values(struct singer *singer, const struct singer_flow *flow, uint32_t record,
                       struct event *event, struct err *err)
{
    const struct entity *entity = flow->stream->entity;
    const struct json_tape *tape = &singer->tape;
    struct raw_value *raw = arena_new(&singer->arena, struct raw_value, entity->field_count);
    for (int i = 0; i < entity->field_count; i++) {
        const char *name = entity->fields[i].old_name;
        uint32_t at = name ? json_path(tape, record, name) : 0;
        if (at)
            raw[i] = (struct raw_value){(enum json_type)tape->tokens[at].type,
                                        entity->fields[i].rules.type == VALUE_DATE
                                            ? singer_date(json_text(tape, at))
                                            : json_text(tape, at)};
        else if (name && flow->stream->absent_is_blank)
            raw[i].type = JSON_NULL_;
        else if (name)
            event->partial = true;
    }
    return mapping_read(entity, SIDE_OLD, raw, &singer->arena, &event->after, NULL, err);
}

/* Put what differs from what was delivered last, and remember it. */
static int put_event(struct singer *singer, struct singer_flow *flow, struct event *event,
                     struct known_row *row, bool found, struct span raw, struct err *err)
{
    const struct singer_stream *stream = flow->stream;
    char digest[HASH_HEX_BYTES];
    struct err refused = ERR_INIT;
    bool gone = event->op == 'd';
    digest_of(flow, event, digest);
    bool known = found && row->gone == gone && strcmp(row->digest, digest) == 0;
    if (found && row->gone && !gone)
        event->pass =
            PASS_HYDRATE; /* read after its delete: apply opens it again (model/state.h) */
    if (known) {
        metric_add(flow->kinds[SINGER_KNOWN], 1);
    } else if (source_put_event(singer->context, stream->entity, event, CONNECTOR, &refused) == 0) {
        metric_add(flow->kinds[gone ? SINGER_GONE : SINGER_PUT], 1);
        singer->put++;
    } else if (refused.kind != ERR_REJECT) {
        *err = refused;
        return -1;
    } else if (put_dead(singer, flow, event->key, raw, "too-large", refused.text, err) < 0) {
        return -1;
    }
    memcpy(row->digest, digest, sizeof(digest));
    row->modified_ms = event->version.modified_ms;
    row->gone = gone;
    return known_put(singer->known, stream->name, event->id, row, err);
}

/* -1: ERR_REJECT: it cannot become an event. */
static int read_record(struct singer *singer, struct singer_flow *flow, uint32_t record,
                       struct event *event, int64_t *ret_modified_ms, struct err *err)
{
    const struct singer_stream *stream = flow->stream;
    const struct json_tape *tape = &singer->tape;
    const char *keys[SINGER_KEYS_MAX];
    if (flow->key_count == 0)
        return err_set(err, ERR_REJECT, "no SCHEMA came before it that names its key");
    for (int i = 0; i < flow->key_count; i++)
        keys[i] = flow->keys[i];
    struct span id = singer_record_id(tape, record, keys, flow->key_count, &singer->arena);
    if (id.data && flow->key_count == 1)
        id = value_id(singer->context->settings->system->id_form, id, &singer->arena);
    if (!id.data || id.len == 0)
        return err_set(err, ERR_REJECT, "it has no key: \"%s\"%s", keys[0],
                       flow->key_count > 1 ? " and others" : "");
    *event = event_of(singer, id, &singer->arena);
    if (stream->modified &&
        !singer_time(tape, json_path(tape, record, stream->modified), ret_modified_ms))
        return err_set(err, ERR_REJECT, "its \"%s\" is no time with a zone", stream->modified);
    if (stream->deleted && singer_truth(tape, json_path(tape, record, stream->deleted))) {
        event->op = 'd';
        event->after = record_new(stream->entity, &singer->arena);
        return 0;
    }
    return read_values(singer, flow, record, event, err);
}

/* A record that cannot become an event: one dead letter for the same content. It is there all the same: nothing that a run did not bring. */
static int bury(struct singer *singer, struct singer_flow *flow, uint32_t record,
                const struct event *event, struct known_row *row, struct span raw,
                const char *reason, struct err *err)
{
    char digest[HASH_HEX_BYTES];
    int64_t generation = flow->stream->entity->generation;
    hash_start();
    hash_put_sized(event->key);
    hash_put(&generation, sizeof(generation));
    hash_put_sized(json_text(&singer->tape, record));
    hash_hex(digest);
    if (strcmp(row->digest, digest) == 0)
        metric_add(flow->kinds[SINGER_KNOWN], 1);
    else if (put_dead(singer, flow, event->key, raw, "mapping", reason, err) < 0)
        return -1;
    memcpy(row->digest, digest, sizeof(digest));
    return known_put(singer->known, flow->stream->name, event->id, row, err);
}

int publish_record(struct singer *singer, struct singer_flow *flow, const struct singer_line *line,
                   struct span raw, struct err *err)
{
    struct event event = {0};
    struct known_row row = {0};
    struct err bad = ERR_INIT;
    bool found = false;
    int64_t modified_ms = 0;
    int unreadable = read_record(singer, flow, line->at, &event, &modified_ms, &bad);
    if (!event.key.data)
        return put_dead(singer, flow, SPAN_NONE, raw, "mapping", bad.text, err);
    if (known_find(singer->known, flow->stream->name, event.id, &row, &found, err) < 0)
        return -1;
    row.run = singer->runs + 1;
    row.version = line->version > 0 ? line->version : 0;
    if (unreadable)
        return bury(singer, flow, line->at, &event, &row, raw, bad.text, err);
    if (version_of(singer, flow, modified_ms, &event, err) < 0)
        return -1;
    return put_event(singer, flow, &event, &row, found, raw, err);
}

int publish_gone(struct singer *singer, struct singer_flow *flow,
                 const struct known_missing *missing, int64_t newest_ms, struct err *err)
{
    struct known_row row = {0};
    bool found = false;
    struct span id = span_of(missing->id);
    struct event event = event_of(singer, id, &singer->arena);
    int64_t behind_ms = missing->modified_ms + 1;
    event.op = 'd';
    event.after = record_new(flow->stream->entity, &singer->arena);
    if (version_of(singer, flow, newest_ms > behind_ms ? newest_ms : behind_ms, &event, err) < 0 ||
        known_find(singer->known, flow->stream->name, id, &row, &found, err) < 0)
        return -1;
    return put_event(singer, flow, &event, &row, true, SPAN_NONE, err);
}
