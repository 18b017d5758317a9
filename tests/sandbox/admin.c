/*
 * admin — the sandbox's own API: settings, faults, holds, seeds, dumps.
 */
#include "tests/sandbox/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/hs_pipelines.h"
#include "tests/sandbox/seed.h"

const char *admin_object(struct sandbox *sandbox, json_t *body, struct reply *reply)
{
    const char *name = json_string_value(json_object_get(body, "object"));
    const char *object = name ? schema_object(&sandbox->store.schema, name) : NULL;
    if (!object)
        reply_error(reply, 400, "no such object: %.60s", name ? name : "");
    return object;
}

bool admin_modstamp(json_t *body, int64_t *ret_ms, struct reply *reply)
{
    json_t *value = json_object_get(body, "modstamp");
    *ret_ms = json_is_integer(value) ? json_integer_value(value) : 0;
    if (!value || json_is_integer(value) ||
        (json_is_string(value) &&
         timestamp_parse(json_string_value(value), json_string_length(value), ret_ms)))
        return true;
    reply_error(reply, 400, "modstamp is neither milliseconds nor a timestamp");
    return false;
}

static void settings(struct sandbox *sandbox, const struct request *request, json_t *body,
                     struct reply *reply)
{
    const char *key;
    json_t *value;
    if (request_is(request, "POST")) {
        json_object_foreach(body, key, value)
        {
            int which = settings_find(key);
            if (which < 0 || !json_is_integer(value) ||
                !settings_set(&sandbox->settings, (enum setting)which, json_integer_value(value))) {
                reply_error(reply, 400, "no such setting or out of range: %.60s", key);
                return;
            }
        }
    }
    json_t *all = json_object();
    for (int i = 0; i < SETTING_COUNT; i++)
        json_object_set_new(all, settings_name((enum setting)i),
                            json_integer(settings_get(&sandbox->settings, (enum setting)i)));
    reply_json(reply, 200, all);
}

static void faults(struct sandbox *sandbox, const struct request *request, json_t *body,
                   struct reply *reply)
{
    const char *error, *id = request_param(request, "id");
    if (request_is(request, "POST")) {
        int64_t added = faults_add(&sandbox->faults, body, &error);
        if (added < 0)
            reply_error(reply, 400, "%s", error);
        else
            reply_json(reply, 200, json_pack("{s:I}", "id", (json_int_t)added));
        return;
    }
    if (request_is(request, "DELETE") &&
        !faults_remove(&sandbox->faults, id ? strtoll(id, NULL, 10) : 0)) {
        reply_error(reply, 404, "no such fault");
        return;
    }
    reply_json(reply, 200, faults_json(&sandbox->faults));
}

static void hold(struct sandbox *sandbox, json_t *body, struct reply *reply)
{
    const char *error;
    int64_t added = holds_add(&sandbox->holds, body, &error);
    if (added < 0)
        reply_error(reply, 400, "%s", error);
    else
        reply_json(reply, 200, json_pack("{s:I}", "id", (json_int_t)added));
}

static int64_t count_of(struct store *store, const char *sql)
{
    sqlite3_stmt *count = store_prepare(store, sql);
    int64_t value = count && store_row(store, count) ? sqlite3_column_int64(count, 0) : 0;
    sqlite3_finalize(count);
    return value;
}

static json_t *counts(struct store *store, const char *sql)
{
    json_t *object = json_object();
    sqlite3_stmt *rows = store_prepare(store, sql);
    while (rows && store_row(store, rows))
        json_object_set_new(object, (const char *)sqlite3_column_text(rows, 0),
                            json_integer(sqlite3_column_int64(rows, 1)));
    sqlite3_finalize(rows);
    return object;
}

