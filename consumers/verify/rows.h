/*
 * rows — apply's rows and the dead letters of an entity, folded from their
 * topics into the table. Rows of an owner that had lost its partition are refused (state_fold).
 */
#ifndef TANDEM_VERIFY_ROWS_H
#define TANDEM_VERIFY_ROWS_H

#include "consumers/verify/table.h"
#include "model/migration.h"

struct rows;

/* migration, entity and table are borrowed. */
struct rows *rows_open(const struct migration *migration, const struct entity *entity,
                       struct table *table, struct err *err);
void rows_close(struct rows *rows);

/* Bring the table to the end offsets of now. */
int rows_read(struct rows *rows, struct err *err);

#endif
