/*
 * zd — the Zendesk shape, as far as tickets are read: the cursor-based incremental export, many by
 * id, their number. Written from developer.zendesk.com, "Using the Incremental Exports API".
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/decode.h"
#include "tests/sandbox/auth.h"
#include "tests/sandbox/sandbox.h"

enum { PAGE_MAX = 1000, CURSOR_BYTES = 64, IDS_MAX = 100 };

static void error(struct reply *reply, int status, const char *code, const char *description)
{
    reply_json(reply, status, json_pack("{s:s,s:s}", "error", code, "description", description));
    reply->rollback = true;
}

void zd_plain_error(struct reply *reply, int status)
{
    switch (status) {
    case 401:
        reply_json(reply, 401, json_pack("{s:s}", "error", "Couldn't authenticate you"));
        break;
    case 404:
        error(reply, 404, "RecordNotFound", "Not found");
        break;
    case 429:
        error(reply, 429, "APIRateLimitExceeded",
              "Number of allowed API requests per minute exceeded");
        break;
    default:
        error(reply, status, status < 500 ? "InvalidRequest" : "InternalError",
              "the request could not be served");
    }
}

static bool may_ask(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    static const char BASIC[] = "Basic ";
    int64_t expired_s;
    const char *sent = request->authorization;
    if (!sent || strncmp(sent, BASIC, sizeof BASIC - 1) != 0)
        return auth_check(&sandbox->store, request, true, reply->who, &expired_s) == AUTH_OK;
    unsigned char pair[256];
    ssize_t len = decode_base64(span_of(sent + sizeof BASIC - 1), pair, sizeof pair - 1);
    if (len < 0)
        return false;
    pair[len] = '\0';
    /* {email}/token:{api token} */
    char *token = strstr((char *)pair, "/token:");
    return token && token > (char *)pair &&
           auth_token(&sandbox->store, token + strlen("/token:"), true, reply->who, &expired_s) ==
               AUTH_OK;
}

static void put_time(struct buf *body, const char *name, int64_t ms)
{
    char text[TIMESTAMP_BYTES];
    timestamp_format(ms, text);
    (void)snprintf(text + 19, sizeof text - 19, "Z"); /* whole seconds */
    buf_printf(body, ",\"%s\":\"%s\"", name, text);
}

/* generated_timestamp moves for whatever changes a ticket, updated_at for people and rules only. */
static void put_ticket(struct sandbox *sandbox, const struct record *record, struct buf *body)
{
    struct fields fields;
    const struct property *property;
    fields_parse(&fields, buf_span(&record->fields));
    buf_printf(body, "{\"id\":%s", record->id);
    put_time(body, "created_at", record->created_ms);
    put_time(body, "updated_at", record->modified_ms);
    buf_printf(body, ",\"generated_timestamp\":%lld", (long long)(record->modstamp_ms / 1000));
    for (int i = 0; (property = schema_at(&sandbox->store.schema, "tickets", i)); i++) {
        struct span json = fields_get(&fields, span_of(property->name), NULL);
        buf_printf(body, ",\"%s\":", property->name);
        buf_put_span(body, json.data ? json : span_of("null"));
    }
    buf_putc(body, '}');
}

/* "1576613539.0||450", in base64 as the original's. */
static void make_cursor(int64_t modstamp_ms, const char *id, char ret_cursor[CURSOR_BYTES])
{
    char text[CURSOR_BYTES * 3 / 4 - 3];
    int len = snprintf(text, sizeof text, "%lld.0||%s", (long long)(modstamp_ms / 1000), id);
    (void)EVP_EncodeBlock((unsigned char *)ret_cursor, (const unsigned char *)text, len);
}

static bool read_cursor(const char *cursor, int64_t *ret_s, char ret_id[ID_BYTES])
{
    unsigned char text[CURSOR_BYTES];
    ssize_t len = decode_base64(span_of(cursor), text, sizeof text - 1);
    if (len < 0)
        return false;
    text[len] = '\0';
    char *end;
    *ret_s = strtoll((char *)text, &end, 10);
    if (strncmp(end, ".0||", 4) != 0 || strlen(end + 4) >= ID_BYTES)
        return false;
    (void)snprintf(ret_id, ID_BYTES, "%s", end + 4);
    return true;
}

