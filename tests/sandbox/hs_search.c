/*
 * hs_search — search over what the index knows: late by index_lag_ms, never
 * archived records, at most 10,000 of a result.
 */
#include "tests/sandbox/hs_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEARCH_LIMIT_MAX = 200, RESULTS_MAX = 10000 };

/* One sort: {"propertyName","direction"}, "name" or "-name". */
static bool read_sort(struct search *search, json_t *sorts, char *ret_order, size_t size)
{
    json_t *sort = json_array_get(sorts, 0);
    (void)snprintf(ret_order, size, "id");
    if (json_array_size(sorts) > 1)
        return hs_search_fail(search, "only one sort is allowed", NULL);
    if (!sort)
        return true;
    const char *name = json_is_string(sort)
                           ? json_string_value(sort)
                           : json_string_value(json_object_get(sort, "propertyName"));
    const char *direction = json_string_value(json_object_get(sort, "direction"));
    bool down = (direction && strcmp(direction, "DESCENDING") == 0) || (name && name[0] == '-');
    const struct property *property =
        name ? schema_find(&search->store->schema, search->object, name + (name[0] == '-')) : NULL;
    if (!property)
        return hs_search_fail(search, "cannot sort by", name);
    struct filter column;
    filter_init(&column);
    filter_column(&column, property, false);
    (void)snprintf(ret_order, size, "%s%s,id", column.sql.data, down ? " DESC" : "");
    filter_clear(&column);
    return true;
}

static void put_results(struct sandbox *sandbox, struct search *search, sqlite3_stmt *rows,
                        json_t *body, long after, long limit, struct reply *reply)
{
    struct hs_want want;
    struct record record;
    struct buf results;
    json_t *names = json_object_get(body, "properties"), *name;
    size_t i;
    hs_want_defaults(&want, search->store, search->object);
    if (json_array_size(names))
        hs_want_system(&want, search->store, search->object);
    json_array_foreach(names, i, name)
    {
        if (json_is_string(name))
            hs_want_add(&want, search->store, search->object, json_string_value(name));
    }
    record_init(&record);
    buf_init(&results, 0);
    long total = 0;
    while (store_row(search->store, rows)) {
        if (total >= after && total < after + limit) {
            record_from_row(&record, rows);
            if (reply->items++)
                buf_putc(&results, ',');
            hs_put_record(sandbox, &results, search->object, &record, &want, NULL);
        }
        total++;
    }
    buf_printf(&reply->body, "{\"total\":%ld,\"results\":[", total);
    buf_put(&reply->body, results.data ? results.data : "", results.len);
    buf_putc(&reply->body, ']');
    if (after + limit < total)
        buf_printf(&reply->body, ",\"paging\":{\"next\":{\"after\":\"%ld\"}}", after + limit);
    buf_putc(&reply->body, '}');
    reply->page = true;
    buf_clear(&results);
    record_clear(&record);
}

static long number_of(json_t *value, long fallback)
{
    if (json_is_string(value) && json_string_value(value)[0])
        return strtol(json_string_value(value), NULL, 10);
    return json_is_integer(value) ? (long)json_integer_value(value) : fallback;
}

static void run(struct sandbox *sandbox, struct search *search, const struct request *request,
                json_t *body, struct reply *reply)
{
    char order[256];
    struct bounds bounds;
    long limit = number_of(json_object_get(body, "limit"), 10);
    long after = number_of(json_object_get(body, "after"), 0);
    bool ok = hs_search_groups(search, json_object_get(body, "filterGroups"), &bounds) &&
              read_sort(search, json_object_get(body, "sorts"), order, sizeof order);
    if (ok && (limit < 1 || limit > SEARCH_LIMIT_MAX))
        ok = hs_search_fail(search, "limit must be between 1 and 200", NULL);
    if (ok && (after < 0 || after + limit > RESULTS_MAX))
        ok = hs_search_fail(search, "paging is limited to 10000 results", NULL);
    sqlite3_stmt *rows =
        ok ? filter_select(search->store, &search->where, bounds, search->object, order, false)
           : NULL;
    if (rows)
        put_results(sandbox, search, rows, body, after, limit, reply);
    else
        hs_error(reply, request->id, 400, "VALIDATION_ERROR", "%s",
                 search->error[0] ? search->error : "the search cannot be run");
    sqlite3_finalize(rows);
}

void hs_search(struct sandbox *sandbox, const struct request *request, const char *object,
               struct reply *reply)
{
    struct search search = {.store = &sandbox->store, .object = object};
    json_t *body = request_json(request);
    filter_init(&search.where);
    if (body)
        run(sandbox, &search, request, body, reply);
    else
        hs_error(reply, request->id, 400, "VALIDATION_ERROR", "Invalid input JSON");
    filter_clear(&search.where);
    json_decref(body);
}
