/*
 * http_client_exchange — one exchange: its storage, what libcurl calls while
 * it runs, and its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "remote/http_client_internal.h"

void http_queue_put(struct http_queue *queue, struct http_exchange *exchange)
{
    http_hidden(exchange)->next = NULL;
    if (queue->first)
        http_hidden(queue->last)->next = exchange;
    else
        queue->first = exchange;
    queue->last = exchange;
}

struct http_exchange *http_queue_take(struct http_queue *queue)
{
    struct http_exchange *exchange = queue->first;
    if (exchange)
        queue->first = http_hidden(exchange)->next;
    return exchange;
}

static void queue_remove(struct http_queue *queue, const struct http_exchange *exchange)
{
    struct http_exchange *before = NULL;
    for (struct http_exchange *at = queue->first; at; before = at, at = http_hidden(at)->next) {
        if (at != exchange)
            continue;
        if (before)
            http_hidden(before)->next = http_hidden(at)->next;
        else
            queue->first = http_hidden(at)->next;
        if (queue->last == at)
            queue->last = before;
        return;
    }
}

void http_slot_free(struct http_client *client, struct http_slot *slot)
{
    (void)curl_multi_remove_handle(client->multi, slot->easy);
    curl_slist_free_all(slot->headers);
    slot->headers = NULL;
    slot->exchange = NULL;
}

/* --- an exchange --- */

void http_exchange_init(struct http_exchange *exchange)
{
    *exchange = (struct http_exchange){.date_ms = -1};
    buf_init(&exchange->answer, 0);
}

/* Take it back from the client, wherever it stands there. */
static void abandon(struct http_exchange *exchange)
{
    struct http_client *client = http_hidden(exchange)->client;
    if (!client)
        return;
    queue_remove(&client->waiting, exchange);
    queue_remove(&client->ended, exchange);
    for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        if (client->slots[i].exchange == exchange)
            http_slot_free(client, &client->slots[i]);
    http_hidden(exchange)->client = NULL;
}

int http_exchange_ready(struct http_exchange *exchange)
{
    if (exchange->private_) {
        abandon(exchange);
        return 0;
    }
    struct http_hidden *self = calloc(1, sizeof(*self));
    if (!self)
        return -1;
    buf_init(&self->head, HTTP_HEAD_MAX_BYTES);
    exchange->private_ = self;
    return 0;
}

void http_exchange_reset(struct http_exchange *exchange)
{
    if (exchange->private_) {
        abandon(exchange);
        buf_reset(&http_hidden(exchange)->head);
    }
    exchange->method = exchange->url = NULL;
    memset(exchange->headers, 0, sizeof(exchange->headers));
    exchange->body = SPAN_NONE;
    exchange->outcome = HTTP_PENDING;
    exchange->status = 0;
    buf_reset(&exchange->answer);
    exchange->header_count = 0;
    exchange->date_ms = -1;
    exchange->duration_ms = 0;
    exchange->broken_why[0] = '\0';
}

void http_exchange_clear(struct http_exchange *exchange)
{
    if (!exchange)
        return;
    if (exchange->private_) {
        abandon(exchange);
        buf_clear(&http_hidden(exchange)->head);
        free(exchange->private_);
    }
    buf_clear(&exchange->answer);
    http_exchange_init(exchange);
}

const char *http_header(const struct http_exchange *exchange, const char *name)
{
    for (int i = 0; i < exchange->header_count; i++)
        if (strcasecmp(exchange->header_names[i], name) == 0)
            return exchange->header_values[i];
    return NULL;
}

/* --- what libcurl calls --- */

size_t http_on_body(char *data, size_t size, size_t count, void *user)
{
    struct http_exchange *exchange = user;
    const struct http_client *client = http_hidden(exchange)->client;
    size_t len = size * count;
    if (exchange->answer.len + len > client->options.body_max_bytes) {
        (void)snprintf(exchange->broken_why, sizeof(exchange->broken_why),
                       "the answer is larger than %zu bytes", client->options.body_max_bytes);
        return 0;
    }
    buf_put(&exchange->answer, data, len);
    return exchange->answer.failed ? 0 : len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t http_on_header(char *data, size_t size, size_t count, void *user)
{
    struct http_exchange *exchange = user;
    struct http_hidden *self = http_hidden(exchange);
    size_t len = size * count;
    if (len >= 5 &&
        memcmp(data, "HTTP/", 5) == 0) { /* the last answer's headers count, not 100's */
        buf_reset(&self->head);
        exchange->header_count = 0;
        return len;
    }
    const char *colon = memchr(data, ':', len);
    if (!colon || exchange->header_count == HTTP_HEADERS_MAX)
        return len;
    const char *value = colon + 1, *end = data + len;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    size_t *offset = self->offsets[exchange->header_count];
    offset[0] = self->head.len;
    buf_put(&self->head, data, (size_t)(colon - data));
    buf_putc(&self->head, '\0');
    offset[1] = self->head.len;
    buf_put(&self->head, value, (size_t)(end - value));
    buf_putc(&self->head, '\0');
    if (self->head.failed) {
        (void)snprintf(exchange->broken_why, sizeof(exchange->broken_why),
                       "the answer's headers are larger than %d bytes", HTTP_HEAD_MAX_BYTES);
        return 0;
    }
    exchange->header_count++;
    return len;
}

size_t http_on_send(char *data, size_t size, size_t count, void *user)
{
    struct http_slot *slot = user;
    struct span body = slot->exchange->body;
    size_t len = body.len - slot->sent_bytes;
    if (len > size * count)
        len = size * count;
    if (len)
        memcpy(data, body.data + slot->sent_bytes, len);
    slot->sent_bytes += len;
    return len;
}

int http_on_seek(void *user, curl_off_t offset, int origin)
{
    (void)user;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

void http_exchange_ended(struct http_exchange *exchange)
{
    static const char ZEROS[HTTP_PADDING_BYTES];
    struct http_hidden *self = http_hidden(exchange);
    for (int i = 0; i < exchange->header_count; i++) {
        exchange->header_names[i] = self->head.data + self->offsets[i][0];
        exchange->header_values[i] = self->head.data + self->offsets[i][1];
    }
    buf_put(&exchange->answer, ZEROS, sizeof(ZEROS));
    if (exchange->answer.failed)
        exchange->outcome = HTTP_BROKEN;
    else
        exchange->answer.len -= sizeof(ZEROS);
    const char *date = http_header(exchange, "Date");
    if (!date || !http_date_parse(date, strlen(date), &exchange->date_ms))
        exchange->date_ms = -1;
    exchange->duration_ms = clock_mono_ms(&CLOCK_SYSTEM) - self->started_ms + 1;
}
