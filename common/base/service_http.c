/*
 * service_http — see service_http.h. Few connections, short ones: a scraper
 * and a probe, never the public.
 */
#include "base/service_http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/listener.h"
#include "base/metrics.h"

enum { CONNECTIONS_MAX = 32, CONNECTION_TIMEOUT_S = 10, CONNECTION_MEMORY_BYTES = 16 * 1024 };

struct service_http {
    struct MHD_Daemon *daemon;
    service_question *live, *ready;
    char address[LISTENER_ADDRESS_BYTES];
};

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type,
                             struct span body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned status,
                                  const char *text)
{
    return reply(connection, status, "text/plain; charset=utf-8", span_of(text));
}

/* ?verbose as Kubernetes writes it: kubernetes.io, "Kubernetes API health endpoints". */
static enum MHD_Result reply_state(struct MHD_Connection *connection, service_question *asked)
{
    struct buf text;
    buf_init(&text, 0);
    bool verbose = MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "verbose",
                                                 strlen("verbose"), NULL, NULL) == MHD_YES;
    bool good = asked(verbose, &text) && !text.failed;
    enum MHD_Result queued = reply(connection, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                                   "text/plain; charset=utf-8",
                                   text.failed ? span_of("out of memory\n") : buf_span(&text));
    buf_clear(&text);
    return queued;
}

static enum MHD_Result reply_metrics(struct MHD_Connection *connection)
{
    struct buf text;
    buf_init(&text, 0);
    metrics_render(&text);
    enum MHD_Result queued =
        text.failed ? reply_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n")
                    : reply(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
                            buf_span(&text));
    buf_clear(&text);
    return queued;
}

static enum MHD_Result answer(void *self, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *body,
                              size_t *body_bytes, void **request)
{
    (void)version;
    (void)body;
    (void)request;
    const struct service_http *http = self;
    *body_bytes = 0;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
    if (strcmp(url, "/livez") == 0)
        return reply_state(connection, http->live);
    if (strcmp(url, "/readyz") == 0)
        return reply_state(connection, http->ready);
    if (strcmp(url, "/metrics") == 0)
        return reply_metrics(connection);
    return reply_text(connection, MHD_HTTP_NOT_FOUND, "/livez, /readyz (?verbose), /metrics\n");
}

struct service_http *service_http_open(const char *listen, service_question *live,
                                       service_question *ready, struct err *err)
{
    struct service_http *http = calloc(1, sizeof(*http));
    if (!http) {
        err_exit(err, EX_OSERR, "out of memory");
        return NULL;
    }
    http->live = live;
    http->ready = ready;
    int fd = listener_open("health listener", listen, CONNECTIONS_MAX, http->address, err);
    if (fd < 0) {
        free(http);
        return NULL;
    }
    /* Signals belong to the main thread, whose waits they end. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    /* poll(2): select(2) takes no file above 1,023, and a receiver has thousands. */
    http->daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD, 0, NULL, NULL, answer, http, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)CONNECTION_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_END);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!http->daemon) {
        err_exit(err, EX_UNAVAILABLE, "health listener \"%s\" does not start", listen);
        (void)close(fd);
        free(http);
        return NULL;
    }
    return http;
}

void service_http_close(struct service_http *http)
{
    if (!http)
        return;
    MHD_stop_daemon(http->daemon);
    free(http);
}

const char *service_http_address(const struct service_http *http)
{
    return http ? http->address : "";
}
