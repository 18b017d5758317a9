/*
 * event_decode — the way back from Kafka: see event.h. Members are looked for in the order in which event_encode writes them.
 */
#include <string.h>

#include "stream/event.h"
#include "stream/members.h"

enum { TOP_AFTER, TOP_OP, TOP_TS_MS, TOP_SOURCE, TOP_COUNT };
static const struct member TOP[TOP_COUNT] = {
    [TOP_AFTER] = {"after", JSON_OBJECT_, true},
    [TOP_OP] = {"op", JSON_STRING_, false},
    [TOP_TS_MS] = {"ts_ms", JSON_NUMBER_, false},
    [TOP_SOURCE] = {"source", JSON_OBJECT_, false},
};

enum {
    SOURCE_DB,
    SOURCE_TABLE,
    SOURCE_ID,
    SOURCE_EVENT_ID,
    SOURCE_HASH,
    SOURCE_MODIFIED,
    SOURCE_FROM,
    SOURCE_TO,
    SOURCE_GENERATION,
    SOURCE_PASS,
    SOURCE_PARTIAL,
    SOURCE_WRITER,
    SOURCE_COUNT
};
static const struct member SOURCE[SOURCE_COUNT] = {
    [SOURCE_DB] = {"db", JSON_STRING_, false},
    [SOURCE_TABLE] = {"table", JSON_STRING_, false},
    [SOURCE_ID] = {"id", JSON_STRING_, false},
    [SOURCE_EVENT_ID] = {"event_id", JSON_STRING_, false},
    [SOURCE_HASH] = {"hash", JSON_STRING_, false},
    [SOURCE_MODIFIED] = {"modified_ms", JSON_NUMBER_, false},
    [SOURCE_FROM] = {"observed_from_ms", JSON_NUMBER_, false},
    [SOURCE_TO] = {"observed_to_ms", JSON_NUMBER_, true},
    [SOURCE_GENERATION] = {"generation", JSON_NUMBER_, false},
    [SOURCE_PASS] = {"pass", JSON_STRING_, false},
    [SOURCE_PARTIAL] = {"partial", JSON_BOOL_, false},
    [SOURCE_WRITER] = {"writer", JSON_STRING_, true},
};

static int take_hash(struct span text, const char *name, char ret_hex[HASH_HEX_BYTES],
                     struct err *err)
{
    bool good = text.len == HASH_HEX_BYTES - 1;
    for (size_t i = 0; good && i < text.len; i++)
        good = (text.data[i] >= '0' && text.data[i] <= '9') ||
               (text.data[i] >= 'a' && text.data[i] <= 'f');
    if (!good)
        return err_set(err, ERR_REJECT, "\"%s\" is not a SHA-256", name);
    memcpy(ret_hex, text.data, text.len);
    ret_hex[text.len] = '\0';
    return 0;
}

static int take_pass(struct span text, enum event_pass *ret_pass, struct err *err)
{
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        if (span_is(text, event_pass_name((enum event_pass)pass))) {
            *ret_pass = (enum event_pass)pass;
            return 0;
        }
    }
    return err_set(err, ERR_REJECT, "unknown pass \"%.*s\"", (int)(text.len < 40 ? text.len : 40),
                   text.data);
}

static struct span make_key(struct span system, struct span id, struct arena *arena)
{
    size_t len = system.len + 1 + id.len;
    char *key = arena_alloc(arena, len + 1);
    memcpy(key, system.data, system.len);
    key[system.len] = ':';
    memcpy(key + system.len + 1, id.data, id.len);
    return (struct span){key, len};
}

