/*
 * table_suspect — who is to be looked at again, and what they looked like.
 */
#include "consumers/verify/table_internal.h"

int table_forget_suspects(struct table *table, struct err *err)
{
    return table_execute(table, "DELETE FROM suspect; DELETE FROM look; DELETE FROM settled;", err);
}

static void bind_who(sqlite3_stmt *statement, enum value_side side, struct span id)
{
    (void)sqlite3_bind_int(statement, 1, (int)side);
    table_bind(statement, 2, id);
}

int table_suspect(struct table *table, enum value_side side, struct span id, bool counts,
                  struct err *err)
{
    bind_who(table->statements[SUSPECT], side, id);
    (void)sqlite3_bind_int(table->statements[SUSPECT], 3, counts);
    return table_run(table, SUSPECT, err);
}

int table_look(struct table *table, enum value_side side, struct span id, uint64_t looks,
               bool *ret_moved, struct err *err)
{
    sqlite3_stmt *statement = table->statements[LOOKED];
    bind_who(statement, side, id);
    int result = sqlite3_step(statement);
    bool moved = result == SQLITE_ROW && (uint64_t)sqlite3_column_int64(statement, 0) != looks;
    (void)sqlite3_reset(statement);
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        return table_fail(table, err);
    bind_who(table->statements[PUT_LOOK], side, id);
    (void)sqlite3_bind_int64(table->statements[PUT_LOOK], 3, (sqlite3_int64)looks);
    *ret_moved = moved;
    return table_run(table, PUT_LOOK, err);
}

int table_settle(struct table *table, enum value_side side, struct span id, struct err *err)
{
    bind_who(table->statements[SETTLE], side, id);
    return table_run(table, SETTLE, err);
}

int table_drop_settled(struct table *table, struct err *err)
{
    return table_execute(table,
                         "DELETE FROM suspect WHERE EXISTS"
                         " (SELECT 1 FROM settled s WHERE s.side=suspect.side AND s.id=suspect.id)",
                         err);
}
