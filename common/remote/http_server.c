/*
 * http_server — see http_server.h. The listener, its queue, and the end of silent connections.
 */
#include "remote/http_server_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    BACKLOG = 1024,
    HEADER_BYTES = 16 * 1024,
    SWEEP_EVERY_MS = 500,
    SPARE_FILES = 256,
    LAST_ANSWERS_MS = 2000
};

/* As many files as connections, where the hard limit allows it. */
static void raise_files(int64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= (rlim_t)wanted)
        return;
    limit.rlim_cur = limit.rlim_max < (rlim_t)wanted ? limit.rlim_max : (rlim_t)wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- life cycle ---- */

static struct MHD_Daemon *start(struct http_server *server, int fd)
{
    const struct http_server_settings *settings = &server->settings;
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)settings->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)settings->key},
        {MHD_OPTION_END, 0, NULL}};
    if (settings->certificate)
        flags |= MHD_USE_TLS;
    else
        tls[0] = tls[2];
    int64_t silence_s =
        (settings->idle_ms > settings->body_ms ? settings->idle_ms : settings->body_ms) / 1000 + 1;
    return MHD_start_daemon(flags, 0, NULL, NULL, http_server_handle, server,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)settings->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)silence_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)HEADER_BYTES, MHD_OPTION_NOTIFY_COMPLETED,
                            http_server_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
                            http_server_connected, server, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

struct http_server *http_server_open(const struct http_server_settings *settings,
                                     const struct http_server_hooks *hooks, void *self,
                                     struct err *err)
{
    struct http_server *server = calloc(1, sizeof(*server));
    if (!server) {
        (void)err_set(err, ERR_RETRY, "out of memory");
        return NULL;
    }
    server->settings = *settings;
    server->hooks = hooks;
    server->self = self;
    pthread_condattr_t monotonic;
    (void)pthread_mutex_init(&server->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&server->filled, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    raise_files(settings->connections_max + SPARE_FILES);
    int fd = listener_open("listener", settings->listen, BACKLOG, server->address, err);
    if (fd < 0 && err->exit_code == EX_UNAVAILABLE)
        err->kind = ERR_RETRY; /* a predecessor may still be going */
    if (fd >= 0) {
        /* Signals belong to the main thread, whose waits they end. */
        sigset_t all, before;
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        server->daemon = start(server, fd);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (!server->daemon) {
            (void)close(fd);
            (void)err_exit(err, EX_UNAVAILABLE, "listener \"%s\" does not start%s",
                           settings->listen,
                           settings->certificate ? ": are certificate and key a pair?" : "");
        }
    }
    if (server->daemon)
        return server;
    http_server_close(server);
    return NULL;
}

/* Answered, whatever it was: libmicrohttpd must not stop with suspended connections. */
static void refuse_queue(struct http_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->closing = true;
    struct http_request *queue = server->first;
    server->first = server->last = NULL;
    (void)pthread_mutex_unlock(&server->lock);
    while (queue) {
        struct http_request *next = queue->next;
        http_server_answer(queue, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "stopping\n", 1);
        queue = next;
    }
}

static struct timespec in_ms(int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

/* An answer was given to libmicrohttpd's thread, which has to send it: who was told nothing comes again, or does not. */
static void wait_for_answers(struct http_server *server)
{
    const struct timespec until = in_ms(LAST_ANSWERS_MS);
    (void)pthread_mutex_lock(&server->lock);
    while (server->unanswered > 0)
        if (pthread_cond_timedwait(&server->filled, &server->lock, &until) != 0)
            break;
    (void)pthread_mutex_unlock(&server->lock);
}

void http_server_close(struct http_server *server)
{
    if (!server)
        return;
    if (server->daemon) {
        int fd = MHD_quiesce_daemon(server->daemon);
        if (fd >= 0)
            (void)close(fd);
        refuse_queue(server);
        wait_for_answers(server);
        MHD_stop_daemon(server->daemon);
    }
    (void)pthread_cond_destroy(&server->filled);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *http_server_address(const struct http_server *server)
{
    return server->address;
}

int http_server_connections(const struct http_server *server)
{
    struct http_server *own = (struct http_server *)(uintptr_t)server;
    (void)pthread_mutex_lock(&own->lock);
    int count = own->connection_count;
    (void)pthread_mutex_unlock(&own->lock);
    return count;
}

/* ---- the queue ---- */

/* With the lock. The connection is in the list until libmicrohttpd is about to close its socket: the number is still its own. */
static void sweep(struct http_server *server)
{
    int64_t now_ms = clock_mono_ms(&CLOCK_SYSTEM);
    if (now_ms - server->swept_mono_ms < SWEEP_EVERY_MS)
        return;
    server->swept_mono_ms = now_ms;
    for (struct http_connection *at = server->connections; at; at = at->next)
        if (at->since_ms >= 0 && now_ms - at->since_ms > server->settings.idle_ms)
            (void)shutdown(at->fd, SHUT_RDWR);
}

int http_server_take(struct http_server *server, struct http_request **ret_requests, int max,
                     int timeout_ms)
{
    const struct timespec until = in_ms(timeout_ms);
    int count = 0;
    (void)pthread_mutex_lock(&server->lock);
    while (!server->first && timeout_ms > 0)
        if (pthread_cond_timedwait(&server->filled, &server->lock, &until) != 0)
            break;
    while (server->first && count < max) {
        struct http_request *request = server->first;
        server->first = request->next;
        if (!server->first)
            server->last = NULL;
        ret_requests[count++] = request;
    }
    sweep(server);
    (void)pthread_mutex_unlock(&server->lock);
    return count;
}

void http_server_answer(struct http_request *request, unsigned status, const char *type,
                        const char *body, int retry_after_s)
{
    request->status = status;
    request->type = type;
    request->text = body;
    request->retry_after_s = retry_after_s;
    MHD_resume_connection(request->connection);
}
