/*
 * place — how far a tap has come: its STATE, opaque, in <ns>.cursors under "<system>/<source>/singer" (schemas/cursor.schema.json), and what it
 * takes to order sightings across restarts.
 *
 * The sequence: milliseconds of our clock, but each later than the one before, whatever the clock does: before a moment is used, a limit above it
 * is durable (from_ms), and a new process begins above that. Only the order within this source is meant by it.
 */
#ifndef TANDEM_SINGER_PLACE_H
#define TANDEM_SINGER_PLACE_H

#include "stream/source.h"

enum { PLACE_STATE_MAX_BYTES = 256 * 1024, PLACE_AHEAD_MS = 10000 };

struct place {
    struct cursor cursor;         /* from_ms: no sequence was used at or above it */
    struct buf state;             /* JSON text of the last STATE committed; empty: none */
    char mapping[HASH_HEX_BYTES]; /* of everything that decides what a record means */
    int64_t last_ms;              /* sequence */
};

void place_init(struct place *place);
void place_clear(struct place *place);

/* Read it back. *ret_found: false: the source is new, or was reset, or means something else now: STATE is empty. */
int place_load(struct place *place, const struct source_context *context, bool *ret_found,
               struct err *err);
/*
 * Put, and wait for the report. state: SPAN_NONE: as it was. count: events it covers, all with their reports. -1: as sink_settle; ERR_RETRY too:
 * STATE is larger than PLACE_STATE_MAX_BYTES.
 */
int place_commit(struct place *place, const struct source_context *context, struct span state,
                 int64_t count, struct err *err);
/* The next moment. May put a place (and wait for everything put before). */
int place_sequence(struct place *place, const struct source_context *context, int64_t *ret_ms,
                   struct err *err);

#endif
