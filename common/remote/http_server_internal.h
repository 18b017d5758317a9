/*
 * http_server_internal — what http_server.c (the listener, the queue) and http_server_request.c (one request, on libmicrohttpd's
 * thread) share. Private.
 */
#ifndef TANDEM_REMOTE_HTTP_SERVER_INTERNAL_H
#define TANDEM_REMOTE_HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/listener.h"
#include "remote/http_server.h"

enum { HTTP_SERVER_PATH_BYTES = 256, HTTP_SERVER_METHOD_BYTES = 16 };

struct http_answer_header {
    const char *name;
    char *value; /* owned */
};

/* One TCP connection: how long has it been silent between requests? */
struct http_connection {
    struct http_connection *next, *before;
    int fd;
    int64_t
        since_ms; /* monotonic: accepted, or its last answer was sent; −1 while a request is under way */
};

struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_request *next; /* in the queue */
    char method[HTTP_SERVER_METHOD_BYTES], path[HTTP_SERVER_PATH_BYTES];
    struct buf body;
    size_t reserved;  /* of bodies_bytes */
    int64_t since_ms; /* monotonic: its headers were there; once queued: all of it */
    bool too_large;
    bool queued;     /* the other thread's until answered */
    unsigned status; /* 0: not yet decided */
    const char *type, *text;
    int retry_after_s;
    struct http_answer_header headers[HTTP_ANSWER_HEADERS_MAX];
    int header_count;
    _Alignas(16) char notes[HTTP_REQUEST_NOTES_BYTES];
};

struct http_server {
    struct MHD_Daemon *daemon;
    const struct http_server_hooks *hooks;
    void *self;
    struct http_server_settings settings;
    char address[LISTENER_ADDRESS_BYTES];
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t filled;
    struct http_request *first, *last; /* the queue */
    struct http_connection *connections;
    int connection_count;
    int unanswered; /* requests that were queued and whose answers are not yet out */
    bool closing;
    int64_t swept_mono_ms;
    _Atomic int64_t bodies_bytes;
};

/* libmicrohttpd's callbacks. */
enum MHD_Result http_server_handle(void *self, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *data_bytes, void **context);
void http_server_completed(void *self, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode why);
void http_server_connected(void *self, struct MHD_Connection *connection, void **context,
                           enum MHD_ConnectionNotificationCode what);

#endif
