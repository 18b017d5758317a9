/*
 * value_time — dates and moments. A date has no zone and stays a date; a
 * moment becomes UTC. See value.h.
 */
#include "base/clock.h"
#include "base/zone.h"
#include "model/value_internal.h"

enum { DATE_BYTES = 10 };

static const int64_t DAY_MS = INT64_C(86400000);

static int digits(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

const char *value_date_days(struct span text, int64_t *ret_days)
{
    static const char *const REFUSAL = "is not a date (YYYY-MM-DD)";
    if (text.len != DATE_BYTES || text.data[4] != '-' || text.data[7] != '-')
        return REFUSAL;
    int year = digits(text.data, 4), month = digits(text.data + 5, 2),
        day = digits(text.data + 8, 2);
    if (year < 0 || month < 0 || day < 0)
        return REFUSAL;
    if (!date_valid(year, month, day))
        return "is not a date that exists";
    *ret_days = date_days(year, month, day);
    return NULL;
}

const char *value_read_date(const struct value_rules *rules, struct span text, struct arena *arena,
                            struct span *ret_text)
{
    (void)rules;
    (void)arena;
    int64_t days;
    const char *refusal = value_date_days(text, &days);
    if (!refusal)
        *ret_text = text;
    return refusal;
}

static const char *read_moment(const struct value_rules *rules, struct span text, int64_t *ret_ms)
{
    if (text.len != DATE_BYTES)
        return timestamp_parse(text.data, text.len, ret_ms)
                   ? NULL
                   : "is not a timestamp with a zone (RFC 3339)";
    int64_t days;
    const char *refusal = value_date_days(text, &days);
    if (refusal)
        return refusal;
    if (!rules->zone)
        return "is a date, where a timestamp belongs";
    *ret_ms = zone_midnight_ms(rules->zone, days);
    return NULL;
}

const char *value_read_timestamp(const struct value_rules *rules, struct span text,
                                 struct arena *arena, struct span *ret_text)
{
    int64_t moment_ms;
    const char *refusal = read_moment(rules, text, &moment_ms);
    if (refusal)
        return refusal;
    /* The zone may carry a moment out of the years that a text can say. */
    if (moment_ms < date_days(0, 1, 1) * DAY_MS || moment_ms >= date_days(10000, 1, 1) * DAY_MS)
        return "is outside the years 0000 to 9999";
    char *canonical = arena_alloc(arena, TIMESTAMP_BYTES);
    timestamp_format(moment_ms, canonical);
    *ret_text = (struct span){canonical, TIMESTAMP_BYTES - 1};
    return NULL;
}
