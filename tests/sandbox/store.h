/*
 * store — the records of one CRM in one SQLite file, with the ledger of every
 * effect in the same transaction. One mutex serialises all access: begin and
 * end around each request. An unexpected SQLite error ends the process (a test
 * tool that lost its state must not go on).
 */
#ifndef TANDEM_SANDBOX_STORE_H
#define TANDEM_SANDBOX_STORE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "tests/sandbox/fields.h"
#include "tests/sandbox/schema.h"
#include "tests/sandbox/settings.h"

enum { ID_BYTES = 24 };

#define HS_FIRST_ID \
    100000000000LL /* HubSpot ids count from here: twelve digits, so text orders as numbers */

#define RECORD_COLUMNS "id,created_ms,modified_ms,modstamp_ms,modified_by,deleted,version,fields"

enum statement {
    ST_GET,
    ST_GET_SHADOW,
    ST_INSERT,
    ST_UPDATE,
    ST_UPDATE_SAME_EMAIL,
    ST_UNIQUE_GET,
    ST_UNIQUE_PUT,
    ST_UNIQUE_DROP,
    ST_SHADOW_PUT,
    ST_SHADOW_NEW,
    ST_SHADOW_PURGE,
    ST_SHADOW_COUNT,
    ST_EFFECT,
    ST_REQUEST,
    ST_HISTORY,
    ST_LIST,
    ST_LIST_ALL,
    ST_TOKEN_GET,
    ST_TOKEN_PUT,
    ST_TOKEN_USE,
    ST_TOKEN_DROP,
    ST_PROPERTY_PUT,
    ST_BY_EMAIL,
    ST_COUNT_OBJECT,
    ST_MERGE_PUT,
    ST_MERGE_GET,
    ST_MERGE_LOSERS,
    ST_LINK_PUT,
    ST_LINK_DROP,
    ST_LINK_HAS,
    ST_LINK_OTHER,
    ST_LINK_LIST,
    ST_LINK_EFFECT,
    STATEMENT_COUNT
};

/* Indexes that cost every write: made when the first reader needs them. */
enum store_index { INDEX_QUERY, INDEX_DELETED, INDEX_HISTORY, STORE_INDEX_COUNT };

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    pthread_mutex_t mutex;
    struct settings *settings; /* borrowed */
    const char *client_key;    /* borrowed: PEM that assertions are checked with; NULL: none */
    enum crm crm;
    struct schema schema;
    json_t *pipelines; /* owned; of deals: see hs_pipelines.h */
    int64_t next_n, shadows;
    bool indexed[STORE_INDEX_COUNT];
    bool merged; /* something was ever merged: ids may lead elsewhere */
    struct buf old_text, new_text, value, key, patch, scratch; /* scratch of a write */
    struct fields old_fields, new_fields, patch_fields;
};

/* One record as read: owned storage, reused from read to read. */
struct record {
    char id[ID_BYTES];
    int64_t created_ms, modified_ms, modstamp_ms, version;
    char modified_by[WHO_BYTES];
    bool deleted;
    struct buf fields;
};

void record_init(struct record *record);
void record_clear(struct record *record);
/* From a row of RECORD_COLUMNS. */
void record_from_row(struct record *record, sqlite3_stmt *row);

/* path ":memory:" keeps nothing. Returns 0, or -1 with a message on stderr. */
int store_open(struct store *store, const char *path, enum crm crm, struct settings *settings);
void store_close(struct store *store);

void store_begin(struct store *store);
void store_end(struct store *store, bool rollback);

/* The server's clock: this machine's plus the offset; modstamps are cut to the precision. */
int64_t store_now_ms(const struct store *store);
int64_t store_modstamp_ms(const struct store *store);

/* Statement helpers; text NULL binds NULL. */
sqlite3_stmt *store_statement(struct store *store, enum statement which);
sqlite3_stmt *store_prepare(struct store *store, const char *sql); /* NULL: does not compile */
bool store_row(struct store *store, sqlite3_stmt *statement);      /* false: no (more) rows */
void store_run(struct store *store, sqlite3_stmt *statement);      /* step to the end, reset */
/* The first column of the first row, 0 without rows; the statement is reset. */
int64_t store_first_int(struct store *store, sqlite3_stmt *statement);
void store_exec(struct store *store, const char *sql);
void bind_text(sqlite3_stmt *statement, int at, const char *text);
void bind_span(sqlite3_stmt *statement, int at, struct span text);

/* A record's rowid by its id; -1: no id of ours. */
int64_t store_n(const struct store *store, const char *id);

/* The newest state, deleted ones included. */
bool store_get(struct store *store, const char *object, const char *id, struct record *ret_record);
/* What readers may see now (visibility lag). */
bool store_get_visible(struct store *store, const char *object, const char *id,
                       struct record *ret_record);
/* The uniq table's key, borrowed until the next call. */
struct span store_unique_key(struct store *store, const char *object, const char *property,
                             struct span value);
bool store_find_unique(struct store *store, const char *object, const char *property,
                       struct span value, char ret_id[ID_BYTES]);

void store_need_index(struct store *store, enum store_index which);

/* Forget shadows whose time is over; how many are left. */
int64_t store_purge_shadows(struct store *store);

void store_add_property(struct store *store, const struct property *property);
void store_clear_object(struct store *store, const char *object);

#endif
