/*
 * test_zone — when days begin. The expected moments were taken from Python's
 * zoneinfo and from the announcements of the changes themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/zone.h"
#include "base/zone_internal.h"

static void midnights(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int year, month, day;
        const char *want;
    } cases[] = {
        {"UTC", 2026, 1, 2, "2026-01-02T00:00:00.000Z"},
        {"UTC", 1969, 12, 31, "1969-12-31T00:00:00.000Z"},
        {"America/New_York", 2027, 3, 1, "2027-03-01T05:00:00.000Z"},
        {"America/New_York", 2026, 7, 1, "2026-07-01T04:00:00.000Z"},
        {"America/New_York", 2026, 3, 8,
         "2026-03-08T05:00:00.000Z"}, /* the day the clocks go forward */
        {"America/New_York", 2026, 11, 1, "2026-11-01T04:00:00.000Z"}, /* and back */
        {"America/New_York", 2026, 11, 2, "2026-11-02T05:00:00.000Z"},
        {"America/New_York", 2050, 7, 1, "2050-07-01T04:00:00.000Z"}, /* beyond the file's table */
        {"America/New_York", 2050, 12, 1, "2050-12-01T05:00:00.000Z"},
        {"America/New_York", 1900, 1, 1, "1900-01-01T05:00:00.000Z"},
        {"America/New_York", 1800, 1, 1, "1800-01-01T04:56:02.000Z"}, /* local mean time */
        {"Asia/Kolkata", 2026, 1, 1, "2025-12-31T18:30:00.000Z"},
        {"Australia/Sydney", 2026, 1, 1, "2025-12-31T13:00:00.000Z"},
        {"Australia/Sydney", 2060, 1, 1, "2059-12-31T13:00:00.000Z"},
        {"Australia/Sydney", 2060, 6, 1, "2060-05-31T14:00:00.000Z"},
        {"America/Sao_Paulo", 2018, 11, 4, "2018-11-04T03:00:00.000Z"}, /* 00:00 became 01:00 */
        {"America/Havana", 2026, 11, 1,
         "2026-11-01T04:00:00.000Z"}, /* 01:00 became 00:00: the first one */
        {"Pacific/Apia", 2011, 12, 30, "2011-12-30T10:00:00.000Z"}, /* a day that was left out */
        {"Pacific/Apia", 2011, 12, 31, "2011-12-30T10:00:00.000Z"},
        {"Europe/Dublin", 2055, 1, 1,
         "2055-01-01T00:00:00.000Z"}, /* its winter time is the "saving" one */
        {"Europe/Dublin", 2055, 7, 1, "2055-06-30T23:00:00.000Z"},
        {"Asia/Gaza", 2040, 1, 1, "2039-12-31T22:00:00.000Z"},
        {"America/Nuuk", 2060, 3, 28, "2060-03-28T01:00:00.000Z"},
        {"Etc/GMT+5", 2026, 1, 1, "2026-01-01T05:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = ERR_INIT;
        struct zone *zone = zone_open(cases[i].zone, &err);
        if (!zone)
            fail_msg("%s", err.text);
        char got[TIMESTAMP_BYTES];
        timestamp_format(
            zone_midnight_ms(zone, date_days(cases[i].year, cases[i].month, cases[i].day)), got);
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s %d-%02d-%02d: %s, not %s", cases[i].zone, cases[i].year, cases[i].month,
                     cases[i].day, got, cases[i].want);
        zone_close(zone);
    }
    zone_close(NULL);
}

