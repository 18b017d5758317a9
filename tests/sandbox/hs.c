/*
 * hs — routes, tokens and limits of the HubSpot shape.
 */
#include "tests/sandbox/hs_pipelines.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sandbox/auth.h"
#include "tests/sandbox/hs_source.h"

static const char *const PREFIX_VERSIONS[] = {"v3", "2026-03", "2026-09"};

void hs_error(struct reply *reply, int64_t request_id, int status, const char *category,
              const char *format, ...)
{
    char text[HS_MESSAGE_BYTES], correlation[48];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)snprintf(correlation, sizeof correlation, "00000000-0000-4000-8000-%012llx",
                   (unsigned long long)request_id);
    json_t *body = json_pack("{s:s,s:s,s:s}", "status", "error", "message", text, "correlationId",
                             correlation);
    if (category)
        json_object_set_new(body, "category", json_string(category));
    reply_json(reply, status, body);
    reply->rollback = true;
}

void hs_plain_error(struct reply *reply, int status, int64_t request_id)
{
    switch (status) {
    case 401:
        hs_error(reply, request_id, 401, "INVALID_AUTHENTICATION",
                 "Authentication credentials not found. This API supports OAuth 2.0 authentication "
                 "and you can find more details at "
                 "https://developers.hubspot.com/docs/methods/auth/oauth-overview");
        break;
    case 404:
        hs_error(reply, request_id, 404, "OBJECT_NOT_FOUND", "resource not found");
        break;
    case 405:
        hs_error(reply, request_id, 405, NULL, "HTTP 405 Method Not Allowed");
        break;
    case 413:
        hs_error(reply, request_id, 413, NULL, "request entity too large");
        break;
    case 423:
        hs_error(reply, request_id, 423, "LOCKED", "the record is locked, try again");
        break;
    case 429:
        hs_too_many(reply, "TEN_SECONDLY_ROLLING", request_id);
        break;
    default:
        hs_error(reply, request_id, status, status < 500 ? "VALIDATION_ERROR" : NULL,
                 status < 500 ? "the request could not be read" : "internal error");
    }
}

/* The verbatim body: https://github.com/HubSpot/hubspot-api-python/issues/117 */
void hs_too_many(struct reply *reply, const char *policy, int64_t request_id)
{
    const char *limit = strcmp(policy, "DAILY") == 0      ? "daily"
                        : strcmp(policy, "SECONDLY") == 0 ? "secondly"
                                                          : "ten_secondly_rolling";
    char correlation[48], message[80];
    (void)snprintf(correlation, sizeof correlation, "00000000-0000-4000-8000-%012llx",
                   (unsigned long long)request_id);
    (void)snprintf(message, sizeof message, "You have reached your %s limit.", limit);
    reply_json(reply, 429,
               json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "status", "error", "message", message,
                         "errorType", "RATE_LIMIT", "correlationId", correlation, "policyName",
                         policy, "groupName", "sandbox"));
    reply->rollback = true;
}

static void token(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    struct grant grant;
    auth_grant(&sandbox->store, request, &grant);
    if (grant.error) {
        hs_error(reply, request->id, 400, NULL, "%s", grant.description);
        return;
    }
    json_t *body = json_pack("{s:s,s:s,s:I}", "token_type", "bearer", "access_token",
                             grant.access_token, "expires_in", (json_int_t)grant.lifetime_s);
    if (grant.refresh_token[0])
        json_object_set_new(body, "refresh_token", json_string(grant.refresh_token));
    reply_json(reply, 200, body);
}

static bool version_known(const char *part)
{
    for (size_t i = 0; i < sizeof PREFIX_VERSIONS / sizeof *PREFIX_VERSIONS; i++)
        if (strcmp(part, PREFIX_VERSIONS[i]) == 0)
            return true;
    return false;
}

/* "objects", "properties", … when the path is /crm/v3/<kind>/… or /crm/<kind>/<version>/…, else "". */
static const char *route_kind(const struct request *request)
{
    const char *second = request_part(request, 1), *third = request_part(request, 2);
    if (strcmp(request_part(request, 0), "crm") != 0 || request->part_count < 3)
        return "";
    if (strcmp(second, "v3") == 0 || strcmp(second, "v4") == 0)
        return third;
    return version_known(third) && strcmp(third, "v3") != 0 ? second : "";
}

