/*
 * http_server — a public listener over libmicrohttpd for receivers (webhooks, forms): requests are read, checked and queued on its own
 * thread; one other thread takes them in batches and answers them. While a request waits, its connection is suspended and costs nothing.
 *
 * What a stranger can do is bounded: connections, bytes of headers, of one body, of all bodies under way, the time of a body
 * and of silence. libmicrohttpd runs in poll mode: with one epoll thread 0.9.75 stalls above 128 busy connections
 * (facts/performance.md). Its connection timeout counts silence only; a sender that drips is ended by our own deadlines.
 */
#ifndef TANDEM_REMOTE_HTTP_SERVER_H
#define TANDEM_REMOTE_HTTP_SERVER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct http_server;
struct http_request;

struct http_server_settings {
    const char *listen;       /* "127.0.0.1:8480", "[::]:8480"; port 0: any free one */
    int64_t connections_max;  /* further ones are closed at once */
    int64_t body_max_bytes;   /* of one request: 413 */
    int64_t bodies_max_bytes; /* of all requests under way, beyond the first 8 KiB of each: 503 */
    int64_t body_ms;          /* from the headers to the last byte of the body: closed */
    int64_t idle_ms; /* until the headers are whole, on a new connection or a kept one: closed */
    const char *certificate, *key; /* PEM texts: TLS; NULL: none, a proxy is before us */
};

/* Both are called on the server's thread and must be quick; self as given to http_server_open. */
struct http_server_hooks {
    /* The headers are there, the body is not: 0 = go on, else the status to refuse with (404, 405). */
    unsigned (*begin)(void *self, struct http_request *request);
    /* All is there: 0 = into the queue, else the status to refuse with (401). */
    unsigned (*check)(void *self, struct http_request *request);
    /* A request was refused by the server itself (413, 503, 408 for a body that did not come in time). May be called for requests without begin. */
    void (*refused)(void *self, unsigned status);
};

struct http_server *http_server_open(const struct http_server_settings *settings,
                                     const struct http_server_hooks *hooks, void *self,
                                     struct err *err);
/* All requests that were taken have been answered before. What is in the queue is answered 503. Waits at most 2 s until the answers are out. */
void http_server_close(struct http_server *server);
const char *http_server_address(const struct http_server *server); /* "127.0.0.1:41234" */
int http_server_connections(const struct http_server *server);

/*
 * Take up to max requests in the order in which they came; waits for the first at most timeout_ms. Whoever takes a
 * request answers it. Ends silent connections by the way: to be called at least every second or so.
 */
int http_server_take(struct http_server *server, struct http_request **ret_requests, int max,
                     int timeout_ms);

/* body: static text, may be ""; retry_after_s 0: none. The request is gone afterwards. */
void http_server_answer(struct http_request *request, unsigned status, const char *type,
                        const char *body, int retry_after_s);

/* ---- of a request; borrowed until it is answered ---- */

const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request); /* decoded, without the query */
struct span http_request_body(const struct http_request *request);
/* On the server's thread only. The first value of a header; returns how often it is there. */
int http_request_header(struct http_request *request, const char *name, struct span *ret_value);
/* On the server's thread only. The numeric address of who is connected (a proxy, perhaps); "" where it is not known. */
enum { HTTP_REQUEST_PEER_BYTES = 64, HTTP_ANSWER_HEADERS_MAX = 6 };
void http_request_peer(struct http_request *request, char ret_address[HTTP_REQUEST_PEER_BYTES]);
/*
 * One more header of the answer, in a hook or before http_server_answer. name: static; value: copied. -1: there is no room, or the value has a
 * control character, which would begin another header.
 */
int http_request_add_header(struct http_request *request, const char *name, const char *value);
int64_t http_request_since_ms(
    const struct http_request *request); /* monotonic: all of it was there */
/* A place for what the hooks found out; zeroed, alive until the answer. */
enum { HTTP_REQUEST_NOTES_BYTES = 512 };
void *http_request_notes(struct http_request *request);

#endif