static int64_t number(const struct request *request, const char *name, int64_t otherwise)
{
    const char *text = request_param(request, name);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

struct export_place {
    int64_t from_s, page, until_ms;
    char id[ID_BYTES];
};

static void export_page(struct sandbox *sandbox, const struct request *request,
                        struct export_place *place, struct reply *reply)
{
    struct record record;
    const char *exclude = request_param(request, "exclude_deleted");
    bool deleted = !exclude || strcmp(exclude, "true") != 0;
    bool end = true;
    sqlite3_stmt *rows = store_prepare(
        &sandbox->store, "SELECT " RECORD_COLUMNS " FROM records WHERE object='tickets' AND "
                         "(modstamp_ms/1000,id)>(?1,?2) AND modstamp_ms<=?3 AND deleted<=?4 "
                         "ORDER BY modstamp_ms/1000,id LIMIT ?5");
    sqlite3_bind_int64(rows, 1, place->from_s);
    bind_text(rows, 2, place->id);
    sqlite3_bind_int64(rows, 3, place->until_ms);
    sqlite3_bind_int(rows, 4, deleted);
    sqlite3_bind_int64(rows, 5, place->page + 1);
    record_init(&record);
    buf_puts(&reply->body, "{\"tickets\":[");
    while (store_row(&sandbox->store, rows)) {
        end = reply->items < place->page;
        if (!end)
            break;
        record_from_row(&record, rows);
        if (reply->items++)
            buf_putc(&reply->body, ',');
        put_ticket(sandbox, &record, &reply->body);
        place->from_s = record.modstamp_ms / 1000;
        (void)snprintf(place->id, ID_BYTES, "%s", record.id);
    }
    record_clear(&record);
    sqlite3_finalize(rows);
    char cursor[CURSOR_BYTES];
    make_cursor(place->from_s * 1000, place->id, cursor);
    buf_printf(&reply->body,
               "],\"after_url\":\"http://%s/api/v2/incremental/tickets/cursor.json?cursor=%s\","
               "\"after_cursor\":\"%s\",\"before_url\":null,\"before_cursor\":null,"
               "\"end_of_stream\":%s}",
               request->host, cursor, cursor, end ? "true" : "false");
    reply->status = 200;
    reply->page = true;
}

static void export_tickets(struct sandbox *sandbox, const struct request *request,
                           struct reply *reply)
{
    int64_t now_ms = store_now_ms(&sandbox->store);
    int64_t lag_ms = settings_get(&sandbox->settings, SET_EXPORT_LAG_MS);
    int64_t wait_ms = limits_export(&sandbox->limits, &sandbox->settings, now_ms);
    if (wait_ms) {
        zd_plain_error(reply, 429);
        reply_header(reply, "Retry-After", "%lld", (long long)(wait_ms + 999) / 1000);
        return;
    }
    const char *cursor = request_param(request, "cursor");
    struct export_place place = {.from_s = number(request, "start_time", -1),
                                 .page = number(request, "per_page", PAGE_MAX),
                                 .until_ms = now_ms - lag_ms};
    if (place.page < 1 || place.page > PAGE_MAX)
        place.page = PAGE_MAX;
    if (cursor ? !read_cursor(cursor, &place.from_s, place.id) : place.from_s < 0)
        error(reply, 400, "InvalidValue", cursor ? "Invalid cursor" : "start_time is missing");
    else if (!cursor && place.from_s * 1000 > now_ms - lag_ms)
        error(reply, 400, "InvalidValue",
              "Too recent start_time. Use a start_time older than 60 seconds");
    else
        export_page(sandbox, request, &place, reply);
}

static void show_many(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *text = request_param(request, "ids");
    char *ids = strdup(text ? text : ""), *save = NULL;
    struct record record;
    int asked = 0;
    record_init(&record);
    buf_puts(&reply->body, "{\"tickets\":[");
    for (char *id = ids ? strtok_r(ids, ",", &save) : NULL; id && asked < IDS_MAX;
         id = strtok_r(NULL, ",", &save), asked++) {
        if (!store_get(&sandbox->store, "tickets", id, &record) || record.deleted)
            continue;
        if (reply->items++)
            buf_putc(&reply->body, ',');
        put_ticket(sandbox, &record, &reply->body);
    }
    buf_printf(&reply->body, "],\"next_page\":null,\"previous_page\":null,\"count\":%d}",
               reply->items);
    reply->status = 200;
    record_clear(&record);
    free(ids);
}

static void count_tickets(struct sandbox *sandbox, struct reply *reply)
{
    sqlite3_stmt *count = store_statement(&sandbox->store, ST_COUNT_OBJECT);
    bind_text(count, 1, "tickets");
    sqlite3_bind_int(count, 2, 0);
    reply_json(reply, 200,
               json_pack("{s:{s:I}}", "count", "value",
                         (json_int_t)store_first_int(&sandbox->store, count)));
}

void zd_handle(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *third = request_part(request, 2), *fourth = request_part(request, 3);
    bool api =
        strcmp(request_part(request, 0), "api") == 0 && strcmp(request_part(request, 1), "v2") == 0;
    bool tickets = strcmp(third, "tickets") == 0;
    if (!may_ask(sandbox, request, reply))
        zd_plain_error(reply, 401);
    else if (!api || !request_is(request, "GET"))
        zd_plain_error(reply, 404);
    else if (strcmp(third, "incremental") == 0 && strcmp(fourth, "tickets") == 0 &&
             strcmp(request_part(request, 4), "cursor.json") == 0)
        export_tickets(sandbox, request, reply);
    else if (tickets && strcmp(fourth, "show_many.json") == 0)
        show_many(sandbox, request, reply);
    else if (tickets && strcmp(fourth, "count.json") == 0)
        count_tickets(sandbox, reply);
    else
        zd_plain_error(reply, 404);
}
