/*
 * http_server_request — one request on libmicrohttpd's thread: headers, body, queue, answer. See http_server.h.
 */
#include "remote/http_server_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { BODY_FREE_BYTES = 8192, DISCARD_FACTOR = 2 };

static enum MHD_Result reply(struct http_request *request, struct MHD_Connection *connection)
{
    const char *text = request->text ? request->text : "";
    /* Texts are static or belong to who runs as long as the server does. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    char seconds[16];
    if (request->type)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, request->type);
    if (request->retry_after_s) {
        (void)snprintf(seconds, sizeof(seconds), "%d", request->retry_after_s);
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    for (int i = 0; i < request->header_count; i++)
        (void)MHD_add_response_header(response, request->headers[i].name,
                                      request->headers[i].value);
    if (request->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "POST");
    if (request->too_large)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result queued = MHD_queue_response(connection, request->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result refuse(struct http_request *request, unsigned status, const char *text)
{
    request->status = status;
    request->text = text;
    request->retry_after_s = status == MHD_HTTP_SERVICE_UNAVAILABLE ? 1 : 0;
    return reply(request, request->connection);
}

static void tell_refused(struct http_server *server, unsigned status)
{
    server->hooks->refused(server->self, status);
}

static enum MHD_Result refuse_ourselves(struct http_request *request, unsigned status,
                                        const char *text)
{
    tell_refused(request->server, status);
    return refuse(request, status, text);
}

static void mark_connection(struct http_server *server, struct MHD_Connection *connection,
                            int64_t since_ms)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_connection *own = info ? info->socket_context : NULL;
    if (!own)
        return;
    (void)pthread_mutex_lock(&server->lock);
    own->since_ms = since_ms;
    (void)pthread_mutex_unlock(&server->lock);
}

/* ---- headers ---- */

/* The length of the body, −1 where it is not said (chunked). */
static int64_t content_length(struct MHD_Connection *connection)
{
    const char *text =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    char *end = NULL;
    long long length = text ? strtoll(text, &end, 10) : -1;
    return text && *text >= '0' && *text <= '9' && *end == '\0' ? (int64_t)length : -1;
}

static enum MHD_Result begin(struct http_server *server, struct MHD_Connection *connection,
                             const char *url, const char *method, void **context)
{
    struct http_request *request = calloc(1, sizeof(*request));
    if (!request)
        return MHD_NO;
    *context = request;
    request->server = server;
    request->connection = connection;
    request->since_ms = clock_mono_ms(&CLOCK_SYSTEM);
    buf_init(&request->body, (size_t)server->settings.body_max_bytes);
    mark_connection(server, connection, -1);
    int method_bytes = snprintf(request->method, sizeof(request->method), "%s", method);
    int path_bytes = snprintf(request->path, sizeof(request->path), "%s", url);
    unsigned status = MHD_HTTP_NOT_FOUND;
    if (method_bytes < (int)sizeof(request->method) && path_bytes < (int)sizeof(request->path))
        status = server->hooks->begin(server->self, request);
    if (status) {
        request->too_large = true; /* nobody reads what follows */
        return refuse(request, status, "");
    }
    if (content_length(connection) > server->settings.body_max_bytes) {
        request->too_large = true;
        return refuse_ourselves(request, MHD_HTTP_CONTENT_TOO_LARGE, "too large\n");
    }
    return MHD_YES;
}

/* ---- body ---- */

/*
 * Room for len more bytes among all bodies under way, counted in the steps in which the buffer grows. The first kilobytes of each are free:
 * whoever fills the room with large bodies does not shut out the small ones.
 */
static bool reserve(struct http_request *request, size_t len)
{
    struct http_server *server = request->server;
    size_t need = request->body.len + len;
    size_t wanted = request->reserved ? request->reserved : 2 * BODY_FREE_BYTES;
    if (need <= BODY_FREE_BYTES)
        return true;
    while (wanted < need)
        wanted *= 2;
    int64_t more = (int64_t)(wanted - request->reserved);
    if (more == 0)
        return true;
    if (atomic_fetch_add(&server->bodies_bytes, more) + more > server->settings.bodies_max_bytes) {
        (void)atomic_fetch_sub(&server->bodies_bytes, more);
        return false;
    }
    request->reserved = wanted;
    return true;
}

static void release(struct http_request *request)
{
    (void)atomic_fetch_sub(&request->server->bodies_bytes, (int64_t)request->reserved);
    request->reserved = 0;
    buf_clear(&request->body);
}

/* MHD_NO closes the connection: nothing can be answered in the middle of a body. */
static enum MHD_Result take_data(struct http_request *request, const char *data, size_t *bytes)
{
    const struct http_server_settings *settings = &request->server->settings;
    if (clock_mono_ms(&CLOCK_SYSTEM) - request->since_ms > settings->body_ms) {
        tell_refused(request->server, MHD_HTTP_REQUEST_TIMEOUT);
        return MHD_NO;
    }
    size_t len = *bytes;
    *bytes = 0;
    if (request->status == 0 && request->body.len + len > (size_t)settings->body_max_bytes) {
        request->status = MHD_HTTP_CONTENT_TOO_LARGE;
        request->too_large = true;
        tell_refused(request->server, request->status);
        release(request);
    } else if (request->status == 0 && !reserve(request, len)) {
        request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        request->retry_after_s = 1;
        tell_refused(request->server, request->status);
        release(request);
    }
    if (request->status == 0) {
        buf_put(&request->body, data, len);
        return MHD_YES;
    }
    /* A little more is read away, so that the answer arrives. */
    request->reserved += len;
    (void)atomic_fetch_add(&request->server->bodies_bytes, (int64_t)len);
    bool enough = request->reserved > (size_t)(DISCARD_FACTOR * settings->body_max_bytes);
    return enough ? MHD_NO : MHD_YES;
}

static enum MHD_Result finish(struct http_request *request)
{
    struct http_server *server = request->server;
    if (request->status) /* refused while the body came */
        return reply(request, request->connection);
    if (request->body.failed)
        return refuse_ourselves(request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
    unsigned status = server->hooks->check(server->self, request);
    if (status)
        return refuse(request, status, "");
    request->since_ms = clock_mono_ms(&CLOCK_SYSTEM);
    (void)pthread_mutex_lock(&server->lock);
    bool closing = server->closing;
    if (!closing) {
        /* Before it is in the queue: the other thread resumes it as soon as it sees it. */
        request->queued = true;
        server->unanswered++;
        MHD_suspend_connection(request->connection);
        if (server->last)
            server->last->next = request;
        else
            server->first = request;
        server->last = request;
        (void)pthread_cond_signal(&server->filled);
    }
    (void)pthread_mutex_unlock(&server->lock);
    return closing ? refuse_ourselves(request, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping\n")
                   : MHD_YES;
}

/* ---- libmicrohttpd's callbacks ---- */

enum MHD_Result http_server_handle(void *self, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *data_bytes, void **context)
{
    (void)version;
    struct http_request *request = *context;
    if (!request)
        return begin(self, connection, url, method, context);
    if (request->queued) /* resumed: it was answered */
        return reply(request, connection);
    if (*data_bytes)
        return take_data(request, data, data_bytes);
    return finish(request);
}

static void count_answered(struct http_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    if (--server->unanswered == 0 && server->closing)
        (void)pthread_cond_signal(&server->filled);
    (void)pthread_mutex_unlock(&server->lock);
}

void http_server_completed(void *self, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode why)
{
    (void)why;
    struct http_request *request = *context;
    *context = NULL;
    mark_connection(self, connection, clock_mono_ms(&CLOCK_SYSTEM));
    if (!request)
        return;
    release(request);
    if (request->queued)
        count_answered(self);
    for (int i = 0; i < request->header_count; i++)
        free(request->headers[i].value);
    free(request);
}

static void add_connection(struct http_server *server, struct MHD_Connection *connection,
                           void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_connection *own = info ? calloc(1, sizeof(*own)) : NULL;
    if (!own)
        return;
    own->fd = info->connect_fd;
    own->since_ms = clock_mono_ms(&CLOCK_SYSTEM);
    (void)pthread_mutex_lock(&server->lock);
    own->next = server->connections;
    if (own->next)
        own->next->before = own;
    server->connections = own;
    server->connection_count++;
    (void)pthread_mutex_unlock(&server->lock);
    *context = own;
}

static void remove_connection(struct http_server *server, struct http_connection *own)
{
    (void)pthread_mutex_lock(&server->lock);
    if (own->next)
        own->next->before = own->before;
    if (own->before)
        own->before->next = own->next;
    else
        server->connections = own->next;
    server->connection_count--;
    (void)pthread_mutex_unlock(&server->lock);
    free(own);
}

void http_server_connected(void *self, struct MHD_Connection *connection, void **context,
                           enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        add_connection(self, connection, context);
    } else if (*context) {
        remove_connection(self, *context);
        *context = NULL;
    }
}
