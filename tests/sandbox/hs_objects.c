/*
 * hs_objects — single records: list, get, create, update, archive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/hs.h"
#include "tests/sandbox/merges.h"

/* properties=a,b&properties=c and propertiesWithHistory alike. */
static void read_want(const struct request *request, const struct store *store, const char *object,
                      struct hs_want *want)
{
    bool named = false;
    hs_want_system(want, store, object);
    for (int i = 0; i < request->param_count; i++) {
        bool history = strcmp(request->params[i].name, "propertiesWithHistory") == 0;
        if (!history && strcmp(request->params[i].name, "properties") != 0)
            continue;
        named |= !history;
        for (const char *at = request->params[i].value; *at;) {
            char name[NAME_BYTES];
            size_t len = strcspn(at, ",");
            (void)snprintf(name, sizeof name, "%.*s", (int)len, at);
            if (history)
                hs_want_history(want, store, object, name);
            else
                hs_want_add(want, store, object, name);
            at += len + (at[len] == ',');
        }
    }
    if (!named) {
        struct hs_want defaults;
        hs_want_defaults(&defaults, store, object);
        for (int i = 0; i < defaults.count; i++)
            hs_want_add(want, store, object, defaults.items[i]->name);
    }
}

static bool asks_archived(const struct request *request)
{
    const char *archived = request_param(request, "archived");
    return archived && strcmp(archived, "true") == 0;
}

void hs_list(struct sandbox *sandbox, const struct request *request, const char *object,
             struct reply *reply)
{
    const char *limit_text = request_param(request, "limit"),
               *after = request_param(request, "after");
    long limit = limit_text ? strtol(limit_text, NULL, 10) : 10;
    if (limit < 1 || limit > HS_LIST_MAX) {
        hs_error(reply, request->id, 400, "VALIDATION_ERROR", "Page size must be between 1 and %d",
                 HS_LIST_MAX);
        return;
    }
    struct hs_want want;
    struct record record;
    char last[ID_BYTES] = "";
    read_want(request, &sandbox->store, object, &want);
    if (want.history_count && limit > HS_HISTORY_MAX) {
        hs_error(reply, request->id, 400, "VALIDATION_ERROR",
                 "The maximum page size when property histories are requested is %d",
                 HS_HISTORY_MAX);
        return;
    }
    record_init(&record);
    sqlite3_stmt *rows = store_statement(&sandbox->store, ST_LIST);
    bind_text(rows, 1, object);
    bind_text(rows, 2, after ? after : "");
    sqlite3_bind_int(rows, 3, asks_archived(request));
    sqlite3_bind_int64(rows, 4, limit + 1);
    buf_puts(&reply->body, "{\"results\":[");
    bool more = false;
    while (!more && store_row(&sandbox->store, rows)) {
        more = reply->items == limit;
        if (more)
            break;
        record_from_row(&record, rows);
        if (reply->items++)
            buf_putc(&reply->body, ',');
        hs_put_record(sandbox, &reply->body, object, &record, &want, NULL);
        (void)snprintf(last, sizeof last, "%s", record.id);
    }
    sqlite3_reset(rows);
    buf_putc(&reply->body, ']');
    if (more)
        buf_printf(
            &reply->body,
            ",\"paging\":{\"next\":{\"after\":\"%s\",\"link\":\"https://%s/crm/v3/objects/%s?"
            "after=%s&limit=%ld\"}}",
            last, request->host, object, last, limit);
    buf_putc(&reply->body, '}');
    reply->page = true;
    record_clear(&record);
}

static void get(struct sandbox *sandbox, const struct request *request, const char *object,
                struct reply *reply)
{
    struct hs_want want;
    struct record record;
    char id[ID_BYTES];
    record_init(&record);
    read_want(request, &sandbox->store, object, &want);
    if (hs_resolve(&sandbox->store, object, request_param(request, "idProperty"),
                   request_part(request, 4), id) &&
        store_get(&sandbox->store, object, id, &record) &&
        record.deleted == asks_archived(request)) {
        hs_put_record(sandbox, &reply->body, object, &record, &want, NULL);
        reply->items = 1;
    } else
        hs_plain_error(reply, 404, request->id);
    record_clear(&record);
}

