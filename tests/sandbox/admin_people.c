/*
 * admin_people — the people who still work in the system: single edits, and
 * mass updates that share one timestamp.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/admin.h"
#include "tests/sandbox/hs_pipelines.h"
#include "tests/sandbox/sf.h"
#include "tests/sandbox/write.h"

static bool make_hs_patch(struct sandbox *sandbox, const char *object, const char *id,
                          json_t *fields, struct buf *patch, struct reply *reply)
{
    struct hs_failure failure = {0};
    struct tape tape;
    tape_init(&tape);
    char *whole = json_dumps(fields, JSON_COMPACT);
    /* as a member, because index 0 means "none" */
    struct buf wrapped;
    buf_init(&wrapped, 0);
    buf_printf(&wrapped, "{\"fields\":%s}", whole ? whole : "{}");
    bool ok =
        tape_parse(&tape, buf_span(&wrapped)) &&
        hs_put_properties(&sandbox->store, object, &tape, tape_get(&tape, 0, "fields"), patch,
                          &failure) &&
        (strcmp(object, "deals") != 0 || hs_pipelines_fit(&sandbox->store, id, patch, &failure));
    free(whole);
    buf_clear(&wrapped);
    tape_clear(&tape);
    if (!ok)
        reply_error(reply, 400, "%s", failure.message);
    return ok;
}

/* The shape's own checks; id NULL: a new record. False: reply says what is wrong. */
static bool make_patch(struct sandbox *sandbox, const char *object, const char *id, json_t *fields,
                       struct buf *patch, struct reply *reply)
{
    if (!json_is_object(fields)) {
        reply_error(reply, 400, "fields must be an object");
        return false;
    }
    if (sandbox->crm != CRM_HUBSPOT)
        return sf_put_fields(&sandbox->store, object, fields, !id, patch, reply);
    return make_hs_patch(sandbox, object, id, fields, patch, reply);
}

static bool find_record(struct sandbox *sandbox, const char *object, json_t *body,
                        char ret_id[ID_BYTES], struct reply *reply)
{
    const char *id = json_string_value(json_object_get(body, "id"));
    const char *email = json_string_value(json_object_get(body, "email"));
    ret_id[0] = '\0';
    if (id && (sandbox->crm == CRM_HUBSPOT || !sf_id_normalise(id, ret_id)))
        (void)snprintf(ret_id, ID_BYTES, "%s", id);
    if (!id && email && sandbox->crm == CRM_HUBSPOT)
        hs_resolve(&sandbox->store, object, "email", email, ret_id);
    else if (!id && email) {
        sqlite3_stmt *get = store_statement(&sandbox->store, ST_BY_EMAIL);
        bind_text(get, 1, object);
        bind_text(get, 2, email);
        if (store_row(&sandbox->store, get))
            (void)snprintf(ret_id, ID_BYTES, "%s", (const char *)sqlite3_column_text(get, 0));
        sqlite3_reset(get);
    }
    if (!ret_id[0])
        reply_error(reply, 404, "no such record");
    return ret_id[0] != '\0';
}

static bool flag(json_t *body, const char *key)
{
    return json_is_true(json_object_get(body, key));
}

/* The parts of a write that all calls share; false with the error in reply. */
static bool read_write(struct sandbox *sandbox, const struct request *request, json_t *body,
                       struct write *ret_write, struct reply *reply)
{
    const char *who = json_string_value(json_object_get(body, "who"));
    *ret_write = (struct write){.object = admin_object(sandbox, body, reply),
                                .who = who ? who : "person:admin",
                                .silent = flag(body, "silent"),
                                .automation = flag(body, "automation"),
                                .request_id = request->id};
    return ret_write->object && admin_modstamp(body, &ret_write->modstamp_ms, reply);
}

static bool perform(struct sandbox *sandbox, const struct write *write, struct record *record,
                    struct reply *reply)
{
    struct conflict conflict;
    switch (store_write(&sandbox->store, write, record, &conflict)) {
    case WRITE_DONE:
        return true;
    case WRITE_ABSENT:
        reply_error(reply, 404, "no such record");
        break;
    case WRITE_CONFLICT:
        reply_error(reply, 409, "%s is taken by %s", conflict.property, conflict.id);
        break;
    case WRITE_TOO_MANY_FIELDS:
        reply_error(reply, 400, "too many fields");
        break;
    }
    return false;
}

