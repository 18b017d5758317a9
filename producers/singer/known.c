/*
 * known — see known.h.
 */
#include "producers/singer/known.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { FIND, PUT, COUNT, MISSING, GET_RUNS, SET_RUNS, ACTIVATED, SET_ACTIVATED, STATEMENT_COUNT };
enum { FORMAT = 1 };

#define IS_MISSING "NOT gone AND run < ?3 AND (?2 = 0 OR version < ?2) AND (?4 OR version > 0)"

static const char *const SQL[] = {
    [FIND] = "SELECT digest, modified, version, run, gone FROM seen WHERE stream=?1 AND id=?2",
    [PUT] = "INSERT OR REPLACE INTO seen VALUES(?1,?2,?3,?4,?5,?6,?7)",
    [COUNT] = "SELECT coalesce(sum(NOT gone),0), coalesce(sum(" IS_MISSING "),0),"
              " coalesce(max(modified),0) FROM seen WHERE stream=?1",
    [MISSING] = "SELECT id, modified FROM seen WHERE stream=?1 AND " IS_MISSING " LIMIT ?5",
    [GET_RUNS] = "SELECT runs FROM about",
    [SET_RUNS] = "UPDATE about SET runs=?1",
    [ACTIVATED] = "SELECT coalesce(max(version),0) FROM activated WHERE stream=?1",
    [SET_ACTIVATED] = "INSERT OR REPLACE INTO activated VALUES(?1,?2)",
};
_Static_assert(sizeof(SQL) / sizeof(SQL[0]) == STATEMENT_COUNT, "a statement without text");

/* FULL: what Kafka's place says was seen must be here after a power cut as well. EXCLUSIVE: a second process is refused. */
static const char SCHEMA[] =
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA cache_size=-8192; BEGIN EXCLUSIVE;"
    "CREATE TABLE IF NOT EXISTS about(format INT, name TEXT, runs INT);"
    "CREATE TABLE IF NOT EXISTS activated(stream TEXT PRIMARY KEY, version INT);"
    "CREATE TABLE IF NOT EXISTS seen(stream TEXT, id TEXT, digest TEXT, modified INT,"
    " version INT, run INT, gone INT, PRIMARY KEY(stream,id)) WITHOUT ROWID; COMMIT";

struct known {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    bool begun;
};

static int fail(struct known *known, struct err *err)
{
    int code = known->db ? sqlite3_errcode(known->db) & 0xff : SQLITE_NOMEM;
    bool passes = code == SQLITE_FULL || code == SQLITE_NOMEM || code == SQLITE_IOERR;
    return err_set(err, passes ? ERR_RETRY : ERR_FATAL, "the file of known records: %s",
                   known->db ? sqlite3_errmsg(known->db) : "out of memory");
}

