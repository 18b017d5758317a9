/*
 * hs_owners — the owners API: read-only, looked up by e-mail or id.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "tests/sandbox/hs.h"
#include "tests/sandbox/hs_source.h"

static const char OWNERS[] = "owners";
enum { OWNERS_LIMIT = 100, OWNERS_LIMIT_MAX = 500 };

bool hs_owner_exists(struct store *store, const char *id)
{
    struct record record;
    record_init(&record);
    bool found = store_get(store, OWNERS, id, &record);
    record_clear(&record);
    return found;
}

static void text_of(const struct fields *fields, const char *name, char *ret_text, size_t size)
{
    struct buf text;
    buf_init(&text, 0);
    ret_text[0] = '\0';
    if (fields_text(fields_get(fields, span_of(name), NULL), &text))
        (void)snprintf(ret_text, size, "%.*s", (int)text.len, text.data ? text.data : "");
    buf_clear(&text);
}

static json_t *owner_json(const struct record *record)
{
    struct fields fields;
    char email[256], first[128], last[128], user[32], created[TIMESTAMP_BYTES],
        updated[TIMESTAMP_BYTES];
    fields_parse(&fields, buf_span(&record->fields));
    text_of(&fields, "email", email, sizeof email);
    text_of(&fields, "firstName", first, sizeof first);
    text_of(&fields, "lastName", last, sizeof last);
    text_of(&fields, "userId", user, sizeof user);
    timestamp_format(record->created_ms, created);
    timestamp_format(record->modstamp_ms, updated);
    json_int_t user_id = user[0] ? strtoll(user, NULL, 10) : (json_int_t)hs_user_id(email);
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:s,s:s,s:b}", "id", record->id, "email", email,
                     "type", "PERSON", "firstName", first, "lastName", last, "userId",
                     record->deleted ? (json_int_t)0 : user_id, "userIdIncludingInactive", user_id,
                     "createdAt", created, "updatedAt", updated, "archived", (int)record->deleted);
}

static bool asks_archived(const struct request *request)
{
    const char *archived = request_param(request, "archived");
    return archived && strcmp(archived, "true") == 0;
}

static void one(struct sandbox *sandbox, const struct request *request, const char *id,
                struct reply *reply)
{
    struct record record;
    record_init(&record);
    if (store_get(&sandbox->store, OWNERS, id, &record) && record.deleted == asks_archived(request))
        reply_json(reply, 200, owner_json(&record));
    else
        hs_plain_error(reply, 404, request->id);
    record_clear(&record);
}

/* The wanted page; whether there is more, with the last id in ret_last. */
static bool page(struct sandbox *sandbox, const struct request *request, long limit,
                 json_t *results, char ret_last[ID_BYTES])
{
    const char *email = request_param(request, "email"), *after = request_param(request, "after");
    struct record record;
    record_init(&record);
    bool more = false;
    sqlite3_stmt *rows = store_statement(&sandbox->store, ST_LIST);
    bind_text(rows, 1, OWNERS);
    bind_text(rows, 2, after ? after : "");
    sqlite3_bind_int(rows, 3, asks_archived(request));
    sqlite3_bind_int64(rows, 4, -1);
    while (!more && store_row(&sandbox->store, rows)) {
        record_from_row(&record, rows);
        json_t *owner = owner_json(&record);
        const char *has = json_string_value(json_object_get(owner, "email"));
        bool wanted = !email || (has && strcasecmp(email, has) == 0);
        more = wanted && (long)json_array_size(results) == limit;
        if (wanted && !more) {
            (void)snprintf(ret_last, ID_BYTES, "%s", record.id);
            json_array_append(results, owner);
        }
        json_decref(owner);
    }
    sqlite3_reset(rows);
    record_clear(&record);
    return more;
}

static void list(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *limit_text = request_param(request, "limit");
    long limit = limit_text ? strtol(limit_text, NULL, 10) : OWNERS_LIMIT;
    char last[ID_BYTES] = "";
    if (limit < 1 || limit > OWNERS_LIMIT_MAX) {
        hs_error(reply, request->id, 400, "VALIDATION_ERROR", "limit must be between 1 and %d",
                 OWNERS_LIMIT_MAX);
        return;
    }
    json_t *results = json_array();
    bool more = page(sandbox, request, limit, results, last);
    reply->items = (int)json_array_size(results);
    json_t *body = json_pack("{s:o}", "results", results);
    if (more)
        json_object_set_new(body, "paging", json_pack("{s:{s:s}}", "next", "after", last));
    reply_json(reply, 200, body);
}

void hs_owners(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    if (!request_is(request, "GET"))
        hs_plain_error(reply, 405, request->id);
    else if (request->part_count == 4)
        one(sandbox, request, request_part(request, 3), reply);
    else
        list(sandbox, request, reply);
}
