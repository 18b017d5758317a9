/*
 * delivery — how long a receiver waits for Kafka's delivery reports before it tells a sender to come again (webhook) or keeps what
 * came itself (form). While reports are outstanding nothing more is put: the client's queue stays small, and no sender waits behind it.
 */
#ifndef TANDEM_STREAM_DELIVERY_H
#define TANDEM_STREAM_DELIVERY_H

#include "stream/source.h"

struct delivery {
    const struct source_context *context; /* borrowed */
    int64_t patience_ms;
    const char
        *meanwhile; /* what is done while Kafka is away, in the log: "requests are answered 503" */
    bool away;      /* reports are outstanding: nothing more is put before they came */
    bool hints;     /* put as well */
    /* private */
    bool begun;
    int64_t next_ms; /* not begun: Kafka is asked again then */
};

/*
 * Everything that a request may lead to is looked up: no sender waits for Kafka to tell us of a topic. Waits for Kafka; errors as
 * sink_open_topic's. A type that starts_away leaves it out: then delivery_away() does it, once Kafka is there and the migration prepared.
 */
int delivery_begin(struct delivery *delivery, struct err *err);

/*
 * Is what was put earlier still without its reports, or was Kafka never there? Does not wait; until Kafka is there first, a fifth of a second
 * every other second. True with err ERR_FATAL: the producer is broken, or the migration is not as this process' configuration says.
 */
bool delivery_away(struct delivery *delivery, struct err *err);

/*
 * Wait until everything put has its report, until patience_ms after since_ms (monotonic). -1: they are not here; Kafka counts as away until
 * delivery_away() says no. err is set only where it is ERR_FATAL.
 */
int delivery_settle(struct delivery *delivery, int64_t since_ms, struct err *err);

#endif
