/*
 * example — one record that is not as it should be, as JSON for people.
 */
#ifndef TANDEM_VERIFY_EXAMPLE_H
#define TANDEM_VERIFY_EXAMPLE_H

#include "consumers/verify/table.h"

/* A comma stands in front unless out is empty. Values of pii fields are "***". */
void example_pair(struct buf *out, const struct entity *entity, const struct table_pair *pair,
                  const struct judge_facts *facts, enum judge_class class_,
                  const enum judge_class *fields);
void example_orphan(struct buf *out, const struct table_orphan *orphan, const char *class_,
                    bool explained);

#endif
