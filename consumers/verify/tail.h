/*
 * tail — a topic read from its beginning to the end offsets of now, and later on from there.
 */
#ifndef TANDEM_VERIFY_TAIL_H
#define TANDEM_VERIFY_TAIL_H

#include "stream/log_reader.h"

struct tail;

/*
 * asker: a reader that reads nothing, for the end offsets (borrowed); a reader at work answers such a
 * question only after its broker's fetch.wait.max.ms.
 */
struct tail *tail_open(const struct migration *migration, const char *topic, int partitions,
                       struct log_reader *asker, struct err *err);
void tail_close(struct tail *tail);

typedef int (*tail_fn)(void *self, const struct log_message *message, struct err *err);

/*
 * Give every message up to the end offsets of now to fn, in offset order per partition. ERR_RETRY
 * after a minute without a message while some are missing.
 */
int tail_read(struct tail *tail, tail_fn fn, void *self, struct err *err);

#endif
