/*
 * sf — routes, versions, tokens and limits of the Salesforce shape.
 */
#include "tests/sandbox/sf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/auth.h"

enum { VERSION_RETIRED = 30, VERSION_FIRST = 31, VERSION_LAST = 67 };

void sf_error(struct reply *reply, int status, const char *code, const char *field,
              const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *error = json_pack("{s:s,s:s}", "message", text, "errorCode", code);
    if (field)
        json_object_set_new(error, "fields", field[0] ? json_pack("[s]", field) : json_array());
    reply_json(reply, status, json_pack("[o]", error));
    reply->rollback = true;
}

void sf_plain_error(struct reply *reply, int status)
{
    switch (status) {
    case 401:
        sf_error(reply, 401, "INVALID_SESSION_ID", NULL, "Session expired or invalid");
        break;
    case 403:
        sf_error(reply, 403, "REQUEST_LIMIT_EXCEEDED", NULL, "TotalRequests Limit exceeded.");
        break;
    case 404:
        sf_error(reply, 404, "NOT_FOUND", NULL, "The requested resource does not exist");
        break;
    case 405:
        sf_error(reply, 405, "METHOD_NOT_ALLOWED", NULL,
                 "HTTP Method not allowed for this resource");
        break;
    case 413:
        sf_error(reply, 413, "REQUEST_ENTITY_TOO_LARGE", NULL, "the request body is too large");
        break;
    case 429:
        sf_error(reply, 429, "TOO_MANY_REQUESTS", NULL, "too many requests");
        break;
    default:
        sf_error(reply, status, status < 500 ? "BAD_REQUEST" : "SERVER_UNAVAILABLE", NULL,
                 "the request could not be served");
    }
}

static void token(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    struct grant grant;
    if (!request_is(request, "POST")) {
        sf_plain_error(reply, 405);
        return;
    }
    auth_grant(&sandbox->store, request, &grant);
    if (grant.error) {
        reply_json(
            reply, 400,
            json_pack("{s:s,s:s}", "error", grant.error, "error_description", grant.description));
        return;
    }
    char instance[192], issued[32];
    (void)snprintf(instance, sizeof instance, "%s://%s", request->tls ? "https" : "http",
                   request->host);
    (void)snprintf(issued, sizeof issued, "%lld", (long long)store_now_ms(&sandbox->store));
    json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:s}", "access_token", grant.access_token,
                             "instance_url", instance, "token_type", "Bearer", "issued_at", issued,
                             "signature", "c2FuZGJveA==");
    if (settings_get(&sandbox->settings, SET_ROTATE_REFRESH) && grant.refresh_token[0])
        json_object_set_new(body, "refresh_token", json_string(grant.refresh_token));
    reply_json(reply, 200, body);
}

static void versions(struct reply *reply)
{
    json_t *list = json_array();
    for (int version = VERSION_FIRST; version <= VERSION_LAST; version++) {
        char label[32], url[48], number[16];
        (void)snprintf(number, sizeof number, "%d.0", version);
        (void)snprintf(label, sizeof label, "Release %d", version);
        (void)snprintf(url, sizeof url, "/services/data/v%s", number);
        json_array_append_new(
            list, json_pack("{s:s,s:s,s:s}", "label", label, "url", url, "version", number));
    }
    reply_json(reply, 200, list);
}

/* False: the version is none, and reply says so. */
static bool version_lives(const char *part, struct reply *reply)
{
    char *end;
    long version = part[0] == 'v' ? strtol(part + 1, &end, 10) : 0;
    if (version < 1 || strcmp(end, ".0") != 0 || version > VERSION_LAST) {
        sf_plain_error(reply, 404);
        return false;
    }
    if (version <= VERSION_RETIRED) {
        sf_error(reply, 410, "UNSUPPORTED_API_VERSION", NULL,
                 "API version %ld.0 is no longer supported", version);
        return false;
    }
    return true;
}

static void resource(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *name = request_part(request, 3);
    bool query = strcmp(name, "query") == 0 || strcmp(name, "queryAll") == 0;
    if (query && !request_is(request, "GET"))
        sf_plain_error(reply, 405);
    else if (query && request->part_count == 4)
        sf_query(sandbox, request, reply);
    else if (query && request->part_count == 5)
        sf_query_more(sandbox, request, reply);
    else if (strcmp(name, "sobjects") == 0)
        sf_sobjects(sandbox, request, reply);
    else if (strcmp(name, "composite") == 0 && strcmp(request_part(request, 4), "sobjects") == 0)
        sf_read_many(sandbox, request, reply);
    else if (strcmp(name, "limits") == 0) {
        int64_t max = settings_get(&sandbox->settings, SET_DAILY_QUOTA);
        int64_t left = max - settings_get(&sandbox->settings, SET_QUOTA_USED);
        reply_json(reply, 200,
                   json_pack("{s:{s:I,s:I}}", "DailyApiRequests", "Max", (json_int_t)max,
                             "Remaining", (json_int_t)left));
    } else
        sf_plain_error(reply, 404);
}

void sf_handle(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    if (strcmp(request_part(request, 0), "services") != 0)
        sf_plain_error(reply, 404);
    else if (strcmp(request_part(request, 1), "oauth2") == 0 &&
             strcmp(request_part(request, 2), "token") == 0)
        token(sandbox, request, reply);
    else if (strcmp(request_part(request, 1), "data") != 0)
        sf_plain_error(reply, 404);
    else if (request->part_count == 2)
        versions(reply);
    else if (version_lives(request_part(request, 2), reply)) {
        int64_t expired_s, remaining;
        if (auth_check(&sandbox->store, request, true, reply->who, &expired_s) != AUTH_OK)
            sf_plain_error(reply, 401);
        else {
            enum limit_verdict verdict =
                limits_count(&sandbox->limits, &sandbox->settings, reply->who, false,
                             store_now_ms(&sandbox->store), &remaining);
            if (verdict == LIMIT_DAILY)
                sf_plain_error(reply, 403);
            else if (verdict != LIMIT_PASS)
                sf_plain_error(reply, 429);
            else
                resource(sandbox, request, reply);
        }
    }
    reply_header(reply, "Sforce-Limit-Info", "api-usage=%lld/%lld",
                 (long long)settings_get(&sandbox->settings, SET_QUOTA_USED),
                 (long long)settings_get(&sandbox->settings, SET_DAILY_QUOTA));
}
