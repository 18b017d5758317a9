/*
 * source — the contract of a producer type: one file (or one folder) that ends in this table. producer_run() owns the loop,
 * the signals, the metrics and the sink; the type captures changes.
 */
#ifndef TANDEM_STREAM_SOURCE_H
#define TANDEM_STREAM_SOURCE_H

#include "base/conf.h"
#include "model/migration.h"
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

struct source_type {
    const char *name, *summary; /* "poll"; the type's name in the configuration */
    int linger_ms; /* of the sink; 0 = its default. Settling waits for no linger: a type that settles after
                    * each step makes larger batches with a long one, and is not later */
    size_t size; /* instance; zeroed, then filled from options */
    const struct conf_option
        *options; /* of its sources block, beyond name, type and system; ends with {0} */
    int (*open)(void *self, const struct source_context *context, struct err *err);
    /* Do a bounded piece of work, or wait at most timeout_ms. ERR_RETRY: logged, tried again after a backoff; ERR_FATAL: the process ends. */
    int (*poll)(void *self, int timeout_ms, struct err *err);
    void (*close)(void *self); /* also after a failed open */
};

#endif
