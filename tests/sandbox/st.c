/*
 * st — the Stripe shape, as far as customers and their events are read: newest first, by the last
 * id of the page before. Written from docs.stripe.com/api (pagination, customers, events, errors).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/auth.h"
#include "tests/sandbox/sandbox.h"

enum { PAGE_USUAL = 10, PAGE_MAX = 100 };
static const int64_t EVENTS_MS = 30LL * 24 * 3600 * 1000;
static const char CUSTOMER[] = "cus_", EVENT[] = "evt_";

static void error(struct reply *reply, int status, const char *code, const char *message)
{
    json_t *what = json_pack("{s:s,s:s}", "message", message, "type",
                             status == 429 ? "rate_limit_error" : "invalid_request_error");
    if (code)
        json_object_set_new(what, "code", json_string(code));
    reply_json(reply, status, json_pack("{s:o}", "error", what));
    reply->rollback = true;
}

void st_plain_error(struct reply *reply, int status)
{
    if (status == 401)
        error(reply, 401, NULL, "Invalid API Key provided: sk_test_*****");
    else if (status == 404)
        error(reply, 404, NULL, "Unrecognized request URL");
    else if (status == 429)
        error(reply, 429, "rate_limit", "Too many requests made to the API too quickly");
    else
        error(reply, status, NULL, "the request could not be served");
}

/* fields: as stored. */
static void put_customer(struct sandbox *sandbox, const char *id, int64_t created_ms,
                         struct span stored, struct buf *body)
{
    struct fields fields;
    const struct property *property;
    fields_parse(&fields, stored);
    buf_printf(body, "{\"id\":\"%s%s\",\"object\":\"customer\",\"created\":%lld", CUSTOMER, id,
               (long long)(created_ms / 1000));
    for (int i = 0; (property = schema_at(&sandbox->store.schema, "customers", i)); i++) {
        struct span json = fields_get(&fields, span_of(property->name), NULL);
        buf_printf(body, ",\"%s\":", property->name);
        buf_put_span(body, json.data ? json : span_of("null"));
    }
    buf_putc(body, '}');
}

/* What follows the prefix; NULL: no such id. */
static const char *bare(const char *id, const char *prefix)
{
    size_t len = strlen(prefix);
    return id && strncmp(id, prefix, len) == 0 ? id + len : NULL;
}

static void missing(struct reply *reply, const char *what, const char *id)
{
    char message[160];
    (void)snprintf(message, sizeof message, "No such %s: '%.80s'", what, id);
    error(reply, 404, "resource_missing", message);
}

static void one_customer(struct sandbox *sandbox, const char *id, struct reply *reply)
{
    const char *own = bare(id, CUSTOMER);
    struct record record;
    record_init(&record);
    if (!own || !store_get(&sandbox->store, "customers", own, &record)) {
        missing(reply, "customer", id);
    } else if (record.deleted) {
        buf_printf(&reply->body, "{\"id\":\"%s\",\"object\":\"customer\",\"deleted\":true}", id);
        reply->status = 200;
    } else {
        put_customer(sandbox, own, record.created_ms, buf_span(&record.fields), &reply->body);
        reply->status = 200;
    }
    record_clear(&record);
}

static int64_t page_of(const struct request *request)
{
    const char *text = request_param(request, "limit");
    int64_t page = text ? strtoll(text, NULL, 10) : PAGE_USUAL;
    return page < 1 ? 1 : page > PAGE_MAX ? PAGE_MAX : page;
}

static void close_list(struct reply *reply, const char *url, bool more)
{
    buf_printf(&reply->body, "],\"has_more\":%s,\"object\":\"list\",\"url\":\"%s\"}",
               more ? "true" : "false", url);
    reply->status = 200;
    reply->page = true;
}

static void list_customers(struct sandbox *sandbox, const struct request *request,
                           struct reply *reply)
{
    const char *after = request_param(request, "starting_after");
    const char *behind = after ? bare(after, CUSTOMER) : "9";
    struct record record;
    record_init(&record);
    if (!behind || (after && !store_get(&sandbox->store, "customers", behind, &record))) {
        missing(reply, "customer", after);
        record_clear(&record);
        return;
    }
    int64_t page = page_of(request);
    bool more = false;
    sqlite3_stmt *rows = store_prepare(
        &sandbox->store, "SELECT " RECORD_COLUMNS " FROM records WHERE object='customers' AND "
                         "id<?1 AND deleted=0 ORDER BY id DESC LIMIT ?2");
    bind_text(rows, 1, behind);
    sqlite3_bind_int64(rows, 2, page + 1);
    buf_puts(&reply->body, "{\"data\":[");
    while (store_row(&sandbox->store, rows)) {
        more = reply->items == page;
        if (more)
            break;
        record_from_row(&record, rows);
        if (reply->items++)
            buf_putc(&reply->body, ',');
        put_customer(sandbox, record.id, record.created_ms, buf_span(&record.fields), &reply->body);
    }
    sqlite3_finalize(rows);
    record_clear(&record);
    close_list(reply, "/v1/customers", more);
}

