/*
 * table — statements, prepared once, over a temporary database.
 */
#include "consumers/verify/table_internal.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const SQL[] = {
    [PUT_OLD] = "INSERT OR REPLACE INTO old VALUES(?1,?2,?3)",
    [PUT_NEW] = "INSERT OR REPLACE INTO new VALUES(?1,?2,?3,?4,?5)",
    [REMOVE_OLD] = "DELETE FROM old WHERE id=?1",
    [REMOVE_NEW] = "DELETE FROM new WHERE id=?1",
    [PUT_ROW] = "INSERT OR REPLACE INTO state VALUES(?1,?2,?3,?4,?5,?6)",
    [REMOVE_ROW] = "DELETE FROM state WHERE key=?1",
    [HAS_ROW] = "SELECT 1 FROM state WHERE key=?1",
    [TWIN_OF] = "SELECT twin FROM state WHERE key=?1 AND twin<>'' AND NOT gone",
    [HAS_NEW] = "SELECT 1 FROM new WHERE id=?1",
    [NEXT_NEW] = "SELECT rowid,id FROM new WHERE rowid>?1 ORDER BY rowid LIMIT 1",
    [PUT_LINK] = "INSERT INTO link VALUES(?1,?2,?3)",
    [REMOVE_LINKS] = "DELETE FROM link WHERE id=?1",
    [LINKS_OF] = "SELECT target FROM link WHERE id=?1 AND field=?2 ORDER BY rowid",
    [PUT_LETTER] = "INSERT OR IGNORE INTO letter VALUES(?1,?2)",
    [PUT_NAME] = "INSERT INTO name VALUES(?1,?2)",
    [PUT_NAME_ONCE] = "INSERT INTO name SELECT ?1,?2 EXCEPT SELECT hash,id FROM name WHERE hash=?1",
    [PUT_TRUTH] = "INSERT OR IGNORE INTO truth VALUES(?1,?2,?3,?4)",
    [SUSPECT] = ("INSERT INTO suspect VALUES(?1,?2,?3)"
                 " ON CONFLICT DO UPDATE SET counts=max(counts,excluded.counts)"),
    [LOOKED] = "SELECT hash FROM look WHERE side=?1 AND id=?2",
    [PUT_LOOK] = "INSERT OR REPLACE INTO look VALUES(?1,?2,?3)",
    [SETTLE] = "INSERT OR IGNORE INTO settled VALUES(?1,?2)",
};
_Static_assert(sizeof(SQL) / sizeof(SQL[0]) == STATEMENT_COUNT, "a statement without text");

/*
 * Rows are appended and found by small indexes: in a table sorted by its key every put of a long
 * row would go to another page, which is slow beyond the cache.
 */
static const char SCHEMA[] =
    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
    "CREATE TABLE old(id TEXT UNIQUE, key TEXT, vals TEXT);"
    "CREATE INDEX old_key ON old(key);"
    "CREATE TABLE new(id TEXT UNIQUE, external TEXT, marker TEXT, vals TEXT, writers TEXT);"
    "CREATE TABLE link(id TEXT, field INT, target TEXT);"
    "CREATE INDEX link_id ON link(id);"
    "CREATE TABLE state(key TEXT UNIQUE, text TEXT, twin TEXT, status INT, held INT, gone INT);"
    "CREATE INDEX state_twin ON state(twin) WHERE twin<>'';"
    "CREATE TABLE letter(key TEXT, reason TEXT, PRIMARY KEY(key,reason)) WITHOUT ROWID;"
    "CREATE TABLE name(hash INT, id TEXT);"
    "CREATE TABLE truth(key TEXT, field INT, old TEXT, new TEXT, PRIMARY KEY(key,field,old,new))"
    " WITHOUT ROWID;"
    "CREATE TABLE suspect(side INT, id TEXT, counts INT, PRIMARY KEY(side,id)) WITHOUT ROWID;"
    "CREATE TABLE look(side INT, id TEXT, hash INT, PRIMARY KEY(side,id)) WITHOUT ROWID;"
    "CREATE TABLE settled(side INT, id TEXT, PRIMARY KEY(side,id)) WITHOUT ROWID;";

int table_fail(const struct table *table, struct err *err)
{
    return err_set(err, ERR_FATAL, "the temporary database of verify: %s",
                   table->db ? sqlite3_errmsg(table->db) : "out of memory");
}

