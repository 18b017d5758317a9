/*
 * values — a record's canonical values on their way through the table, by
 * field: a JSON array of null (missing), "" (blank) and texts. Unlike the record's own JSON it also
 * carries a text that does not fit its field's type, as apply compares it.
 */
#ifndef TANDEM_VERIFY_VALUES_H
#define TANDEM_VERIFY_VALUES_H

#include "model/record.h"

void values_put(struct buf *out, const struct record *record);

/* The values' texts are copied into the arena. ERR_FATAL: not what values_put wrote. */
int values_read(struct span text, const struct entity *entity, struct json_tape *tape,
                struct arena *arena, struct record *ret_record, struct err *err);

#endif
