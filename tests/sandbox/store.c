/*
 * store — reading, and the small helpers around SQLite.
 */
#include "tests/sandbox/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/sf_id.h"
#include "tests/sandbox/store_sql.h"

static _Noreturn void die(struct store *store, const char *what)
{
    (void)fprintf(stderr, "sandbox-crm: sqlite: %s: %s\n", what, sqlite3_errmsg(store->db));
    _Exit(70);
}

void record_init(struct record *record)
{
    memset(record, 0, sizeof *record);
    buf_init(&record->fields, 0);
}

void record_clear(struct record *record)
{
    buf_clear(&record->fields);
}

void record_from_row(struct record *record, sqlite3_stmt *row)
{
    (void)snprintf(record->id, sizeof record->id, "%s", (const char *)sqlite3_column_text(row, 0));
    record->created_ms = sqlite3_column_int64(row, 1);
    record->modified_ms = sqlite3_column_int64(row, 2);
    record->modstamp_ms = sqlite3_column_int64(row, 3);
    const char *by = (const char *)sqlite3_column_text(row, 4);
    (void)snprintf(record->modified_by, sizeof record->modified_by, "%s", by ? by : "");
    record->deleted = sqlite3_column_int(row, 5) != 0;
    record->version = sqlite3_column_int64(row, 6);
    buf_reset(&record->fields);
    const void *text = sqlite3_column_text(row, 7);
    buf_put(&record->fields, text ? text : "{}", text ? (size_t)sqlite3_column_bytes(row, 7) : 2);
}

sqlite3_stmt *store_statement(struct store *store, enum statement which)
{
    if (!store->statements[which] &&
        sqlite3_prepare_v3(store->db, STORE_SQL[which], -1, SQLITE_PREPARE_PERSISTENT,
                           &store->statements[which], NULL) != SQLITE_OK)
        die(store, STORE_SQL[which]);
    return store->statements[which];
}

sqlite3_stmt *store_prepare(struct store *store, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        (void)fprintf(stderr, "sandbox-crm: sqlite: %s in: %.400s\n", sqlite3_errmsg(store->db),
                      sql);
        return NULL;
    }
    return statement;
}

bool store_row(struct store *store, sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        die(store, sqlite3_sql(statement));
    sqlite3_reset(statement);
    return false;
}

void store_run(struct store *store, sqlite3_stmt *statement)
{
    while (store_row(store, statement))
        ;
}

void store_exec(struct store *store, const char *sql)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(store, sql);
}

void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, at);
}

void bind_span(sqlite3_stmt *statement, int at, struct span text)
{
    if (text.data)
        sqlite3_bind_text64(statement, at, text.data, text.len, SQLITE_STATIC, SQLITE_UTF8);
    else
        sqlite3_bind_null(statement, at);
}

int64_t store_first_int(struct store *store, sqlite3_stmt *statement)
{
    int64_t value = store_row(store, statement) ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return value;
}

void store_begin(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    store_exec(store, "BEGIN");
}

void store_end(struct store *store, bool rollback)
{
    store_exec(store, rollback ? "ROLLBACK" : "COMMIT");
    if (rollback)
        store->shadows = store_first_int(store, store_statement(store, ST_SHADOW_COUNT));
    pthread_mutex_unlock(&store->mutex);
}

int64_t store_now_ms(const struct store *store)
{
    return clock_wall_ms(&CLOCK_SYSTEM) + settings_get(store->settings, SET_CLOCK_OFFSET_MS);
}

int64_t store_modstamp_ms(const struct store *store)
{
    int64_t now = store_now_ms(store);
    return now - now % settings_get(store->settings, SET_TIMESTAMP_PRECISION_MS);
}

int64_t store_n(const struct store *store, const char *id)
{
    if (store->crm == CRM_SALESFORCE)
        return sf_id_n(id);
    char *end;
    int64_t n = strtoll(id, &end, 10) - HS_FIRST_ID;
    return *id && !*end ? n : -1;
}

bool store_get(struct store *store, const char *object, const char *id, struct record *ret_record)
{
    sqlite3_stmt *get = store_statement(store, ST_GET);
    bind_text(get, 1, object);
    bind_text(get, 2, id);
    sqlite3_bind_int64(get, 3, store_n(store, id));
    bool found = store_row(store, get);
    if (found)
        record_from_row(ret_record, get);
    sqlite3_reset(get);
    return found;
}

bool store_get_visible(struct store *store, const char *object, const char *id,
                       struct record *ret_record)
{
    if (store->shadows && store_purge_shadows(store)) {
        sqlite3_stmt *get = store_statement(store, ST_GET_SHADOW);
        bind_text(get, 1, object);
        bind_text(get, 2, id);
        bool shadowed = store_row(store, get), existed = false;
        if (shadowed) {
            existed = sqlite3_column_int(get, 8) != 0;
            if (existed)
                record_from_row(ret_record, get);
        }
        sqlite3_reset(get);
        if (shadowed)
            return existed;
    }
    return store_get(store, object, id, ret_record);
}

/* The value first: keys differ early. */
struct span store_unique_key(struct store *store, const char *object, const char *property,
                             struct span value)
{
    buf_reset(&store->key);
    buf_put_span(&store->key, value);
    buf_putc(&store->key, '\n');
    buf_puts(&store->key, property);
    buf_putc(&store->key, '\n');
    buf_puts(&store->key, object);
    return buf_span(&store->key);
}

bool store_find_unique(struct store *store, const char *object, const char *property,
                       struct span value, char ret_id[ID_BYTES])
{
    sqlite3_stmt *get = store_statement(store, ST_UNIQUE_GET);
    bind_span(get, 1, store_unique_key(store, object, property, value));
    bool found = store_row(store, get);
    if (found)
        (void)snprintf(ret_id, ID_BYTES, "%s", (const char *)sqlite3_column_text(get, 0));
    sqlite3_reset(get);
    return found;
}

void store_need_index(struct store *store, enum store_index which)
{
    if (!store->indexed[which])
        store_exec(store, STORE_INDEXES[which]);
    store->indexed[which] = true;
}

int64_t store_purge_shadows(struct store *store)
{
    sqlite3_stmt *purge = store_statement(store, ST_SHADOW_PURGE);
    sqlite3_bind_int64(purge, 1, clock_wall_ms(&CLOCK_SYSTEM));
    store_run(store, purge);
    store->shadows = store_first_int(store, store_statement(store, ST_SHADOW_COUNT));
    return store->shadows;
}

void store_add_property(struct store *store, const struct property *property)
{
    sqlite3_stmt *put = store_statement(store, ST_PROPERTY_PUT);
    bind_text(put, 1, property->object);
    bind_text(put, 2, property->name);
    bind_text(put, 3, property->label);
    bind_text(put, 4, field_type_name(property->type));
    sqlite3_bind_int(put, 5, property->unique);
    bind_text(put, 6, property->options);
    sqlite3_bind_int64(put, 7, property->created_ms);
    store_run(store, put);
    schema_add(&store->schema, property);
}

void store_clear_object(struct store *store, const char *object)
{
    static const char *const SQL[] = {"DELETE FROM records WHERE object=?1",
                                      "DELETE FROM shadows WHERE object=?1",
                                      "DELETE FROM uniq WHERE object=?1"};
    for (int i = 0; i < 3; i++) {
        sqlite3_stmt *statement = store_prepare(store, SQL[i]);
        if (!statement)
            die(store, SQL[i]);
        bind_text(statement, 1, object);
        store_run(store, statement);
        sqlite3_finalize(statement);
    }
    store_purge_shadows(store);
}
