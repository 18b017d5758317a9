/*
 * trail — what the audit trail (<ns>.outcomes) says of values that a declared truth let stand: record, field, and both values. One
 * reading for all entities. Without a truth rule in the configuration there is nothing to read, and nothing is read.
 */
#ifndef TANDEM_VERIFY_TRAIL_H
#define TANDEM_VERIFY_TRAIL_H

#include "consumers/verify/table.h"
#include "model/migration.h"

struct trail;

/* tables: one an entity, in the migration's order. All borrowed, also the array. */
struct trail *trail_open(const struct migration *migration, struct table *const *tables,
                         struct err *err);
void trail_close(struct trail *trail);

/* Bring the tables to the end offsets of now. */
int trail_read(struct trail *trail, struct err *err);

/* A value as it stands in the table; what is missing, blank and set differ. In the arena. */
struct span trail_text(struct value value, struct arena *arena);

#endif
