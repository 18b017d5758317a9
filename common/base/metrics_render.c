/*
 * metrics_render — the Prometheus text exposition format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats).
 */
#include "base/metrics_internal.h"

#include <math.h>

#include "base/metrics.h"

const double METRIC_BOUNDS[METRIC_BUCKETS] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                              0.5,   0.75, 1,     2.5,  5,     7.5, 10};

static const char *const TYPE_NAMES[] = {"counter", "gauge", "histogram"};
_Static_assert(sizeof(TYPE_NAMES) / sizeof(TYPE_NAMES[0]) == METRIC_TYPE_COUNT, "a name per type");

static void put_number(struct buf *out, double value)
{
    if (isnan(value))
        buf_puts(out, "NaN");
    else if (isinf(value))
        buf_puts(out, value > 0 ? "+Inf" : "-Inf");
    else if (fabs(value) < 1e15 && value == floor(value))
        buf_put_int(out, (int64_t)value);
    else
        buf_printf(out, "%.17g", value);
}

/* name_suffix{labels,le="bound"} value */
static void put_series(struct buf *out, const struct family *family, const char *suffix,
                       const struct metric *metric, const char *bound, double value)
{
    buf_puts(out, family->name);
    buf_puts(out, suffix);
    if (metric->labels[0] || bound) {
        buf_printf(out, "{%s", metric->labels);
        if (bound)
            buf_printf(out, "%sle=\"%s\"", metric->labels[0] ? "," : "", bound);
        buf_putc(out, '}');
    }
    buf_putc(out, ' ');
    put_number(out, value);
    buf_putc(out, '\n');
}

/* The count is the sum of the buckets read here, so that a scrape agrees with itself. */
static void put_histogram(struct buf *out, const struct family *family, const struct metric *metric)
{
    int64_t count = 0;
    for (int i = 0; i < METRIC_BUCKETS; i++) {
        struct buf bound;
        buf_init(&bound, 64);
        buf_printf(&bound, "%g", METRIC_BOUNDS[i]);
        count += metric->buckets[i];
        put_series(out, family, "_bucket", metric, bound.data ? bound.data : "", (double)count);
        buf_clear(&bound);
    }
    count += metric->buckets[METRIC_BUCKETS];
    put_series(out, family, "_bucket", metric, "+Inf", (double)count);
    put_series(out, family, "_sum", metric, NULL, metric->sum);
    put_series(out, family, "_count", metric, NULL, (double)count);
}

void family_render(const struct family *family, struct buf *out)
{
    buf_printf(out, "# HELP %s ", family->name);
    for (const char *c = family->help; *c; c++) {
        if (*c == '\\')
            buf_puts(out, "\\\\");
        else if (*c == '\n')
            buf_puts(out, "\\n");
        else
            buf_putc(out, *c);
    }
    buf_printf(out, "\n# TYPE %s %s\n", family->name, TYPE_NAMES[family->type]);
    for (const struct metric *metric = family->first; metric; metric = metric->next) {
        if (family->type == METRIC_HISTOGRAM)
            put_histogram(out, family, metric);
        else
            put_series(out, family, "", metric, NULL, metric_value(metric));
    }
}
