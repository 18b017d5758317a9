/*
 * rows — the rows of `state` that count, of one entity: of every record the last one that its partition's owner wrote (state_fold).
 * The topic is read twice: where those rows stand, then only they.
 */
#ifndef TANDEM_CLI_ROWS_H
#define TANDEM_CLI_ROWS_H

#include "model/migration.h"
#include "model/state.h"

/* row and text (the same as it stands on the topic) are borrowed until it returns. 0 to go on, -1 with err to stop. */
typedef int rows_fn(void *self, const struct row *row, struct span text, struct err *err);

/* needle: only rows whose text has it are given, "" all. Memory: 32 bytes a record. */
int rows_fold(const struct migration *migration, const struct entity *entity, const char *needle,
              rows_fn *fn, void *self, struct err *err);

/* apply writes such keys between the rows: their offset is an epoch. */
bool rows_is_assignment(struct span key);

#endif
