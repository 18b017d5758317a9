/*
 * pause — see pause.h. <ns>.control has one partition: the last message of a key counts. Its other keys are control.h's.
 */
#include "stream/pause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "stream/log_reader.h"
#include "stream/members.h"
#include "stream/sink.h"
#include "stream/topics.h"

enum { SETTLE_TIMEOUT_MS = 10 * 1000, OPEN_TIMEOUT_MS = 10 * 1000, OPEN_SLICE_MS = 50 };

static const struct member MEMBERS[] = {
    {"paused", JSON_BOOL_, false},
    {"since_ms", JSON_NUMBER_, false},
    {"who", JSON_STRING_, false},
    {"why", JSON_STRING_, false},
};
enum { M_PAUSED, M_SINCE, M_WHO, M_WHY, M_COUNT };

struct reading {
    const struct migration *migration;
    struct pauses *pauses;
    struct json_tape tape;
};

/* ---- reading ---- */

static struct pause *pause_of_key(const struct reading *reading, struct span key)
{
    static const char PREFIX[] = "pause:";
    const size_t len = sizeof(PREFIX) - 1;
    if (span_is(key, "pause"))
        return &reading->pauses->all;
    if (key.len <= len || memcmp(key.data, PREFIX, len) != 0)
        return NULL;
    for (int i = 0; i < reading->migration->entity_count && i < PAUSE_ENTITIES_MAX; i++)
        if (span_is((struct span){key.data + len, key.len - len},
                    reading->migration->entities[i].name))
            return &reading->pauses->entities[i];
    return NULL;
}

static int take(struct reading *reading, struct span text, struct pause *pause, struct err *err)
{
    uint32_t at[M_COUNT];
    struct pause now = {.on = false};
    if (json_parse(&reading->tape, text, err) < 0 ||
        members_version(&reading->tape, "pause", PAUSE_FORMAT_VERSION, err) < 0 ||
        members_find(&reading->tape, 0, MEMBERS, M_COUNT, at, err) < 0 ||
        member_int(&reading->tape, at[M_SINCE], "since_ms", 0, &now.since_ms, err) < 0)
        return -1;
    struct span who = json_text(&reading->tape, at[M_WHO]);
    struct span why = json_text(&reading->tape, at[M_WHY]);
    now.on = json_text(&reading->tape, at[M_PAUSED]).data[0] == 't';
    (void)snprintf(now.who, sizeof(now.who), "%.*s", (int)who.len, who.data);
    (void)snprintf(now.why, sizeof(now.why), "%.*s", (int)why.len, why.data);
    *pause = now;
    return 0;
}

/* 1: it was about a pause. */
static int take_message(struct reading *reading, const struct log_message *message, struct err *err)
{
    struct pause *pause = message->key.data ? pause_of_key(reading, message->key) : NULL;
    if (!pause)
        return 0;
    if (!message->value.data) {
        *pause = (struct pause){.on = false};
        return 1;
    }
    if (take(reading, message->value, pause, err) == 0)
        return 1;
    err->exit_code = err->kind == ERR_FATAL ? err->exit_code : EX_DATAERR;
    err->kind = ERR_FATAL;
    return err_wrap(err, "control key %.*s", (int)message->key.len, message->key.data);
}

static int on_message(void *self, const struct log_message *message, struct err *err)
{
    return take_message(self, message, err) < 0 ? -1 : 0;
}

int pauses_read(const struct migration *migration, struct pauses *ret_pauses, struct err *err)
{
    char topic[TOPIC_NAME_BYTES];
    struct pauses pauses = {.all = {.on = false}};
    struct reading reading = {.migration = migration, .pauses = &pauses};
    topic_name(migration, TOPIC_CONTROL, NULL, topic);
    json_tape_init(&reading.tape);
    int result = log_reader_fold(migration, topic, on_message, &reading, err);
    json_tape_clear(&reading.tape);
    if (result == 0)
        *ret_pauses = pauses;
    return result;
}

/* ---- writing ---- */