static int execute(struct known *known, const char *sql, struct err *err)
{
    return sqlite3_exec(known->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(known, err);
}

static void bind(sqlite3_stmt *statement, int at, struct span text)
{
    (void)sqlite3_bind_text64(statement, at, text.data, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

/* 1 = a row, 0 = none, -1 = err. */
static int step(struct known *known, sqlite3_stmt *statement, struct err *err)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE)
        return 0;
    (void)fail(known, err);
    (void)sqlite3_reset(statement);
    return -1;
}

static int run(struct known *known, sqlite3_stmt *statement, struct err *err)
{
    if (step(known, statement, err) < 0)
        return -1;
    (void)sqlite3_reset(statement);
    return 0;
}

/* ---- opening ---- */

/* Whose it is: 1 = ours, 0 = nobody's yet or another's. */
static int is_ours(struct known *known, const char *name)
{
    sqlite3_stmt *statement = NULL;
    int ours = 0;
    if (sqlite3_prepare_v2(known->db, "SELECT 1 FROM about WHERE format=?1 AND name=?2", -1,
                           &statement, NULL) != SQLITE_OK)
        return 0;
    (void)sqlite3_bind_int(statement, 1, FORMAT);
    bind(statement, 2, span_of(name));
    ours = sqlite3_step(statement) == SQLITE_ROW;
    (void)sqlite3_finalize(statement);
    return ours;
}

static int begin_anew(struct known *known, const char *name, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    if (execute(known, "DELETE FROM seen; DELETE FROM activated; DELETE FROM about", err) < 0)
        return -1;
    if (sqlite3_prepare_v2(known->db, "INSERT INTO about VALUES(?1,?2,0)", -1, &statement, NULL) !=
        SQLITE_OK)
        return fail(known, err);
    (void)sqlite3_bind_int(statement, 1, FORMAT);
    bind(statement, 2, span_of(name));
    int result = run(known, statement, err);
    (void)sqlite3_finalize(statement);
    return result;
}

/* *ret_damaged: it is no database any more. */
static int open_file(struct known *known, const char *path, bool *ret_damaged, struct err *err)
{
    int code = sqlite3_open(path, &known->db);
    if (code == SQLITE_OK)
        code = sqlite3_exec(known->db, SCHEMA, NULL, NULL, NULL);
    *ret_damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        return err_exit(err, EX_CONFIG, "%s is another process's: each source needs its state_dir",
                        path);
    return code == SQLITE_OK ? 0 : fail(known, err);
}

struct known *known_open(const char *dir, const char *name, bool *ret_fresh, struct err *err)
{
    struct known *known = calloc(1, sizeof(*known));
    char path[PATH_MAX];
    bool damaged = false;
    struct err first = ERR_INIT;
    if (!known || (mkdir(dir, 0700) < 0 && errno != EEXIST) ||
        snprintf(path, sizeof(path), "%s/known.db", dir) >= (int)sizeof(path)) {
        err_exit(err, EX_CONFIG, "state_dir %s: %s", dir, strerror(errno));
        goto fail;
    }
    if (open_file(known, path, &damaged, &first) < 0 && damaged) {
        (void)sqlite3_close(known->db);
        known->db = NULL;
        err_clear(&first);
        if (unlink(path) == 0)
            (void)open_file(known, path, &damaged, &first);
    }
    if (first.kind != ERR_NONE) {
        if (err)
            *err = first;
        goto fail;
    }
    *ret_fresh = !is_ours(known, name);
    if (*ret_fresh && begin_anew(known, name, err) < 0)
        goto fail;
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v2(known->db, SQL[i], -1, &known->statements[i], NULL) != SQLITE_OK) {
            (void)fail(known, err);
            goto fail;
        }
    }
    return known;
fail:
    known_close(known);
    return NULL;
}

void known_close(struct known *known)
{
    if (!known)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(known->statements[i]);
    (void)sqlite3_close(known->db);
    free(known);
}

int known_begin(struct known *known, struct err *err)
{
    if (known->begun)
        return 0;
    known->begun = execute(known, "BEGIN", err) == 0;
    return known->begun ? 0 : -1;
}

int known_commit(struct known *known, struct err *err)
{
    if (known->begun && execute(known, "COMMIT", err) < 0)
        return -1;
    known->begun = false;
    return 0;
}

void known_rollback(struct known *known)
{
    if (known->begun)
        (void)sqlite3_exec(known->db, "ROLLBACK", NULL, NULL, NULL);
    known->begun = false;
}

/* ---- rows ---- */

static void copy_text(sqlite3_stmt *statement, int column, char *ret_text, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    (void)snprintf(ret_text, size, "%s", text ? text : "");
}

int known_find(struct known *known, const char *stream, struct span id, struct known_row *ret_row,
               bool *ret_found, struct err *err)
{
    sqlite3_stmt *statement = known->statements[FIND];
    bind(statement, 1, span_of(stream));
    bind(statement, 2, id);
    int found = step(known, statement, err);
    if (found < 0)
        return -1;
    if (found) {
        copy_text(statement, 0, ret_row->digest, sizeof(ret_row->digest));
        ret_row->modified_ms = sqlite3_column_int64(statement, 1);
        ret_row->version = sqlite3_column_int64(statement, 2);
        ret_row->run = sqlite3_column_int64(statement, 3);
        ret_row->gone = sqlite3_column_int(statement, 4) != 0;
    }
    (void)sqlite3_reset(statement);
    *ret_found = found;
    return 0;
}

