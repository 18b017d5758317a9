/*
 * metrics_internal — how metrics.c keeps what metrics_render.c writes out.
 */
#ifndef TANDEM_BASE_METRICS_INTERNAL_H
#define TANDEM_BASE_METRICS_INTERNAL_H

#include <stdint.h>

#include "base/buf.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_TYPE_COUNT };

/* 64 label sets and "other". Bounds: OpenTelemetry semantic conventions, messaging metrics. */
enum { METRIC_SERIES_MAX = 64, METRIC_BUCKETS = 14 };
extern const double METRIC_BOUNDS[METRIC_BUCKETS];

struct metric {
    struct metric *next;
    char *labels;
    _Atomic double value; /* a histogram's count */
    _Atomic int64_t
        since_ms; /* a gauge that grows: monotonic, when it had the value; 0 = it does not */
    _Atomic double sum;
    _Atomic int64_t buckets[METRIC_BUCKETS + 1]; /* not cumulative; the last is +Inf */
};

/* All series of one name. Never freed: a series lives as long as the process. */
struct family {
    struct family *next; /* sorted by name */
    char *name, *help;
    enum metric_type type;
    int series_count;
    struct metric *first;
};

void family_render(const struct family *family, struct buf *out);

#endif
