/*
 * scan — a topic read from its beginning to its end of now, for a command: says how far it is when that takes a while.
 */
#ifndef TANDEM_CLI_SCAN_H
#define TANDEM_CLI_SCAN_H

#include "stream/log_reader.h"

/* fn: 0 to go on, -1 to stop with err. As log_reader_fold; progress goes to stderr where that is a terminal. */
typedef int scan_fn(void *self, const struct log_message *message, struct err *err);
int scan_topic(const struct migration *migration, const char *topic, scan_fn *fn, void *self,
               struct err *err);

/* Only this partition. */
int scan_partition(const struct migration *migration, const char *topic, int32_t partition,
                   scan_fn *fn, void *self, struct err *err);

/* Kafka answers, within a few seconds; else -1 with what to do. Commands ask before they begin. */
int scan_ready(const struct migration *migration, struct err *err);

/* The partition of a key in a topic of the migration's partition count: murmur2, as every Tandem producer and Kafka's own client. */
int32_t scan_partition_of(struct span key, int partitions);

#endif
