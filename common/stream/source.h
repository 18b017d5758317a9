/*
 * source — the contract of a producer type: one file (or one folder) that ends in this table. producer_run() owns the loop,
 * the signals, the metrics and the sink; the type captures changes.
 */
#ifndef TANDEM_STREAM_SOURCE_H
#define TANDEM_STREAM_SOURCE_H

#include "base/conf.h"
#include "model/migration.h"
#include "stream/cursor.h"
#include "stream/event.h"
#include "stream/sink.h"

/* What a source is given; all borrowed, alive from open to close. */
struct source_context {
    struct migration *migration;
    const struct source_settings *settings;
    const struct clock *clock;
    struct sink *sink;
    const char *instance;
};

/* Put one event on <ns>.changes.<entity>; identifies it first. As sink_put. */
int source_put_event(const struct source_context *context, const struct entity *entity,
                     struct event *event, const char *connector, struct err *err);
/* Put a record that cannot become an event on <ns>.dlq: raw source bytes, reason and where it came from (Connect's headers). */
int source_put_dead_letter(const struct source_context *context, const struct entity *entity,
                           struct span key, struct span raw, const char *reason_class,
                           const char *reason, struct err *err);

/*
 * Something that was pushed: record is a JSON object in canonical names, modified when the source changed it (RFC 3339). It becomes a
 * partial event (what it does not say is unknown, not blank), and where it cannot a dead letter. As sink_put.
 */
int source_put_pushed(const struct source_context *context, const struct entity *entity,
                      struct span id, struct span modified, struct span record, struct err *err);

/* The place of the last checkpoint (untouched when there is none): at open. */
int source_place(const struct source_context *context, const char *entity, const char *pass,
                 struct cursor *ret_place, struct err *err);
/*
 * Put → report → place: wait until everything put so far is on Kafka, then make after_id durable, count messages behind
 * place, which becomes the new one. -1 as sink_settle, place untouched: begin again there.
 */
int source_checkpoint(const struct source_context *context, const char *entity, const char *pass,
                      struct cursor *place, const char *after_id, int64_t count, struct err *err);

struct source_type {
    const char *name, *summary; /* "poll"; the type's name in the configuration */
    int linger_ms; /* of the sink; 0 = its default. Settling waits for no linger: a type that settles after
                    * each step makes larger batches with a long one, and is not later */
    /* Takes what comes only once: opened and polled at once, though Kafka may be away and the migration not prepared; it finds out
     * itself (delivery.h). Else neither happens before the migration is prepared. */
    bool starts_away;
    size_t size; /* instance; zeroed, then filled from options */
    const struct conf_option
        *options; /* of its sources block, beyond name, type and system; ends with {0} */
    int (*open)(void *self, const struct source_context *context, struct err *err);
    /* Do a bounded piece of work, or wait at most timeout_ms. ERR_RETRY: logged, tried again after a backoff; ERR_FATAL: the process ends. */
    int (*poll)(void *self, int timeout_ms, struct err *err);
    void (*close)(void *self); /* also after a failed open */
};

#endif
