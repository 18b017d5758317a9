/*
 * sf_query — query, queryAll and their further pages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/sf.h"
#include "tests/sandbox/soql.h"

enum { BATCH_MIN = 200, BATCH_MAX = 2000 };

/* Sforce-Query-Options: batchSize=N, raised or cut to 200..2000. */
static int64_t batch_size(const struct request *request)
{
    const char *at =
        request->query_options ? strcasestr(request->query_options, "batchSize=") : NULL;
    long long wanted = at ? strtoll(at + 10, NULL, 10) : BATCH_MAX;
    return wanted < BATCH_MIN ? BATCH_MIN : wanted > BATCH_MAX ? BATCH_MAX : wanted;
}

/* The whole answer around the rendered records. */
static void put_page(struct reply *reply, const char *version, int64_t total,
                     const struct locator *locator, int64_t next, const struct buf *records)
{
    struct buf *body = &reply->body;
    buf_printf(body, "{\"totalSize\":%lld,\"done\":%s,", (long long)total,
               locator ? "false" : "true");
    if (locator)
        buf_printf(body, "\"nextRecordsUrl\":\"/services/data/%s/query/%s-%lld\",", version,
                   locator->name, (long long)next);
    buf_puts(body, "\"records\":[");
    buf_put(body, records->data ? records->data : "", records->len);
    buf_puts(body, "]}");
    reply->page = true;
}

struct run {
    struct sandbox *sandbox;
    struct soql *soql;
    sqlite3_stmt *rows;
    struct record record;
    struct buf records;
    int hints[SF_FIELDS_MAX];
};

static int64_t render_rows(struct run *run, const char *version, int64_t max)
{
    int64_t count = 0;
    while (count < max && store_row(&run->sandbox->store, run->rows)) {
        record_from_row(&run->record, run->rows);
        if (count++)
            buf_putc(&run->records, ',');
        sf_put_record(&run->records, version, run->soql->object, &run->record, run->soql->fields,
                      run->soql->field_count, run->hints);
    }
    return count;
}

/* The first page, and the ids of the rest in a locator when there is a rest. */
static void first_page(struct run *run, const struct request *request, struct reply *reply,
                       bool deleted)
{
    int64_t batch = batch_size(request),
            limit = run->soql->limit < 0 ? INT64_MAX : run->soql->limit;
    const char *version = request_part(request, 2);
    int64_t total = render_rows(run, version, limit < batch ? limit : batch);
    reply->items = (int)total;
    struct locator *locator = NULL;
    while (total >= batch && total < limit && store_row(&run->sandbox->store, run->rows)) {
        if (!locator) {
            locator = locators_new(&run->sandbox->locators);
            locator->object = run->soql->object;
            memcpy(locator->fields, run->soql->fields, sizeof locator->fields);
            locator->field_count = run->soql->field_count;
            locator->batch = batch;
            locator->deleted = deleted;
        }
        locator_add(locator, (const char *)sqlite3_column_text(run->rows, 0));
        total++;
    }
    if (locator)
        locator->total = total;
    put_page(reply, version, total, locator, batch, &run->records);
}

static void count_rows(struct run *run, struct reply *reply)
{
    int64_t total = 0;
    while (store_row(&run->sandbox->store, run->rows))
        total++;
    if (run->soql->limit >= 0 && total > run->soql->limit)
        total = run->soql->limit;
    buf_printf(&reply->body, "{\"totalSize\":%lld,\"done\":true,\"records\":[]}", (long long)total);
}

static void run_soql(struct sandbox *sandbox, struct soql *soql, const struct request *request,
                     struct reply *reply)
{
    bool deleted = strcmp(request_part(request, 3), "queryAll") == 0;
    struct run run = {.sandbox = sandbox, .soql = soql};
    (void)snprintf(reply->object, sizeof reply->object, "%s", soql->object);
    run.rows = filter_select(&sandbox->store, &soql->where, soql->bounds, soql->object,
                             soql->order.data, deleted);
    if (!run.rows) {
        sf_error(reply, 400, "MALFORMED_QUERY", NULL, "the query cannot be run");
        return;
    }
    record_init(&run.record);
    buf_init(&run.records, 0);
    if (soql->count)
        count_rows(&run, reply);
    else
        first_page(&run, request, reply, deleted);
    sqlite3_finalize(run.rows);
    record_clear(&run.record);
    buf_clear(&run.records);
}

void sf_query(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *text = request_param(request, "q");
    if (!text) {
        sf_error(reply, 400, "MALFORMED_QUERY", NULL, "A query string has to be specified");
        return;
    }
    struct soql *soql = malloc(sizeof *soql);
    if (!soql)
        abort();
    if (soql_parse(soql, &sandbox->store, text))
        run_soql(sandbox, soql, request, reply);
    else
        sf_error(reply, 400, soql->error_code, NULL, "%s", soql->error);
    soql_clear(soql);
    free(soql);
}

static int64_t render_ids(struct sandbox *sandbox, const struct locator *locator, int64_t from,
                          int64_t to, const char *version, struct buf *records)
{
    struct record record;
    record_init(&record);
    int hints[SF_FIELDS_MAX] = {0};
    int64_t count = 0;
    for (int64_t i = from; i < to; i++) {
        if (!store_get_visible(&sandbox->store, locator->object, locator->ids[i], &record) ||
            (record.deleted && !locator->deleted))
            continue; /* gone since the query ran */
        if (count++)
            buf_putc(records, ',');
        sf_put_record(records, version, locator->object, &record, locator->fields,
                      locator->field_count, hints);
    }
    record_clear(&record);
    return count;
}

void sf_query_more(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    char name[LOCATOR_BYTES];
    const char *part = request_part(request, 4), *dash = strrchr(part, '-');
    (void)snprintf(name, sizeof name, "%.*s", dash ? (int)(dash - part) : 0, part);
    struct locator *locator = name[0] ? locators_find(&sandbox->locators, name) : NULL;
    int64_t at = dash ? strtoll(dash + 1, NULL, 10) : 0;
    if (!locator || at < locator->batch || at >= locator->total) {
        sf_error(reply, 400, "INVALID_QUERY_LOCATOR", NULL, "invalid query locator");
        return;
    }
    /* ids start behind the first page */
    int64_t from = at - locator->batch, to = from + locator->batch;
    if (to > locator->count)
        to = locator->count;
    struct buf records;
    buf_init(&records, 0);
    (void)snprintf(reply->object, sizeof reply->object, "%s", locator->object);
    reply->items = (int)render_ids(sandbox, locator, from, to, request_part(request, 2), &records);
    put_page(reply, request_part(request, 2), locator->total, to < locator->count ? locator : NULL,
             at + locator->batch, &records);
    buf_clear(&records);
}