int known_put(struct known *known, const char *stream, struct span id, const struct known_row *row,
              struct err *err)
{
    sqlite3_stmt *statement = known->statements[PUT];
    bind(statement, 1, span_of(stream));
    bind(statement, 2, id);
    bind(statement, 3, span_of(row->digest));
    (void)sqlite3_bind_int64(statement, 4, row->modified_ms);
    (void)sqlite3_bind_int64(statement, 5, row->version);
    (void)sqlite3_bind_int64(statement, 6, row->run);
    (void)sqlite3_bind_int(statement, 7, row->gone);
    return run(known, statement, err);
}

int known_forget(struct known *known, struct err *err)
{
    return execute(known, "DELETE FROM seen; DELETE FROM activated; UPDATE about SET runs=0", err);
}

static void bind_bound(sqlite3_stmt *statement, const char *stream, struct known_bound bound)
{
    bind(statement, 1, span_of(stream));
    (void)sqlite3_bind_int64(statement, 2, bound.below_version);
    (void)sqlite3_bind_int64(statement, 3, bound.below_run);
    (void)sqlite3_bind_int(statement, 4, bound.unversioned);
}

int known_count(struct known *known, const char *stream, struct known_bound bound,
                struct known_count *ret_count, struct err *err)
{
    sqlite3_stmt *statement = known->statements[COUNT];
    bind_bound(statement, stream, bound);
    if (step(known, statement, err) < 0)
        return -1;
    *ret_count = (struct known_count){.alive = sqlite3_column_int64(statement, 0),
                                      .missing = sqlite3_column_int64(statement, 1),
                                      .newest_ms = sqlite3_column_int64(statement, 2)};
    (void)sqlite3_reset(statement);
    return 0;
}

int known_take_missing(struct known *known, const char *stream, struct known_bound bound,
                       struct known_missing *ret_missing, int max, struct err *err)
{
    sqlite3_stmt *statement = known->statements[MISSING];
    int count = 0, more = 1;
    bind_bound(statement, stream, bound);
    (void)sqlite3_bind_int(statement, 5, max);
    while (count < max && (more = step(known, statement, err)) == 1) {
        copy_text(statement, 0, ret_missing[count].id, KNOWN_ID_BYTES);
        ret_missing[count++].modified_ms = sqlite3_column_int64(statement, 1);
    }
    (void)sqlite3_reset(statement);
    return more < 0 ? -1 : count;
}

int known_runs(struct known *known, int64_t *ret_runs, struct err *err)
{
    sqlite3_stmt *statement = known->statements[GET_RUNS];
    if (step(known, statement, err) < 0)
        return -1;
    *ret_runs = sqlite3_column_int64(statement, 0);
    (void)sqlite3_reset(statement);
    return 0;
}

int known_set_runs(struct known *known, int64_t runs, struct err *err)
{
    (void)sqlite3_bind_int64(known->statements[SET_RUNS], 1, runs);
    return run(known, known->statements[SET_RUNS], err);
}

int known_activated(struct known *known, const char *stream, int64_t *ret_version, struct err *err)
{
    sqlite3_stmt *statement = known->statements[ACTIVATED];
    bind(statement, 1, span_of(stream));
    if (step(known, statement, err) < 0)
        return -1;
    *ret_version = sqlite3_column_int64(statement, 0);
    (void)sqlite3_reset(statement);
    return 0;
}

int known_set_activated(struct known *known, const char *stream, int64_t version, struct err *err)
{
    sqlite3_stmt *statement = known->statements[SET_ACTIVATED];
    bind(statement, 1, span_of(stream));
    (void)sqlite3_bind_int64(statement, 2, version);
    return run(known, statement, err);
}
