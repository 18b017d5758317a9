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
    SCRIPT_BEGIN; /* n, m, (key, op) × n, (claim, key) × m → "OK", or holder, claim, … ("" = begun) */
/*
 * marks, (partition, mark)…, n, (key, partition, index, ends) × n → "OK".
 * ends, of the record's operation: its whole text – it is over, and the row keeps all it claimed; "" – it is over, whatever it is;
 * "=" and a marker – it is over if it is that one; "!" – it stays.
 */
extern struct redis_script SCRIPT_FINISH;
extern struct redis_script
    SCRIPT_CANCEL; /* n, key… → "OK": operations that were not executed, and the claims only they made */
extern struct redis_script SCRIPT_TWINS; /* n, key × n → {{index text…}…} */
extern struct redis_script SCRIPT_DUE;   /* partition, max → keys */

/* Without a guard of epochs; ARGV: prefix, incarnation or "", entity, 0, then: */
extern struct redis_script SCRIPT_MATCH; /* n, (name, id)… → "OK" */
extern struct redis_script
    SCRIPT_DERIVE; /* cursor, count → next cursor: claims, waits and due of the rows, during a rebuild */

#endif
