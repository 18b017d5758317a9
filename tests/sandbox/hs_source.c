/*
 * hs_source — app and user ids, and which of them a token stands for.
 */
#include "tests/sandbox/hs_source.h"

#include <stdio.h>
#include <string.h>

#include "tests/sandbox/auth.h"
#include "tests/sandbox/hs.h"

static const char PERSON[] = "person:";

static int64_t number_of(const char *who)
{
    uint32_t hash = 2166136261u;
    for (; *who; who++)
        hash = (hash ^ (unsigned char)*who) * 16777619u;
    return hash % 900000;
}

int64_t hs_app_id(const char *who)
{
    return strcmp(who, "integration") == 0 ? HS_FIRST_APP : HS_FIRST_APP + 1 + number_of(who);
}

int64_t hs_user_id(const char *who)
{
    return 20000000 + number_of(who);
}

static void put_label(struct buf *body, const char *who)
{
    buf_puts(body, ",\"sourceLabel\":");
    buf_put_json_string(body, span_of(who));
}

void hs_put_source(struct buf *body, const char *who)
{
    long long user = hs_user_id(who);
    bool person = strncmp(who, PERSON, sizeof PERSON - 1) == 0;
    if (person) {
        buf_printf(body, "\"sourceType\":\"CRM_UI\",\"sourceId\":\"userId:%lld\"", user);
        put_label(body, who + sizeof PERSON - 1);
    } else if (strcmp(who, "seed") == 0) {
        buf_puts(body, "\"sourceType\":\"IMPORT\",\"sourceId\":\"1\"");
        put_label(body, who);
    } else {
        buf_printf(body, "\"sourceType\":\"INTEGRATION\",\"sourceId\":\"%lld\"",
                   (long long)hs_app_id(who));
        put_label(body, who);
    }
    if (person)
        buf_printf(body, ",\"updatedByUserId\":%lld", user);
}

static void refuse(const struct request *request, enum auth_verdict verdict, int64_t expired_s,
                   struct reply *reply)
{
    if (verdict == AUTH_EXPIRED)
        hs_error(reply, request->id, 401, "EXPIRED_AUTHENTICATION",
                 "The OAuth token used to make this call expired %lld second(s) ago.",
                 (long long)expired_s);
    else
        hs_plain_error(reply, 404, request->id);
}

void hs_token_info(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    bool legacy = strcmp(request_part(request, 1), "v1") == 0;
    json_t *body = legacy ? NULL : request_json(request);
    const char *token =
        legacy ? request_part(request, 3) : json_string_value(json_object_get(body, "tokenKey"));
    char who[WHO_BYTES];
    int64_t expired_s;
    enum auth_verdict verdict =
        auth_token(&sandbox->store, token ? token : "", false, who, &expired_s);
    if (verdict != AUTH_OK)
        refuse(request, verdict, expired_s, reply);
    else if (legacy)
        reply_json(reply, 200,
                   json_pack("{s:s,s:s,s:I,s:i,s:I,s:[s]}", "token", token, "token_type", "access",
                             "app_id", (json_int_t)hs_app_id(who), "hub_id", HS_PORTAL, "user_id",
                             (json_int_t)hs_user_id(who), "scopes", "crm.objects.contacts.write"));
    else
        reply_json(reply, 200,
                   json_pack("{s:I,s:i,s:I,s:[s]}", "appId", (json_int_t)hs_app_id(who), "hubId",
                             HS_PORTAL, "userId", (json_int_t)hs_user_id(who), "scopes",
                             "crm.objects.contacts.write"));
    json_decref(body);
}
