/*
 * cursor — a producer's durable place, one compacted key a pass in <ns>.cursors
 * (schemas/cursor.schema.json): key   "<system>/<entity>/<pass>" value
 * {"v":1,"cursor":{"from_ms":…,"after_id":"…","done":false},"seq_from":…,"seq_to":…,"count":…,"ts_ms":…}
 *
 * The refresh pass adds "silent":[{"field":"phone","count":12},…]: how often each field was found to have moved without its record's
 * modified-at, ever; with the place, so that a crash counts none twice.
 *
 * null: the pass begins anew (`tandem reset`).
 *
 * The rule (design §4.2): put events → sink_settle → cursor_put → sink_settle. A crash between
 * gives duplicates, never a gap. seq_from..seq_to number the events this pass put since its
 * beginning; count = how many this cursor covers (seq_to − seq_from + 1; an empty page has count 0
 * and seq_to = seq_from − 1): an auditor sees a gap.
 */
#ifndef TANDEM_STREAM_CURSOR_H
#define TANDEM_STREAM_CURSOR_H

#include "model/migration.h"
#include "stream/sink.h"

enum { CURSOR_FORMAT_VERSION = 1, CURSOR_ID_BYTES = 256, CURSOR_SILENT_BYTES = 4096 };

struct cursor {
    int64_t from_ms;                /* modified-at to go on from; 0 where the pass has none */
    char after_id[CURSOR_ID_BYTES]; /* the last id done (key-ordered passes, ties); "" = none */
    bool done;                      /* the pass reached its end */
    int64_t seq_from, seq_to, count;
    int64_t ts_ms;                    /* wall clock, for people */
    char silent[CURSOR_SILENT_BYTES]; /* JSON, as above; "" = none */
};

/* pass: "backfill", "incremental", …; a split pass says which part: "backfill.2". Queued as
 * sink_put; durable after sink_settle. */
int cursor_put(struct sink *sink, const struct migration *migration, const char *system,
               const char *entity, const char *pass, const struct cursor *cursor, struct err *err);

/*
 * Read it back from Kafka (the whole topic to its end: at start only). *ret_found false: never put,
 * ret_cursor untouched. -1: ERR_RETRY (Kafka away), ERR_FATAL (a newer format version; not a
 * cursor).
 */
int cursor_load(const struct migration *migration, const char *system, const char *entity,
                const char *pass, struct cursor *ret_cursor, bool *ret_found, struct err *err);

/* The two halves, pure. */
void cursor_encode(const struct cursor *cursor, struct buf *out);
int cursor_decode(struct span value, struct json_tape *tape, struct cursor *ret_cursor,
                  struct err *err);

#endif
