/*
 * timestamp — texts that say when, and the calendar under them.
 */
#include "base/clock.h"

#include <string.h>

enum { MS_PER_S = 1000, S_PER_DAY = 86400 };

bool date_valid(int year, int month, int day)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 0 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= DAYS[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, eras have
 * 400 years. */
int64_t date_days(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_of_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    *ret_month = (int)(month < 10 ? month + 3 : month - 9);
    *ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2));
}

static void put_digits(char *at, int width, int value)
{
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void timestamp_format(int64_t epoch_ms, char ret_text[TIMESTAMP_BYTES])
{
    const int64_t first = date_days(0, 1, 1) * S_PER_DAY * MS_PER_S;
    const int64_t last = date_days(10000, 1, 1) * S_PER_DAY * MS_PER_S - 1;
    int64_t ms = epoch_ms < first ? first : epoch_ms > last ? last : epoch_ms;
    const int64_t day_ms = (int64_t)S_PER_DAY * MS_PER_S;
    int64_t days = ms / day_ms - (ms % day_ms < 0);
    int rest = (int)(ms - days * day_ms);
    int year, month, day;
    date_of_days(days, &year, &month, &day);
    memcpy(ret_text, "0000-00-00T00:00:00.000Z", TIMESTAMP_BYTES);
    put_digits(ret_text, 4, year);
    put_digits(ret_text + 5, 2, month);
    put_digits(ret_text + 8, 2, day);
    put_digits(ret_text + 11, 2, rest / 3600000);
    put_digits(ret_text + 14, 2, rest / 60000 % 60);
    put_digits(ret_text + 17, 2, rest / 1000 % 60);
    put_digits(ret_text + 20, 3, rest % 1000);
}

/* A place in a text; every reader returns false at the first mismatch. */
struct reader {
    const char *at, *end;
};

static bool read_digits(struct reader *in, int width, int *ret_value)
{
    if (in->end - in->at < width)
        return false;
    int value = 0;
    for (int i = 0; i < width; i++) {
        if (in->at[i] < '0' || in->at[i] > '9')
            return false;
        value = value * 10 + (in->at[i] - '0');
    }
    in->at += width;
    *ret_value = value;
    return true;
}

static bool read_text(struct reader *in, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, text, len) != 0)
        return false;
    in->at += len;
    return true;
}

static bool read_date(struct reader *in, int64_t *ret_days)
{
    int year, month, day;
    if (!read_digits(in, 4, &year) || !read_text(in, "-") || !read_digits(in, 2, &month) ||
        !read_text(in, "-") || !read_digits(in, 2, &day) || !date_valid(year, month, day))
        return false;
    *ret_days = date_days(year, month, day);
    return true;
}

/* HH:MM:SS as milliseconds of the day; a leap second counts as the last millisecond before it. */
static bool read_time(struct reader *in, int64_t *ret_ms)
{
    int hour, minute, second;
    if (!read_digits(in, 2, &hour) || !read_text(in, ":") || !read_digits(in, 2, &minute) ||
        !read_text(in, ":") || !read_digits(in, 2, &second) || hour > 23 || minute > 59 ||
        second > 60)
        return false;
    *ret_ms = ((int64_t)hour * 3600 + minute * 60 + second) * MS_PER_S - (second == 60 ? 1 : 0);
    return true;
}

/* .digits, any number of them; what is finer than a millisecond is cut off. */
static bool read_fraction(struct reader *in, int *ret_ms)
{
    int ms = 0, scale = 100, digits = 0;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') {
        ms += (*in->at++ - '0') * scale;
        scale /= 10;
        digits++;
    }
    *ret_ms = ms;
    return digits > 0;
}

/* Z, +HH:MM, +HHMM, as minutes east of UTC. */
static bool read_zone(struct reader *in, int *ret_minutes)
{
    if (read_text(in, "Z") || read_text(in, "z")) {
        *ret_minutes = 0;
        return true;
    }
    bool east = read_text(in, "+");
    if (!east && !read_text(in, "-"))
        return false;
    int hours, minutes;
    if (!read_digits(in, 2, &hours))
        return false;
    (void)read_text(in, ":");
    if (!read_digits(in, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = (east ? 1 : -1) * (hours * 60 + minutes);
    return true;
}

bool timestamp_parse(const char *text, size_t len, int64_t *ret_epoch_ms)
{
    struct reader in = {text, text + len};
    int64_t days, time_ms;
    int fraction_ms = 0, zone_minutes;
    if (!read_date(&in, &days))
        return false;
    if (!read_text(&in, "T") && !read_text(&in, "t") && !read_text(&in, " "))
        return false;
    if (!read_time(&in, &time_ms))
        return false;
    bool leap = time_ms % MS_PER_S != 0;
    if (read_text(&in, ".") && !read_fraction(&in, &fraction_ms))
        return false;
    if (!read_zone(&in, &zone_minutes) || in.at != in.end)
        return false;
    *ret_epoch_ms = (days * S_PER_DAY - (int64_t)zone_minutes * 60) * MS_PER_S + time_ms +
                    (leap ? 0 : fraction_ms);
    return true;
}

static bool read_name(struct reader *in, const char *names, int count, int *ret_index)
{
    for (int i = 0; i < count; i++) {
        char name[4] = {names[3 * i], names[3 * i + 1], names[3 * i + 2], '\0'};
        if (read_text(in, name)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

bool http_date_parse(const char *text, size_t len, int64_t *ret_epoch_ms)
{
    struct reader in = {text, text + len};
    int weekday, day, month, year;
    int64_t time_ms;
    if (!read_name(&in, "SunMonTueWedThuFriSat", 7, &weekday) || !read_text(&in, ", ") ||
        !read_digits(&in, 2, &day) || !read_text(&in, " ") ||
        !read_name(&in, "JanFebMarAprMayJunJulAugSepOctNovDec", 12, &month) ||
        !read_text(&in, " ") || !read_digits(&in, 4, &year) || !read_text(&in, " ") ||
        !read_time(&in, &time_ms) || !read_text(&in, " GMT") || in.at != in.end ||
        !date_valid(year, month + 1, day))
        return false;
    *ret_epoch_ms = date_days(year, month + 1, day) * S_PER_DAY * MS_PER_S + time_ms;
    return true;
}
