/*
 * silent — is what the source says now news to apply, and which fields moved although the record's modified-at did not? The row of
 * the record (model/state.h) is what is compared with, not what was published: a change that was undone again is two.
 */
#ifndef TANDEM_POLL_SILENT_H
#define TANDEM_POLL_SILENT_H

#include "model/state.h"
#include "stream/event.h"

enum silent_verdict {
    SILENT_KNOWN,   /* the row says the same, or was made by something newer: nothing to publish */
    SILENT_UNKNOWN, /* no row, or one of another version: whether it is news is apply's to say */
    SILENT_MOVED,   /* the same modified-at and mapping, other content */
    SILENT_VERDICT_COUNT
};

/*
 * row: NULL = none. event: identified. moved (entity->field_count, may be NULL): for SILENT_MOVED set true for each field that moved; none of
 * them where the row does not say any more what a field was. A field that is MISSING now is unknown, and has not moved.
 */
enum silent_verdict silent_compare(const struct row *row, const struct event *event, bool *moved);

#endif
