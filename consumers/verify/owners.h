/*
 * owners — people whom records belong to: who a user of the old system is in the new one, by the e-mail address. Asked one by one,
 * each once in a while: there are few of them.
 */
#ifndef TANDEM_VERIFY_OWNERS_H
#define TANDEM_VERIFY_OWNERS_H

#include "base/arena.h"
#include "model/migration.h"

struct owners;

/* True: a mapping of this migration refers to people. */
bool owners_needed(const struct migration *migration);

/* Borrows migration. NULL with ERR_FATAL: a connector does not say where its people are. */
struct owners *owners_open(const struct migration *migration, struct err *err);
void owners_close(struct owners *owners);

/*
 * who: the key of a user of the old system, "<system>:<id>", or an e-mail address. ret_id: in the new system, in the arena;
 * SPAN_NONE: nobody there has that address. -1: a system does not answer.
 */
int owners_find(struct owners *owners, struct span who, struct arena *arena, struct span *ret_id,
                struct err *err);

#endif
