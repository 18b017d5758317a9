/*
 * scan — both systems read through the mapping into the table: everything
 * once, then single records again.
 */
#ifndef TANDEM_VERIFY_SCAN_H
#define TANDEM_VERIFY_SCAN_H

#include "consumers/verify/meter.h"
#include "consumers/verify/table.h"
#include "model/migration.h"

struct scan;

/* All borrowed. Signs in to neither system yet. */
struct scan *scan_open(const struct migration *migration, const struct entity *entity,
                       struct table *table, struct meter *meter, struct err *err);
void scan_close(struct scan *scan);

/*
 * List both systems. Waits where a rate limit asks for it, 15 minutes at most in a row.
 * ERR_RETRY when a system stays away, ERR_FATAL when it refuses.
 */
int scan_all(struct scan *scan, struct err *err);

/* Read the suspects again, with the twins that rows or external ids name for them; what is not
 * found any more leaves the table. */
int scan_suspects(struct scan *scan, struct err *err);

#endif
