/*
 * control_remap — the mapping of an entity was changed on purpose: what has to be read again is asked for, then the mapping becomes the
 * next generation. In this order: a crash between asks once more. See control.h.
 */
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/map.h"
#include "stream/control_facts.h"
#include "stream/cursor.h"
#include "stream/event.h"
#include "stream/log_reader.h"
#include "stream/topics.h"

enum { SETTLE_TIMEOUT_MS = 60 * 1000, KEYS_MAX = 1000000 };

/* Is it a source that can be asked for a record, or for all? */
static bool is_poll(const struct source_settings *source)
{
    return source->type && source->system && strcmp(source->type, "poll") == 0;
}

/* ---- what was dead-lettered ---- */

struct letters {
    const struct migration *migration;
    const struct entity *entity;
    struct sink *sink;
    struct arena arena;
    struct map hinted;
    size_t count, hints;
};

/* The system that can be asked for the record of a letter, NULL: none. ret_id: its id there. */
static const struct system_settings *asked(const struct letters *letters, struct span key,
                                           struct span *ret_id)
{
    for (int i = 0; i < letters->migration->source_count; i++) {
        const struct source_settings *source = &letters->migration->sources[i];
        size_t len = is_poll(source) ? strlen(source->system->name) : key.len;
        if (key.len <= len + 1 || key.data[len] != ':' ||
            memcmp(key.data, source->system->name, len) != 0)
            continue;
        *ret_id = (struct span){key.data + len + 1, key.len - len - 1};
        return source->system;
    }
    return NULL;
}

static bool is_ours(const struct letters *letters, const struct log_message *message)
{
    return message->key.len && span_is(log_message_header(message, "tandem.reason"), "mapping") &&
           span_is(log_message_header(message, "tandem.entity"), letters->entity->name);
}

static int count_letter(void *self, const struct log_message *message, struct err *err)
{
    struct letters *letters = self;
    (void)err;
    letters->count += is_ours(letters, message);
    return 0;
}

/* One hint a record, however often it died; beyond KEYS_MAX records some get two. */
static int hint_letter(void *self, const struct log_message *message, struct err *err)
{
    struct letters *letters = self;
    struct hint hint = {.key = message->key, .why = "remap"};
    char topic[TOPIC_NAME_BYTES];
    if (!is_ours(letters, message) || map_get(&letters->hinted, message->key))
        return 0;
    const struct system_settings *system = asked(letters, message->key, &hint.id);
    if (!system)
        return 0;
    hint.system = span_of(system->name);
    struct buf *value = sink_scratch(letters->sink);
    hint_encode(&hint, value);
    topic_name(letters->migration, TOPIC_HINTS, letters->entity, topic);
    const struct sink_message put = {.topic = topic,
                                     .partition = SINK_PARTITION_BY_KEY,
                                     .key = message->key,
                                     .value = buf_span(value)};
    (void)map_put(&letters->hinted, arena_copy(&letters->arena, message->key), letters);
    letters->hints++;
    return sink_put(letters->sink, &put, NULL, err);
}

static int hint_letters(struct letters *letters, struct err *err)
{
    char topic[TOPIC_NAME_BYTES];
    topic_name(letters->migration, TOPIC_DLQ, NULL, topic);
    if (log_reader_fold(letters->migration, topic, count_letter, letters, err) < 0)
        return -1;
    if (letters->count == 0)
        return 0;
    map_init(&letters->hinted, letters->count < KEYS_MAX ? letters->count : KEYS_MAX,
             &letters->arena);
    return log_reader_fold(letters->migration, topic, hint_letter, letters, err);
}

/* ---- everything ---- */

/* The backfill begins again; the versions of what it reads are of the new generation, so they are newer. */
static int restart_backfills(const struct letters *letters, struct err *err)
{
    for (int i = 0; i < letters->migration->source_count; i++) {
        const struct source_settings *source = &letters->migration->sources[i];
        const struct cursor start = {.seq_from = 1};
        if (is_poll(source) && cursor_put(letters->sink, letters->migration, source->system->name,
                                          letters->entity->name, "backfill", &start, err) < 0)
            return -1;
    }
    return 0;
}

static int remap(struct letters *letters, const struct entity_facts *known, struct err *err)
{
    const struct entity *entity = letters->entity;
    bool same = known->generation > 0 && strcmp(known->hash, entity->hash) == 0;
    enum mapping_reread reread = REREAD_DEAD_LETTERS;
    if (!same) {
        struct buf shape;
        buf_init(&shape, 0);
        migration_shape(letters->migration, entity, &shape);
        reread = migration_compare(known->shape, buf_span(&shape));
        buf_clear(&shape);
    }
    bool everything = reread == REREAD_EVERYTHING && known->generation > 0;
    if ((everything ? restart_backfills(letters, err) : hint_letters(letters, err)) < 0 ||
        sink_settle(letters->sink, SETTLE_TIMEOUT_MS, err) < 0)
        return -1;
    log_info("remap", log_str("entity", entity->name),
             log_int("generation", known->generation + !same),
             log_str("reads_again", everything ? "everything" : "dead letters"),
             log_int("hints", (int64_t)letters->hints));
    if (same)
        return 0;
    if (control_put_mapping(letters->sink, letters->migration, entity, known->generation + 1, err) <
            0 ||
        (!known->partitions &&
         control_put_partitions(letters->sink, letters->migration, entity, err) < 0))
        return -1;
    return sink_settle(letters->sink, SETTLE_TIMEOUT_MS, err);
}

static int remap_known(struct letters *letters, const struct entity_facts *known, struct err *err)
{
    letters->sink = sink_open(letters->migration, "control", "cli", 0, err);
    int result = letters->sink ? remap(letters, known, err) : -1;
    sink_close(letters->sink);
    return result;
}

int control_remap(struct migration *migration, const char *entity, struct err *err)
{
    struct control_facts facts;
    struct letters letters = {.migration = migration,
                              .entity = migration_entity(migration, entity)};
    if (!letters.entity)
        return err_exit(err, EX_USAGE, "there is no entity %s", entity);
    arena_init(&letters.arena);
    int result = control_facts_read(migration, &letters.arena, &facts, err);
    if (result == 0 && !facts.control.exists)
        result = err_exit(err, EX_CONFIG, "migration %s is not prepared yet; run `tandem run`",
                          migration->ns);
    if (result == 0)
        result = remap_known(&letters, &facts.entities[letters.entity - migration->entities], err);
    arena_clear(&letters.arena);
    return result;
}