static int take_version(const struct json_tape *tape, const uint32_t *at,
                        struct version *ret_version, struct err *err)
{
    struct version version;
    if (member_int(tape, at[SOURCE_MODIFIED], "modified_ms", 0, &version.modified_ms, err) < 0 ||
        member_int(tape, at[SOURCE_FROM], "observed_from_ms", 0, &version.observed_from_ms, err) <
            0 ||
        member_int(tape, at[SOURCE_TO], "observed_to_ms", INT64_MAX, &version.observed_to_ms, err) <
            0 ||
        member_int(tape, at[SOURCE_GENERATION], "generation", 0, &version.generation, err) < 0)
        return -1;
    if (version.generation < 1 || version.observed_to_ms < version.observed_from_ms)
        return err_set(err, ERR_REJECT, "not a version");
    *ret_version = version;
    return 0;
}

static int take_source(const struct entity *entity, const struct json_tape *tape, uint32_t source,
                       struct arena *arena, struct event *event, struct err *err)
{
    uint32_t at[SOURCE_COUNT];
    if (members_find(tape, source, SOURCE, SOURCE_COUNT, at, err) < 0)
        return err_wrap(err, "source");
    if (!span_is(json_text(tape, at[SOURCE_TABLE]), entity->name))
        return err_set(err, ERR_REJECT, "not an event of entity %s", entity->name);
    event->system = json_text(tape, at[SOURCE_DB]);
    event->id = json_text(tape, at[SOURCE_ID]);
    if (event->system.len == 0 || event->id.len == 0)
        return err_set(err, ERR_REJECT, "an event without a record");
    event->key = make_key(event->system, event->id, arena);
    event->partial = json_text(tape, at[SOURCE_PARTIAL]).data[0] == 't';
    event->writer = at[SOURCE_WRITER] ? json_text(tape, at[SOURCE_WRITER]) : (struct span){"", 0};
    (void)json_string_at(tape, source, "merged_into", &event->merged_into);
    if (event->merged_into.len && event->op != 'd')
        return err_set(err, ERR_REJECT, "\"merged_into\" does not go with op %c", event->op);
    if (span_equal(event->merged_into, event->id))
        return err_set(err, ERR_REJECT, "a record merged into itself");
    if (take_hash(json_text(tape, at[SOURCE_EVENT_ID]), "event_id", event->event_id, err) < 0 ||
        take_hash(json_text(tape, at[SOURCE_HASH]), "hash", event->hash, err) < 0 ||
        take_pass(json_text(tape, at[SOURCE_PASS]), &event->pass, err) < 0)
        return -1;
    return take_version(tape, at, &event->version, err);
}

static int decode(const struct entity *entity, struct span value, struct json_tape *tape,
                  struct arena *arena, struct event *ret_event, struct err *err)
{
    uint32_t at[TOP_COUNT];
    struct event event = {.value = value};
    if (!value.data)
        return err_set(err, ERR_REJECT, "null");
    if (json_parse(tape, value, err) < 0 ||
        members_version(tape, "change event", EVENT_FORMAT_VERSION, err) < 0 ||
        members_find(tape, 0, TOP, TOP_COUNT, at, err) < 0)
        return -1;
    struct span op = json_text(tape, at[TOP_OP]);
    if (op.len != 1 || !memchr("cudr", op.data[0], 4))
        return err_set(err, ERR_REJECT, "\"op\" is none of c, u, d, r");
    event.op = op.data[0];
    if ((event.op == 'd') != (at[TOP_AFTER] == 0))
        return err_set(err, ERR_REJECT, "\"after\" does not go with op %c", event.op);
    if (member_int(tape, at[TOP_TS_MS], "ts_ms", 0, &event.ts_ms, err) < 0 ||
        take_source(entity, tape, at[TOP_SOURCE], arena, &event, err) < 0)
        return -1;
    if (at[TOP_AFTER]) {
        if (record_from_json(entity, tape, at[TOP_AFTER], arena, &event.after, err) < 0)
            return -1;
    } else {
        event.after = record_new(entity, arena);
    }
    *ret_event = event;
    return 0;
}

int event_decode(const struct entity *entity, struct span value, struct json_tape *tape,
                 struct arena *arena, struct event *ret_event, struct err *err)
{
    if (decode(entity, value, tape, arena, ret_event, err) == 0)
        return 0;
    return err_wrap(err, "change event");
}
