/*
 * offsets — how long a topic is and how far apply's group has come, asked of
 * Kafka without joining the group.
 */
#ifndef TANDEM_CLI_OFFSETS_H
#define TANDEM_CLI_OFFSETS_H

#include <stdint.h>

#include "model/migration.h"

struct offsets;

struct offsets *offsets_open(const struct migration *migration, struct err *err);
/* Of another group of the migration: "poll.salesforce". */
struct offsets *offsets_open_group(const struct migration *migration, const char *group,
                                   struct err *err);
void offsets_close(struct offsets *offsets);

/* Does Kafka answer at all? -1 with ERR_RETRY after a few seconds, naming the brokers. */
int offsets_probe(struct offsets *offsets, struct err *err);

/* How many processes are members of apply's group now. */
int offsets_members(struct offsets *offsets, int *ret_count, struct err *err);

/*
 * Messages on a topic with so many partitions (end less beginning), and how many of them apply has
 * not committed yet. -1 with ERR_RETRY: Kafka does not answer.
 */
int offsets_read(struct offsets *offsets, const char *topic, int partitions, int64_t *ret_messages,
                 int64_t *ret_lag, struct err *err);

#endif
