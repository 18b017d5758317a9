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

enum { BUF_DEFAULT_MAX_BYTES = 64 * 1024 * 1024 };

void buf_init(struct buf *buf, size_t max_bytes); /* 0 = BUF_DEFAULT_MAX_BYTES */
void buf_clear(struct buf *buf);                  /* frees; NULL is fine */
void buf_reset(struct buf *buf);                  /* empties, keeps the storage, forgets failed */
void buf_put(struct buf *buf, const void *data, size_t len);
void buf_put_span(struct buf *buf, struct span span);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
void buf_put_int(struct buf *buf, int64_t value); /* decimal, fast */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct span buf_span(const struct buf *buf); /* borrowed until the next put */

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