static void stats(struct sandbox *sandbox, struct reply *reply)
{
    struct store *store = &sandbox->store;
    store_begin(store);
    json_t *records =
        counts(store, "SELECT object,count(*) FROM records WHERE deleted=0 AND object "
                      "NOT IN ('User','owners') GROUP BY object");
    json_t *deleted =
        counts(store, "SELECT object,count(*) FROM records WHERE deleted=1 AND object "
                      "NOT IN ('User','owners') GROUP BY object");
    int64_t effects = count_of(store, "SELECT count(*) FROM effects");
    int64_t requests = count_of(store, "SELECT count(*) FROM requests");
    int64_t now_ms = store_now_ms(store);
    store_end(store, false);
    reply_json(reply, 200,
               json_pack("{s:s,s:o,s:o,s:I,s:I,s:I,s:i,s:i,s:i,s:I}", "system",
                         sandbox_name(sandbox), "records", records, "deleted", deleted, "effects",
                         (json_int_t)effects, "requests", (json_int_t)requests, "quota_used",
                         (json_int_t)settings_get(&sandbox->settings, SET_QUOTA_USED), "in_flight",
                         (int)sandbox->in_flight, "held", holds_count(&sandbox->holds),
                         "late_pending", late_pending(&sandbox->late), "now_ms",
                         (json_int_t)now_ms));
}

static void dump_record(struct buf *body, const struct record *record)
{
    buf_printf(body,
               "{\"id\":\"%s\",\"version\":%lld,\"created_ms\":%lld,\"modified_ms\":%lld,"
               "\"modstamp_ms\":%lld,\"deleted\":%s,\"modified_by\":",
               record->id, (long long)record->version, (long long)record->created_ms,
               (long long)record->modified_ms, (long long)record->modstamp_ms,
               record->deleted ? "true" : "false");
    buf_put_json_string(body, span_of(record->modified_by));
    buf_puts(body, ",\"fields\":");
    buf_put_span(body, buf_span(&record->fields));
    buf_puts(body, "}\n");
}

static void dump(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *name = request_param(request, "object"),
               *deleted = request_param(request, "deleted");
    const char *after = request_param(request, "after"), *limit = request_param(request, "limit");
    const char *object = name ? schema_object(&sandbox->store.schema, name) : NULL;
    if (!object) {
        reply_error(reply, 400, "no such object: %.60s", name ? name : "");
        return;
    }
    struct record record;
    record_init(&record);
    store_begin(&sandbox->store);
    sqlite3_stmt *rows = store_statement(&sandbox->store, ST_LIST_ALL);
    bind_text(rows, 1, object);
    bind_text(rows, 2, after ? after : "");
    sqlite3_bind_int64(rows, 3, limit ? strtoll(limit, NULL, 10) : -1);
    while (store_row(&sandbox->store, rows)) {
        record_from_row(&record, rows);
        if (!record.deleted || (deleted && deleted[0] == '1'))
            dump_record(&reply->body, &record);
    }
    store_end(&sandbox->store, false);
    record_clear(&record);
    reply->content_type = "application/x-ndjson";
}

