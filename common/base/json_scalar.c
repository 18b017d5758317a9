/*
 * json_scalar — strings, numbers and words on their way to the tape. See json.h.
 */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/json_internal.h"
#include "base/swar.h"

/* ---- strings ---- */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
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
static bool reserve(struct json_reader *reader)
{
    struct buf *out = &reader->tape->unescaped;
    size_t len = (size_t)(reader->end - reader->text);
    if (out->cap >= len)
        return true;
    char *data = realloc(out->data, len);
    if (!data)
        return json_refuse(reader, "out of memory");
    out->data = data;
    out->cap = len;
    return true;
}

/* Between its quotes the string is well-formed and has escapes. */
static bool add_escaped(struct json_reader *reader, const char *at, const char *end)
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
    return json_add(reader, JSON_STRING_, start, (size_t)(put - start));
}

/* The next quote, backslash or control character; end if there is none. */
static inline const char *string_stop(const char *at, const char *end)
{
    for (; (size_t)(end - at) >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t special = swar_json_special(swar_load(at));
        if (special)
            return at + swar_first(special);
    }
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    return at;
}

/* Behind the escape at `at`, which is a backslash; NULL: it is none. */
static const char *escape_end(const char *at, const char *end)
{
    if (end - at < 2)
        return NULL;
    if (at[1] != 'u')
        return at[1] && strchr("\"\\/bfnrt", at[1]) ? at + 2 : NULL;
    if (end - at < 6)
        return NULL;
    for (int i = 2; i < 6; i++)
        if (!is_hex(at[i]))
            return NULL;
    return at + 6;
}

bool json_read_string(struct json_reader *reader)
{
    const char *start = reader->at + 1, *at = start;
    bool escaped = false;
    for (;;) {
        at = string_stop(at, reader->end);
        if (at == reader->end || *at != '\\')
            break;
        const char *next = escape_end(at, reader->end);
        if (!next) {
            reader->at = at;
            return json_refuse(reader, "invalid escape in a string");
        }
        at = next;
        escaped = true;
    }
    if (at == reader->end || *at != '"') {
        reader->at = at;
        return json_refuse(reader, at == reader->end ? "the text ends within a string"
                                                     : "control character in a string");
    }
    reader->at = at + 1;
    return escaped ? add_escaped(reader, start, at)
                   : json_add(reader, JSON_STRING_, start, (size_t)(at - start));
}

/* ---- numbers and words ---- */

static inline bool is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static bool bad_number(struct json_reader *reader, const char *at)
{
    reader->at = at;
    return json_refuse(reader, "malformed number");
}

/* RFC 8259 §6. The digits stay as they are written. */
bool json_read_number(struct json_reader *reader)
{
    const char *start = reader->at, *end = reader->end, *at = start + (*start == '-');
    if (!is_digit(at, end))
        return bad_number(reader, at);
    if (*at == '0')
        at++;
    else
        while (is_digit(at, end))
            at++;
    if (at < end && *at == '.') {
        if (!is_digit(++at, end))
            return bad_number(reader, at);
        while (is_digit(at, end))
            at++;
    }
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        if (!is_digit(at, end))
            return bad_number(reader, at);
        while (is_digit(at, end))
            at++;
    }
    reader->at = at;
    return json_add(reader, JSON_NUMBER_, start, (size_t)(at - start));
}

bool json_read_word(struct json_reader *reader, const char *word, enum json_type type)
{
    size_t len = strlen(word);
    const char *start = reader->at;
    if ((size_t)(reader->end - start) < len || memcmp(start, word, len) != 0)
        return json_refuse(reader, "invalid character");
    reader->at += len;
    return json_add(reader, type, start, len);
}
