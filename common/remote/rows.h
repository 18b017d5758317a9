/*
 * rows — what apply has of records, as Redis holds it: for a producer that asks whether what it reads is news. Read only, nothing is
 * locked. Redis is a copy of <ns>.state.<entity> that may be lost at any moment and lags behind what is on Kafka: a row
 * that is not there says nothing of its record.
 *
 * Keys, as consumers/apply/store.h has them: tandem:<ns>:incarnation, tandem:<ns>:rows:<entity>.
 */
#ifndef TANDEM_REMOTE_ROWS_H
#define TANDEM_REMOTE_ROWS_H

#include "base/arena.h"
#include "model/migration.h"

struct rows;

enum { ROWS_READ_MAX = 10000 };

/* migration is borrowed. NULL: ERR_FATAL. Connects when first needed. */
struct rows *rows_open(const struct migration *migration, struct err *err);
void rows_close(struct rows *rows); /* NULL is fine */

/*
 * The rows of n ≤ ROWS_READ_MAX keys ("<system>:<id>"), into the arena: the bytes of the state topic (model/state.h); ret_texts[i].data NULL: none.
 * n = 0 asks only whether rows could be read now. -1 with ERR_RETRY: Redis is away, or holds no rows that could be believed, since apply has
 * not (yet again) filled it.
 */
int rows_read(struct rows *rows, const char *entity, const struct span *keys, int n,
              struct arena *arena, struct span *ret_texts, struct err *err);

enum { ROWS_CURSOR_BYTES = 24 };

/*
 * One step over all rows of an entity (HSCAN, https://redis.io/commands/scan): cursor "0" begins, and is "0" again when it was over. fn gets a
 * key and its row's text, borrowed for the call. A row that was there all the time comes at least once, another perhaps; after
 * -1 begin anew. -1 as rows_read.
 */
int rows_scan(struct rows *rows, const char *entity, char cursor[ROWS_CURSOR_BYTES],
              void (*fn)(void *self, struct span key, struct span text), void *self,
              struct err *err);

#endif
