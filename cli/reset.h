/*
 * reset — what Tandem remembers of one entity is taken away, so that it begins again as on its first day. What both systems hold, what
 * happened (changes, outcomes, dead letters) and every other entity and migration stay as they are.
 */
#ifndef TANDEM_CLI_RESET_H
#define TANDEM_CLI_RESET_H

#include "model/migration.h"

struct reset_counts {
    int64_t rows;       /* of <ns>.state.<entity> that say something */
    int64_t questions;  /* records with questions on <ns>.review */
    int64_t cursors;    /* of <ns>.cursors, of this entity, whatever the source and pass */
    int64_t redis_keys; /* of "tandem:<ns>:…:<entity>…" */
};

/*
 * really false: only count. Refuses (ERR_FATAL EX_UNAVAILABLE, with what to do) while apply or poll is a member of its group, or Redis
 * knows operations of the entity whose outcome is open. Again after a crash is fine: it is done when it says so.
 */
int reset_entity(struct migration *migration, const struct entity *entity, bool really,
                 struct reset_counts *ret_counts, struct err *err);

/* ---- reset_redis.c ---- */

/* The keys of the entity; really: unlinked. epoch:<entity> stays: it keeps former owners out. *ret_operations: in flight; then nothing is unlinked. */
int reset_redis(const struct migration *migration, const struct entity *entity, bool really,
                int64_t *ret_keys, int64_t *ret_operations, struct err *err);

#endif