static int64_t int_at(json_t *body, const char *key, int64_t fallback)
{
    json_t *value = json_object_get(body, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static void seed(struct sandbox *sandbox, const struct request *request, json_t *body,
                 struct reply *reply)
{
    struct seed_order order = {.object = admin_object(sandbox, body, reply),
                               .count = int_at(body, "count", 0),
                               .seed = int_at(body, "seed", 1),
                               .offset = int_at(body, "offset", 0),
                               .drift_percent = int_at(body, "drift", 0),
                               .request_id = request->id};
    if (!order.object || !admin_modstamp(body, &order.modstamp_ms, reply))
        return;
    int64_t start_ms = clock_mono_ms(&CLOCK_SYSTEM);
    int64_t done = seed_people(&sandbox->store, &order);
    reply_json(reply, 200,
               json_pack("{s:I,s:I}", "count", (json_int_t)done, "ms",
                         (json_int_t)(clock_mono_ms(&CLOCK_SYSTEM) - start_ms)));
}

static void add_field(struct sandbox *sandbox, json_t *body, struct reply *reply)
{
    struct property property = {.custom = true, .place = AT_JSON};
    const char *object = admin_object(sandbox, body, reply), *name = NULL, *type = "string",
               *label = NULL, *options = NULL;
    int is_unique = 0, hidden = 0;
    if (!object)
        return;
    if (json_unpack(body, "{s:s,s:b}", "name", &name, "hidden", &hidden) == 0) {
        if (schema_hide(&sandbox->store.schema, object, name, hidden != 0))
            reply_json(reply, 200, json_pack("{s:s}", "name", name));
        else
            reply_error(reply, 404, "%s has no field %s", object, name);
        return;
    }
    if (json_unpack(body, "{s:s,s?:s,s?:s,s?:b,s?:s}", "name", &name, "type", &type, "label",
                    &label, "unique", &is_unique, "options", &options) ||
        !field_type_find(type, &property.type) || strlen(name) >= NAME_BYTES ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") !=
            strlen(name)) {
        reply_error(reply, 400, "name or type cannot be");
        return;
    }
    property.unique = is_unique != 0;
    property.created_ms = store_now_ms(&sandbox->store);
    (void)snprintf(property.object, sizeof property.object, "%s", object);
    (void)snprintf(property.name, sizeof property.name, "%s", name);
    (void)snprintf(property.label, sizeof property.label, "%s", label ? label : name);
    (void)snprintf(property.options, sizeof property.options, "%s", options ? options : "");
    if (schema_find(&sandbox->store.schema, object, name))
        reply_error(reply, 409, "%s has a field %s already", object, name);
    else {
        store_add_property(&sandbox->store, &property);
        reply_json(reply, 200, json_pack("{s:s}", "name", name));
    }
}

/* What writes, in one transaction. */
static void write_call(struct sandbox *sandbox, const struct request *request, json_t *body,
                       struct reply *reply)
{
    const char *what = request_part(request, 1), *object;
    store_begin(&sandbox->store);
    if (strcmp(what, "people") == 0)
        admin_people(sandbox, request, body, reply);
    else if (strcmp(what, "seed") == 0)
        seed(sandbox, request, body, reply);
    else if (strcmp(what, "schema") == 0)
        add_field(sandbox, body, reply);
    else if (strcmp(what, "pipelines") == 0 && sandbox->crm == CRM_HUBSPOT) {
        if (hs_pipelines_put(&sandbox->store, body, reply))
            reply_json(reply, 200, json_pack("{s:O}", "results", sandbox->store.pipelines));
    } else if (strcmp(what, "clear") != 0)
        reply_error(reply, 404, "no such admin call");
    else if ((object = admin_object(sandbox, body, reply))) {
        store_clear_object(&sandbox->store, object);
        reply_json(reply, 200, json_object());
    }
    store_end(&sandbox->store, reply->status >= 400);
}

void admin_handle(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *what = request_part(request, 1);
    bool get = request_is(request, "GET"), post = request_is(request, "POST");
    json_t *body = post ? request_json(request) : NULL;
    if (post && !body && request->body.len)
        reply_error(reply, 400, "the body is not a JSON object");
    else if (strcmp(what, "settings") == 0 && (get || post))
        settings(sandbox, request, body, reply);
    else if (strcmp(what, "faults") == 0 && (get || post || request_is(request, "DELETE")))
        faults(sandbox, request, body, reply);
    else if (strcmp(what, "hold") == 0 && post)
        hold(sandbox, body, reply);
    else if (strcmp(what, "held") == 0 && get)
        reply_json(reply, 200, holds_json(&sandbox->holds));
    else if (strcmp(what, "release") == 0 && post)
        reply_json(reply, 200,
                   json_pack("{s:i}", "released", holds_release(&sandbox->holds, body)));
    else if (strcmp(what, "stats") == 0 && get)
        stats(sandbox, reply);
    else if (strcmp(what, "dump") == 0 && get)
        dump(sandbox, request, reply);
    else if (strcmp(what, "links") == 0 && get)
        admin_links_dump(sandbox, request, reply);
    else if (post)
        write_call(sandbox, request, body, reply);
    else
        reply_error(reply, 404, "no such admin call");
    json_decref(body);
}
