/*
 * store_open — opening and closing the file, and what is kept of it in memory.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sandbox/store_sql.h"

static void load_properties(struct store *store)
{
    sqlite3_stmt *rows = store_prepare(
        store, "SELECT object,name,label,type,is_unique,options,created_ms FROM properties");
    while (rows && store_row(store, rows)) {
        struct property property = {.custom = true, .place = AT_JSON};
        (void)snprintf(property.object, sizeof property.object, "%s", sqlite3_column_text(rows, 0));
        (void)snprintf(property.name, sizeof property.name, "%s", sqlite3_column_text(rows, 1));
        (void)snprintf(property.label, sizeof property.label, "%s", sqlite3_column_text(rows, 2));
        field_type_find((const char *)sqlite3_column_text(rows, 3), &property.type);
        property.unique = sqlite3_column_int(rows, 4) != 0;
        (void)snprintf(property.options, sizeof property.options, "%s",
                       sqlite3_column_text(rows, 5));
        property.created_ms = sqlite3_column_int64(rows, 6);
        schema_add(&store->schema, &property);
    }
    sqlite3_finalize(rows);
}

/* Files of before merges: their ledger lacks a column. */
static void add_columns(struct store *store)
{
    sqlite3_stmt *has =
        store_prepare(store, "SELECT 1 FROM pragma_table_info('effects') WHERE name='merged_into'");
    bool there = store_row(store, has);
    sqlite3_finalize(has);
    if (!there)
        store_exec(store, "ALTER TABLE effects ADD COLUMN merged_into TEXT");
}

int store_open(struct store *store, const char *path, enum crm crm, struct settings *settings)
{
    memset(store, 0, sizeof *store);
    store->crm = crm;
    store->settings = settings;
    pthread_mutex_init(&store->mutex, NULL);
    buf_init(&store->old_text, 0);
    buf_init(&store->new_text, 0);
    buf_init(&store->value, 0);
    buf_init(&store->key, 0);
    buf_init(&store->patch, 0);
    buf_init(&store->scratch, 0);
    schema_init(&store->schema, crm);
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (sqlite3_open(path, &store->db) != SQLITE_OK) {
        (void)fprintf(stderr, "sandbox-crm: %s: %s\n", path, sqlite3_errmsg(store->db));
        return -1;
    }
    sqlite3_busy_timeout(store->db, 30000);
    store_exec(store, STORE_PRAGMAS);
    store_exec(store, STORE_TABLES);
    add_columns(store);
    sqlite3_stmt *merged = store_prepare(store, "SELECT EXISTS(SELECT 1 FROM merges)");
    store->merged = store_first_int(store, merged) != 0;
    sqlite3_finalize(merged);
    load_properties(store);
    if (crm == CRM_SALESFORCE)
        store_need_index(store, INDEX_QUERY);
    /* ids that were chosen (team.h) lie outside of what is counted */
    sqlite3_stmt *max =
        store_prepare(store, "SELECT n FROM records WHERE n<1000000000000 ORDER BY n DESC LIMIT 1");
    int64_t last = store_first_int(store, max);
    store->next_n = last > 0 ? last + 1 : 1;
    sqlite3_finalize(max);
    store_purge_shadows(store);
    return 0;
}

void store_close(struct store *store)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    if (store->db)
        sqlite3_close(store->db);
    buf_clear(&store->old_text);
    buf_clear(&store->new_text);
    buf_clear(&store->value);
    buf_clear(&store->key);
    buf_clear(&store->patch);
    buf_clear(&store->scratch);
    pthread_mutex_destroy(&store->mutex);
}