static void write_one(struct sandbox *sandbox, const struct request *request, const char *object,
                      struct reply *reply)
{
    bool create = request->part_count == 4, is_new;
    const char *id_property = create ? NULL : request_param(request, "idProperty");
    struct hs_item item = {.verb = create ? HS_CREATE : HS_UPDATE};
    struct hs_failure failure = {0};
    struct hs_want want;
    struct record record;
    struct tape tape;
    tape_init(&tape);
    record_init(&record);
    reply->items = 1;
    item.tape = &tape;
    if (tape_parse(&tape, buf_span(&request->body)))
        item.properties = tape_get(&tape, 0, "properties");
    if (!item.properties || tape.items[item.properties].type != TAPE_OBJECT) {
        hs_error(reply, request->id, 400, "VALIDATION_ERROR",
                 "Invalid input JSON: an object with properties is required");
    } else {
        item.if_version = hs_if_version(&tape, 0);
        (void)snprintf(item.id, sizeof item.id, "%s", create ? "" : request_part(request, 4));
        (void)snprintf(item.id_property, sizeof item.id_property, "%s",
                       id_property ? id_property : "");
        if (hs_write_item(sandbox, request, object, reply->who, &item, &record, &is_new,
                          &failure)) {
            hs_want_written(&want, &sandbox->store, object, &item);
            hs_put_record(sandbox, &reply->body, object, &record, &want, NULL);
            reply->status = create ? 201 : 200;
        } else if (failure.status == 404)
            hs_plain_error(reply, 404, request->id);
        else
            hs_error(reply, request->id, failure.status, failure.category, "%s", failure.message);
    }
    record_clear(&record);
    tape_clear(&tape);
}

/* DELETE answers 204 for what is archived already; an id that never was is 404. */
static void archive(struct sandbox *sandbox, const struct request *request, const char *object,
                    struct reply *reply)
{
    struct record record;
    record_init(&record);
    reply->items = 1;
    if (store_get(&sandbox->store, object, request_part(request, 4), &record)) {
        hs_archive(sandbox, request, object, reply->who, request_part(request, 4));
        reply->status = 204;
    } else
        hs_plain_error(reply, 404, request->id);
    record_clear(&record);
}

/* POST …/gdpr-delete {"objectId"}: for ever; of what is not there it says 204 as well. */
static void gdpr_delete(struct sandbox *sandbox, const struct request *request, const char *object,
                        struct reply *reply)
{
    char id[HS_ID_BYTES];
    struct tape tape;
    tape_init(&tape);
    reply->items = 1;
    if (!tape_parse(&tape, buf_span(&request->body)) ||
        !tape_text(&tape, 0, "objectId", id, sizeof id)) {
        hs_error(reply, request->id, 400, "VALIDATION_ERROR",
                 "Invalid input JSON: objectId is required");
    } else {
        hs_archive(sandbox, request, object, reply->who, id);
        hs_purge(sandbox, object, id);
        reply->status = 204;
    }
    tape_clear(&tape);
}

/* POST …/merge {"primaryObjectId","objectIdToMerge"} */
static void merge(struct sandbox *sandbox, const struct request *request, const char *object,
                  struct reply *reply)
{
    char winner[HS_ID_BYTES], loser[HS_ID_BYTES];
    struct merge merge = {.object = object,
                          .winner = winner,
                          .loser = loser,
                          .who = reply->who,
                          .request_id = request->id,
                          .late = request->late};
    struct hs_want want;
    struct record record;
    struct tape tape;
    tape_init(&tape);
    record_init(&record);
    if (!tape_parse(&tape, buf_span(&request->body)) ||
        !tape_text(&tape, 0, "primaryObjectId", winner, sizeof winner) ||
        !tape_text(&tape, 0, "objectIdToMerge", loser, sizeof loser))
        hs_error(reply, request->id, 400, "VALIDATION_ERROR",
                 "Invalid input JSON: primaryObjectId and objectIdToMerge are required");
    else if (hs_merge_records(&sandbox->store, &merge, &record) != WRITE_DONE)
        hs_error(reply, request->id, 400, "VALIDATION_ERROR", "Cannot merge %.40s into %.40s",
                 loser, winner);
    else {
        hs_want_defaults(&want, &sandbox->store, object);
        hs_want_add(&want, &sandbox->store, object, "hs_merged_object_ids");
        hs_put_record(sandbox, &reply->body, object, &record, &want, NULL);
        reply->items = 1;
    }
    record_clear(&record);
    tape_clear(&tape);
}

void hs_objects(struct sandbox *sandbox, const struct request *request, const char *object,
                struct reply *reply)
{
    const char *part = request_part(request, 4);
    bool post = request_is(request, "POST");
    if (request->part_count == 6 && strcmp(part, "batch") == 0 && post)
        hs_batch(sandbox, request, object, reply);
    else if (request->part_count == 5 && strcmp(part, "search") == 0 && post)
        hs_search(sandbox, request, object, reply);
    else if (request->part_count == 5 && strcmp(part, "merge") == 0 && post)
        merge(sandbox, request, object, reply);
    else if (request->part_count == 5 && strcmp(part, "gdpr-delete") == 0 && post)
        gdpr_delete(sandbox, request, object, reply);
    else if (request->part_count == 4 && request_is(request, "GET"))
        hs_list(sandbox, request, object, reply);
    else if (request->part_count == 4 && post)
        write_one(sandbox, request, object, reply);
    else if (request->part_count == 5 && request_is(request, "GET"))
        get(sandbox, request, object, reply);
    else if (request->part_count == 5 && request_is(request, "PATCH"))
        write_one(sandbox, request, object, reply);
    else if (request->part_count == 5 && request_is(request, "DELETE"))
        archive(sandbox, request, object, reply);
    else
        hs_plain_error(reply, request->part_count > 6 ? 404 : 405, request->id);
}
