/*
 * fetch — one exchange, waited for; and the little of Prometheus' text format
 * (prometheus.io, exposition formats) that our own processes write.
 */
#include "cli/fetch.h"

#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 3000 };

int fetch(struct http_client *client, const char *address, const char *path, struct buf *out)
{
    char url[256];
    struct err err = ERR_INIT;
    struct http_exchange exchange;
    (void)snprintf(url, sizeof(url), "http://%s%s", address, path);
    http_exchange_init(&exchange);
    exchange.method = "GET";
    exchange.url = url;
    int status = -1;
    if (http_submit(client, &exchange, &err) == 0) {
        while (exchange.outcome == HTTP_PENDING)
            (void)http_wait(client, WAIT_MS);
        if (exchange.outcome == HTTP_ANSWERED) {
            status = exchange.status;
            buf_put_span(out, buf_span(&exchange.answer));
        }
    }
    http_exchange_clear(&exchange);
    return status;
}

/* "name{labels} value\n" or "name value\n" at line? */
static bool read_line(const char *line, size_t len, const char *name, const char *label,
                      double *ret_value)
{
    size_t name_len = strlen(name);
    char text[1024];
    if (len >= sizeof(text) || len <= name_len || strncmp(line, name, name_len) != 0 ||
        (line[name_len] != '{' && line[name_len] != ' '))
        return false;
    memcpy(text, line, len);
    text[len] = '\0';
    const char *space = strrchr(text, ' ');
    if (!space || (label && !strstr(text, label)))
        return false;
    *ret_value = strtod(space + 1, NULL);
    return true;
}

/* The value of label by="…" in a line; SPAN_NONE: it has none. */
static struct span label_of(struct span line, const char *by)
{
    char start[64];
    int len = snprintf(start, sizeof(start), "%s=\"", by);
    const char *at = memmem(line.data, line.len, start, (size_t)len);
    if (!at)
        return SPAN_NONE;
    at += len;
    const char *end = memchr(at, '"', (size_t)(line.data + line.len - at));
    return end ? (struct span){at, (size_t)(end - at)} : SPAN_NONE;
}

void fetch_raised(struct span text, const char *name, const char *label, const char *by,
                  char *ret_text, size_t size)
{
    size_t used = 0;
    for (size_t at = 0; at < text.len;) {
        const char *line = text.data + at;
        const char *end = memchr(line, '\n', text.len - at);
        size_t len = end ? (size_t)(end - line) : text.len - at;
        double value;
        struct span of = label_of((struct span){line, len}, by);
        if (of.len && used + of.len + 3 < size && read_line(line, len, name, label, &value) &&
            value > 0)
            used += (size_t)snprintf(ret_text + used, size - used, "%s%.*s", used ? ", " : "",
                                     (int)of.len, of.data);
        at += len + 1;
    }
}

bool fetch_metric(struct span text, const char *name, const char *label, double *ret_value)
{
    bool found = false;
    double sum = 0;
    for (size_t at = 0; at < text.len;) {
        const char *line = text.data + at;
        const char *end = memchr(line, '\n', text.len - at);
        size_t len = end ? (size_t)(end - line) : text.len - at;
        double value;
        if (read_line(line, len, name, label, &value)) {
            sum += value;
            found = true;
        }
        at += len + 1;
    }
    if (found)
        *ret_value = sum;
    return found;
}
