/*
 * table_internal — what table.c and table_query.c share.
 */
#ifndef TANDEM_VERIFY_TABLE_INTERNAL_H
#define TANDEM_VERIFY_TABLE_INTERNAL_H

#include <sqlite3.h>

#include "consumers/verify/table.h"

sqlite3 *table_database(struct table *table);
int table_fail(const struct table *table, struct err *err); /* -1 with SQLite's words */

#endif
