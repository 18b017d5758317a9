/*
 * http_server_view — what a request says, and what its answer shall say beside status and text. See http_server.h.
 */
#include "remote/http_server_internal.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

const char *http_request_method(const struct http_request *request)
{
    return request->method;
}

const char *http_request_path(const struct http_request *request)
{
    return request->path;
}

struct span http_request_body(const struct http_request *request)
{
    return request->body.data ? buf_span(&request->body) : (struct span){"", 0};
}

int64_t http_request_since_ms(const struct http_request *request)
{
    return request->since_ms;
}

void *http_request_notes(struct http_request *request)
{
    return request->notes;
}

struct wanted_header {
    const char *name;
    size_t len;
    struct span *ret_value;
    int found;
};

static enum MHD_Result see_header(void *self, enum MHD_ValueKind kind, const char *name,
                                  size_t name_bytes, const char *value, size_t value_bytes)
{
    (void)kind;
    struct wanted_header *wanted = self;
    if (name_bytes == wanted->len && strncasecmp(name, wanted->name, name_bytes) == 0 &&
        ++wanted->found == 1)
        *wanted->ret_value = (struct span){value ? value : "", value ? value_bytes : 0};
    return MHD_YES;
}

int http_request_header(struct http_request *request, const char *name, struct span *ret_value)
{
    struct wanted_header wanted = {.name = name, .len = strlen(name), .ret_value = ret_value};
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, see_header, &wanted);
    return wanted.found;
}

void http_request_peer(struct http_request *request, char ret_address[HTTP_REQUEST_PEER_BYTES])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    ret_address[0] = '\0';
    if (!info || !info->client_addr)
        return;
    socklen_t len = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                             : sizeof(struct sockaddr_in);
    if (getnameinfo(info->client_addr, len, ret_address, HTTP_REQUEST_PEER_BYTES, NULL, 0,
                    NI_NUMERICHOST) != 0)
        ret_address[0] = '\0';
}

int http_request_add_header(struct http_request *request, const char *name, const char *value)
{
    if (request->header_count == HTTP_ANSWER_HEADERS_MAX)
        return -1;
    for (const char *at = value; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return -1;
    char *copy = strdup(value);
    if (!copy)
        return -1;
    request->headers[request->header_count++] = (struct http_answer_header){name, copy};
    return 0;
}
