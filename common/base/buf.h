/*
 * buf — a growing run of bytes with a limit, and span, a borrowed view of
 * bytes. Everything that is rendered (JSON, requests, keys) goes into a buf;
 * everything that is read is handed out as spans.
 */
#ifndef TANDEM_BASE_BUF_H
#define TANDEM_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes, not NUL-terminated; data == NULL means "not there", len 0 with data != NULL means
 * empty. */
struct span {
    const char *data;
    size_t len;
};

#define SPAN_NONE ((struct span){NULL, 0})
struct span span_of(const char *text); /* NULL gives SPAN_NONE */
bool span_equal(struct span a, struct span b);
bool span_is(struct span a, const char *text);

/*
 * A growable buffer. data is always NUL-terminated once anything was put
 * (the NUL is not counted in len). Growth past max_bytes or a failed
 * allocation sets failed and drops what does not fit; callers check failed
 * once, at the end. Storage of the struct is the caller's.
 */
struct buf {
    char *data;
    size_t len, cap, max_bytes;
    bool failed;
};

enum { BUF_DEFAULT_MAX_BYTES = 64 * 1024 * 1024, INT_TEXT_BYTES = 24 };

void buf_init(struct buf *buf, size_t max_bytes); /* 0 = BUF_DEFAULT_MAX_BYTES */
void buf_clear(struct buf *buf);                  /* frees; NULL is fine */
void buf_reset(struct buf *buf);                  /* empties, keeps the storage, forgets failed */
void buf_put_int(struct buf *buf, int64_t value); /* decimal, fast */
/* The same as a span of text. */
struct span int_text(int64_t value, char text[INT_TEXT_BYTES]);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct span buf_span(const struct buf *buf); /* borrowed until the next put */

/* Room for len bytes and the NUL, made; false: failed. After a failure nothing is put any more: a text with a hole is worse than none. */
bool buf_grow(struct buf *buf, size_t len);
static inline bool buf_room(struct buf *buf, size_t len)
{
    return !buf->failed && ((buf->data && len < buf->cap - buf->len) || buf_grow(buf, len));
}

/* Every byte that is rendered comes through here: to be inlined. */
static inline void buf_put(struct buf *buf, const void *data, size_t len)
{
    if (!buf_room(buf, len))
        return;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

static inline void buf_put_span(struct buf *buf, struct span span)
{
    buf_put(buf, span.data, span.data ? span.len : 0);
}

static inline void buf_puts(struct buf *buf, const char *text)
{
    buf_put(buf, text, strlen(text));
}

static inline void buf_putc(struct buf *buf, char c)
{
    if (!buf_room(buf, 1))
        return;
    buf->data[buf->len++] = c;
    buf->data[buf->len] = '\0';
}

/* The bytes as a NUL-terminated string, owned by the caller (free(3)); the buf is empty afterwards.
 * NULL if failed. */
char *buf_take(struct buf *buf);

/* JSON text: a string with quotes and escapes (RFC 8259 §7); invalid UTF-8 becomes U+FFFD. */
void buf_put_json_string(struct buf *buf, struct span text);
/* "name": – the name must need no escape. */
void buf_put_json_name(struct buf *buf, const char *name);
/* Percent-encoded as RFC 3986 unreserved. */
void buf_put_url(struct buf *buf, struct span text);

#endif
