/*
 * control — the compacted topic <ns>.control: what all processes of a migration agree on, one key a fact.
 *   "migration"           {"v":1,"phase":"prepared|running|done","go":true,"kill_ms":…}
 *   "mapping:<entity>"    {"v":1,"generation":1,"hash":"…","shape":{…}}   shape: migration_shape; may be left out
 *   "partitions:<entity>" {"v":1,"count":4}
 */
#ifndef TANDEM_STREAM_CONTROL_H
#define TANDEM_STREAM_CONTROL_H

#include "base/err.h"
#include "model/migration.h"

struct control {
    bool exists, go;
    char phase[16];
    int64_t kill_ms;
};

/*
 * Read the topic and check this process against it: each entity's mapping hash must be the known one (else ERR_FATAL EX_CONFIG: says
 * to run `tandem run --remap <entity>`), each partition count must be the topic's real one. Fills entity->generation.
 * Not yet prepared (no "migration" key): ret_control->exists false, generations untouched.
 */
int control_read(struct migration *migration, struct control *ret_control, struct err *err);

/* Write the first facts of a new migration (phase prepared, generation 1, counts, kill date); nothing if they are there already. */
int control_prepare(struct migration *migration, struct err *err);

/* Set phase running and go true: lets apply start. */
int control_go(struct migration *migration, struct err *err);

/*
 * Make this configuration's mapping of an entity the next generation (also an entity that the migration did not have), after asking
 * for what it reads otherwise: where only tables of values grew, hints for the records that are dead letters of reason "mapping",
 * else the backfill of the entity from its beginning, which meets them too. The hash is the known one already: only the
 * hints (max_bytes was raised, Tandem itself reads more). Again after a crash is fine. Every process of the migration must be
 * stopped: those that run have the old mapping.
 */
int control_remap(struct migration *migration, const char *entity, struct err *err);

#endif
