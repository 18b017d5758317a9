/*
 * sf_deleted — sObject Get Deleted, out of the recycle bin
 * (https://developer.salesforce.com/docs/platform/api-rest/guide/resources-getdeleted.md).
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/filter.h"
#include "tests/sandbox/sf.h"

enum { IDS_MAX = 600000 };
static const int64_t LOG_MS = 15LL * 24 * 3600 * 1000;

/* A parameter cut to the granularity; false with the error in reply. */
static bool read_moment(struct sandbox *sandbox, const struct request *request, const char *name,
                        int64_t *ret_ms, struct reply *reply)
{
    const char *text = request_param(request, name);
    if (!text || !timestamp_parse(text, strlen(text), ret_ms)) {
        sf_error(reply, 400, "INVALID_REPLICATION_DATE", NULL, "%s is not a timestamp", name);
        return false;
    }
    *ret_ms -= *ret_ms % settings_get(&sandbox->settings, SET_REPLICATION_STEP_MS);
    return true;
}

/* When the newest of the purged records was deleted; never older than the log. */
static int64_t earliest_ms(struct store *store, const char *object)
{
    int64_t earliest = store_now_ms(store) - LOG_MS;
    sqlite3_stmt *get = store_prepare(store, "SELECT until_ms FROM purges WHERE object=?1");
    bind_text(get, 1, object);
    if (store_row(store, get) && sqlite3_column_int64(get, 0) > earliest)
        earliest = sqlite3_column_int64(get, 0);
    sqlite3_finalize(get);
    return earliest;
}

static void put_records(struct sandbox *sandbox, const char *object, struct bounds bounds,
                        struct reply *reply)
{
    struct filter where;
    struct record record;
    char deleted[SF_DATETIME_BYTES];
    filter_init(&where);
    record_init(&record);
    buf_puts(&where.sql, "deleted=1"); /* just so: the partial index */
    store_need_index(&sandbox->store, INDEX_DELETED);
    sqlite3_stmt *rows =
        filter_select(&sandbox->store, &where, bounds, object, "modstamp_ms,id", true);
    while (rows && store_row(&sandbox->store, rows)) {
        record_from_row(&record, rows);
        sf_datetime(record.modstamp_ms, deleted);
        buf_printf(&reply->body, "%s{\"deletedDate\":\"%s\",\"id\":\"%s\"}",
                   reply->items++ ? "," : "", deleted, record.id);
    }
    sqlite3_finalize(rows);
    record_clear(&record);
    filter_clear(&where);
}

void sf_deleted(struct sandbox *sandbox, const struct request *request, const char *object,
                struct reply *reply)
{
    int64_t start, end, step = settings_get(&sandbox->settings, SET_REPLICATION_STEP_MS);
    char earliest[SF_DATETIME_BYTES], latest[SF_DATETIME_BYTES];
    if (!read_moment(sandbox, request, "start", &start, reply) ||
        !read_moment(sandbox, request, "end", &end, reply))
        return;
    if (start + step > end) {
        sf_error(reply, 400, "INVALID_REPLICATION_DATE", NULL,
                 "startDate must be at least one minute before endDate");
        return;
    }
    /* what is still under way may become visible with an earlier date */
    int64_t safe =
        store_now_ms(&sandbox->store) - settings_get(&sandbox->settings, SET_VISIBILITY_LAG_MS);
    safe -= safe % step;
    int64_t from = earliest_ms(&sandbox->store, object), covered = end < safe ? end : safe;
    sf_datetime(from, earliest);
    sf_datetime(covered, latest);
    struct bounds bounds = {start, end - 1, ""};
    if (bounds.low_ms < store_now_ms(&sandbox->store) - LOG_MS)
        bounds.low_ms = store_now_ms(&sandbox->store) - LOG_MS;
    buf_puts(&reply->body, "{\"deletedRecords\":[");
    put_records(sandbox, object, bounds, reply);
    buf_printf(&reply->body, "],\"earliestDateAvailable\":\"%s\",\"latestDateCovered\":\"%s\"}",
               earliest, latest);
    if (reply->items > IDS_MAX) {
        buf_reset(&reply->body);
        sf_error(reply, 400, "EXCEEDED_ID_LIMIT", NULL, "more than %d ids", IDS_MAX);
    }
    reply->page = true;
}
