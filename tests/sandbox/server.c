/*
 * server — between libmicrohttpd and flow.
 */
#include "tests/sandbox/server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "tests/sandbox/flow.h"

struct server {
    struct MHD_Daemon *daemon;
    struct sandbox *sandbox;
    bool tls;
};

struct call {
    struct request request;
    bool too_large, begun;
};

static enum MHD_Result add_param(void *closure, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
    (void)kind;
    request_add_param(closure, key, value);
    return MHD_YES;
}

static char *header_copy(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? strdup(value) : NULL;
}

/* libmicrohttpd hands out the path decoded and without its query: the log wants it whole. */
static void *begin(void *closure, const char *uri, struct MHD_Connection *connection)
{
    (void)connection;
    struct server *server = closure;
    struct call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    request_init(&call->request, ++server->sandbox->request_id, "", "");
    free(call->request.target);
    call->request.target = strdup(uri);
    return call;
}

static void fill(struct server *server, struct MHD_Connection *connection, struct call *call,
                 const char *url, const char *method)
{
    struct request *request = &call->request;
    int64_t id = request->id;
    char *target = request->target;
    request->target = NULL;
    request_clear(request);
    request_init(request, id, method, url);
    free(request->target);
    request->target = target ? target : strdup(url);
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    request->start_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    request->authorization = header_copy(connection, "Authorization");
    request->query_options = header_copy(connection, "Sforce-Query-Options");
    request->tls = server->tls;
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    (void)snprintf(request->host, sizeof request->host, "%s", host ? host : "127.0.0.1");
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_param, request);
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    call->too_large = length && strtoull(length, NULL, 10) > SERVER_BODY_MAX_BYTES;
    call->begun = true;
}

static void put_date(struct sandbox *sandbox, struct MHD_Response *response)
{
    time_t seconds = (time_t)(store_now_ms(&sandbox->store) / 1000);
    struct tm utc;
    char date[64];
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    MHD_add_response_header(response, "Date", date);
}

struct half {
    char *data;
    size_t len;
};

static ssize_t read_half(void *closure, uint64_t at, char *to, size_t max)
{
    const struct half *half = closure;
    if (at >= half->len / 2)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = half->len / 2 - (size_t)at;
    n = n < max ? n : max;
    memcpy(to, half->data + at, n);
    return (ssize_t)n;
}

static void free_half(void *closure)
{
    struct half *half = closure;
    free(half->data);
    free(half);
}

static struct MHD_Response *half_response(struct reply *reply)
{
    struct half *half = malloc(sizeof *half);
    if (!half)
        abort();
    half->len = reply->body.len;
    half->data = buf_take(&reply->body);
    return MHD_create_response_from_callback(half->len, 16384, read_half, half, free_half);
}

static enum MHD_Result send_reply(struct sandbox *sandbox, struct MHD_Connection *connection,
                                  struct reply *reply, enum flow_end end)
{
    struct MHD_Response *response;
    if (end == FLOW_TRUNCATE && reply->body.len > 1) {
        response = half_response(reply);
    } else {
        size_t len = reply->body.len;
        char *body = len ? buf_take(&reply->body) : NULL;
        response = MHD_create_response_from_buffer(body ? len : 0, body, MHD_RESPMEM_MUST_FREE);
    }
    if (!response)
        return MHD_NO;
    put_date(sandbox, response);
    if (reply->status != 204)
        MHD_add_response_header(response, "Content-Type", reply->content_type);
    for (int i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    enum MHD_Result sent = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return sent;
}

static void reset_connection(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct linger now = {1, 0};
    if (info)
        setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static enum MHD_Result answer(struct server *server, struct MHD_Connection *connection,
                              struct call *call)
{
    struct sandbox *sandbox = server->sandbox;
    struct reply reply;
    reply_init(&reply);
    enum flow_end end = FLOW_SEND;
    bool admin = strcmp(request_part(&call->request, 0), "admin") == 0;
    sandbox->in_flight += !admin;
    if (call->too_large && sandbox->crm == CRM_SALESFORCE)
        sf_plain_error(&reply, 413);
    else if (call->too_large)
        hs_plain_error(&reply, 413, call->request.id);
    else if (admin)
        admin_handle(sandbox, &call->request, &reply);
    else
        end = flow_run(sandbox, &call->request, &reply);
    if (end == FLOW_RESET)
        reset_connection(connection);
    enum MHD_Result result = end == FLOW_SEND || end == FLOW_TRUNCATE
                                 ? send_reply(sandbox, connection, &reply, end)
                                 : MHD_NO;
    sandbox->in_flight -= !admin;
    reply_clear(&reply);
    return result;
}

static enum MHD_Result handle(void *closure, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **state)
{
    (void)version;
    struct server *server = closure;
    struct call *call = *state;
    if (!call)
        return MHD_NO;
    if (!call->begun) {
        fill(server, connection, call, url, method);
        return MHD_YES;
    }
    if (*upload_bytes) {
        /* read to its end and forgotten: an answer before that is lost in the client's broken pipe */
        if (call->too_large || call->request.body.len + *upload_bytes > SERVER_BODY_MAX_BYTES)
            call->too_large = true;
        else
            buf_put(&call->request.body, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    return answer(server, connection, call);
}

static void finished(void *closure, struct MHD_Connection *connection, void **state,
                     enum MHD_RequestTerminationCode code)
{
    (void)closure, (void)connection, (void)code;
    struct call *call = *state;
    if (call)
        request_clear(&call->request);
    free(call);
    *state = NULL;
}

struct server *server_start(struct sandbox *sandbox, const char *address, uint16_t port,
                            const char *cert, const char *key)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, address, &where.sin_addr) != 1) {
        (void)fprintf(stderr, "sandbox-crm: %s is not an IPv4 address\n", address);
        return NULL;
    }
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->sandbox = sandbox;
    server->tls = cert != NULL;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
                                   {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_ITC |
                     (cert ? MHD_USE_TLS : 0U);
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&where,
        MHD_OPTION_NOTIFY_COMPLETED, finished, server, MHD_OPTION_URI_LOG_CALLBACK, begin, server,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)256 * 1024, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)SERVER_CONNECTIONS_MAX, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_ARRAY,
        cert ? tls : &tls[2], MHD_OPTION_END);
    if (!server->daemon) {
        (void)fprintf(stderr, "sandbox-crm: cannot listen on %s:%u\n", address, port);
        free(server);
        return NULL;
    }
    return server;
}

uint16_t server_port(const struct server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    server->sandbox->stopping = true;
    holds_stop(&server->sandbox->holds);
    MHD_stop_daemon(server->daemon);
    free(server);
}
