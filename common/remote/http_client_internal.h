/*
 * http_client_internal — what the files of http_client share and nobody else
 * needs: the client, its connections and its two queues.
 */
#ifndef TANDEM_REMOTE_HTTP_CLIENT_INTERNAL_H
#define TANDEM_REMOTE_HTTP_CLIENT_INTERNAL_H

#include <curl/curl.h>

#include "remote/http_client.h"

enum {
    HTTP_CONNECTIONS_MAX = 64,
    HTTP_PADDING_BYTES = 64,
    HTTP_HEAD_MAX_BYTES = 64 * 1024, /* of all headers of an answer */
};

/* One easy handle; it carries one exchange at a time. */
struct http_slot {
    CURL *easy;
    struct curl_slist *headers;
    struct http_exchange *exchange; /* NULL: free */
    size_t sent_bytes;
    char error[CURL_ERROR_SIZE];
};

struct http_queue {
    struct http_exchange *first, *last;
};

struct http_client {
    CURLM *multi;
    struct http_client_options options;
    char *ca_file, *user_agent;
    struct http_slot slots[HTTP_CONNECTIONS_MAX];
    struct http_queue waiting; /* for a slot */
    struct http_queue ended;   /* not yet handed out */
};

/* What an exchange keeps between its requests. */
struct http_hidden {
    struct http_client *client; /* while pending, or ended but not handed out */
    struct http_exchange *next;
    struct buf head; /* name NUL value NUL … */
    size_t offsets[HTTP_HEADERS_MAX][2];
    int64_t started_ms;
};

static inline struct http_hidden *http_hidden(const struct http_exchange *exchange)
{
    return exchange->private_;
}

void http_queue_put(struct http_queue *queue, struct http_exchange *exchange);
struct http_exchange *http_queue_take(struct http_queue *queue); /* NULL: empty */

/* Make it ready to be submitted. Returns 0, or -1 when memory is short. */
int http_exchange_ready(struct http_exchange *exchange);

/* libcurl's callbacks; user: the exchange, for on_send the slot. */
size_t http_on_body(char *data, size_t size, size_t count, void *user);
size_t http_on_header(char *data, size_t size, size_t count, void *user);
size_t http_on_send(char *data, size_t size, size_t count, void *user);
int http_on_seek(void *user, curl_off_t offset, int origin); /* always refuses */

/* After the last byte, whatever the outcome: header pointers, padding, date, duration. */
void http_exchange_ended(struct http_exchange *exchange);

/* Free a connection of its exchange; broken off if it has not ended. */
void http_slot_free(struct http_client *client, struct http_slot *slot);

#endif
