/*
 * meter — a line for people.
 */
#include "consumers/verify/meter.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { TERMINAL_EVERY_MS = 500, LOG_EVERY_MS = 30000 };

void meter_init(struct meter *meter, bool wanted)
{
    *meter = (struct meter){.wanted = wanted,
                            .terminal = isatty(STDERR_FILENO) == 1,
                            .said_ms = clock_mono_ms(&CLOCK_SYSTEM)};
}

void meter_say(struct meter *meter, const char *entity, int64_t count, const char *what)
{
    int64_t now_ms = clock_mono_ms(&CLOCK_SYSTEM);
    int64_t every_ms = meter->terminal ? TERMINAL_EVERY_MS : LOG_EVERY_MS;
    if (!meter->wanted || now_ms - meter->said_ms < every_ms)
        return;
    meter->said_ms = now_ms;
    meter->shown = meter->terminal;
    (void)fprintf(stderr, meter->terminal ? "\r\033[Kverify: %s: %lld %s" : "verify: %s: %lld %s\n",
                  entity, (long long)count, what);
    (void)fflush(stderr);
}

void meter_end(struct meter *meter)
{
    if (meter->shown)
        (void)fputs("\r\033[K", stderr);
    meter->shown = false;
}
