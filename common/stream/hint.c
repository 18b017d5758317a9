/*
 * hint — "record X changed, go and read it": see event.h. The value repeats what the key says, for readers that have no keys.
 */
#include <string.h>

#include "stream/event.h"
#include "stream/members.h"

enum { HINT_SYSTEM, HINT_ID, HINT_WHY, HINT_NOT_BEFORE, HINT_COUNT };
static const struct member HINT[HINT_COUNT] = {
    [HINT_SYSTEM] = {"system", JSON_STRING_, false},
    [HINT_ID] = {"id", JSON_STRING_, false},
    [HINT_WHY] = {"why", JSON_STRING_, false},
    [HINT_NOT_BEFORE] = {"not_before_ms", JSON_NUMBER_, false},
};

void hint_encode(const struct hint *hint, struct buf *out)
{
    buf_puts(out, "{\"v\":");
    buf_put_int(out, EVENT_FORMAT_VERSION);
    buf_puts(out, ",\"system\":");
    buf_put_json_string(out, hint->system);
    buf_puts(out, ",\"id\":");
    buf_put_json_string(out, hint->id);
    buf_puts(out, ",\"why\":");
    buf_put_json_string(out, span_of(hint->why));
    buf_puts(out, ",\"not_before_ms\":");
    buf_put_int(out, hint->not_before_ms);
    buf_putc(out, '}');
}

static bool is_key_of(struct span key, struct span system, struct span id)
{
    return key.data && key.len == system.len + 1 + id.len &&
           memcmp(key.data, system.data, system.len) == 0 && key.data[system.len] == ':' &&
           memcmp(key.data + system.len + 1, id.data, id.len) == 0;
}

int hint_decode(struct span key, struct span value, struct json_tape *tape, struct arena *arena,
                struct hint *ret_hint, struct err *err)
{
    uint32_t at[HINT_COUNT];
    struct hint hint = {.key = key};
    if (!value.data)
        return err_set(err, ERR_REJECT, "hint: null");
    if (json_parse(tape, value, err) < 0 ||
        members_version(tape, "hint", EVENT_FORMAT_VERSION, err) < 0 ||
        members_find(tape, 0, HINT, HINT_COUNT, at, err) < 0 ||
        member_int(tape, at[HINT_NOT_BEFORE], "not_before_ms", 0, &hint.not_before_ms, err) < 0)
        return err_wrap(err, "hint");
    hint.system = json_text(tape, at[HINT_SYSTEM]);
    hint.id = json_text(tape, at[HINT_ID]);
    hint.why = arena_copy(arena, json_text(tape, at[HINT_WHY])).data;
    if (!hint.system.len || !hint.id.len || !is_key_of(key, hint.system, hint.id))
        return err_set(err, ERR_REJECT, "hint: key and value name different records");
    *ret_hint = hint;
    return 0;
}