static void one(struct sandbox *sandbox, const struct request *request, json_t *body,
                struct reply *reply)
{
    const char *verb = request_part(request, 2);
    bool create = strcmp(verb, "create") == 0, delete = strcmp(verb, "delete") == 0;
    struct write write;
    struct record record;
    struct buf patch;
    char id[ID_BYTES];
    record_init(&record);
    buf_init(&patch, 0);
    if (read_write(sandbox, request, body, &write, reply) &&
        (create || find_record(sandbox, write.object, body, id, reply)) &&
        (delete || make_patch(sandbox, write.object, create ? NULL : id,
                              json_object_get(body, "fields"), &patch, reply))) {
        write.id = create ? NULL : id;
        write.archive = delete;
        write.patch = delete ? SPAN_NONE : buf_span(&patch);
        if (perform(sandbox, &write, &record, reply))
            reply_json(reply, 200,
                       json_pack("{s:s,s:I,s:I}", "id", record.id, "version",
                                 (json_int_t)record.version, "modstamp_ms",
                                 (json_int_t)record.modstamp_ms));
    }
    record_clear(&record);
    buf_clear(&patch);
}

/* fields with each "{n}" replaced by n. */
static json_t *numbered(json_t *fields, int64_t n)
{
    json_t *twin = json_object(), *value;
    const char *key;
    json_object_foreach(fields, key, value)
    {
        const char *text = json_string_value(value), *mark = text ? strstr(text, "{n}") : NULL;
        if (!mark) {
            json_object_set(twin, key, value);
            continue;
        }
        struct buf made;
        buf_init(&made, 0);
        buf_printf(&made, "%.*s%lld%s", (int)(mark - text), text, (long long)n, mark + 3);
        json_object_set_new(twin, key, json_stringn(made.data, made.len));
        buf_clear(&made);
    }
    return twin;
}

static json_t *next_ids(struct store *store, const char *object, const char *after, int64_t count)
{
    json_t *ids = json_array();
    sqlite3_stmt *rows = store_statement(store, ST_LIST);
    bind_text(rows, 1, object);
    bind_text(rows, 2, after ? after : "");
    sqlite3_bind_int(rows, 3, 0);
    sqlite3_bind_int64(rows, 4, count);
    while (store_row(store, rows))
        json_array_append_new(ids, json_string((const char *)sqlite3_column_text(rows, 0)));
    return ids;
}

static void bulk(struct sandbox *sandbox, const struct request *request, json_t *body,
                 struct reply *reply)
{
    struct write write;
    struct record record;
    struct buf patch;
    json_t *fields = json_object_get(body, "fields"), *id;
    if (!read_write(sandbox, request, body, &write, reply))
        return;
    if (!write.modstamp_ms)
        write.modstamp_ms = store_modstamp_ms(&sandbox->store);
    json_t *ids = next_ids(&sandbox->store, write.object,
                           json_string_value(json_object_get(body, "after_id")),
                           json_integer_value(json_object_get(body, "count")));
    record_init(&record);
    buf_init(&patch, 0);
    size_t i;
    bool ok = true;
    json_array_foreach(ids, i, id)
    {
        json_t *mine = numbered(fields, (int64_t)i);
        buf_reset(&patch);
        write.id = json_string_value(id);
        ok = make_patch(sandbox, write.object, write.id, mine, &patch, reply);
        write.patch = buf_span(&patch);
        ok = ok && perform(sandbox, &write, &record, reply);
        json_decref(mine);
        if (!ok)
            break;
    }
    if (ok)
        reply_json(reply, 200,
                   json_pack("{s:I,s:I,s:s}", "count", (json_int_t)json_array_size(ids),
                             "modstamp_ms", (json_int_t)write.modstamp_ms, "last_id", record.id));
    json_decref(ids);
    record_clear(&record);
    buf_clear(&patch);
}

void admin_people(struct sandbox *sandbox, const struct request *request, json_t *body,
                  struct reply *reply)
{
    const char *verb = request_part(request, 2);
    if (sandbox->crm == CRM_HUBSPOT &&
        (strcmp(verb, "associate") == 0 || strcmp(verb, "dissociate") == 0))
        admin_links(sandbox, request, body, reply);
    else if (admin_ends(sandbox, request, body, reply))
        return;
    else if (strcmp(verb, "bulk") == 0)
        bulk(sandbox, request, body, reply);
    else if (strcmp(verb, "create") == 0 || strcmp(verb, "edit") == 0 ||
             strcmp(verb, "delete") == 0)
        one(sandbox, request, body, reply);
    else
        reply_error(reply, 404, "no such admin call");
}
