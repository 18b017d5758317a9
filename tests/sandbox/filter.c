/*
 * filter — building and binding the SQL.
 */
#include "tests/sandbox/filter.h"

#include <stdlib.h>
#include <string.h>

const struct bounds BOUNDS_NONE = {INT64_MIN, INT64_MAX, ""};

struct bounds bounds_and(struct bounds a, struct bounds b)
{
    struct bounds both = a;
    if (b.low_ms > both.low_ms)
        both.low_ms = b.low_ms;
    if (b.high_ms < both.high_ms)
        both.high_ms = b.high_ms;
    if (strcmp(b.low_id, both.low_id) > 0)
        memcpy(both.low_id, b.low_id, sizeof both.low_id);
    return both;
}

struct bounds bounds_or(struct bounds a, struct bounds b)
{
    struct bounds either = a;
    if (b.low_ms < either.low_ms)
        either.low_ms = b.low_ms;
    if (b.high_ms > either.high_ms)
        either.high_ms = b.high_ms;
    if (strcmp(b.low_id, either.low_id) < 0)
        memcpy(either.low_id, b.low_id, sizeof either.low_id);
    return either;
}

void filter_init(struct filter *filter)
{
    memset(filter, 0, sizeof *filter);
    buf_init(&filter->sql, 0);
    buf_puts(&filter->sql, "");
}

void filter_clear(struct filter *filter)
{
    for (int i = 0; i < filter->count; i++)
        free(filter->values[i].text);
    free(filter->values);
    buf_clear(&filter->sql);
}

static struct sql_value *add(struct filter *filter)
{
    if (filter->count == filter->cap) {
        filter->cap = filter->cap ? filter->cap * 2 : 16;
        filter->values = realloc(filter->values, (size_t)filter->cap * sizeof *filter->values);
        if (!filter->values)
            abort();
    }
    struct sql_value *value = &filter->values[filter->count++];
    memset(value, 0, sizeof *value);
    buf_printf(&filter->sql, "?%d", filter->count + 1);
    return value;
}

void filter_int(struct filter *filter, int64_t value)
{
    add(filter)->number = value;
}

void filter_real(struct filter *filter, double value)
{
    struct sql_value *slot = add(filter);
    slot->is_real = true;
    slot->real = value;
}

void filter_text(struct filter *filter, struct span text)
{
    struct sql_value *slot = add(filter);
    slot->is_text = true;
    slot->text = strndup(text.data ? text.data : "", text.len);
    if (!slot->text)
        abort();
}

void filter_column(struct filter *filter, const struct property *property, bool ordered)
{
    static const char *const COLUMNS[] = {[AT_ID] = "id",
                                          [AT_CREATED] = "created_ms",
                                          [AT_MODIFIED] = "modified_ms",
                                          [AT_MODSTAMP] = "modstamp_ms",
                                          [AT_DELETED] = "deleted",
                                          [AT_MODIFIED_BY] = "modified_by",
                                          [AT_EMAIL] = "email"};
    if (property->place == AT_JSON)
        buf_printf(&filter->sql, "json_extract(fields,'$.\"%s\"')", property->name);
    else
        buf_printf(&filter->sql, "%s%s", ordered ? "+" : "", COLUMNS[property->place]);
}

void filter_bind(const struct filter *filter, sqlite3_stmt *statement, const char *object)
{
    bind_text(statement, 1, object);
    for (int i = 0; i < filter->count; i++) {
        const struct sql_value *value = &filter->values[i];
        if (value->is_text)
            bind_text(statement, i + 2, value->text);
        else if (value->is_real)
            sqlite3_bind_double(statement, i + 2, value->real);
        else
            sqlite3_bind_int64(statement, i + 2, value->number);
    }
}

static void put_bounds(struct buf *sql, const struct bounds *bounds)
{
    if (bounds->low_ms != INT64_MIN)
        buf_printf(sql, " AND modstamp_ms>=%lld", (long long)bounds->low_ms);
    if (bounds->high_ms != INT64_MAX)
        buf_printf(sql, " AND modstamp_ms<=%lld", (long long)bounds->high_ms);
    if (bounds->low_id[0]) /* letters and digits only: see where it is set */
        buf_printf(sql, " AND id>='%s'", bounds->low_id);
}

/* The first snapshot of a record in time is the one that is still shown. */
static const char FIRST_SHADOW[] =
    " AND existed=1 AND NOT EXISTS(SELECT 1 FROM shadows t WHERE t.object=r.object AND t.id=r.id "
    "AND (t.until_ms<r.until_ms OR (t.until_ms=r.until_ms AND t.rowid<r.rowid)))";
static const char NO_SHADOW[] =
    " AND NOT EXISTS(SELECT 1 FROM shadows t WHERE t.object=r.object AND t.id=r.id)";

sqlite3_stmt *filter_select(struct store *store, const struct filter *where, struct bounds bounds,
                            const char *object, const char *order, bool deleted)
{
    store_need_index(store, INDEX_QUERY);
    bool shadowed = store->shadows && store_purge_shadows(store);
    struct buf sql;
    buf_init(&sql, 0);
    if (shadowed)
        buf_puts(&sql, "SELECT " RECORD_COLUMNS " FROM (");
    for (int branch = 0; branch < (shadowed ? 2 : 1); branch++) {
        buf_printf(&sql, "%sSELECT " RECORD_COLUMNS ",email FROM %s AS r WHERE object=?1",
                   branch ? " UNION ALL " : "", branch ? "shadows" : "records");
        put_bounds(&sql, &bounds);
        buf_puts(&sql, deleted ? " AND +deleted<9" : " AND +deleted=0");
        if (where->sql.len)
            buf_printf(&sql, " AND (%s)", where->sql.data);
        if (shadowed)
            buf_puts(&sql, branch ? FIRST_SHADOW : NO_SHADOW);
    }
    buf_printf(&sql, "%s ORDER BY %s", shadowed ? ")" : "", order);
    sqlite3_stmt *statement = sql.failed ? NULL : store_prepare(store, sql.data);
    if (statement)
        filter_bind(where, statement, object);
    buf_clear(&sql);
    return statement;
}
