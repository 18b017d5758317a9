/*
 * exchange — request and reply as plain values.
 */
#include "tests/sandbox/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_MAX_BYTES = 1 << 30 };

static char *copy(const char *text)
{
    char *twin = text ? strdup(text) : NULL;
    if (text && !twin)
        abort();
    return twin;
}

static void cut_path(struct request *request)
{
    request->part_count = 0;
    char *rest = request->path, *part;
    while ((part = strsep(&rest, "/")) && request->part_count < PATH_PARTS_MAX)
        if (*part)
            request->parts[request->part_count++] = part;
}

void request_init(struct request *request, int64_t id, const char *method, const char *path)
{
    memset(request, 0, sizeof *request);
    request->id = id;
    (void)snprintf(request->method, sizeof request->method, "%s", method);
    request->target = copy(path);
    request->path = copy(path);
    cut_path(request);
    buf_init(&request->body, 0);
}

void request_clear(struct request *request)
{
    if (!request)
        return;
    for (int i = 0; i < request->param_count; i++) {
        free(request->params[i].name);
        free(request->params[i].value);
    }
    free(request->target);
    free(request->path);
    free(request->authorization);
    free(request->query_options);
    buf_clear(&request->body);
    memset(request, 0, sizeof *request);
}

struct request *request_copy(const struct request *request)
{
    struct request *twin = malloc(sizeof *twin);
    if (!twin)
        abort();
    *twin = *request;
    twin->target = copy(request->target);
    /* path was cut in place: put the parts together again */
    struct buf path;
    buf_init(&path, 0);
    buf_puts(&path, "");
    for (int i = 0; i < request->part_count; i++)
        buf_printf(&path, "/%s", request->parts[i]);
    twin->path = path.len ? buf_take(&path) : copy("/");
    buf_clear(&path);
    cut_path(twin);
    for (int i = 0; i < request->param_count; i++) {
        twin->params[i].name = copy(request->params[i].name);
        twin->params[i].value = copy(request->params[i].value);
    }
    twin->authorization = copy(request->authorization);
    twin->query_options = copy(request->query_options);
    buf_init(&twin->body, 0);
    buf_put(&twin->body, request->body.data ? request->body.data : "", request->body.len);
    return twin;
}

void request_add_param(struct request *request, const char *name, const char *value)
{
    if (request->param_count == PARAMS_MAX)
        return;
    struct param *param = &request->params[request->param_count++];
    param->name = copy(name);
    param->value = copy(value ? value : "");
}

const char *request_param(const struct request *request, const char *name)
{
    for (int i = 0; i < request->param_count; i++)
        if (strcmp(request->params[i].name, name) == 0)
            return request->params[i].value;
    return NULL;
}

const char *request_part(const struct request *request, int i)
{
    return i < request->part_count ? request->parts[i] : "";
}

bool request_is(const struct request *request, const char *method)
{
    return strcmp(request->method, method) == 0;
}

json_t *request_json(const struct request *request)
{
    if (!request->body.len)
        return NULL;
    json_t *root = json_loadb(request->body.data, request->body.len, JSON_ALLOW_NUL, NULL);
    if (root && !json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

void reply_init(struct reply *reply)
{
    memset(reply, 0, sizeof *reply);
    reply->status = 200;
    reply->content_type = "application/json;charset=UTF-8";
    buf_init(&reply->body, REPLY_MAX_BYTES);
}

void reply_clear(struct reply *reply)
{
    buf_clear(&reply->body);
}

void reply_header(struct reply *reply, const char *name, const char *format, ...)
{
    if (reply->header_count == REPLY_HEADERS_MAX)
        return;
    int i = reply->header_count++;
    (void)snprintf(reply->headers[i].name, sizeof reply->headers[i].name, "%s", name);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reply->headers[i].value, sizeof reply->headers[i].value, format, args);
    va_end(args);
}

void reply_json(struct reply *reply, int status, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
    reply->status = status;
    buf_reset(&reply->body);
    buf_puts(&reply->body, text ? text : "{}");
    free(text);
}

void reply_error(struct reply *reply, int status, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reply_json(reply, status, json_pack("{s:s}", "error", text));
}
