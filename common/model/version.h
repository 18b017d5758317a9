/*
 * version — what "newer" means. A version is the source's own modified-at,
 * the interval in which the source was observed to say so, and the mapping
 * generation that read it (design §3). Only the source's clock counts.
 *
 * Order: modified-at; if equal, generation; if equal, intervals: disjoint
 * intervals decide (a silent change is newer than what was read before),
 * overlapping ones with the same content are the same version, with different
 * content they are unordered: somebody has to read again.
 */
#ifndef TANDEM_MODEL_VERSION_H
#define TANDEM_MODEL_VERSION_H

#include <stdbool.h>
#include <stdint.h>

struct version {
    int64_t modified_ms;      /* source's modified-at, Unix epoch ms */
    int64_t observed_from_ms; /* Date − request duration */
    int64_t observed_to_ms;   /* Date + 1 s; INT64_MAX when the source sends no Date */
    int64_t generation;       /* mapping generation, ≥ 1 */
};

enum version_order {
    VERSION_OLDER,
    VERSION_SAME,
    VERSION_NEWER,
    VERSION_UNORDERED,
    VERSION_ORDER_COUNT
};
const char *version_order_name(enum version_order order);

/* How candidate stands to known. */
enum version_order version_compare(const struct version *known, const struct version *candidate,
                                   bool same_content);

/* The observed interval of a response: date_ms < 0 (no Date header) gives [0, INT64_MAX]. */
struct version version_observed(int64_t modified_ms, int64_t date_ms, int64_t duration_ms,
                                int64_t generation);

/* After two unordered sightings: the earliest moment of the source's clock from which a new read is disjoint from both
 * even if it takes duration_ms; INT64_MAX never happens (open-ended intervals give known/candidate from + 60 s). */
int64_t version_read_again_ms(const struct version *a, const struct version *b,
                              int64_t duration_ms);

#endif
