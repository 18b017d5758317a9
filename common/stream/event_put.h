/*
 * event_put — a change event onto <ns>.changes.<entity>, with its five CloudEvents headers (binary mode of the Kafka protocol binding, CloudEvents 1.0).
 */
#ifndef TANDEM_STREAM_EVENT_PUT_H
#define TANDEM_STREAM_EVENT_PUT_H

#include "stream/event.h"
#include "stream/sink.h"

struct event_publisher {
    const char *ns, *connector,
        *name; /* connector: what kind of process; name: which of them, the end of ce_source */
};

/* Identifies the event (event_identify). As sink_put; -1 with ERR_REJECT: it is too large. */
int event_put(struct sink *sink, const struct event_publisher *publisher,
              const struct entity *entity, struct event *event, struct err *err);

#endif
