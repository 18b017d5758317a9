/*
 * http_client — many HTTP exchanges at once over libcurl's multi interface:
 * keep-alive, gzip, bounded bodies, deadlines. It reports what happened; what
 * an answer means (retry, quota, refusal) is the connector's to say (remote/rest).
 *
 * Redirects are not followed. A request with a body, or with another method
 * than GET, is sent at most once: where libcurl would quietly try again on a
 * fresh connection, it ends as HTTP_BROKEN. A GET may be sent twice.
 */
#ifndef TANDEM_REMOTE_HTTP_CLIENT_H
#define TANDEM_REMOTE_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

struct http_client;

struct http_client_options {
    int connections_max; /* at once; default 8, at most 64 */
    int64_t timeout_ms;  /* a whole exchange, waiting for a connection aside; default 30,000 */
    int64_t connect_timeout_ms; /* default 5,000 */
    size_t body_max_bytes;      /* of an answer, after gzip; default 32 MiB; more is HTTP_BROKEN */
    const char *ca_file;        /* extra CA bundle or NULL; verification cannot be switched off */
    const char *user_agent;     /* NULL: "tandem" */
};

enum http_outcome {
    HTTP_PENDING,  /* submitted, not ended */
    HTTP_ANSWERED, /* status, headers and the whole body are here */
    HTTP_NOT_SENT, /* no connection: the server certainly saw nothing */
    HTTP_BROKEN    /* anything else (timeout, reset, truncated or oversized body): it may have been
                      executed */
};

enum { HTTP_HEADERS_MAX = 32 };
struct http_exchange {
    /* in, borrowed until it ended */
    const char *method, *url;
    const char *headers[8]; /* "Name: value", NULL-terminated */
    struct span body;       /* data NULL: none */
    /* out */
    enum http_outcome outcome;
    int status;
    struct buf answer; /* body; padded with 64 NUL bytes behind len */
    /* Of the last answer, the first HTTP_HEADERS_MAX; owned. */
    char *header_names[HTTP_HEADERS_MAX], *header_values[HTTP_HEADERS_MAX];
    int header_count;
    int64_t date_ms;     /* Date header, −1 none */
    int64_t duration_ms; /* from before the connection to the last byte, monotonic; rounded up */
    char broken_why[128];
    void *user; /* the caller's */
    void *private_;
};

void http_exchange_init(struct http_exchange *exchange);
/* For the next request: forgets all but user, keeps storage; what is under way is broken off. */
void http_exchange_reset(struct http_exchange *exchange);
void http_exchange_clear(struct http_exchange *exchange);
/* Case-insensitive; NULL none. */
const char *http_header(const struct http_exchange *exchange, const char *name);

struct http_client *http_client_open(const struct http_client_options *options, struct err *err);
void http_client_close(struct http_client *client); /* abandons what is pending; NULL is fine */

/* Begin an exchange; it may wait for a free connection. Returns 0, or -1 with ERR_FATAL (bad URL). */
int http_submit(struct http_client *client, struct http_exchange *exchange, struct err *err);

/* Move everything on, at most timeout_ms, until something ended. Calls service_heartbeat(). Returns
 * one ended exchange, or NULL. */
struct http_exchange *http_wait(struct http_client *client, int timeout_ms);

#endif
