/*
 * test_clock — timestamps and HTTP dates as tables, the calendar against the C library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define BAD INT64_MIN

static void timestamps_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2026-01-02T03:04:05.678Z", 1767323045678},
        {"2026-01-02t03:04:05.678z", 1767323045678},
        {"2026-01-02 03:04:05.678Z", 1767323045678},
        {"2026-01-02T03:04:05.678+0000", 1767323045678},
        {"2026-01-02T05:04:05.678+02:00", 1767323045678},
        {"2026-01-01T21:34:05.678-0530", 1767323045678},
        {"2026-01-02T03:04:05.6Z", 1767323045600},
        {"2026-01-02T03:04:05.6789999Z", 1767323045678},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"2016-12-31T23:59:60Z", 1483228799999},
        {"2016-12-31T23:59:60.5Z", 1483228799999},
        {"2026-01-02T03:04:05", BAD},
        {"2026-01-02", BAD},
        {"2026-01-02T03:04:05.Z", BAD},
        {"2026-01-02T03:04:05Zx", BAD},
        {"2026-01-02T03:04:05+02", BAD},
        {"2026-01-02T03:04:05+24:00", BAD},
        {"2026-01-02T03:04:05+02:60", BAD},
        {"2026-01-02T24:00:00Z", BAD},
        {"2026-01-02T03:60:00Z", BAD},
        {"2026-01-02T03:04:61Z", BAD},
        {"2026-13-01T00:00:00Z", BAD},
        {"2026-00-01T00:00:00Z", BAD},
        {"2025-02-29T00:00:00Z", BAD},
        {"1900-02-29T00:00:00Z", BAD},
        {"2026-04-31T00:00:00Z", BAD},
        {"26-01-02T03:04:05Z", BAD},
        {"+026-01-02T03:04:05Z", BAD},
        {"2026-1-02T03:04:05Z", BAD},
        {"", BAD},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t got = BAD;
        bool read = timestamp_parse(cases[i].text, strlen(cases[i].text), &got);
        if (got != cases[i].want || read != (cases[i].want != BAD))
            fail_msg("%s: %" PRId64 ", not %" PRId64, cases[i].text, got, cases[i].want);
    }
    int64_t got = BAD;
    assert_false(timestamp_parse("2026-01-02T03:04:05Z", 19, &got));
    assert_int_equal(got, BAD);
}

static void timestamps_are_written(void **state)
{
    (void)state;
    static const struct {
        int64_t given;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {1767323045678, "2026-01-02T03:04:05.678Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {-62167219200000, "0000-01-01T00:00:00.000Z"},
        {-62167219200001, "0000-01-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {253402300800000, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TIMESTAMP_BYTES];
        timestamp_format(cases[i].given, text);
        assert_string_equal(text, cases[i].want);
    }
}

static void http_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000},  {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Thu, 29 Feb 2024 12:00:00 GMT", 1709208000000}, {"Sun, 06 Nov 1994 08:49:37 UTC", BAD},
        {"Sunday, 06-Nov-94 08:49:37 GMT", BAD},          {"Sun Nov  6 08:49:37 1994", BAD},
        {"Sun, 31 Nov 1994 08:49:37 GMT", BAD},           {"Sun, 06 nov 1994 08:49:37 GMT", BAD},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", BAD},          {"", BAD},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t got = BAD;
        bool read = http_date_parse(cases[i].text, strlen(cases[i].text), &got);
        if (got != cases[i].want || read != (cases[i].want != BAD))
            fail_msg("%s: %" PRId64 ", not %" PRId64, cases[i].text, got, cases[i].want);
    }
}

/* Every day of eight centuries: the C library's calendar agrees, and there and back is the same. */
static void calendar_agrees_with_libc(void **state)
{
    (void)state;
    for (int64_t day = date_days(1600, 1, 1); day < date_days(2400, 1, 1); day++) {
        time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal(date_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday), day);
        assert_true(date_valid(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday));
        char text[TIMESTAMP_BYTES], want[TIMESTAMP_BYTES];
        timestamp_format(day * 86400000, text);
        (void)strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        assert_string_equal(text, want);
    }
    assert_false(date_valid(10000, 1, 1));
    assert_false(date_valid(-1, 1, 1));
    assert_false(date_valid(2026, 1, 0));
}

static void clocks_run(void **state)
{
    (void)state;
    assert_true(clock_wall_ms(&CLOCK_SYSTEM) > 1700000000000);
    int64_t before = clock_mono_ms(&CLOCK_SYSTEM);
    assert_true(clock_mono_ms(&CLOCK_SYSTEM) >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestamps_are_read), cmocka_unit_test(timestamps_are_written),
        cmocka_unit_test(http_dates),          cmocka_unit_test(calendar_agrees_with_libc),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
