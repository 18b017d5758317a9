/*
 * zone — a time zone of the IANA database as a value. glibc knows only one
 * zone a process at a time (TZ, tzset), so the compiled files (TZif, RFC 9636) of
 * the system's tzdata are read here; leap seconds play no part.
 */
#ifndef TANDEM_BASE_ZONE_H
#define TANDEM_BASE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct zone;

/* By IANA name ("America/New_York", "UTC"), from /usr/share/zoneinfo. Owned by the caller. NULL with ERR_FATAL
 * (EX_CONFIG): no such zone, or tzdata is not installed. */
struct zone *zone_open(const char *name, struct err *err);
void zone_close(struct zone *zone);

/* Seconds east of UTC at a moment (Unix epoch, seconds). */
int32_t zone_offset_s(const struct zone *zone, int64_t epoch_s);

/*
 * The moment at which a day (days since 1970-01-01, date_days()) begins: its first midnight; where the clocks
 * jump over midnight, the moment of the jump. Unix epoch, milliseconds.
 */
int64_t zone_midnight_ms(const struct zone *zone, int64_t days);

/* The IANA name that was probably meant; false: none is near, or tzdata is not installed. */
bool zone_nearest(const char *name, char *ret_name, size_t size);

#endif