/* types[]=customer.updated&types[]=… : is this one among them? None given: all are. */
static bool wanted(const struct request *request, const char *type)
{
    bool any = false;
    for (int i = 0; i < request->param_count; i++) {
        if (strncmp(request->params[i].name, "types[", 6) != 0)
            continue;
        any = true;
        if (strcmp(request->params[i].value, type) == 0)
            return true;
    }
    return !any;
}

static void put_event(struct sandbox *sandbox, sqlite3_stmt *row, const char *type,
                      struct buf *body)
{
    const char *after = (const char *)sqlite3_column_text(row, 4);
    const char *before = (const char *)sqlite3_column_text(row, 3);
    int64_t at_s = sqlite3_column_int64(row, 5) / 1000;
    buf_printf(body,
               "{\"id\":\"%s%012lld\",\"object\":\"event\",\"api_version\":\"2024-06-20\","
               "\"created\":%lld,\"type\":\"%s\",\"data\":{\"object\":",
               EVENT, (long long)sqlite3_column_int64(row, 0), (long long)at_s, type);
    put_customer(sandbox, (const char *)sqlite3_column_text(row, 1), sqlite3_column_int64(row, 6),
                 span_of(after    ? after
                         : before ? before
                                  : "{}"),
                 body);
    buf_puts(body, "}}");
}

static int64_t bound(const struct request *request, const char *name, int64_t otherwise)
{
    const char *text = request_param(request, name);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

static void list_events(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *after = request_param(request, "starting_after");
    const char *behind = after ? bare(after, EVENT) : "999999999999";
    if (!behind) {
        missing(reply, "event", after);
        return;
    }
    int64_t page = page_of(request), oldest_ms = store_now_ms(&sandbox->store) - EVENTS_MS;
    bool more = false;
    sqlite3_stmt *rows = store_prepare(
        &sandbox->store,
        "SELECT e.seq,e.record_id,e.op,e.before,e.after,e.modstamp_ms,r.created_ms FROM effects e "
        "JOIN records r ON r.object=e.object AND r.id=e.record_id WHERE e.object='customers' AND "
        "e.seq<?1 AND e.modstamp_ms>=?2 AND e.modstamp_ms/1000 BETWEEN ?3 AND ?4 "
        "ORDER BY e.seq DESC");
    sqlite3_bind_int64(rows, 1, strtoll(behind, NULL, 10));
    sqlite3_bind_int64(rows, 2, oldest_ms);
    sqlite3_bind_int64(rows, 3, bound(request, "created[gte]", 0));
    sqlite3_bind_int64(rows, 4, bound(request, "created[lte]", INT64_MAX));
    buf_puts(&reply->body, "{\"data\":[");
    while (store_row(&sandbox->store, rows)) {
        const char *op = (const char *)sqlite3_column_text(rows, 2);
        char type[48];
        (void)snprintf(type, sizeof type, "customer.%s",
                       strcmp(op, "create") == 0    ? "created"
                       : strcmp(op, "archive") == 0 ? "deleted"
                                                    : "updated");
        if (!wanted(request, type))
            continue;
        more = reply->items == page;
        if (more)
            break;
        if (reply->items++)
            buf_putc(&reply->body, ',');
        put_event(sandbox, rows, type, &reply->body);
    }
    sqlite3_finalize(rows);
    close_list(reply, "/v1/events", more);
}

void st_handle(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    int64_t expired_s;
    const char *second = request_part(request, 1);
    if (auth_check(&sandbox->store, request, true, reply->who, &expired_s) != AUTH_OK)
        st_plain_error(reply, 401);
    else if (strcmp(request_part(request, 0), "v1") != 0 || !request_is(request, "GET"))
        st_plain_error(reply, 404);
    else if (strcmp(second, "customers") == 0 && request->part_count == 3)
        one_customer(sandbox, request_part(request, 2), reply);
    else if (strcmp(second, "customers") == 0 && request->part_count == 2)
        list_customers(sandbox, request, reply);
    else if (strcmp(second, "events") == 0 && request->part_count == 2)
        list_events(sandbox, request, reply);
    else
        st_plain_error(reply, 404);
}
