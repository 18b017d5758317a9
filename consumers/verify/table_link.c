/*
 * table_link — what the records of the new system are linked to.
 */
#include "consumers/verify/table_internal.h"

const char LINK_MORE[] = "";

int table_put_link(struct table *table, struct span id, int field, struct span target,
                   struct err *err)
{
    sqlite3_stmt *statement = table->statements[PUT_LINK];
    table_bind(statement, 1, id);
    (void)sqlite3_bind_int(statement, 2, field);
    table_bind(statement, 3, target);
    return table_run(table, PUT_LINK, err);
}

int table_remove_links(struct table *table, struct span id, struct err *err)
{
    table_bind(table->statements[REMOVE_LINKS], 1, id);
    return table_run(table, REMOVE_LINKS, err);
}

static struct span text_at(sqlite3_stmt *statement, int at)
{
    const char *text = (const char *)sqlite3_column_text(statement, at);
    return (struct span){text ? text : "", (size_t)sqlite3_column_bytes(statement, at)};
}

int table_each_link(struct table *table, struct span id, int field,
                    int (*fn)(void *self, struct span target, struct err *err), void *self,
                    struct err *err)
{
    sqlite3_stmt *statement = table->statements[LINKS_OF];
    table_bind(statement, 1, id);
    (void)sqlite3_bind_int(statement, 2, field);
    int result, failed = 0;
    while (!failed && (result = sqlite3_step(statement)) == SQLITE_ROW)
        failed = fn(self, text_at(statement, 0), err);
    if (!failed && result != SQLITE_DONE)
        failed = table_fail(table, err);
    (void)sqlite3_reset(statement);
    return failed;
}

int table_next_new(struct table *table, int64_t *place, struct arena *arena, struct span *ret_id,
                   struct err *err)
{
    sqlite3_stmt *statement = table->statements[NEXT_NEW];
    struct span id = SPAN_NONE;
    (void)sqlite3_bind_int64(statement, 1, *place);
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        *place = sqlite3_column_int64(statement, 0);
        id = arena_copy(arena, text_at(statement, 1));
    }
    (void)sqlite3_reset(statement);
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        return table_fail(table, err);
    *ret_id = id;
    return 0;
}
