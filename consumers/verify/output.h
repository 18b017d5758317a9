/*
 * output — the result of verify as one line of JSON:
 *
 *   {"v":1,"ts_ms":…,"took_ms":…,"systems":true,"entities":[{"entity":"contact",
 *     "old_records":…,"new_records":…,"identical":…,
 *     "different":{"explained":{"conflict":3},"unexplained":{}},          both systems have the record
 *     "only_in_old":{"explained":{"dead-letter":1},"unexplained":{}},
 *     "only_in_new":{"explained":{"native":7,"source-gone":1},"unexplained":{}},
 *     "unexplained":0,"read_again":12,
 *     "rows":{"idle":…,"uncertain":…,…},"held":{"conflict":…},"dead_letters":{"mapping":1},
 *     "examples":[…]}]}
 *
 * Classes that count nothing are left out. With --rows "systems" is false and what needs a reading
 * of the systems is left out.
 */
#ifndef TANDEM_VERIFY_OUTPUT_H
#define TANDEM_VERIFY_OUTPUT_H

#include "consumers/verify/compare.h"

struct result {
    const struct entity *entity;
    bool systems; /* both systems were read */
    struct table_counts counts;
    struct tally tally;
    int64_t read_again;
    const struct compare *compare;
    struct table *table;
};

int output_entity(struct buf *out, const struct result *result, struct err *err);

#endif
