/*
 * ledger — rows of effects and requests.
 */
#include "tests/sandbox/ledger.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

static const struct property *external_id(const struct store *store, const char *object)
{
    for (int i = 0; i < store->schema.count; i++) {
        const struct property *property = &store->schema.items[i];
        if (property->unique && property->custom && strcmp(property->object, object) == 0)
            return property;
    }
    return NULL;
}

static struct span marker(const struct fields *fields)
{
    static const char TAIL[] = "_marker";
    for (int i = 0; i < fields->count; i++) {
        struct span name = fields->items[i].name;
        if (name.len >= sizeof TAIL - 1 &&
            memcmp(name.data + name.len - (sizeof TAIL - 1), TAIL, sizeof TAIL - 1) == 0)
            return fields->items[i].json;
    }
    return SPAN_NONE;
}

/* Bind the plain text of a JSON value. */
static void bind_value(struct store *store, sqlite3_stmt *statement, int at, struct span json)
{
    struct buf *text = &store->value;
    buf_reset(text);
    if (fields_text(json, text))
        sqlite3_bind_text64(statement, at, text->data ? text->data : "", text->len,
                            SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        sqlite3_bind_null(statement, at);
}

void ledger_effect(struct store *store, const struct write *write, const struct record *record)
{
    sqlite3_stmt *put = store_statement(store, ST_EFFECT);
    const struct property *external = external_id(store, write->object);
    struct span id = SPAN_NONE;
    if (external) {
        id = fields_get(&store->new_fields, span_of(external->name), NULL);
        if (!id.data)
            id = fields_get(&store->old_fields, span_of(external->name), NULL);
    }
    const char *op = write->op        ? write->op
                     : write->archive ? "archive"
                     : write->id      ? "update"
                                      : "create";
    sqlite3_bind_int64(put, 1, clock_wall_ms(&CLOCK_SYSTEM));
    sqlite3_bind_int64(put, 2, store_now_ms(store));
    bind_text(put, 3, CRM_NAMES[store->crm]);
    bind_text(put, 4, write->object);
    bind_text(put, 5, record->id);
    bind_text(put, 6, op);
    bind_value(store, put, 7, id);
    bind_value(store, put, 8, marker(&store->new_fields));
    bind_text(put, 9, write->trace_id);
    bind_text(put, 10, write->who);
    bool was_there = write->id && !write->restore;
    bind_span(put, 11, was_there ? buf_span(&store->old_text) : SPAN_NONE);
    bind_span(put, 12, write->archive ? SPAN_NONE : buf_span(&store->new_text));
    sqlite3_bind_int64(put, 13, record->version);
    sqlite3_bind_int64(put, 14, record->modstamp_ms);
    sqlite3_bind_int64(put, 15, write->request_id);
    sqlite3_bind_int(put, 16, write->late);
    bind_text(put, 17, write->merged_into);
    store_run(store, put);
}

static int64_t mono_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void ledger_request(struct store *store, const struct request *request, const struct reply *reply,
                    const char *fault, bool sent)
{
    if (!settings_get(store->settings, SET_LEDGER_REQUESTS))
        return;
    sqlite3_stmt *put = store_statement(store, ST_REQUEST);
    sqlite3_bind_int64(put, 1, request->id);
    sqlite3_bind_int64(put, 2, clock_wall_ms(&CLOCK_SYSTEM));
    bind_text(put, 3, request->method);
    bind_text(put, 4, request->target);
    bind_text(put, 5, reply->object[0] ? reply->object : NULL);
    bind_text(put, 6, reply->who[0] ? reply->who : NULL);
    sqlite3_bind_int(put, 7, sent ? reply->status : 0);
    sqlite3_bind_int(put, 8, reply->items);
    bind_text(put, 9, fault);
    sqlite3_bind_int(put, 10, request->late);
    sqlite3_bind_int64(put, 11, mono_us() - request->start_us);
    store_run(store, put);
}

int64_t ledger_last_request(struct store *store)
{
    sqlite3_stmt *max =
        store_prepare(store, "SELECT max(coalesce((SELECT max(request_id) FROM requests),0),"
                             "coalesce((SELECT max(request_id) FROM effects),0))");
    int64_t last = max && store_row(store, max) ? sqlite3_column_int64(max, 0) : 0;
    sqlite3_finalize(max);
    return last;
}
