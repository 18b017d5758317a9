/*
 * json — yajl's callbacks append tokens to the tape. See json.h; the look-ups
 * are in json_get.c.
 *
 * What yajl 2.1 does not do is done here: it lets overlong and surrogate
 * UTF-8 pass and decodes a lone \uD800 to "?", so the text is validated and
 * strings are unescaped in this file; it names no offsets for containers and
 * literals, so they come from yajl_get_bytes_consumed, which inside a
 * callback is the end of the token at hand (yajl_parser.c advances it token by token).
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <yajl/yajl_parse.h>

#include "base/utf8.h"

enum { TOKENS_FIRST = 256 };

/* One parse. */
struct reader {
    struct json_tape *tape;
    yajl_handle yajl;
    const char *text;
    size_t len;
    size_t at; /* end of the last token that had a callback */
    const char *refusal;
    int depth;
    uint32_t open[JSON_DEPTH_MAX];
};

void json_tape_init(struct json_tape *tape)
{
    *tape = (struct json_tape){0};
    buf_init(&tape->unescaped, SIZE_MAX - 1);
}

void json_tape_clear(struct json_tape *tape)
{
    if (!tape)
        return;
    free(tape->tokens);
    buf_clear(&tape->unescaped);
    json_tape_init(tape);
}

static bool refuse(struct reader *reader, const char *why)
{
    reader->refusal = why;
    return false;
}

static bool grow(struct reader *reader)
{
    struct json_tape *tape = reader->tape;
    if (tape->count == JSON_TOKENS_MAX)
        return refuse(reader, "too many values");
    uint32_t cap = tape->cap ? tape->cap * 2 : TOKENS_FIRST;
    struct json_token *tokens = realloc(tape->tokens, cap * sizeof(*tokens));
    if (!tokens)
        return refuse(reader, "out of memory");
    tape->tokens = tokens;
    tape->cap = cap;
    return true;
}

static bool add(struct reader *reader, enum json_type type, const char *data, size_t len)
{
    struct json_tape *tape = reader->tape;
    if (tape->count == tape->cap && !grow(reader))
        return false;
    uint32_t index = tape->count++;
    tape->tokens[index] = (struct json_token){{data, len}, index + 1, (uint8_t)type};
    return true;
}

static int on_literal(struct reader *reader, enum json_type type, size_t len)
{
    reader->at = yajl_get_bytes_consumed(reader->yajl);
    return add(reader, type, reader->text + reader->at - len, len);
}

static int on_null(void *self)
{
    return on_literal(self, JSON_NULL_, 4);
}

static int on_bool(void *self, int value)
{
    return on_literal(self, JSON_BOOL_, value ? 4 : 5);
}

/* Does yajl point into the text, or at a copy of its own? */
static bool is_ours(const struct reader *reader, const void *data)
{
    uintptr_t at = (uintptr_t)data, start = (uintptr_t)reader->text;
    return at >= start && at < start + reader->len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int on_number(void *self, const char *data, size_t len)
{
    struct reader *reader = self;
    if (!is_ours(reader, data)) { /* it ends the text, and yajl hands out a copy */
        while (is_blank(reader->text[reader->at]))
            reader->at++;
        data = reader->text + reader->at;
    }
    reader->at = (size_t)(data - reader->text) + len;
    return add(reader, JSON_NUMBER_, data, len);
}

static uint32_t hex4(const char *text)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)text[i];
        value = value << 4 | (c <= '9' ? c - 0x30U : (c | 0x20U) - 0x61U + 10U);
    }
    return value;
}

/* The code point of a \u escape; moves *at behind it. Half a surrogate pair is no character:
 * U+FFFD. */