static void limit_headers(struct sandbox *sandbox, struct reply *reply, int64_t remaining)
{
    int64_t daily = settings_get(&sandbox->settings, SET_DAILY_QUOTA);
    int64_t max = settings_get(&sandbox->settings, SET_RATE_LIMIT_10S);
    if (max) {
        reply_header(reply, "X-HubSpot-RateLimit-Max", "%lld", (long long)max);
        reply_header(reply, "X-HubSpot-RateLimit-Remaining", "%lld", (long long)remaining);
        reply_header(reply, "X-HubSpot-RateLimit-Interval-Milliseconds", "10000");
    }
    if (daily) {
        reply_header(reply, "X-HubSpot-RateLimit-Daily", "%lld", (long long)daily);
        reply_header(reply, "X-HubSpot-RateLimit-Daily-Remaining", "%lld",
                     (long long)(daily - settings_get(&sandbox->settings, SET_QUOTA_USED)));
    }
}

/* False: reply says why not. */
static bool admitted(struct sandbox *sandbox, const struct request *request, bool search,
                     struct reply *reply)
{
    int64_t expired_s, remaining;
    switch (auth_check(&sandbox->store, request, true, reply->who, &expired_s)) {
    case AUTH_OK:
        break;
    case AUTH_EXPIRED:
        hs_error(reply, request->id, 401, "EXPIRED_AUTHENTICATION",
                 "The OAuth token used to make this call expired %lld second(s) ago.",
                 (long long)expired_s);
        return false;
    case AUTH_MISSING:
    case AUTH_UNKNOWN:
        hs_plain_error(reply, 401, request->id);
        return false;
    }
    enum limit_verdict verdict = limits_count(&sandbox->limits, &sandbox->settings, reply->who,
                                              search, store_now_ms(&sandbox->store), &remaining);
    if (verdict != LIMIT_PASS)
        hs_too_many(reply,
                    verdict == LIMIT_DAILY      ? "DAILY"
                    : verdict == LIMIT_SECONDLY ? "SECONDLY"
                                                : "TEN_SECONDLY_ROLLING",
                    request->id);
    if (!search) /* search answers carry no rate headers */
        limit_headers(sandbox, reply, remaining > 0 ? remaining : 0);
    return verdict == LIMIT_PASS;
}

/* What is about one object type, which the path names. */
static void with_object(struct sandbox *sandbox, const struct request *request,
                        void (*handle)(struct sandbox *, const struct request *, const char *,
                                       struct reply *),
                        struct reply *reply)
{
    const char *object = schema_object(&sandbox->store.schema, request_part(request, 3));
    if (!object || strcmp(object, "owners") == 0) {
        hs_error(reply, request->id, 400, "VALIDATION_ERROR",
                 "Unable to infer object type from: %.60s", request_part(request, 3));
        return;
    }
    (void)snprintf(reply->object, sizeof reply->object, "%s", object);
    handle(sandbox, request, object, reply);
}

static bool is_link_of_record(const struct request *request)
{
    return strcmp(request_part(request, 1), "v3") != 0 &&
           strcmp(request_part(request, 5), "associations") == 0;
}

static bool is_token_info(const struct request *request)
{
    return strcmp(request_part(request, 0), "oauth") == 0 &&
           (strcmp(request_part(request, 2), "access-tokens") == 0 ||
            strcmp(request_part(request, 4), "access-token-info") == 0);
}

void hs_handle(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    if (strcmp(request_part(request, 0), "oauth") == 0 &&
        strcmp(request_part(request, 2), "token") == 0 && request_is(request, "POST")) {
        token(sandbox, request, reply);
        return;
    }
    if (is_token_info(request)) {
        hs_token_info(sandbox, request, reply);
        return;
    }
    const char *kind = route_kind(request);
    bool search = strcmp(kind, "objects") == 0 && strcmp(request_part(request, 4), "search") == 0;
    if (!kind[0])
        hs_plain_error(reply, 404, request->id);
    else if (!admitted(sandbox, request, search, reply))
        return;
    else if (strcmp(kind, "associations") == 0 || is_link_of_record(request))
        hs_associations(sandbox, request, reply);
    else if (strcmp(request_part(request, 1), "v4") == 0)
        hs_plain_error(reply, 404, request->id);
    else if (strcmp(kind, "owners") == 0)
        hs_owners(sandbox, request, reply);
    else if (strcmp(kind, "pipelines") == 0)
        hs_pipelines(sandbox, request, reply);
    else if (strcmp(kind, "objects") == 0)
        with_object(sandbox, request, hs_objects, reply);
    else if (strcmp(kind, "properties") == 0)
        with_object(sandbox, request, hs_properties, reply);
    else
        hs_plain_error(reply, 404, request->id);
}
