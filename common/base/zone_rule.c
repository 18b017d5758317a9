/*
 * zone_rule — POSIX TZ texts such as "EST5EDT,M3.2.0,M11.1.0". See
 * zone_internal.h.
 */
#include "base/zone_internal.h"

#include <string.h>

#include "base/clock.h"

enum { S_PER_HOUR = 3600, S_PER_DAY = 86400 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* An abbreviation: letters, or anything in <>. */
static bool skip_name(const char **at)
{
    const char *start = *at;
    if (*start == '<') {
        const char *end = strchr(start, '>');
        *at = end ? end + 1 : start;
        return end != NULL;
    }
    while (is_letter(**at))
        (*at)++;
    return *at - start >= 3;
}

static bool read_number(const char **at, int max, int *ret_value)
{
    int value = 0;
    const char *start = *at;
    for (; **at >= '0' && **at <= '9' && *at - start < 4; (*at)++)
        value = value * 10 + (**at - '0');
    *ret_value = value;
    return *at > start && value <= max;
}

static bool skip_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* [+-]h[:m[:s]] as seconds. */
static bool read_time(const char **at, int32_t *ret_s)
{
    bool negative = skip_char(at, '-');
    if (!negative)
        (void)skip_char(at, '+');
    int hours, minutes = 0, seconds = 0;
    if (!read_number(at, 167, &hours) || (skip_char(at, ':') && !read_number(at, 59, &minutes)) ||
        (skip_char(at, ':') && !read_number(at, 59, &seconds)))
        return false;
    int32_t total = hours * S_PER_HOUR + minutes * 60 + seconds;
    *ret_s = negative ? -total : total;
    return true;
}

static bool read_date(const char **at, struct zone_date *ret_date)
{
    struct zone_date date = {.kind = ZONE_DAY_ZERO, .time_s = 2 * S_PER_HOUR};
    if (!skip_char(at, ','))
        return false;
    if (skip_char(at, 'M')) {
        date.kind = ZONE_DAY_WEEK;
        if (!read_number(at, 12, &date.month) || date.month < 1 || !skip_char(at, '.') ||
            !read_number(at, 5, &date.week) || date.week < 1 || !skip_char(at, '.') ||
            !read_number(at, 6, &date.day))
            return false;
    } else {
        if (skip_char(at, 'J'))
            date.kind = ZONE_DAY_JULIAN;
        if (!read_number(at, 365, &date.day))
            return false;
    }
    if (skip_char(at, '/') && !read_time(at, &date.time_s))
        return false;
    *ret_date = date;
    return true;
}

bool zone_rule_parse(const char *text, struct zone_rule *ret_rule)
{
    struct zone_rule rule = {0};
    const char *at = text;
    int32_t west;
    if (!skip_name(&at) || !read_time(&at, &west))
        return false;
    rule.std_s = -west;
    if (*at) {
        if (!skip_name(&at))
            return false;
        west -= S_PER_HOUR;
        if (*at != ',' && !read_time(&at, &west))
            return false;
        rule.has_dst = true;
        rule.dst_s = -west;
        if (!read_date(&at, &rule.start) || !read_date(&at, &rule.end) || *at)
            return false;
    }
    *ret_rule = rule;
    return true;
}

/* Days since the epoch of the day a rule means in a year. */
static int64_t day_of(const struct zone_date *date, int year)
{
    if (date->kind == ZONE_DAY_ZERO)
        return date_days(year, 1, 1) + date->day;
    if (date->kind == ZONE_DAY_JULIAN) {
        bool after_leap_day = date_valid(year, 2, 29) && date->day >= 60;
        return date_days(year, 1, 1) + date->day - 1 + after_leap_day;
    }
    int64_t first = date_days(year, date->month, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (date->day - weekday + 7) % 7 + (int64_t)(date->week - 1) * 7;
    while (!date_valid(year, date->month, (int)(day - first) + 1))
        day -= 7; /* week 5 is the last one */
    return day;
}

static int year_of(int64_t days)
{
    int year = (int)(1970 + days / 366 - (days < 0 ? 1 : 0));
    while (date_days(year + 1, 1, 1) <= days)
        year++;
    while (date_days(year, 1, 1) > days)
        year--;
    return year;
}

int32_t zone_rule_offset_s(const struct zone_rule *rule, int64_t epoch_s)
{
    if (!rule->has_dst)
        return rule->std_s;
    int64_t local = epoch_s + rule->std_s;
    int year = year_of(local / S_PER_DAY - (local % S_PER_DAY < 0));
    int64_t start = day_of(&rule->start, year) * S_PER_DAY + rule->start.time_s - rule->std_s;
    int64_t end = day_of(&rule->end, year) * S_PER_DAY + rule->end.time_s - rule->dst_s;
    bool dst = start < end ? epoch_s >= start && epoch_s < end : epoch_s >= start || epoch_s < end;
    return dst ? rule->dst_s : rule->std_s;
}
