/*
 * table — statements, prepared once, over a temporary database.
 */
#include "consumers/verify/table_internal.h"

#include <stdlib.h>

enum statement {
    PUT_OLD,
    PUT_NEW,
    REMOVE_OLD,
    REMOVE_NEW,
    PUT_ROW,
    REMOVE_ROW,
    HAS_ROW,
    PUT_LETTER,
    SUSPECT,
    STATEMENT_COUNT
};

static const char *const SQL[] = {
    [PUT_OLD] = "INSERT OR REPLACE INTO old VALUES(?1,?2,?3)",
    [PUT_NEW] = "INSERT OR REPLACE INTO new VALUES(?1,?2,?3)",
    [REMOVE_OLD] = "DELETE FROM old WHERE id=?1",
    [REMOVE_NEW] = "DELETE FROM new WHERE id=?1",
    [PUT_ROW] = "INSERT OR REPLACE INTO state VALUES(?1,?2,?3,?4,?5,?6)",
    [REMOVE_ROW] = "DELETE FROM state WHERE key=?1",
    [HAS_ROW] = "SELECT 1 FROM state WHERE key=?1",
    [PUT_LETTER] = "INSERT OR IGNORE INTO letter VALUES(?1,?2)",
    [SUSPECT] = "INSERT OR IGNORE INTO suspect VALUES(?1,?2)",
};
_Static_assert(sizeof(SQL) / sizeof(SQL[0]) == STATEMENT_COUNT, "a statement without text");

static const char SCHEMA[] =
    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;"
    "CREATE TABLE old(id TEXT PRIMARY KEY, key TEXT, vals TEXT) WITHOUT ROWID;"
    "CREATE INDEX old_key ON old(key);"
    "CREATE TABLE new(id TEXT PRIMARY KEY, external TEXT, vals TEXT) WITHOUT ROWID;"
    "CREATE INDEX new_external ON new(external) WHERE external<>'';"
    "CREATE TABLE state(key TEXT PRIMARY KEY, text TEXT, twin TEXT, status INT, held INT, gone INT)"
    " WITHOUT ROWID;"
    "CREATE INDEX state_twin ON state(twin) WHERE twin<>'';"
    "CREATE TABLE letter(key TEXT, reason TEXT, PRIMARY KEY(key,reason)) WITHOUT ROWID;"
    "CREATE TABLE suspect(side INT, id TEXT, PRIMARY KEY(side,id)) WITHOUT ROWID;";

struct table {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

int table_fail(const struct table *table, struct err *err)
{
    return err_set(err, ERR_FATAL, "the temporary database of verify: %s",
                   table->db ? sqlite3_errmsg(table->db) : "out of memory");
}

static int execute(struct table *table, const char *sql, struct err *err)
{
    if (sqlite3_exec(table->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return table_fail(table, err);
    return 0;
}

struct table *table_open(struct err *err)
{
    struct table *table = calloc(1, sizeof(*table));
    if (!table) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    /* The empty name: a temporary file that SQLite removes itself. */
    if (sqlite3_open("", &table->db) != SQLITE_OK) {
        table_fail(table, err);
        goto fail;
    }
    if (execute(table, SCHEMA, err) != 0)
        goto fail;
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v2(table->db, SQL[i], -1, &table->statements[i], NULL) != SQLITE_OK) {
            table_fail(table, err);
            goto fail;
        }
    }
    return table;
fail:
    table_close(table);
    return NULL;
}

void table_close(struct table *table)
{
    if (!table)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(table->statements[i]);
    (void)sqlite3_close(table->db);
    free(table);
}

int table_begin(struct table *table, struct err *err)
{
    return execute(table, "BEGIN", err);
}

int table_commit(struct table *table, struct err *err)
{
    return execute(table, "COMMIT", err);
}

int table_forget_systems(struct table *table, struct err *err)
{
    return execute(table, "DELETE FROM old; DELETE FROM new; DELETE FROM suspect;", err);
}

int table_forget_suspects(struct table *table, struct err *err)
{
    return execute(table, "DELETE FROM suspect", err);
}

/* Borrowed until the statement is reset; SPAN_NONE is NULL. */
static void bind(sqlite3_stmt *statement, int at, struct span text)
{
    if (text.data)
        (void)sqlite3_bind_text64(statement, at, text.data, text.len, SQLITE_STATIC, SQLITE_UTF8);
    else
        (void)sqlite3_bind_null(statement, at);
}

static int run(struct table *table, enum statement which, struct err *err)
{
    sqlite3_stmt *statement = table->statements[which];
    int result = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    return result == SQLITE_DONE || result == SQLITE_ROW ? 0 : table_fail(table, err);
}

int table_put_old(struct table *table, const struct table_old *record, struct err *err)
{
    bind(table->statements[PUT_OLD], 1, record->id);
    bind(table->statements[PUT_OLD], 2, record->key);
    bind(table->statements[PUT_OLD], 3, record->values);
    return run(table, PUT_OLD, err);
}

int table_put_new(struct table *table, const struct table_new *record, struct err *err)
{
    sqlite3_stmt *statement = table->statements[PUT_NEW];
    bind(statement, 1, record->id);
    bind(statement, 2, record->external_id.data ? record->external_id : span_of(""));
    bind(statement, 3, record->values);
    return run(table, PUT_NEW, err);
}

int table_remove_old(struct table *table, struct span id, struct err *err)
{
    bind(table->statements[REMOVE_OLD], 1, id);
    return run(table, REMOVE_OLD, err);
}

int table_remove_new(struct table *table, struct span id, struct err *err)
{
    bind(table->statements[REMOVE_NEW], 1, id);
    return run(table, REMOVE_NEW, err);
}

int table_put_row(struct table *table, const struct table_row *row, struct err *err)
{
    enum statement which = row->text.data ? PUT_ROW : REMOVE_ROW;
    sqlite3_stmt *statement = table->statements[which];
    bind(statement, 1, row->key);
    if (which == PUT_ROW) {
        bind(statement, 2, row->text);
        bind(statement, 3, row->twin.data ? row->twin : span_of(""));
        (void)sqlite3_bind_int(statement, 4, (int)row->status);
        (void)sqlite3_bind_int64(statement, 5, row->held_mask);
        (void)sqlite3_bind_int(statement, 6, row->gone);
    }
    return run(table, which, err);
}

int table_has_row(struct table *table, struct span key, bool *ret_has, struct err *err)
{
    sqlite3_stmt *statement = table->statements[HAS_ROW];
    bind(statement, 1, key);
    int result = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        return table_fail(table, err);
    *ret_has = result == SQLITE_ROW;
    return 0;
}

int table_put_letter(struct table *table, struct span key, struct span reason, struct err *err)
{
    bind(table->statements[PUT_LETTER], 1, key);
    bind(table->statements[PUT_LETTER], 2, reason);
    return run(table, PUT_LETTER, err);
}

int table_suspect(struct table *table, enum value_side side, struct span id, struct err *err)
{
    (void)sqlite3_bind_int(table->statements[SUSPECT], 1, (int)side);
    bind(table->statements[SUSPECT], 2, id);
    return run(table, SUSPECT, err);
}

sqlite3 *table_database(struct table *table)
{
    return table->db;
}
