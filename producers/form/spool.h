/*
 * spool — entries kept on disk in the order in which they came, until they are where they belong: what forms brought while Kafka was
 * away, and what the old address has to get. One file a spool, one process a file; append, sync, read from the front, advance.
 *
 * `<name>.spool`: entries, each "TS1 <bytes> <SHA-256 of the bytes>\n", the bytes, "\n". `<name>.place`: how much of it is done with.
 * An entry counts once spool_sync() returned 0. What stands behind the last whole entry at the opening was never counted and is
 * cut off; an entry that is damaged before the end refuses the opening. Done with everything, the file is emptied.
 */
#ifndef TANDEM_FORM_SPOOL_H
#define TANDEM_FORM_SPOOL_H

#include "base/buf.h"
#include "base/err.h"

struct spool;

enum { SPOOL_ENTRY_MAX_BYTES = 24 * 1024 * 1024 };

/*
 * dir must exist. max_bytes: of the file; more is not taken. -1: ERR_FATAL (no directory, no rights, damaged) or ERR_RETRY (another
 * process has it).
 */
struct spool *spool_open(const char *dir, const char *name, int64_t max_bytes, struct err *err);
void spool_close(struct spool *spool);

/*
 * Add entries behind the others and make them durable: all or none. -1 with ERR_RETRY: there is no room (max_bytes, or the disk is full), or it
 * cannot be written.
 */
int spool_append(struct spool *spool, const struct span *entries, int count, struct err *err);

/* The entry behind *at (0: the first that is not done with), borrowed until the next call, and *at behind it. 0: there is none; -1 with err. */
int spool_next(struct spool *spool, int64_t *at, struct span *ret_entry, struct err *err);
/* Everything before at is done with, also after a crash. -1: not durable; it may be handed out once more. */
int spool_advance(struct spool *spool, int64_t at, struct err *err);

int64_t spool_waiting_bytes(const struct spool *spool); /* 0: everything is done with */

#endif
