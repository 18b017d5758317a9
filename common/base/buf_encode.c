/*
 * buf_encode — bytes written so that a format can carry them: JSON strings
 * and percent-encoding.
 */
#include "base/buf.h"

#include <string.h>

#include "base/swar.h"

static const char HEX[] = "0123456789abcdef";

/*
 * Length of the well-formed UTF-8 sequence at text (1..4), 0 if there is none
 * (RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF).
 */
static size_t utf8_length(const unsigned char *text, size_t len)
{
    unsigned char lead = text[0];
    if (lead < 0x80)
        return 1;
    unsigned char low = 0x80, high = 0xBF;
    size_t need = 0;
    if (lead >= 0xC2 && lead <= 0xDF) {
        need = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        need = 3;
        low = lead == 0xE0 ? 0xA0 : low;
        high = lead == 0xED ? 0x9F : high;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        need = 4;
        low = lead == 0xF0 ? 0x90 : low;
        high = lead == 0xF4 ? 0x8F : high;
    }
    if (!need || len < need || text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return need;
}

static bool json_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void put_json_escape(struct buf *buf, unsigned char c)
{
    static const char SHORT[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof(SHORT); i += 2) {
        if ((unsigned char)SHORT[i] == c) {
            buf_put(buf, (const char[]){'\\', SHORT[i + 1]}, 2);
            return;
        }
    }
    buf_put(buf, (const char[]){'\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15]}, 6);
}

/* Copy the bytes at the start that stand for themselves; how many. Most texts are plain as a whole: eight at a time. */
static size_t copy_plain(char *out, const char *data, size_t len)
{
    size_t at = 0;
    for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word = swar_load(data + at);
        uint64_t stop = swar_json_special(word) | (word & SWAR_EACH(0x80));
        memcpy(out + at, data + at, sizeof(word));
        if (stop)
            return at + swar_first(stop);
    }
    if (at < len && len >= sizeof(uint64_t)) { /* the rest, with some of what is copied already */
        at = len - sizeof(uint64_t);
        uint64_t word = swar_load(data + at);
        uint64_t stop = swar_json_special(word) | (word & SWAR_EACH(0x80));
        memcpy(out + at, data + at, sizeof(word));
        return stop ? at + swar_first(stop) : len;
    }
    for (; at < len && json_plain((unsigned char)data[at]); at++)
        out[at] = data[at];
    return at;
}

/* Text of which the first byte does not stand for itself. */
static void put_mixed(struct buf *buf, const char *text, size_t len)
{
    const unsigned char *data = (const unsigned char *)text;
    size_t at = 0;
    while (at < len) {
        size_t sequence = utf8_length(data + at, len - at);
        if (sequence == 0) {
            buf_puts(buf, "\xEF\xBF\xBD");
            at++;
        } else if (sequence == 1) {
            put_json_escape(buf, data[at++]);
        } else {
            buf_put(buf, data + at, sequence);
            at += sequence;
        }
        if (!buf_room(buf, len - at))
            return;
        size_t plain = copy_plain(buf->data + buf->len, text + at, len - at);
        buf->len += plain;
        buf->data[buf->len] = '\0';
        at += plain;
    }
}

void buf_put_json_string(struct buf *buf, struct span text)
{
    size_t len = text.data ? text.len : 0;
    if (!buf_room(buf, len + 2))
        return;
    char *out = buf->data + buf->len;
    *out = '"';
    size_t plain = len ? copy_plain(out + 1, text.data, len) : 0;
    buf->len += 1 + plain;
    if (plain < len)
        put_mixed(buf, text.data + plain, len - plain);
    buf_putc(buf, '"');
}

void buf_put_json_name(struct buf *buf, const char *name)
{
    size_t len = strlen(name);
    if (!buf_room(buf, len + 3))
        return;
    char *out = buf->data + buf->len;
    *out = '"';
    memcpy(out + 1, name, len);
    memcpy(out + 1 + len, "\":", 3); /* with its NUL */
    buf->len += len + 3;
}

void buf_put_url(struct buf *buf, struct span text)
{
    static const char UPPER[] = "0123456789ABCDEF";
    size_t len = text.data ? text.len : 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~')
            buf_putc(buf, (char)c);
        else
            buf_put(buf, (const char[]){'%', UPPER[c >> 4], UPPER[c & 15]}, 3);
    }
}
