/*
 * meter — how far a long comparison is, on stderr: one line that changes where that is a terminal, else a line every half a minute,
 * so that a short comparison says nothing.
 */
#ifndef TANDEM_VERIFY_METER_H
#define TANDEM_VERIFY_METER_H

#include <stdbool.h>
#include <stdint.h>

struct meter {
    bool wanted, terminal, shown;
    int64_t said_ms;
};

void meter_init(struct meter *meter, bool wanted);

/* "contact: 420000 records of the old system". Cheap enough for every page; what is borrowed. */
void meter_say(struct meter *meter, const char *entity, int64_t count, const char *what);

/* Clears the line. */
void meter_end(struct meter *meter);

#endif
