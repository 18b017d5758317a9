/*
 * messages — see messages.h.
 */
#include "producers/singer/messages.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const struct {
    const char *name;
    enum message_type type;
} TYPES[] = {
    {"RECORD", MESSAGE_RECORD}, {"SCHEMA", MESSAGE_SCHEMA},
    {"STATE", MESSAGE_STATE},   {"ACTIVATE_VERSION", MESSAGE_ACTIVATE_VERSION},
    {"BATCH", MESSAGE_BATCH},
};
_Static_assert(sizeof(TYPES) / sizeof(TYPES[0]) == MESSAGE_TYPE_COUNT, "a name each");

static enum json_type type_at(const struct json_tape *tape, uint32_t at)
{
    return at ? (enum json_type)tape->tokens[at].type : JSON_NONE_;
}

static int read_keys(const struct json_tape *tape, struct singer_line *line, struct err *err)
{
    uint32_t list = json_get(tape, 0, "key_properties");
    if (type_at(tape, list) == JSON_NONE_ || type_at(tape, list) == JSON_NULL_)
        return 0;
    if (type_at(tape, list) != JSON_ARRAY_)
        return err_set(err, ERR_REJECT, "key_properties is no list");
    for (uint32_t i = json_first(tape, list); i < json_end(tape, list); i = tape->tokens[i].next) {
        if (type_at(tape, i) != JSON_STRING_ || line->key_count == MESSAGE_KEYS_MAX)
            return err_set(err, ERR_REJECT, "key_properties is no list of at most %d names",
                           MESSAGE_KEYS_MAX);
        line->keys[line->key_count++] = json_text(tape, i);
    }
    return 0;
}

static int read_object(const struct json_tape *tape, const char *name, struct singer_line *line,
                       struct err *err)
{
    line->at = json_get(tape, 0, name);
    return type_at(tape, line->at) == JSON_OBJECT_
               ? 0
               : err_set(err, ERR_REJECT, "\"%s\" is no object", name);
}

static int read_body(const struct json_tape *tape, struct singer_line *line, struct err *err)
{
    if (line->type == MESSAGE_STATE)
        return read_object(tape, "value", line, err);
    if (!json_string_at(tape, 0, "stream", &line->stream) || line->stream.len == 0)
        return err_set(err, ERR_REJECT, "it names no stream");
    if (line->type == MESSAGE_SCHEMA)
        return read_keys(tape, line, err);
    uint32_t version = json_get(tape, 0, "version");
    bool said = type_at(tape, version) != JSON_NONE_ && type_at(tape, version) != JSON_NULL_;
    if (said && (!json_int_at(tape, 0, "version", &line->version) || line->version < 0))
        return err_set(err, ERR_REJECT, "\"version\" is no number that counts");
    if (line->type == MESSAGE_ACTIVATE_VERSION && !said)
        return err_set(err, ERR_REJECT, "it activates no version");
    return line->type == MESSAGE_RECORD ? read_object(tape, "record", line, err) : 0;
}

int singer_line_parse(struct span line, struct json_tape *tape, struct singer_line *ret_line,
                      struct err *err)
{
    struct singer_line read = {.version = MESSAGE_NO_VERSION};
    struct span type;
    if (json_parse(tape, line, err) < 0)
        return -1;
    if (!json_string_at(tape, 0, "type", &type))
        return err_set(err, ERR_REJECT, "no message: it has no type");
    for (size_t i = 0; i < MESSAGE_TYPE_COUNT; i++) {
        if (!span_is(type, TYPES[i].name))
            continue;
        read.type = TYPES[i].type;
        if (read_body(tape, &read, err) < 0)
            return err_wrap(err, "%s", TYPES[i].name);
        *ret_line = read;
        return 0;
    }
    return err_set(err, ERR_REJECT, "a message of a type that is not known: \"%.*s\"",
                   (int)(type.len < 40 ? type.len : 40), type.data);
}

/* ---- values ---- */

static void put_part(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '|')
            buf_puts(out, "%7C");
        else if (text.data[i] == '%')
            buf_puts(out, "%25");
        else if (text.data[i] == ':')
            buf_puts(out, "%3A");
        else
            buf_putc(out, text.data[i]);
}

struct span singer_record_id(const struct json_tape *tape, uint32_t record, const char *const *keys,
                             int key_count, struct arena *arena)
{
    struct buf out;
    bool good = key_count > 0;
    buf_init(&out, MESSAGE_ID_BYTES);
    for (int i = 0; i < key_count && good; i++) {
        uint32_t at = json_path(tape, record, keys[i]);
        enum json_type type = type_at(tape, at);
        struct span text = at ? json_text(tape, at) : SPAN_NONE;
        good = (type == JSON_STRING_ || type == JSON_NUMBER_) && text.len > 0 &&
               !memchr(text.data, '\0', text.len);
        if (!good)
            break;
        if (i > 0)
            buf_putc(&out, '|');
        if (key_count == 1)
            buf_put_span(&out, text);
        else
            put_part(&out, text);
    }
    struct span id =
        good && !out.failed && out.len > 0 ? arena_copy(arena, buf_span(&out)) : SPAN_NONE;
    buf_clear(&out);
    return id;
}

bool singer_time(const struct json_tape *tape, uint32_t at, int64_t *ret_ms)
{
    enum { MS_FROM_DIGITS = 12, DIGITS_MAX = 15 };
    enum json_type type = type_at(tape, at);
    if (type != JSON_STRING_ && type != JSON_NUMBER_)
        return false;
    struct span text = json_text(tape, at);
    if (timestamp_parse(text.data, text.len, ret_ms))
        return true;
    char digits[DIGITS_MAX + 1];
    size_t len = text.len;
    const char *point = len ? memchr(text.data, '.', len) : NULL; /* 1700000000.25 */
    if (point)
        len = (size_t)(point - text.data);
    if (len == 0 || len > DIGITS_MAX)
        return false;
    memcpy(digits, text.data, len);
    digits[len] = '\0';
    if (strspn(digits, "0123456789") != len)
        return false;
    *ret_ms = strtoll(digits, NULL, 10) * (len >= MS_FROM_DIGITS ? 1 : 1000);
    return true;
}

struct span singer_date(struct span text)
{
    enum { DAY_BYTES = 10 };
    int64_t ms;
    const int64_t day_ms = 86400000;
    if (text.len <= DAY_BYTES || text.data[DAY_BYTES] != 'T' ||
        !timestamp_parse(text.data, text.len, &ms) || ms % day_ms != 0 ||
        (text.data[text.len - 1] != 'Z' &&
         !(text.len > 6 && memcmp(text.data + text.len - 6, "+00:00", 6) == 0)))
        return text;
    return (struct span){text.data, DAY_BYTES};
}

bool singer_truth(const struct json_tape *tape, uint32_t at)
{
    enum json_type type = type_at(tape, at);
    if (type == JSON_NONE_ || type == JSON_NULL_)
        return false;
    struct span text = json_text(tape, at);
    return text.len > 0 && !span_is(text, "false") && !span_is(text, "0") &&
           !span_is(text, "False");
}
