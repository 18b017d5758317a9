/*
 * check_rights_internal — what check_rights.c (topics) and check_rights_group.c share.
 */
#ifndef TANDEM_CLI_CHECK_RIGHTS_INTERNAL_H
#define TANDEM_CLI_CHECK_RIGHTS_INTERNAL_H

#include <librdkafka/rdkafka.h>

#include "cli/check_rights.h"

enum { RIGHTS_ANSWER_MS = 4000, RIGHTS_POLL_MS = 50 };

enum answer { NOT_ANSWERED, MAY, MAY_NOT };

/* A consumer of this group that joins nothing. NULL with err. */
rd_kafka_t *rights_consumer(const struct migration *migration, const char *group, struct err *err);

/* May this user be a member of the group and commit its offsets? topic: one that is there. 0, or -1 with err. */
int rights_ask_group(const struct migration *migration, const char *group, const char *topic,
                     enum answer *ret_answer, struct err *err);

#endif
