/*
 * test_brake — how many deletions a sweep may bring, and when a log of deletions no longer tells all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/brake.h"

static void allows(void **state)
{
    static const struct {
        struct brake brake;
        enum brake_by by;
        int64_t known, percent, want;
    } rows[] = {
        {{0}, BRAKE_BY_LOG, 0, 5, 20},
        {{0}, BRAKE_BY_LOG, -1, 5, 20}, /* unknown: the least */
        {{0}, BRAKE_BY_LOG, 400, 5, 20},
        {{0}, BRAKE_BY_LOG, 420, 5, 21},
        {{0}, BRAKE_BY_LOG, 1000000, 5, 50000},
        {{0}, BRAKE_BY_LOG, 1000000, 0, 20},
        {{0}, BRAKE_BY_LOG, 199, 100, 199},
        {{0}, BRAKE_BY_LOG, INT64_MAX / 100, 100, INT64_MAX / 100}, /* no overflow */
        {{.approved = true, .found = 300}, BRAKE_BY_LOG, 1000, 5, 350},
        {{.approved = true, .found = 300}, BRAKE_BY_CENSUS, 1000, 5, 50}, /* another's answer */
        {{.by = BRAKE_BY_CENSUS, .approved = true, .found = 9}, BRAKE_BY_CENSUS, 0, 5, 29},
        {{.braked = true, .found = 300}, BRAKE_BY_LOG, 1000, 5, 50}, /* asked is not answered */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(brake_allows(&rows[i].brake, rows[i].by, rows[i].known, rows[i].percent),
                         rows[i].want);
}

static void gaps(void **state)
{
    static const struct {
        int64_t from_ms, earliest_ms, now_ms, log_ms, want;
    } rows[] = {
        {1000, 500, 2000, 0, 0},       {1000, 1000, 2000, 0, 0},
        {1000, 1001, 2000, 0, 1000},   {1000, -1, 9000, 0, 0}, /* nothing said, nothing declared */
        {1000, -1, 2000, 1000, 0},     {1000, -1, 2001, 1000, 1000},
        {1000, 500, 2001, 1000, 1000}, /* declared counts as well */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(
            brake_gap_ms(rows[i].from_ms, rows[i].earliest_ms, rows[i].now_ms, rows[i].log_ms),
            rows[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(allows), cmocka_unit_test(gaps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