static void unknown(void **state)
{
    (void)state;
    static const struct {
        const char *name, *nearest;
    } cases[] = {
        {"America/New_Yrok", "America/New_York"},
        {"Europe/Berlim", "Europe/Berlin"},
        {"europe/berlin", "Europe/Berlin"},
        {"Amercia/New York", "America/New_York"},
        {"Eastern Standard Time", NULL},
        {"", NULL},
        {"/etc/passwd", NULL},
        {"../zoneinfo/UTC", NULL},
        {"Europe/../UTC", NULL},
        {"right/UTC", NULL},
        {"localtime", NULL},
        {"America", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = ERR_INIT;
        assert_null(zone_open(cases[i].name, &err));
        assert_int_equal(err.kind, ERR_FATAL);
        char nearest[64] = "";
        bool found = zone_nearest(cases[i].name, nearest, sizeof(nearest));
        if (cases[i].nearest && (!found || strcmp(nearest, cases[i].nearest) != 0))
            fail_msg("%s: %s, not %s", cases[i].name, nearest, cases[i].nearest);
    }
}

static void rules(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        const char *at;
        int32_t want;
    } cases[] = {
        {"EST5EDT,M3.2.0,M11.1.0", true, "2026-03-08T06:59:59Z", -18000},
        {"EST5EDT,M3.2.0,M11.1.0", true, "2026-03-08T07:00:00Z", -14400},
        {"EST5EDT,M3.2.0,M11.1.0", true, "2026-11-01T05:59:59Z", -14400},
        {"EST5EDT,M3.2.0,M11.1.0", true, "2026-11-01T06:00:00Z", -18000},
        {"CET-1CEST,M3.5.0,M10.5.0/3", true, "2026-03-29T01:00:00Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", true, "2026-10-25T00:59:59Z", 7200},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", true, "2026-01-01T00:00:00Z", 39600},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", true, "2026-07-01T00:00:00Z", 36000},
        {"<+0530>-5:30", true, "2026-07-01T00:00:00Z", 19800},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", true, "2026-01-01T00:00:00Z", 0},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", true, "1950-07-01T00:00:00Z", 3600},
        {"EET-2EEST,M3.4.4/50,M10.4.4/50", true, "2050-03-26T00:00:00Z", 10800},
        {"AAA0BBB,J60/0,J300/0", true, "2024-03-01T00:00:00Z", 3600},
        {"AAA0BBB,J60/0,J300/0", true, "2024-02-29T00:00:00Z", 0},
        {"AAA0BBB,59/0,300/0", true, "2024-02-29T00:00:00Z", 3600},
        {"AAA0BBB-2:00:30,0/0,J365/25", true, "2024-02-29T00:00:00Z", 7230},
        {"", false, NULL, 0},
        {"AB5", false, NULL, 0},
        {"<AB5", false, NULL, 0},
        {"EST", false, NULL, 0},
        {"EST200", false, NULL, 0},
        {"EST5:61", false, NULL, 0},
        {"EST5:0:61", false, NULL, 0},
        {"EST5E", false, NULL, 0},
        {"EST5EDT", false, NULL, 0},
        {"EST5EDTx,M3.2.0,M11.1.0,", false, NULL, 0},
        {"EST5EDT,M13.2.0,M11.1.0", false, NULL, 0},
        {"EST5EDT,M0.2.0,M11.1.0", false, NULL, 0},
        {"EST5EDT,M3.6.0,M11.1.0", false, NULL, 0},
        {"EST5EDT,M3.2.7,M11.1.0", false, NULL, 0},
        {"EST5EDT,M3.2,M11.1.0", false, NULL, 0},
        {"EST5EDT,J400,M11.1.0", false, NULL, 0},
        {"EST5EDT,M3.2.0/x,M11.1.0", false, NULL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone_rule rule;
        if (zone_rule_parse(cases[i].text, &rule) != cases[i].ok)
            fail_msg("%s", cases[i].text);
        if (!cases[i].ok)
            continue;
        int64_t at_ms;
        assert_true(timestamp_parse(cases[i].at, strlen(cases[i].at), &at_ms));
        int32_t got = zone_rule_offset_s(&rule, at_ms / 1000);
        if (got != cases[i].want)
            fail_msg("%s at %s: %d, not %d", cases[i].text, cases[i].at, got, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(midnights),
        cmocka_unit_test(unknown),
        cmocka_unit_test(rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
