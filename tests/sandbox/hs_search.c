/*
 * hs_search — search over what the index knows: late by index_lag_ms, never
 * archived records, at most 10,000 of a result.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/filter.h"
#include "tests/sandbox/hs.h"

enum { GROUPS_MAX = 5, FILTERS_MAX = 6, SEARCH_LIMIT_MAX = 200, RESULTS_MAX = 10000 };

struct search {
    struct store *store;
    const char *object;
    struct filter where;
    char error[256];
};

static bool fail(struct search *search, const char *what, const char *name)
{
    snprintf(search->error, sizeof search->error, "%s: %.80s", what, name ? name : "");
    return false;
}

static bool moment_of(const char *text, int64_t *ret_ms)
{
    if (text[0] && strspn(text, "0123456789") == strlen(text)) {
        *ret_ms = strtoll(text, NULL, 10);
        return true;
    }
    return timestamp_parse(text, strlen(text), ret_ms);
}

/* A value as the column compares it. */
static bool put_value(struct search *search, const struct property *property, const char *text)
{
    int64_t ms = 0;
    char padded[64], stamp[TIMESTAMP_BYTES];
    bool in_column = property->place != AT_JSON && property->place != AT_EMAIL;
    if (property->place == AT_ID) { /* ids have twelve digits: as text they order as numbers */
        snprintf(padded, sizeof padded, "%012lld", strtoll(text, NULL, 10));
        filter_text(&search->where, span_of(padded));
    } else if (property->type == FT_DATETIME) {
        if (!moment_of(text, &ms))
            return fail(search, "not a timestamp", text);
        timestamp_format(ms, stamp);
        if (!in_column && ms % 1000 == 0)
            snprintf(stamp + 19, 2, "Z");
        if (in_column)
            filter_int(&search->where, ms);
        else
            filter_text(&search->where, span_of(stamp));
    } else if (property->type == FT_DOUBLE || property->type == FT_INT) {
        filter_real(&search->where, strtod(text, NULL));
    } else {
        filter_text(&search->where, span_of(text));
    }
    return true;
}

static void put_column(struct search *search, const struct property *property, bool ordered)
{
    bool number = property->type == FT_DOUBLE || property->type == FT_INT;
    if (number)
        buf_puts(&search->where.sql, "CAST(");
    filter_column(&search->where, property, ordered);
    if (number)
        buf_puts(&search->where.sql, " AS REAL)");
}

static void narrow(const struct property *property, const char *op, const char *text,
                   struct bounds *bounds)
{
    int64_t ms;
    if (property->place == AT_ID && op[0] == 'G')
        snprintf(bounds->low_id, sizeof bounds->low_id, "%012lld", strtoll(text, NULL, 10));
    if (property->place != AT_MODSTAMP || !moment_of(text, &ms))
        return;
    if (strcmp(op, "EQ") == 0 || op[0] == 'G')
        bounds->low_ms = strcmp(op, "GT") == 0 ? ms + 1 : ms;
    if (strcmp(op, "EQ") == 0 || op[0] == 'L')
        bounds->high_ms = strcmp(op, "LT") == 0 ? ms - 1 : ms;
}

static bool simple(struct search *search, const struct property *property, const char *op,
                   const char *value, struct bounds *bounds)
{
    static const struct {
        const char *name, *sql;
    } OPERATORS[] = {{"EQ", "="},   {"NEQ", " IS NOT "}, {"LT", "<"},
                     {"LTE", "<="}, {"GT", ">"},         {"GTE", ">="}};
    size_t i = 0, count = sizeof OPERATORS / sizeof *OPERATORS;
    while (i < count && strcmp(OPERATORS[i].name, op) != 0)
        i++;
    if (i == count)
        return fail(search, "unknown operator", op);
    if (!value)
        return fail(search, "a value is needed for", property->name);
    put_column(search, property, i != 0);
    buf_puts(&search->where.sql, OPERATORS[i].sql);
    narrow(property, op, value, bounds);
    return put_value(search, property, value) &&
           (buf_puts(&search->where.sql, property->place == AT_JSON ? " COLLATE NOCASE" : ""),
            true);
}

static bool between(struct search *search, const struct property *property, json_t *filter,
                    struct bounds *bounds)
{
    const char *low = json_string_value(json_object_get(filter, "value"));
    const char *high = json_string_value(json_object_get(filter, "highValue"));
    struct bounds upper = BOUNDS_NONE;
    if (!simple(search, property, "GTE", low, bounds))
        return false;
    buf_puts(&search->where.sql, " AND ");
    bool ok = simple(search, property, "LTE", high, &upper);
    *bounds = bounds_and(*bounds, upper);
    return ok;
}

