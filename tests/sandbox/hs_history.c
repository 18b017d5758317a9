/*
 * hs_history — propertiesWithHistory: the values that each property had, newest
 * first, out of the ledger of effects.
 */
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/hs.h"
#include "tests/sandbox/hs_source.h"

enum { MERGED_MAX = 16 };

void hs_want_history(struct hs_want *want, const struct store *store, const char *object,
                     const char *name)
{
    const struct property *property = schema_find(&store->schema, object, name);
    for (int i = 0; i < want->history_count; i++)
        if (want->history[i] == property)
            return;
    if (property && want->history_count < HS_HISTORY_PROPERTIES_MAX)
        want->history[want->history_count++] = property;
}

static void put_entry(struct buf *body, struct span json, sqlite3_stmt *row)
{
    char time[TIMESTAMP_BYTES];
    timestamp_format(sqlite3_column_int64(row, 1), time);
    buf_puts(body, body->len ? ",{\"value\":" : "{\"value\":");
    if (json.data)
        buf_put_span(body, json);
    else
        buf_puts(body, "\"\"");
    buf_printf(body, ",\"timestamp\":\"%s\",", time);
    hs_put_source(body, (const char *)sqlite3_column_text(row, 2));
    buf_putc(body, '}');
}

/* What one effect adds to each wanted property's versions. */
static void put_effect(struct store *store, sqlite3_stmt *row, const struct hs_want *want,
                       struct buf *versions)
{
    const char *before = (const char *)sqlite3_column_text(row, 3);
    const char *after = (const char *)sqlite3_column_text(row, 4);
    const char *op = (const char *)sqlite3_column_text(row, 0);
    if (!after || strcmp(op, "restore") == 0 || strcmp(op, "merge") == 0)
        return; /* archived, back, or the values of those that were merged */
    fields_parse(&store->old_fields, span_of(before ? before : "{}"));
    fields_parse(&store->new_fields, span_of(after));
    for (int i = 0; i < want->history_count; i++) {
        struct span name = span_of(want->history[i]->name);
        struct span old = fields_get(&store->old_fields, name, NULL);
        struct span new = fields_get(&store->new_fields, name, NULL);
        if (!span_equal(old, new) || (old.data == NULL) != (new.data == NULL))
            put_entry(&versions[i], new, row);
    }
}

/* A record's own, then those of what was merged into it, the primary's first. */
static void put_record_effects(struct store *store, const char *object, const char *id,
                               const struct hs_want *want, struct buf *versions, int depth)
{
    char merged[MERGED_MAX][ID_BYTES];
    int count = 0;
    sqlite3_stmt *rows = store_statement(store, ST_HISTORY);
    bind_text(rows, 1, object);
    bind_text(rows, 2, id);
    while (store_row(store, rows))
        put_effect(store, rows, want, versions);
    sqlite3_stmt *losers = store_statement(store, ST_MERGE_LOSERS);
    bind_text(losers, 1, object);
    bind_text(losers, 2, id);
    while (count < MERGED_MAX && store_row(store, losers))
        (void)snprintf(merged[count++], ID_BYTES, "%s",
                       (const char *)sqlite3_column_text(losers, 0));
    sqlite3_reset(losers);
    for (int i = 0; i < count && depth < MERGED_MAX; i++)
        put_record_effects(store, object, merged[i], want, versions, depth + 1);
}

void hs_put_history(struct store *store, struct buf *body, const char *object, const char *id,
                    const struct hs_want *want)
{
    struct buf versions[HS_HISTORY_PROPERTIES_MAX];
    for (int i = 0; i < want->history_count; i++)
        buf_init(&versions[i], 0);
    store_need_index(store, INDEX_HISTORY);
    put_record_effects(store, object, id, want, versions, 0);
    buf_puts(body, ",\"propertiesWithHistory\":{");
    for (int i = 0; i < want->history_count; i++) {
        buf_printf(body, "%s\"%s\":[", i ? "," : "", want->history[i]->name);
        buf_put_span(body, versions[i].len ? buf_span(&versions[i]) : span_of(""));
        buf_putc(body, ']');
        buf_clear(&versions[i]);
    }
    buf_putc(body, '}');
}
