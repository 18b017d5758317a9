/*
 * metrics — the registry and the updates; see metrics.h. The registry is
 * process-wide on purpose: a series belongs to the process, not to an object.
 */
#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics_internal.h"

static struct {
    pthread_mutex_t lock;
    struct family *first;
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What is returned when memory is short: counted, never rendered. */
static struct metric sink;

static struct family *family_find(const char *name)
{
    for (struct family *family = registry.first; family; family = family->next)
        if (strcmp(family->name, name) == 0)
            return family;
    return NULL;
}

static struct family *family_new(const char *name, const char *help, enum metric_type type)
{
    struct family *family = calloc(1, sizeof(*family));
    if (!family)
        return NULL;
    family->name = strdup(name);
    family->help = strdup(help ? help : "");
    family->type = type;
    if (!family->name || !family->help) {
        free(family->name);
        free(family->help);
        free(family);
        return NULL;
    }
    struct family **at = &registry.first;
    while (*at && strcmp((*at)->name, name) < 0)
        at = &(*at)->next;
    family->next = *at;
    *at = family;
    return family;
}

static struct metric *series_find(struct family *family, const char *labels)
{
    for (struct metric *metric = family->first; metric; metric = metric->next)
        if (strcmp(metric->labels, labels) == 0)
            return metric;
    return NULL;
}

static struct metric *series_new(struct family *family, const char *labels)
{
    struct metric *metric = calloc(1, sizeof(*metric));
    if (metric)
        metric->labels = strdup(labels);
    if (!metric || !metric->labels) {
        free(metric);
        return NULL;
    }
    struct metric **at = &family->first;
    while (*at)
        at = &(*at)->next;
    *at = metric;
    family->series_count++;
    return metric;
}

static struct metric *metric_get(const char *name, const char *help, const char *labels,
                                 enum metric_type type)
{
    labels = labels ? labels : "";
    pthread_mutex_lock(&registry.lock);
    struct metric *metric = NULL;
    struct family *family = family_find(name);
    if (!family)
        family = family_new(name, help, type);
    if (family && family->type == type) {
        metric = series_find(family, labels);
        if (!metric && family->series_count >= METRIC_SERIES_MAX) {
            labels = "other=\"true\"";
            metric = series_find(family, labels);
        }
        if (!metric)
            metric = series_new(family, labels);
    }
    pthread_mutex_unlock(&registry.lock);
    return metric ? metric : &sink;
}

struct metric *metric_counter(const char *name, const char *help, const char *labels)
{
    return metric_get(name, help, labels, METRIC_COUNTER);
}

struct metric *metric_gauge(const char *name, const char *help, const char *labels)
{
    return metric_get(name, help, labels, METRIC_GAUGE);
}

struct metric *metric_histogram(const char *name, const char *help, const char *labels)
{
    return metric_get(name, help, labels, METRIC_HISTOGRAM);
}

static void value_add(_Atomic double *value, double by)
{
    double old = atomic_load_explicit(value, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(value, &old, old + by, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

void metric_add(struct metric *metric, int64_t value)
{
    value_add(&metric->value, (double)value);
}

void metric_set(struct metric *metric, double value)
{
    atomic_store_explicit(&metric->since_ms, 0, memory_order_relaxed);
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void metric_set_growing(struct metric *metric, double seconds)
{
    atomic_store_explicit(&metric->since_ms, clock_mono_ms(&CLOCK_SYSTEM), memory_order_relaxed);
    atomic_store_explicit(&metric->value, seconds, memory_order_relaxed);
}

void metric_observe(struct metric *metric, double seconds)
{
    int bucket = 0;
    while (bucket < METRIC_BUCKETS && seconds > METRIC_BOUNDS[bucket])
        bucket++;
    atomic_fetch_add_explicit(&metric->buckets[bucket], 1, memory_order_relaxed);
    value_add(&metric->sum, seconds);
    value_add(&metric->value, 1);
}

double metric_value(const struct metric *metric)
{
    double value = atomic_load_explicit(&metric->value, memory_order_relaxed);
    int64_t since_ms = atomic_load_explicit(&metric->since_ms, memory_order_relaxed);
    return since_ms ? value + (double)(clock_mono_ms(&CLOCK_SYSTEM) - since_ms) / 1000 : value;
}

void metrics_render(struct buf *out)
{
    pthread_mutex_lock(&registry.lock);
    for (const struct family *family = registry.first; family; family = family->next)
        family_render(family, out);
    pthread_mutex_unlock(&registry.lock);
}