static int put(const struct migration *migration, const char *entity, bool on, const char *who,
               const char *why, struct err *err)
{
    char topic[TOPIC_NAME_BYTES], key[160];
    struct sink *sink = sink_open(migration, "control", "cli", 0, err);
    if (!sink)
        return -1;
    topic_name(migration, TOPIC_CONTROL, NULL, topic);
    (void)snprintf(key, sizeof(key), entity ? "pause:%s" : "pause%s", entity ? entity : "");
    struct buf *value = sink_scratch(sink);
    buf_printf(value, "{\"v\":%d,\"paused\":true,\"since_ms\":%lld,\"who\":", PAUSE_FORMAT_VERSION,
               (long long)clock_wall_ms(&CLOCK_SYSTEM));
    buf_put_json_string(value, span_of(who));
    buf_puts(value, ",\"why\":");
    buf_put_json_string(value, span_of(why));
    buf_putc(value, '}');
    const struct sink_message message = {.topic = topic,
                                         .partition = 0,
                                         .key = span_of(key),
                                         .value = on ? buf_span(value) : SPAN_NONE};
    int result = sink_put(sink, &message, NULL, err);
    if (result == 0)
        result = sink_settle(sink, SETTLE_TIMEOUT_MS, err);
    sink_close(sink);
    return result;
}

int pause_set(const struct migration *migration, const char *entity, bool on, const char *who,
              const char *why, struct err *err)
{
    struct pauses pauses = {.all = {.on = false}};
    const struct pause *now = entity ? NULL : &pauses.all;
    for (int i = 0; entity && i < migration->entity_count && i < PAUSE_ENTITIES_MAX; i++)
        if (strcmp(migration->entities[i].name, entity) == 0)
            now = &pauses.entities[i];
    if (!now)
        return err_exit(err, EX_USAGE, "the migration has no entity \"%s\"", entity);
    if (pauses_read(migration, &pauses, err) < 0)
        return -1;
    return now->on == on ? 0 : put(migration, entity, on, who, why, err);
}

/* ---- following ---- */

struct pause_watch {
    struct pauses pauses;
    struct reading reading;
    struct log_reader *reader;
    char topic[TOPIC_NAME_BYTES];
};

/* Everything that is there within timeout_ms. */
static int take_all(struct pause_watch *watch, int timeout_ms, struct err *err)
{
    struct log_message message;
    int changed = 0, got;
    while ((got = log_reader_next(watch->reader, timeout_ms, &message, err)) > 0) {
        int taken = take_message(&watch->reading, &message, err);
        if (taken < 0)
            return -1;
        changed |= taken;
        timeout_ms = 0;
    }
    return got < 0 ? -1 : changed;
}

static int read_to_end(struct pause_watch *watch, struct err *err)
{
    int64_t end, at = 0, until_ms = clock_mono_ms(&CLOCK_SYSTEM) + OPEN_TIMEOUT_MS;
    if (log_reader_add(watch->reader, watch->topic, 0, -2, err) < 0 ||
        log_reader_end(watch->reader, watch->topic, 0, &end, err) < 0)
        return -1;
    while (log_reader_position(watch->reader, watch->topic, 0, &at) && at < end) {
        if (take_all(watch, OPEN_SLICE_MS, err) < 0)
            return -1;
        if (clock_mono_ms(&CLOCK_SYSTEM) > until_ms)
            return err_set(err, ERR_RETRY, "reading %s takes too long", watch->topic);
    }
    return 0;
}

struct pause_watch *pause_watch_open(const struct migration *migration, struct err *err)
{
    struct pause_watch *watch = calloc(1, sizeof(*watch));
    if (!watch) {
        err_set(err, ERR_RETRY, "pauses: out of memory");
        return NULL;
    }
    watch->reading = (struct reading){.migration = migration, .pauses = &watch->pauses};
    json_tape_init(&watch->reading.tape);
    topic_name(migration, TOPIC_CONTROL, NULL, watch->topic);
    watch->reader = log_reader_open(migration, "pauses", err);
    if (watch->reader && read_to_end(watch, err) == 0)
        return watch;
    pause_watch_close(watch);
    return NULL;
}

void pause_watch_close(struct pause_watch *watch)
{
    if (!watch)
        return;
    log_reader_close(watch->reader);
    json_tape_clear(&watch->reading.tape);
    free(watch);
}

int pause_watch_take(struct pause_watch *watch, struct err *err)
{
    return take_all(watch, 0, err);
}

const struct pause *pause_watch_of(const struct pause_watch *watch, const struct entity *entity)
{
    if (!watch)
        return NULL;
    if (watch->pauses.all.on)
        return &watch->pauses.all;
    if (!entity)
        return NULL;
    int64_t at = entity - watch->reading.migration->entities;
    return at < PAUSE_ENTITIES_MAX && watch->pauses.entities[at].on ? &watch->pauses.entities[at]
                                                                    : NULL;
}
