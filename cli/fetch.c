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
