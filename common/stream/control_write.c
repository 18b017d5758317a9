/*
 * control_write — the facts that start a migration and let it go. The key "migration" is written last: where it stands, all others do.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "stream/control_facts.h"
#include "stream/sink.h"
#include "stream/topics.h"

enum { CONTROL_KEY_BYTES = 160, SETTLE_TIMEOUT_MS = 30 * 1000 };

static int put(struct sink *sink, const struct migration *migration, const char *key,
               const struct buf *value, struct err *err)
{
    char topic[TOPIC_NAME_BYTES];
    topic_name(migration, TOPIC_CONTROL, NULL, topic);
    const struct sink_message message = {
        .topic = topic, .partition = 0, .key = span_of(key), .value = buf_span(value)};
    return sink_put(sink, &message, NULL, err);
}

static int put_migration(struct sink *sink, const struct migration *migration,
                         const struct control *control, struct err *err)
{
    struct buf *value = sink_scratch(sink);
    buf_printf(value, "{\"v\":%d,\"phase\":\"%s\",\"go\":%s,\"kill_ms\":%lld}",
               CONTROL_FORMAT_VERSION, control->phase, control->go ? "true" : "false",
               (long long)control->kill_ms);
    return put(sink, migration, "migration", value, err);
}

int control_put_mapping(struct sink *sink, const struct migration *migration,
                        const struct entity *entity, int64_t generation, struct err *err)
{
    char key[CONTROL_KEY_BYTES];
    struct buf shape, *value = sink_scratch(sink);
    (void)snprintf(key, sizeof(key), "mapping:%s", entity->name);
    buf_printf(value, "{\"v\":%d,\"generation\":%lld,\"hash\":\"%s\"", CONTROL_FORMAT_VERSION,
               (long long)generation, entity->hash);
    buf_init(&shape, CONTROL_SHAPE_BYTES);
    migration_shape(migration, entity, &shape);
    if (!shape.failed) { /* else everything is read again when the mapping changes */
        buf_puts(value, ",\"shape\":");
        buf_put_span(value, buf_span(&shape));
    }
    buf_clear(&shape);
    buf_putc(value, '}');
    return put(sink, migration, key, value, err);
}

int control_put_partitions(struct sink *sink, const struct migration *migration,
                           const struct entity *entity, struct err *err)
{
    char key[CONTROL_KEY_BYTES];
    struct buf *value = sink_scratch(sink);
    (void)snprintf(key, sizeof(key), "partitions:%s", entity->name);
    buf_printf(value, "{\"v\":%d,\"count\":%lld}", CONTROL_FORMAT_VERSION,
               (long long)migration->kafka.partitions);
    return put(sink, migration, key, value, err);
}

static int prepare(struct sink *sink, const struct migration *migration, struct err *err)
{
    const struct control control = {.phase = "prepared", .kill_ms = migration->kill_ms};
    for (int i = 0; i < migration->entity_count; i++)
        if (control_put_mapping(sink, migration, &migration->entities[i], 1, err) < 0 ||
            control_put_partitions(sink, migration, &migration->entities[i], err) < 0)
            return -1;
    if (sink_settle(sink, SETTLE_TIMEOUT_MS, err) < 0 ||
        put_migration(sink, migration, &control, err) < 0)
        return -1;
    return sink_settle(sink, SETTLE_TIMEOUT_MS, err);
}

int control_prepare(struct migration *migration, struct err *err)
{
    struct control_facts facts;
    if (control_facts_read(migration, NULL, &facts, err) < 0)
        return -1;
    if (facts.control.exists)
        return 0;
    struct sink *sink = sink_open(migration, "control", "cli", 0, err);
    if (!sink)
        return -1;
    int result = prepare(sink, migration, err);
    sink_close(sink);
    return result;
}

int control_go(struct migration *migration, struct err *err)
{
    struct control_facts facts;
    if (control_facts_read(migration, NULL, &facts, err) < 0)
        return -1;
    if (!facts.control.exists)
        return err_exit(err, EX_CONFIG, "migration %s is not prepared yet; run `tandem run`",
                        migration->ns);
    if (facts.control.go)
        return 0;
    struct sink *sink = sink_open(migration, "control", "cli", 0, err);
    if (!sink)
        return -1;
    (void)snprintf(facts.control.phase, sizeof(facts.control.phase), "running");
    facts.control.go = true;
    int result = put_migration(sink, migration, &facts.control, err);
    if (result == 0)
        result = sink_settle(sink, SETTLE_TIMEOUT_MS, err);
    sink_close(sink);
    return result;
}
