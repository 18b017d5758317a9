/*
 * control_facts — what <ns>.control says, unchecked: for control.c, which compares it with this process, and control_write.c, which
 * writes what is not there yet. Private to common/stream.
 */
#ifndef TANDEM_STREAM_CONTROL_FACTS_H
#define TANDEM_STREAM_CONTROL_FACTS_H

#include "model/record.h"
#include "stream/control.h"

#include "stream/sink.h"

enum { CONTROL_FORMAT_VERSION = 1, CONTROL_ENTITIES_MAX = 64, CONTROL_SHAPE_BYTES = 64 * 1024 };

struct entity_facts {
    int64_t generation, partitions; /* 0: not said */
    char hash[HASH_HEX_BYTES];
    struct span shape; /* of the mapping, JSON (migration_shape); SPAN_NONE: not said, not kept */
};

struct control_facts {
    struct control control;
    struct entity_facts entities[CONTROL_ENTITIES_MAX]; /* as the migration's */
};

/* Read the topic to its end. keep: where shapes go, NULL: they are not kept. -1: ERR_RETRY (Kafka away), ERR_FATAL (no topic, a newer format, not a control record). */
int control_facts_read(const struct migration *migration, struct arena *keep,
                       struct control_facts *ret_facts, struct err *err);

/* Queue "mapping:<entity>", "partitions:<entity>". */
int control_put_mapping(struct sink *sink, const struct migration *migration,
                        const struct entity *entity, int64_t generation, struct err *err);
int control_put_partitions(struct sink *sink, const struct migration *migration,
                           const struct entity *entity, struct err *err);

#endif
