/*
 * table_internal — what table.c, table_link.c, table_query.c and table_suspect.c share.
 */
#ifndef TANDEM_VERIFY_TABLE_INTERNAL_H
#define TANDEM_VERIFY_TABLE_INTERNAL_H

#include <sqlite3.h>

#include "consumers/verify/table.h"

enum statement {
    PUT_OLD,
    PUT_NEW,
    REMOVE_OLD,
    REMOVE_NEW,
    PUT_ROW,
    REMOVE_ROW,
    HAS_ROW,
    TWIN_OF,
    HAS_NEW,
    NEXT_NEW,
    PUT_LINK,
    REMOVE_LINKS,
    LINKS_OF,
    PUT_LETTER,
    PUT_NAME,
    PUT_NAME_ONCE,
    PUT_TRUTH,
    SUSPECT,
    LOOKED,
    PUT_LOOK,
    SETTLE,
    STATEMENT_COUNT
};

struct table {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    bool names_indexed; /* after all were put at once, which is faster */
};

sqlite3 *table_database(struct table *table);
int table_execute(struct table *table, const char *sql, struct err *err);
/* Borrowed until the statement is reset; SPAN_NONE is NULL. */
void table_bind(sqlite3_stmt *statement, int at, struct span text);
int table_run(struct table *table, enum statement which, struct err *err); /* and reset it */
int table_fail(const struct table *table, struct err *err); /* -1 with SQLite's words */

#endif
