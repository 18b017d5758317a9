/*
 * silent — which fields change in the old system without a modified date, as the refresh pass counted them with its place
 * (stream/cursor.h).
 */
#ifndef TANDEM_CLI_SILENT_H
#define TANDEM_CLI_SILENT_H

#include <jansson.h>

#include "model/migration.h"

/* *ret_counts: {"phone": 12, …}, owned; empty: none was found. Returns 0, or -1 as cursor_load. */
int silent_read(const struct migration *migration, const char *entity, json_t **ret_counts,
                struct err *err);

#endif
