/*
 * scripts — the Lua that changes apply's keys in Redis (store.h has the keys). Each is atomic; each that serves the
 * running pipeline begins with the guard.
 */
#ifndef TANDEM_APPLY_SCRIPTS_H
#define TANDEM_APPLY_SCRIPTS_H

#include "remote/redis.h"

/* ARGV of all: prefix, incarnation, entity, count of partitions, (partition, epoch)…, then the script's own. */
extern struct redis_script
    SCRIPT_TAKE; /* none of the guard's partitions; partition, epoch → {mark} or "FENCED" */
extern struct redis_script
    SCRIPT_LOAD; /* n, (key, m, match name × m)… → row, op, (candidates, holder) × m, … */
extern struct redis_script
    SCRIPT_BEGIN; /* n, (key, op, m, claim × m)… → holder, claim, … ("" = begun) */
extern struct redis_script
    SCRIPT_FINISH; /* marks, (partition, mark)…, n, (partition, key, row, index, keep_op, match id, m, name × m)… → "OK" */
extern struct redis_script
    SCRIPT_CANCEL; /* n, key… → "OK": operations that were not executed, and the claims only they made */
extern struct redis_script SCRIPT_DUE; /* partition, max → keys */

/* Without a guard of epochs; ARGV: prefix, incarnation or "", entity, 0, then: */
extern struct redis_script SCRIPT_MATCH; /* n, (name, id)… → "OK" */
extern struct redis_script
    SCRIPT_DERIVE; /* cursor, count → next cursor: twins, claims, waits and due of the rows, during a rebuild */

#endif
