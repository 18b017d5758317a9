/*
 * value_text — strings, e-mail addresses, phone numbers, and the text under
 * which equal ones meet. utf8proc knows Unicode; most texts are ASCII and never get there. See value.h.
 */
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"
#include "model/value_internal.h"

static const char *const NOT_UTF8 = "is not UTF-8";

/* Every code point below U+0300 is its own NFC: no byte of theirs is 0xCC or above (UAX #15). */
static bool is_surely_nfc(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] >= 0xCC)
            return false;
    return true;
}

/* UTF-8 through utf8proc with the options, into the arena. False: not UTF-8. */
static bool map(struct span text, utf8proc_option_t options, struct arena *arena,
                struct span *ret_text)
{
    const utf8proc_uint8_t *data = (const utf8proc_uint8_t *)text.data;
    utf8proc_ssize_t len = (utf8proc_ssize_t)text.len;
    utf8proc_ssize_t points = utf8proc_decompose(data, len, NULL, 0, options);
    if (points < 0)
        return false;
    utf8proc_int32_t *buffer = arena_alloc(arena, ((size_t)points + 1) * sizeof(*buffer));
    (void)utf8proc_decompose(data, len, buffer, points, options);
    utf8proc_ssize_t bytes = utf8proc_reencode(buffer, points, options);
    if (bytes < 0)
        return false;
    *ret_text = (struct span){(const char *)buffer, (size_t)bytes};
    return true;
}

static struct span unix_lines(struct span text, struct arena *arena)
{
    if (!memchr(text.data, '\r', text.len))
        return text;
    char *copy = arena_alloc(arena, text.len), *put = copy;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] != '\r' || i + 1 == text.len || text.data[i + 1] != '\n')
            *put++ = text.data[i];
    return (struct span){copy, (size_t)(put - copy)};
}

/* UTF-8, NFC, no NUL. */
static const char *normalise(struct span text, struct arena *arena, struct span *ret_text)
{
    if (memchr(text.data, '\0', text.len))
        return "holds a NUL character";
    *ret_text = text;
    if (utf8_is_ascii(text.data, text.len))
        return NULL;
    if (is_surely_nfc(text))
        return utf8_valid_bytes(text) == text.len ? NULL : NOT_UTF8;
    return map(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE, arena, ret_text) ? NULL : NOT_UTF8;
}

const char *value_read_string(const struct value_rules *rules, struct span text,
                              struct arena *arena, struct span *ret_text)
{
    (void)rules;
    const char *refusal = normalise(text, arena, ret_text);
    if (!refusal)
        *ret_text = unix_lines(*ret_text, arena);
    return refusal;
}

/* Blank or control in the sense of Unicode. */
static bool is_gap(utf8proc_int32_t point)
{
    switch ((int)utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
        return true;
    default:
        return false;
    }
}

static bool is_email(struct span text)
{
    const char *at = memchr(text.data, '@', text.len);
    if (!at || at == text.data || at + 1 == text.data + text.len)
        return false;
    return memchr(at + 1, '@', (size_t)(text.data + text.len - at - 1)) == NULL;
}

static struct span lower_ascii(struct span text, struct arena *arena)
{
    bool lower = true;
    for (size_t i = 0; i < text.len && lower; i++)
        lower = text.data[i] < 'A' || text.data[i] > 'Z';
    if (lower)
        return text;
    char *copy = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++)
        copy[i] =
            text.data[i] >= 'A' && text.data[i] <= 'Z' ? (char)(text.data[i] | 0x20) : text.data[i];
    return (struct span){copy, text.len};
}

/* Lower case by code point; a lower-case letter takes at most 3 bytes where its capital took 2 (U+023A). */
static struct span lower_unicode(struct span text, struct arena *arena, bool *ret_gap)
{
    char *copy = arena_alloc(arena, text.len * 2), *put = copy;
    for (size_t at = 0; at < text.len;) {
        utf8proc_int32_t point;
        at += (size_t)utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
                                       (utf8proc_ssize_t)(text.len - at), &point);
        *ret_gap |= is_gap(point);
        put += utf8proc_encode_char(utf8proc_tolower(point), (utf8proc_uint8_t *)put);
    }
    return (struct span){copy, (size_t)(put - copy)};
}

const char *value_read_email(const struct value_rules *rules, struct span text, struct arena *arena,
                             struct span *ret_text)
{
    (void)rules;
    struct span email;
    const char *refusal = normalise(text, arena, &email);
    if (refusal)
        return refusal;
    bool gap = false;
    if (utf8_is_ascii(email.data, email.len)) {
        email = lower_ascii(email, arena);
        for (size_t i = 0; i < email.len; i++)
            gap |= (unsigned char)email.data[i] <= ' ' || email.data[i] == 0x7F;
    } else {
        email = lower_unicode(email, arena, &gap);
        /* Lower case of composed text need not be composed. */
        if (!map(email, UTF8PROC_STABLE | UTF8PROC_COMPOSE, arena, &email))
            return NOT_UTF8;
    }
    if (gap || !is_email(email))
        return "is not an e-mail address";
    *ret_text = email;
    return NULL;
}

const char *value_read_phone(const struct value_rules *rules, struct span text, struct arena *arena,
                             struct span *ret_text)
{
    (void)rules;
    (void)arena;
    int digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c >= '0' && c <= '9')
            digits++;
        else if (c == '\0' || !strchr("+()-./x ", c))
            return "is not a phone number";
    }
    *ret_text = text;
    return digits >= 3 ? NULL : "is not a phone number (fewer than 3 digits)";
}

static struct span phone_key(struct span text, struct arena *arena)
{
    char *key = arena_alloc(arena, text.len), *put = key;
    for (size_t i = 0; i < text.len; i++)
        if ((text.data[i] >= '0' && text.data[i] <= '9') || (put == key && text.data[i] == '+'))
            *put++ = text.data[i];
    return (struct span){key, (size_t)(put - key)};
}

/* Gaps at the ends go, each run of them inside becomes one blank. */
static struct span close_gaps(struct span text, struct arena *arena)
{
    char *copy = arena_alloc(arena, text.len), *put = copy;
    bool pending = false;
    for (size_t at = 0; at < text.len;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
                                                  (utf8proc_ssize_t)(text.len - at), &point);
        if (is_gap(point)) {
            pending = put > copy;
        } else {
            if (pending)
                *put++ = ' ';
            pending = false;
            memcpy(put, text.data + at, (size_t)bytes);
            put += bytes;
        }
        at += (size_t)bytes;
    }
    return (struct span){copy, (size_t)(put - copy)};
}

struct span value_match_key(enum value_type type, struct value value, struct arena *arena)
{
    if (value.kind != VALUE_SET)
        return (struct span){"", 0};
    if (type == VALUE_PHONE)
        return phone_key(value.text, arena);
    struct span key = value.text;
    if (utf8_is_ascii(key.data, key.len))
        key = lower_ascii(key, arena);
    else if (!map(key, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD, arena, &key))
        return (struct span){"", 0};
    return close_gaps(key, arena);
}
