/*
 * store_sql — the tables and the prepared statements of the store.
 */
#ifndef TANDEM_SANDBOX_STORE_SQL_H
#define TANDEM_SANDBOX_STORE_SQL_H

#include "tests/sandbox/store.h"

extern const char STORE_PRAGMAS[], STORE_TABLES[];
extern const char *const STORE_INDEXES[STORE_INDEX_COUNT];
extern const char *const STORE_SQL[STATEMENT_COUNT];

#endif
