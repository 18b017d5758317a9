/*
 * clock — time as a value that is passed in, so that a test can stand on
 * either side. Wall time is for people and logs; waits use monotonic time;
 * neither ever decides which version of a record is newer (design §3).
 */
#ifndef TANDEM_BASE_CLOCK_H
#define TANDEM_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(void *self); /* Unix epoch, milliseconds */
    int64_t (*mono_ms)(void *self); /* CLOCK_MONOTONIC, milliseconds */
    void *self;
};

extern const struct clock CLOCK_SYSTEM;

static inline int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock->self);
}

static inline int64_t clock_mono_ms(const struct clock *clock)
{
    return clock->mono_ms(clock->self);
}

enum { TIMESTAMP_BYTES = 25 }; /* "2026-01-02T03:04:05.678Z" and its NUL */

/* Milliseconds since the epoch as RFC 3339 UTC with milliseconds; years 0..9999, others are
 * clamped. */
void timestamp_format(int64_t epoch_ms, char ret_text[TIMESTAMP_BYTES]);

/*
 * RFC 3339 and Salesforce's "+0000" (no colon) variant. A text without zone
 * is refused. Leap second :60 is read as :59.999. False: not a timestamp.
 */
bool timestamp_parse(const char *text, size_t len, int64_t *ret_epoch_ms);

/* An HTTP date (IMF-fixdate, RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT"). */
bool http_date_parse(const char *text, size_t len, int64_t *ret_epoch_ms);

/* Days since 1970-01-01 of a proleptic Gregorian date, and whether the date exists. */
bool date_valid(int year, int month, int day);
int64_t date_days(int year, int month, int day);

#endif
