/*
 * service_http — see service_http.h. Few connections, short ones: a scraper
 * and a probe, never the public.
 */
#include "base/service_http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/metrics.h"

enum { CONNECTIONS_MAX = 32, CONNECTION_TIMEOUT_S = 10, CONNECTION_MEMORY_BYTES = 16 * 1024 };

struct service_http {
    struct MHD_Daemon *daemon;
    service_question *live, *ready;
    char address[NI_MAXHOST + NI_MAXSERV];
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

/* "host:port" in two; brackets around an IPv6 address are removed. */
static bool split_address(const char *listen, char *ret_host, size_t host_bytes,
                          const char **ret_port)
{
    const char *colon = strrchr(listen, ':');
    if (!colon || colon == listen || !colon[1])
        return false;
    const char *host = listen;
    size_t len = (size_t)(colon - listen);
    if (host[0] == '[' && len >= 2 && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len == 0 || len >= host_bytes)
        return false;
    memcpy(ret_host, host, len);
    ret_host[len] = '\0';
    *ret_port = colon + 1;
    return true;
}

static int listen_on(const struct addrinfo *at, char *ret_address, size_t address_bytes)
{
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0)
        return -1;
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof(bound);
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, CONNECTIONS_MAX) < 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &len) < 0 ||
        getnameinfo((struct sockaddr *)&bound, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    (void)snprintf(ret_address, address_bytes, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
                   host, port);
    return fd;
}

static int open_socket(const char *address, char *ret_address, size_t address_bytes,
                       struct err *err)
{
    char host[NI_MAXHOST];
    const char *port = NULL;
    if (!split_address(address, host, sizeof(host), &port))
        return err_exit(err, EX_CONFIG, "health listener \"%s\": write host:port", address);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed)
        return err_exit(err, EX_CONFIG, "health listener \"%s\": %s", address,
                        gai_strerror(failed));
    int fd = listen_on(found, ret_address, address_bytes);
    int error = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return err_exit(err, EX_UNAVAILABLE, "health listener \"%s\": %s", address,
                        strerror(error));
    return fd;
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
    int fd = open_socket(listen, http->address, sizeof(http->address), err);
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