int table_execute(struct table *table, const char *sql, struct err *err)
{
    if (sqlite3_exec(table->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return table_fail(table, err);
    return 0;
}

struct table *table_open(int cache_kib, struct err *err)
{
    char cache[64];
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
    (void)snprintf(cache, sizeof(cache), "PRAGMA cache_size=-%d", cache_kib);
    if (table_execute(table, cache, err) != 0 || table_execute(table, SCHEMA, err) != 0)
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
    return table_execute(table, "BEGIN", err);
}

int table_commit(struct table *table, struct err *err)
{
    return table_execute(table, "COMMIT", err);
}

int table_forget_systems(struct table *table, struct err *err)
{
    table->names_indexed = false;
    return table_execute(table,
                         "DELETE FROM old; DELETE FROM new; DELETE FROM link; DELETE FROM name;"
                         "DROP INDEX IF EXISTS name_hash;",
                         err);
}

void table_bind(sqlite3_stmt *statement, int at, struct span text)
{
    if (text.data)
        (void)sqlite3_bind_text64(statement, at, text.data, text.len, SQLITE_STATIC, SQLITE_UTF8);
    else
        (void)sqlite3_bind_null(statement, at);
}

int table_run(struct table *table, enum statement which, struct err *err)
{
    sqlite3_stmt *statement = table->statements[which];
    int result = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    return result == SQLITE_DONE || result == SQLITE_ROW ? 0 : table_fail(table, err);
}

int table_put_old(struct table *table, const struct table_old *record, struct err *err)
{
    table_bind(table->statements[PUT_OLD], 1, record->id);
    table_bind(table->statements[PUT_OLD], 2, record->key);
    table_bind(table->statements[PUT_OLD], 3, record->values);
    return table_run(table, PUT_OLD, err);
}

int table_put_new(struct table *table, const struct table_new *record, struct err *err)
{
    sqlite3_stmt *statement = table->statements[PUT_NEW];
    table_bind(statement, 1, record->id);
    table_bind(statement, 2, record->external_id.data ? record->external_id : span_of(""));
    table_bind(statement, 3, record->marker.data ? record->marker : span_of(""));
    table_bind(statement, 4, record->values);
    table_bind(statement, 5, record->writers);
    return table_run(table, PUT_NEW, err);
}

int table_remove_old(struct table *table, struct span id, struct err *err)
{
    table_bind(table->statements[REMOVE_OLD], 1, id);
    return table_run(table, REMOVE_OLD, err);
}

int table_remove_new(struct table *table, struct span id, struct err *err)
{
    table_bind(table->statements[REMOVE_NEW], 1, id);
    return table_run(table, REMOVE_NEW, err);
}

int table_put_row(struct table *table, const struct table_row *row, struct err *err)
{
    enum statement which = row->text.data ? PUT_ROW : REMOVE_ROW;
    sqlite3_stmt *statement = table->statements[which];
    table_bind(statement, 1, row->key);
    if (which == PUT_ROW) {
        table_bind(statement, 2, row->text);
        table_bind(statement, 3, row->twin.data ? row->twin : span_of(""));
        (void)sqlite3_bind_int(statement, 4, (int)row->status);
        (void)sqlite3_bind_int64(statement, 5, row->held_mask);
        (void)sqlite3_bind_int(statement, 6, row->gone);
    }
    return table_run(table, which, err);
}

int table_has_row(struct table *table, struct span key, bool *ret_has, struct err *err)
{
    sqlite3_stmt *statement = table->statements[HAS_ROW];
    table_bind(statement, 1, key);
    int result = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        return table_fail(table, err);
    *ret_has = result == SQLITE_ROW;
    return 0;
}

int table_has_new(struct table *table, struct span id, bool *ret_has, struct err *err)
{
    sqlite3_stmt *statement = table->statements[HAS_NEW];
    table_bind(statement, 1, id);
    int result = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        return table_fail(table, err);
    *ret_has = result == SQLITE_ROW;
    return 0;
}

int table_twin_of(struct table *table, struct span key, struct arena *arena, struct span *ret_twin,
                  struct err *err)
{
    sqlite3_stmt *statement = table->statements[TWIN_OF];
    struct span twin = SPAN_NONE;
    table_bind(statement, 1, key);
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        twin = arena_copy(arena, (struct span){(const char *)sqlite3_column_text(statement, 0),
                                               (size_t)sqlite3_column_bytes(statement, 0)});
    (void)sqlite3_reset(statement);
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        return table_fail(table, err);
    *ret_twin = twin;
    return 0;
}

int table_put_letter(struct table *table, struct span key, struct span reason, struct err *err)
{
    table_bind(table->statements[PUT_LETTER], 1, key);
    table_bind(table->statements[PUT_LETTER], 2, reason);
    return table_run(table, PUT_LETTER, err);
}

int table_put_name(struct table *table, uint64_t hash, struct span old_id, struct err *err)
{
    enum statement which = table->names_indexed ? PUT_NAME_ONCE : PUT_NAME;
    (void)sqlite3_bind_int64(table->statements[which], 1, (sqlite3_int64)hash);
    table_bind(table->statements[which], 2, old_id);
    return table_run(table, which, err);
}

int table_index_names(struct table *table, struct err *err)
{
    table->names_indexed = true;
    return table_execute(table, "CREATE INDEX name_hash ON name(hash)", err);
}

int table_put_truth(struct table *table, struct span key, int field, struct span old_text,
                    struct span new_text, struct err *err)
{
    sqlite3_stmt *statement = table->statements[PUT_TRUTH];
    table_bind(statement, 1, key);
    (void)sqlite3_bind_int(statement, 2, field);
    table_bind(statement, 3, old_text);
    table_bind(statement, 4, new_text);
    return table_run(table, PUT_TRUTH, err);
}

sqlite3 *table_database(struct table *table)
{
    return table->db;
}
