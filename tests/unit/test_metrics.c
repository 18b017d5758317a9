/*
 * test_metrics — series, limits, and the text that Prometheus reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"

static char *rendered(void)
{
    struct buf out;
    buf_init(&out, 0);
    metrics_render(&out);
    return buf_take(&out);
}

static void expect_text(const char *want)
{
    char *text = rendered();
    if (!strstr(text, want))
        fail_msg("no\n%s\nin\n%s", want, text);
    free(text);
}

static void same_name_and_labels_are_one_series(void **state)
{
    (void)state;
    struct metric *one = metric_counter("tandem_one_total", "One.", "entity=\"contact\"");
    assert_ptr_equal(one, metric_counter("tandem_one_total", "One.", "entity=\"contact\""));
    assert_ptr_not_equal(one, metric_counter("tandem_one_total", "One.", NULL));
    metric_add(one, 3);
    metric_add(one, 4);
    assert_true(metric_value(one) == 7);
    expect_text("# HELP tandem_one_total One.\n# TYPE tandem_one_total counter\n"
                "tandem_one_total{entity=\"contact\"} 7\ntandem_one_total 0\n");
}

static void gauges_and_help(void **state)
{
    (void)state;
    struct metric *gauge = metric_gauge("tandem_lag_seconds", "Lag,\nin \\ seconds.", NULL);
    metric_set(gauge, 1.5);
    expect_text("# HELP tandem_lag_seconds Lag,\\nin \\\\ seconds.\n"
                "# TYPE tandem_lag_seconds gauge\ntandem_lag_seconds 1.5\n");
    metric_set(gauge, -2);
    expect_text("tandem_lag_seconds -2\n");
}

static void another_type_is_the_sink(void **state)
{
    (void)state;
    struct metric *gauge = metric_gauge("tandem_twice", "Twice.", NULL);
    struct metric *counter = metric_counter("tandem_twice", "Twice.", NULL);
    assert_non_null(counter);
    assert_ptr_not_equal(gauge, counter);
    metric_add(counter, 5);
    expect_text("\ntandem_twice 0\n");
}

static void histograms(void **state)
{
    (void)state;
    struct metric *histogram = metric_histogram("tandem_wait_seconds", "Waits.", "op=\"read\"");
    metric_observe(histogram, 0.005);
    metric_observe(histogram, 0.006);
    metric_observe(histogram, 60);
    assert_true(metric_value(histogram) == 3);
    expect_text("tandem_wait_seconds_bucket{op=\"read\",le=\"0.005\"} 1\n"
                "tandem_wait_seconds_bucket{op=\"read\",le=\"0.01\"} 2\n");
    expect_text("tandem_wait_seconds_bucket{op=\"read\",le=\"10\"} 2\n"
                "tandem_wait_seconds_bucket{op=\"read\",le=\"+Inf\"} 3\n");
    expect_text("tandem_wait_seconds_count{op=\"read\"} 3\n");
}

static void label_sets_are_limited(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        char labels[32];
        (void)snprintf(labels, sizeof(labels), "n=\"%d\"", i);
        metric_add(metric_counter("tandem_many_total", "Many.", labels), 1);
    }
    expect_text("tandem_many_total{n=\"63\"} 1\ntandem_many_total{other=\"true\"} 36\n");
}

/* A lag grows while nobody sets it; metric_set ends that. */
static void gauges_that_grow(void **state)
{
    (void)state;
    struct metric *lag = metric_gauge("tandem_lag_seconds", "Lag.", NULL);
    metric_set_growing(lag, 7);
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + 10 * 1000;
    while (metric_value(lag) <= 7 && clock_mono_ms(&CLOCK_SYSTEM) < until_ms)
        (void)sched_yield();
    assert_true(metric_value(lag) > 7);
    metric_set(lag, 7);
    expect_text("tandem_lag_seconds 7\n");
}

static void *add_many(void *metric)
{
    for (int i = 0; i < 10000; i++) {
        metric_add(metric, 1);
        metric_observe(metric_histogram("tandem_threads_seconds", "Threads.", NULL), 1);
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    struct metric *counter = metric_counter("tandem_threads_total", "Threads.", NULL);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, counter), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(metric_value(counter) == 40000);
    expect_text("tandem_threads_seconds_sum 40000\ntandem_threads_seconds_count 40000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_name_and_labels_are_one_series),
        cmocka_unit_test(gauges_and_help),
        cmocka_unit_test(gauges_that_grow),
        cmocka_unit_test(another_type_is_the_sink),
        cmocka_unit_test(histograms),
        cmocka_unit_test(label_sets_are_limited),
        cmocka_unit_test(threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
