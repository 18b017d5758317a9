/*
 * singer — the producer type that runs a Singer tap, or any program that writes its JSON lines, as a child (the configuration:
 * common/model/singer.h; the lines: messages.h). In reading order:
 *
 *   singer.c       options, life cycle, one round of work
 *   run.c          one run of the tap: its lines → events → checkpoint; how it ended
 *   child.h        the process: limits, lines, its log
 *   messages.h     one line, read
 *   lines.c        what each kind of line does
 *   publish.c      RECORD → event, delete or dead letter
 *   place.h        STATE in <ns>.cursors, and the sequence of observation
 *   known.h        what was delivered of each record; known_fill.c: when that is lost
 *   gone.c         records that a whole run did not bring: deletes, behind a brake
 *   masks.c        the texts of config_file, which are not to be in the log
 *
 * The rule that everything here keeps: events → every delivery report → what is known → STATE. A crash in between gives the records
 * once more, which are the same events or not published again; never a gap. Batches end by number of records, by time and at the end.
 *
 * Version of an event (model/version.h): modified-at is the record's own (`modified`). A stream cannot be asked again, so that what is
 * unordered would stay so: each sighting is observed at a moment of its own, the stream's sequence (place.h), and a later one is newer. Without
 * `modified` the sequence is the time of modification as well: what comes later is newer, and only what differs is published.
 *
 * Deletes. `deleted` names them one by one. Else a run that ended with exit code 0 is evidence, never one that was cut short:
 *   activate    ACTIVATE_VERSION v came in this run: records that it did not bring and that were last seen in a lower version are gone. Of a
 *               tap that sends its version first and reads only what changed the version stays, so nothing is.
 *   difference  every run reads the whole stream: records that two of them in succession did not bring are gone.
 * If more than brake_percent of a stream's records (and more than BRAKE_LEAST) would be gone, none is: it stands in the log, in /readyz and in
 * tandem_singer_braked until a later run says otherwise or the option allows it. Changes go on meanwhile.
 * Their version: the stream's latest time of modification, or one millisecond behind the record's own; without `modified` the sequence.
 */
#ifndef TANDEM_SINGER_H
#define TANDEM_SINGER_H

#include "base/clock.h"
#include "base/metrics.h"
#include "model/singer.h"
#include "producers/singer/child.h"
#include "producers/singer/known.h"
#include "producers/singer/messages.h"
#include "producers/singer/place.h"
#include "stream/source.h"

enum {
    SINGER_BRAKE_LEAST = 10,
    SINGER_GONE_BATCH = 500,
    SINGER_STREAMS_LOGGED_MAX = 32, /* that nobody configured, by name */
    SINGER_NAME_BYTES = 128,
    SINGER_MASKS_MAX = 64
};

/* What became of a line; the label kind of tandem_singer_records_total. */
enum singer_kind {
    SINGER_PUT,      /* RECORD: an event */
    SINGER_GONE,     /* a delete */
    SINGER_KNOWN,    /* delivered before */
    SINGER_DEAD,     /* a dead letter */
    SINGER_UNMAPPED, /* of a stream that nobody configured: counted, not kept */
    SINGER_KIND_COUNT
};

/* One configured stream at work. */
struct singer_flow {
    const struct singer_stream *stream;
    char keys[SINGER_KEYS_MAX]
             [SINGER_NAME_BYTES]; /* the configured ones, or SCHEMA's of this run */
    int key_count;
    bool schema;       /* SCHEMA came in this run */
    int64_t activated; /* in this run; MESSAGE_NO_VERSION */
    bool braked;
    struct metric *kinds[SINGER_KIND_COUNT], *brake;
};

enum singer_phase { SINGER_WAITING, SINGER_RUNNING, SINGER_ENDED /* well: deletes */ };

struct singer {
    /* options, see singer.c */
    const char *config_file, *catalog_file, *properties_file, *state_dir;
    const config_setting_t *command, *environment, *streams;
    int64_t interval_ms, silence_ms, stop_ms, line_max_bytes, chunk, commit_ms, brake_percent;
    struct child_limits limits;

    const struct source_context *context;
    struct singer_flow *flows;
    int flow_count;
    struct child child;
    struct place place;
    struct known *known;
    enum singer_phase phase;
    int64_t runs;             /* whole runs before this one */
    int64_t next_mono_ms;     /* when the tap is started again */
    int failures;             /* in a row, without a STATE */
    char why[ERR_TEXT_BYTES]; /* of the last failure, said until then; "" none */
    bool progressed;          /* a STATE was committed in this run */
    int64_t put;              /* since the last checkpoint */
    int64_t dirty_since_ms;   /* monotonic; 0: nothing to commit */
    struct buf state;         /* the last STATE that came; empty: committed, or none */
    int gone_flow;            /* SINGER_ENDED: which is next */
    bool gone_begun;          /* its brake was asked */

    char *masks[SINGER_MASKS_MAX + 1];
    int64_t masks_seen_ns; /* of the file they are from */
    char logged[SINGER_STREAMS_LOGGED_MAX][SINGER_NAME_BYTES];
    int logged_count;
    struct metric *lines, *unmapped, *undecodable, *up, *whole;
    struct arena arena; /* of one line */
    struct json_tape tape;
};

/* run.c */
int run_start(struct singer *singer, struct err *err);
/* Read, put, commit; at most one wait of timeout_ms. -1: ERR_RETRY (the run failed and is over, or Kafka), ERR_FATAL. */
int run_step(struct singer *singer, int timeout_ms, struct err *err);
/* Events' reports → what is known → STATE. */
int run_checkpoint(struct singer *singer, struct err *err);
/* End the tap and forget what has no report. */
void run_abandon(struct singer *singer);
int64_t singer_mono_ms(const struct singer *singer);

/* lines.c: -1: ERR_RETRY or ERR_FATAL. */
int lines_take(struct singer *singer, const struct singer_line *line, struct span raw,
               struct err *err);
struct singer_flow *singer_flow_of(struct singer *singer, struct span stream); /* NULL: none */

/* publish.c: likewise. */
int publish_record(struct singer *singer, struct singer_flow *flow, const struct singer_line *line,
                   struct span raw, struct err *err);
/* A line that is no message. reason_class: "undecodable", "too-large". */
int publish_bytes(struct singer *singer, struct span raw, const char *reason_class,
                  const char *reason, struct err *err);
/* A record of the flow that is not there any more. */
int publish_gone(struct singer *singer, struct singer_flow *flow,
                 const struct known_missing *missing, int64_t newest_ms, struct err *err);

/* gone.c: a part of them. 1 = there is more, 0 = done, -1 = err. */
int gone_step(struct singer *singer, struct err *err);

/* known_fill.c: every record of the flows that was ever published and not deleted. -1: ERR_RETRY, ERR_FATAL. */
int known_fill(struct singer *singer, struct err *err);

/* masks.c: read config_file's texts again if it changed. */
void masks_read(struct singer *singer);
void masks_clear(struct singer *singer);

extern const struct source_type source_singer;

#endif
