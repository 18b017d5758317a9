/*
 * pause — "stop writing for a while", said in <ns>.control and honoured by every consumer process while it runs. Capture goes on: events
 * wait on Kafka.
 *   "pause"           {"v":1,"paused":true,"since_ms":…,"who":"ann@host","why":"…"}   the whole migration; null: it goes on
 *   "pause:<entity>"  the same, for one entity
 */
#ifndef TANDEM_STREAM_PAUSE_H
#define TANDEM_STREAM_PAUSE_H

#include "base/err.h"
#include "model/migration.h"

enum { PAUSE_FORMAT_VERSION = 1, PAUSE_ENTITIES_MAX = 64 };

struct pause {
    bool on;
    int64_t since_ms; /* wall clock of who said it: for people */
    char who[80], why[200];
};
struct pauses {
    struct pause all, entities[PAUSE_ENTITIES_MAX]; /* as the migration's */
};

/*
 * Say it, and wait until Kafka has it. entity: one of the migration's, NULL: all of them. on false: go on. Nothing is written when it is so
 * already. who, why: at most 79 and 199 bytes count; why may be "". ERR_RETRY (Kafka away), ERR_FATAL (no such entity, no topic).
 */
int pause_set(const struct migration *migration, const char *entity, bool on, const char *who,
              const char *why, struct err *err);

/* What holds now. As log_reader_fold. */
int pauses_read(const struct migration *migration, struct pauses *ret_pauses, struct err *err);

/* The same, followed by a process that runs; one thread. */
struct pause_watch;

/* Reads the topic to its end first, so that nothing is written before a pause is known. NULL with ERR_RETRY / ERR_FATAL. migration: borrowed. */
struct pause_watch *pause_watch_open(const struct migration *migration, struct err *err);
void pause_watch_close(struct pause_watch *watch); /* NULL is fine */

/* What came since, without waiting: 1 = something changed, 0 = nothing, -1 = ERR_RETRY (Kafka away: what was known holds on), ERR_FATAL. */
int pause_watch_take(struct pause_watch *watch, struct err *err);

/*
 * Why nothing of this entity may be written now (the migration's own pause comes first); NULL: it may. entity NULL: only the pause of the
 * whole migration. watch NULL: never paused. To be asked before every piece of work that is not a batch: due waits, repairs.
 */
const struct pause *pause_watch_of(const struct pause_watch *watch, const struct entity *entity);

#endif