static utf8proc_int32_t unicode_escape(const char **at, const char *end)
{
    const char *text = *at;
    uint32_t unit = hex4(text + 2);
    *at = text + 6;
    if (unit < 0xD800 || unit > 0xDFFF)
        return (utf8proc_int32_t)unit;
    if (unit < 0xDC00 && end - *at >= 6 && text[6] == '\\' && text[7] == 'u') {
        uint32_t low = hex4(text + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *at = text + 12;
            return (utf8proc_int32_t)(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
        }
    }
    return 0xFFFD;
}

static char short_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* The tape's buffer never moves within a parse: no escape grows, so the text's length is enough for
 * all. */
static bool reserve(struct reader *reader)
{
    struct buf *out = &reader->tape->unescaped;
    if (out->cap >= reader->len)
        return true;
    char *data = realloc(out->data, reader->len);
    if (!data)
        return refuse(reader, "out of memory");
    out->data = data;
    out->cap = reader->len;
    return true;
}

static bool add_escaped(struct reader *reader, const char *at, const char *end)
{
    struct buf *out = &reader->tape->unescaped;
    struct arena *keep = reader->tape->keep;
    if (!keep && out->len == 0 && !reserve(reader))
        return false;
    char *start = keep ? arena_alloc(keep, (size_t)(end - at) + 1) : out->data + out->len;
    char *put = start;
    while (at < end) {
        if (*at != '\\') {
            *put++ = *at++;
        } else if (at[1] != 'u') {
            *put++ = short_escape(at[1]);
            at += 2;
        } else {
            put += utf8proc_encode_char(unicode_escape(&at, end), (utf8proc_uint8_t *)put);
        }
    }
    if (!keep)
        out->len += (size_t)(put - start);
    return add(reader, JSON_STRING_, start, (size_t)(put - start));
}

static int on_string(void *self, const unsigned char *data, size_t len)
{
    struct reader *reader = self;
    const char *text = (const char *)data;
    if (is_ours(reader, text)) {
        reader->at = (size_t)(text - reader->text) + len + 1;
        return add(reader, JSON_STRING_, text, len);
    }
    const char *open = reader->text + reader->at;
    while (*open != '"')
        open++;
    reader->at = yajl_get_bytes_consumed(reader->yajl);
    return add_escaped(reader, open + 1, reader->text + reader->at - 1);
}

static int on_open(struct reader *reader, enum json_type type)
{
    if (reader->depth == JSON_DEPTH_MAX)
        return refuse(reader, "nested too deeply");
    reader->at = yajl_get_bytes_consumed(reader->yajl);
    reader->open[reader->depth++] = reader->tape->count;
    return add(reader, type, reader->text + reader->at - 1, 1);
}

static int on_object(void *self)
{
    return on_open(self, JSON_OBJECT_);
}

static int on_array(void *self)
{
    return on_open(self, JSON_ARRAY_);
}

static int on_close(void *self)
{
    struct reader *reader = self;
    reader->at = yajl_get_bytes_consumed(reader->yajl);
    struct json_token *token = &reader->tape->tokens[reader->open[--reader->depth]];
    token->text.len = (size_t)(reader->text + reader->at - token->text.data);
    token->next = reader->tape->count;
    return 1;
}

static const yajl_callbacks CALLBACKS = {
    .yajl_null = on_null,
    .yajl_boolean = on_bool,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_string,
    .yajl_end_map = on_close,
    .yajl_start_array = on_array,
    .yajl_end_array = on_close,
};

static int parse_failed(const struct reader *reader, struct err *err)
{
    size_t offset = yajl_get_bytes_consumed(reader->yajl);
    if (reader->refusal)
        return err_set(err, ERR_REJECT, "JSON, byte %zu: %s", offset, reader->refusal);
    /* Without the verbose flag the message quotes nothing of the text, which may be personal. */
    unsigned char *message = yajl_get_error(reader->yajl, 0, NULL, 0);
    const char *text = message ? (const char *)message : "out of memory";
    int len = (int)strcspn(text, "\n");
    (void)err_set(err, ERR_REJECT, "JSON, byte %zu: %.*s", offset, len, text);
    if (message)
        yajl_free_error(reader->yajl, message);
    return -1;
}

int json_parse(struct json_tape *tape, struct span text, struct err *err)
{
    tape->count = 0;
    tape->unescaped.len = 0;
    size_t valid = utf8_valid_bytes(text);
    if (valid < text.len)
        return err_set(err, ERR_REJECT, "JSON, byte %zu: invalid UTF-8", valid);
    struct reader reader = {.tape = tape, .text = text.data ? text.data : "", .len = text.len};
    reader.yajl = yajl_alloc(&CALLBACKS, NULL, &reader);
    if (!reader.yajl)
        return err_set(err, ERR_RETRY, "out of memory");
    yajl_config(reader.yajl, yajl_dont_validate_strings, 1);
    int failed = 0;
    if (yajl_parse(reader.yajl, (const unsigned char *)reader.text, reader.len) != yajl_status_ok ||
        yajl_complete_parse(reader.yajl) != yajl_status_ok)
        failed = parse_failed(&reader, err);
    yajl_free(reader.yajl);
    return failed;
}