static bool in_list(struct search *search, const struct property *property, json_t *values,
                    bool negated)
{
    size_t i;
    json_t *value;
    if (!json_array_size(values))
        return fail(search, "values are needed for", property->name);
    put_column(search, property, negated);
    buf_puts(&search->where.sql, negated ? " NOT IN (" : " IN (");
    json_array_foreach(values, i, value)
    {
        if (i)
            buf_putc(&search->where.sql, ',');
        if (!json_is_string(value) || !put_value(search, property, json_string_value(value)))
            return fail(search, "values must be strings", property->name);
    }
    buf_putc(&search->where.sql, ')');
    return true;
}

static void contains(struct search *search, const struct property *property, const char *text,
                     bool negated)
{
    struct buf pattern;
    buf_init(&pattern, 0);
    buf_putc(&pattern, '%');
    for (; *text; text++)
        if (*text != '*')
            buf_putc(&pattern, *text);
    buf_putc(&pattern, '%');
    put_column(search, property, true);
    buf_puts(&search->where.sql, negated ? " NOT LIKE " : " LIKE ");
    filter_text(&search->where, buf_span(&pattern));
    buf_clear(&pattern);
}

static bool one_filter(struct search *search, json_t *filter, struct bounds *bounds)
{
    const char *name = json_string_value(json_object_get(filter, "propertyName"));
    const char *op = json_string_value(json_object_get(filter, "operator"));
    json_t *raw = json_object_get(filter, "value");
    char number[32];
    if (json_is_integer(raw))
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(raw));
    const char *value = json_is_integer(raw) ? number : json_string_value(raw);
    const struct property *property =
        name ? schema_find(&search->store->schema, search->object, name) : NULL;
    *bounds = BOUNDS_NONE;
    if (!property)
        return fail(search, "There was a problem with the request: no such property", name);
    if (!op)
        return fail(search, "operator is missing for", name);
    if (strcmp(op, "BETWEEN") == 0)
        return between(search, property, filter, bounds);
    if (strcmp(op, "IN") == 0 || strcmp(op, "NOT_IN") == 0)
        return in_list(search, property, json_object_get(filter, "values"), op[0] == 'N');
    if (strcmp(op, "HAS_PROPERTY") == 0 || strcmp(op, "NOT_HAS_PROPERTY") == 0) {
        filter_column(&search->where, property, true);
        buf_puts(&search->where.sql, op[0] == 'N' ? " IS NULL" : " IS NOT NULL");
        return true;
    }
    if ((strcmp(op, "CONTAINS_TOKEN") == 0 || strcmp(op, "NOT_CONTAINS_TOKEN") == 0) && value) {
        contains(search, property, value, op[0] == 'N');
        return true;
    }
    return simple(search, property, op, value, bounds);
}

static bool one_group(struct search *search, json_t *group, struct bounds *bounds)
{
    json_t *filters = json_object_get(group, "filters"), *filter;
    size_t i;
    *bounds = BOUNDS_NONE;
    if (!json_array_size(filters) || json_array_size(filters) > FILTERS_MAX)
        return fail(search, "a filter group has 1 to 6 filters", NULL);
    buf_putc(&search->where.sql, '(');
    json_array_foreach(filters, i, filter)
    {
        struct bounds more;
        if (i)
            buf_puts(&search->where.sql, " AND ");
        if (!one_filter(search, filter, &more))
            return false;
        *bounds = bounds_and(*bounds, more);
    }
    buf_putc(&search->where.sql, ')');
    return true;
}

static bool all_groups(struct search *search, json_t *groups, struct bounds *bounds)
{
    size_t i, filters = 0;
    json_t *group;
    *bounds = BOUNDS_NONE;
    if (json_array_size(groups) > GROUPS_MAX)
        return fail(search, "a search has at most 5 filter groups", NULL);
    json_array_foreach(groups, i, group)
    {
        struct bounds more;
        filters += json_array_size(json_object_get(group, "filters"));
        if (i)
            buf_puts(&search->where.sql, " OR ");
        if (!one_group(search, group, &more))
            return false;
        *bounds = i ? bounds_or(*bounds, more) : more;
    }
    return filters <= 18 || fail(search, "a search has at most 18 filters", NULL);
}

/* One sort: {"propertyName","direction"}, "name" or "-name". */
static bool read_sort(struct search *search, json_t *sorts, char *ret_order, size_t size)
{
    json_t *sort = json_array_get(sorts, 0);
    snprintf(ret_order, size, "id");
    if (json_array_size(sorts) > 1)
        return fail(search, "only one sort is allowed", NULL);
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
        return fail(search, "cannot sort by", name);
    struct filter column;
    filter_init(&column);
    filter_column(&column, property, false);
    snprintf(ret_order, size, "%s%s,id", column.sql.data, down ? " DESC" : "");
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
    bool ok = all_groups(search, json_object_get(body, "filterGroups"), &bounds) &&
              read_sort(search, json_object_get(body, "sorts"), order, sizeof order);
    if (ok && (limit < 1 || limit > SEARCH_LIMIT_MAX))
        ok = fail(search, "limit must be between 1 and 200", NULL);
    if (ok && (after < 0 || after + limit > RESULTS_MAX))
        ok = fail(search, "paging is limited to 10000 results", NULL);
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
