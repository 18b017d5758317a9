/*
 * bench_server — what the two servers of the benches share: one libmicrohttpd thread, bodies collected, until SIGTERM.
 * In a header, because every .c file of this folder is a program.
 */
#ifndef TANDEM_TESTS_BENCH_SERVER_H
#define TANDEM_TESTS_BENCH_SERVER_H

#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"

enum { BENCH_CONNECTION_BYTES = 256 * 1024, BENCH_BODY_MAX_BYTES = 8 * 1024 * 1024 };

struct bench_request {
    const char *method, *path;
    struct MHD_Connection *connection;
    struct buf body;
};

/* Answers one request; the response is taken. NULL: 404. */
typedef struct MHD_Response *(*bench_handler)(void *self, struct bench_request *request,
                                              unsigned *status);

struct bench_server {
    bench_handler handler;
    void *self;
};

/* The text, not empty, is copied. */
static inline struct MHD_Response *bench_reply(const struct buf *text)
{
    return MHD_create_response_from_buffer(text->len, text->data, MHD_RESPMEM_MUST_COPY);
}

static inline enum MHD_Result bench_handle(void *closure, struct MHD_Connection *connection,
                                           const char *url, const char *method, const char *version,
                                           const char *upload, size_t *upload_bytes, void **state)
{
    (void)version;
    struct bench_server *server = closure;
    struct bench_request *request = *state;
    if (!request) {
        request = calloc(1, sizeof(*request));
        if (!request)
            return MHD_NO;
        buf_init(&request->body, BENCH_BODY_MAX_BYTES);
        *state = request;
        return MHD_YES;
    }
    if (*upload_bytes) {
        buf_put(&request->body, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    request->method = method;
    request->path = url;
    request->connection = connection;
    unsigned status = MHD_HTTP_OK;
    struct MHD_Response *response = server->handler(server->self, request, &status);
    if (!response) {
        status = MHD_HTTP_NOT_FOUND;
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static inline void bench_finished(void *closure, struct MHD_Connection *connection, void **state,
                                  enum MHD_RequestTerminationCode code)
{
    (void)closure, (void)connection, (void)code;
    struct bench_request *request = *state;
    if (request)
        buf_clear(&request->body);
    free(request);
    *state = NULL;
}

/* Serve on a free loopback port, said on stdout ("listening on http://127.0.0.1:NNN"), until SIGTERM. Returns the exit code. */
static inline int bench_serve(bench_handler handler, void *self)
{
    struct bench_server server = {handler, self};
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, bench_handle, &server, MHD_OPTION_SOCK_ADDR,
        (struct sockaddr *)&where, MHD_OPTION_NOTIFY_COMPLETED, bench_finished, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)BENCH_CONNECTION_BYTES, MHD_OPTION_END);
    if (!daemon) {
        (void)fprintf(stderr, "cannot listen on 127.0.0.1\n");
        return 1;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    printf("listening on http://127.0.0.1:%u\n", info ? (unsigned)info->port : 0U);
    (void)fflush(stdout);
    int signal_number = 0;
    (void)sigwait(&ends, &signal_number);
    MHD_stop_daemon(daemon);
    return 0;
}

#endif
