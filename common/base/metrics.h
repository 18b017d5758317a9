/*
 * metrics — counters, gauges and histograms of one process, and their text
 * in the Prometheus exposition format 0.0.4. Names: tandem_…, base units,
 * _total on counters, no ids in labels (prometheus.io/docs/practices/naming).
 */
#ifndef TANDEM_BASE_METRICS_H
#define TANDEM_BASE_METRICS_H

#include <stdint.h>

#include "base/buf.h"

/* One series. Pointers returned below stay valid until the process ends; updates are lock-free and
 * thread-safe. */
struct metric;

/* labels: "entity=\"contact\",result=\"applied\"" or NULL. Same name and labels give the same
 * metric. At most 64 label sets a name: further ones count in labels "other". Never returns NULL
 * (falls back to a sink metric). */
struct metric *metric_counter(const char *name, const char *help, const char *labels);
struct metric *metric_gauge(const char *name, const char *help, const char *labels);
/* Seconds; OpenTelemetry messaging buckets 0.005 … 10. */
struct metric *metric_histogram(const char *name, const char *help, const char *labels);

void metric_add(struct metric *metric, int64_t value);
void metric_set(struct metric *metric, double value);
/* A gauge of seconds that goes on growing with the clock until it is set again: a lag must not stand
 * still because the thread that sets it waits for an answer. */
void metric_set_growing(struct metric *metric, double seconds);
void metric_observe(struct metric *metric, double seconds);
double metric_value(const struct metric *metric); /* of a counter or gauge; a histogram's count */

void metrics_render(struct buf *out);

#endif
