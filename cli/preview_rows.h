/*
 * preview_rows — apply's rows of a few records, so that a preview in the
 * middle of a migration knows what both sides last agreed on.
 */
#ifndef TANDEM_CLI_PREVIEW_ROWS_H
#define TANDEM_CLI_PREVIEW_ROWS_H

#include "model/migration.h"
#include "model/state.h"

/*
 * Read the entity's state topic to its end and keep the last row of each key, in arena memory.
 * ret_rows[i]: SPAN_NONE where keys[i] has none. Returns 0, or -1 with err.
 */
int preview_rows(const struct migration *migration, const struct entity *entity,
                 const struct span *keys, int count, struct arena *arena, struct span *ret_rows,
                 struct err *err);

#endif
