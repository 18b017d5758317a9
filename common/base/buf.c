/*
 * buf — growth, and the plain puts. See buf.h; the encodings are in buf_encode.c.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_BYTES = 256 };

struct span span_of(const char *text)
{
    return text ? (struct span){text, strlen(text)} : SPAN_NONE;
}

bool span_equal(struct span a, struct span b)
{
    if (!a.data || !b.data)
        return !a.data && !b.data;
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool span_is(struct span a, const char *text)
{
    return span_equal(a, span_of(text));
}

void buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = (struct buf){.max_bytes = max_bytes ? max_bytes : BUF_DEFAULT_MAX_BYTES};
}

void buf_clear(struct buf *buf)
{
    if (!buf)
        return;
    free(buf->data);
    buf_init(buf, buf->max_bytes);
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

bool buf_grow(struct buf *buf, size_t len)
{
    if (len > buf->max_bytes - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + len + 1;
    size_t cap = buf->cap ? buf->cap : BUF_FIRST_BYTES;
    while (cap < need)
        cap *= 2;
    if (cap > buf->max_bytes + 1)
        cap = buf->max_bytes + 1;
    char *data = realloc(buf->data, cap);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

struct span int_text(int64_t value, char text[INT_TEXT_BYTES])
{
    char *at = text + INT_TEXT_BYTES;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *--at = '-';
    return (struct span){at, (size_t)(text + INT_TEXT_BYTES - at)};
}

void buf_put_int(struct buf *buf, int64_t value)
{
    char text[INT_TEXT_BYTES];
    buf_put_span(buf, int_text(value, text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        buf->failed = true;
    else if (buf_room(buf, (size_t)len)) {
        (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

struct span buf_span(const struct buf *buf)
{
    return (struct span){buf->data ? buf->data : "", buf->len};
}

char *buf_take(struct buf *buf)
{
    if (!buf->data)
        buf_puts(buf, "");
    char *data = buf->failed ? NULL : buf->data;
    if (data)
        buf->data = NULL;
    buf_clear(buf);
    return data;
}
