/*
 * hs_filters — a search's filter groups as SQL: the groups are alternatives,
 * the filters of a group all hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/hs_search.h"

enum { GROUPS_MAX = 5, FILTERS_MAX = 6, ALL_FILTERS_MAX = 18 };

bool hs_search_fail(struct search *search, const char *what, const char *name)
{
    (void)snprintf(search->error, sizeof search->error, "%s: %.80s", what, name ? name : "");
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
        (void)snprintf(padded, sizeof padded, "%012lld", strtoll(text, NULL, 10));
        filter_text(&search->where, span_of(padded));
    } else if (property->type == FT_DATETIME) {
        if (!moment_of(text, &ms))
            return hs_search_fail(search, "not a timestamp", text);
        timestamp_format(ms, stamp);
        if (!in_column && ms % 1000 == 0)
            (void)snprintf(stamp + 19, 2, "Z");
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
        (void)snprintf(bounds->low_id, sizeof bounds->low_id, "%012lld", strtoll(text, NULL, 10));
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
        return hs_search_fail(search, "unknown operator", op);
    if (!value)
        return hs_search_fail(search, "a value is needed for", property->name);
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
        return hs_search_fail(search, "values are needed for", property->name);
    put_column(search, property, negated);
    buf_puts(&search->where.sql, negated ? " NOT IN (" : " IN (");
    json_array_foreach(values, i, value)
    {
        if (i)
            buf_putc(&search->where.sql, ',');
        if (!json_is_string(value) || !put_value(search, property, json_string_value(value)))
            return hs_search_fail(search, "values must be strings", property->name);
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
        (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(raw));
    const char *value = json_is_integer(raw) ? number : json_string_value(raw);
    const struct property *property =
        name ? schema_find(&search->store->schema, search->object, name) : NULL;
    *bounds = BOUNDS_NONE;
    if (!property)
        return hs_search_fail(search, "There was a problem with the request: no such property",
                              name);
    if (!op)
        return hs_search_fail(search, "operator is missing for", name);
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
        return hs_search_fail(search, "a filter group has 1 to 6 filters", NULL);
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

bool hs_search_groups(struct search *search, json_t *groups, struct bounds *bounds)
{
    size_t i, filters = 0;
    json_t *group;
    *bounds = BOUNDS_NONE;
    if (json_array_size(groups) > GROUPS_MAX)
        return hs_search_fail(search, "a search has at most 5 filter groups", NULL);
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
    return filters <= ALL_FILTERS_MAX ||
           hs_search_fail(search, "a search has at most 18 filters", NULL);
}
