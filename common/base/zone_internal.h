/*
 * zone_internal — the rule that goes on where a TZif file's table ends.
 */
#ifndef TANDEM_BASE_ZONE_INTERNAL_H
#define TANDEM_BASE_ZONE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

/* When in a year a change happens: the day, and seconds of local time after its midnight. */
struct zone_date {
    enum {
        ZONE_DAY_JULIAN /* Jn: 1..365, no 29 February */,
        ZONE_DAY_ZERO /* n: 0..365 */,
        ZONE_DAY_WEEK /* Mm.w.d */
    } kind;
    int month, week, day;
    int32_t time_s;
};

/* A POSIX TZ text (IEEE 1003.1 §8.3, with RFC 9636's times of -167..167 h). */
struct zone_rule {
    bool has_dst;
    int32_t std_s, dst_s; /* seconds east of UTC */
    struct zone_date start, end;
};

bool zone_rule_parse(const char *text, struct zone_rule *ret_rule);
int32_t zone_rule_offset_s(const struct zone_rule *rule, int64_t epoch_s);

#endif
