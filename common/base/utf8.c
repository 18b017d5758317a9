/*
 * utf8 — eight ASCII bytes at a time, utf8proc for the rest. See utf8.h.
 */
#include "base/utf8.h"

#include <string.h>
#include <utf8proc.h>

/* How many of the first len bytes are ASCII, before the first that is not; rounded down to words.
 */
static size_t ascii_words(const char *text, size_t len)
{
    size_t at = 0;
    for (uint64_t word; len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, text + at, sizeof(word));
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    return at;
}

bool utf8_is_ascii(const char *text, size_t len)
{
    for (size_t at = ascii_words(text, len); at < len; at++)
        if ((unsigned char)text[at] >= 0x80)
            return false;
    return true;
}

size_t utf8_valid_bytes(struct span text)
{
    const utf8proc_uint8_t *data = (const utf8proc_uint8_t *)text.data;
    size_t at = 0;
    while (at < text.len) {
        if (data[at] < 0x80) {
            size_t words = ascii_words(text.data + at, text.len - at);
            at += words ? words : 1;
            continue;
        }
        utf8proc_int32_t point;
        utf8proc_ssize_t len =
            utf8proc_iterate(data + at, (utf8proc_ssize_t)(text.len - at), &point);
        if (len <= 0)
            return at;
        at += (size_t)len;
    }
    return at;
}
