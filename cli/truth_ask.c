/*
 * truth_ask — open questions that another rule decides are decided again: each record is asked for by a hint, poll reads it, and apply
 * looks at both systems as they are then. See truth.h.
 */
#include <string.h>

#include "cli/latest.h"
#include "cli/scan.h"
#include "cli/truth.h"
#include "model/review.h"
#include "stream/event.h"
#include "stream/sink.h"
#include "stream/topics.h"

enum { SETTLE_TIMEOUT_MS = 60 * 1000 };

struct asking {
    struct migration *migration;
    struct sink *sink;
    int64_t records;
    /* of truth_redecide_changed */
    struct latest latest;
    struct json_tape tape;
    struct arena arena;
};

/* "repair": apply looks at the record although nothing of it is newer. */
static int ask(void *self, const struct entity *entity, struct span key, struct err *err)
{
    struct asking *asking = self;
    char topic[TOPIC_NAME_BYTES];
    const char *colon = memchr(key.data, ':', key.len);
    if (!colon)
        return 0;
    size_t system_len = (size_t)(colon - key.data);
    const struct hint hint = {.key = key,
                              .system = {key.data, system_len},
                              .id = {colon + 1, key.len - system_len - 1},
                              .why = "repair"};
    struct buf *value = sink_scratch(asking->sink);
    hint_encode(&hint, value);
    topic_name(asking->migration, TOPIC_HINTS, entity, topic);
    const struct sink_message put = {
        .topic = topic, .partition = SINK_PARTITION_BY_KEY, .key = key, .value = buf_span(value)};
    asking->records++;
    return sink_put(asking->sink, &put, NULL, err);
}

static int settle(struct asking *asking, int failed, int64_t *ret_records, struct err *err)
{
    if (!failed)
        failed = sink_settle(asking->sink, SETTLE_TIMEOUT_MS, err);
    sink_close(asking->sink);
    if (!failed)
        *ret_records = asking->records;
    return failed;
}

int truth_redecide(struct migration *migration, const char *entity, int64_t *ret_records,
                   struct err *err)
{
    struct asking asking = {.migration = migration};
    struct truth_counts counts;
    struct arena arena;
    asking.sink = sink_open(migration, "truth", "cli", 0, err);
    if (!asking.sink)
        return -1;
    int failed = 0;
    arena_init(&arena);
    for (int i = 0; i < migration->entity_count && !failed; i++)
        if (!entity || strcmp(migration->entities[i].name, entity) == 0)
            failed =
                truth_count(migration, &migration->entities[i], ask, &asking, &arena, &counts, err);
    arena_clear(&arena);
    return settle(&asking, failed, ret_records, err);
}

/* ---- what changed ---- */

static int note(void *self, const struct log_message *message, struct err *err)
{
    struct asking *asking = self;
    struct latest_entry *entry =
        message->key.data ? latest_put(&asking->latest, message->key, err) : NULL;
    if (entry)
        entry->offset = message->value.data ? message->offset : LATEST_NOTHING;
    return entry || !message->key.data ? 0 : -1;
}

/* Another rule than the one that left it open? */
static bool is_changed(const struct entity *entity, const struct review *review,
                       const struct review_question *question)
{
    int field = question->field.len ? entity_field(entity, question->field) : -1;
    bool by_rule = question->class_ == HELD_CONFLICT || question->class_ == HELD_FIRST_MEETING;
    if (field < 0 || !by_rule || review->deleted || !review->modified_ms)
        return false;
    const struct truth_rule *rule = truth_rule_at(entity, field, review->modified_ms);
    const char *now = rule ? truth_choice_name(rule->choice) : "";
    return rule && rule->choice != TRUTH_REVIEW && !span_is(question->rule, now);
}

static int meet(void *self, const struct log_message *message, struct err *err)
{
    struct asking *asking = self;
    struct review review;
    char name[128];
    const struct latest_entry *entry =
        message->key.data ? latest_get(&asking->latest, message->key) : NULL;
    if (!entry || entry->offset != message->offset || !message->value.data)
        return 0;
    arena_reset(&asking->arena);
    if (review_decode(message->value, &asking->tape, &asking->arena, &review, err) < 0)
        return err_wrap(err, "the review message at offset %lld", (long long)message->offset);
    (void)snprintf(name, sizeof(name), "%.*s", (int)review.entity.len, review.entity.data);
    const struct entity *entity = migration_entity(asking->migration, name);
    for (int i = 0; entity && i < review.question_count; i++)
        if (is_changed(entity, &review, &review.questions[i]))
            return ask(asking, entity, review.key, err);
    return 0;
}

int truth_redecide_changed(struct migration *migration, int64_t *ret_records, struct err *err)
{
    struct asking asking = {.migration = migration};
    char topic[TOPIC_NAME_BYTES];
    asking.sink = sink_open(migration, "truth", "cli", 0, err);
    if (!asking.sink)
        return -1;
    latest_init(&asking.latest);
    json_tape_init(&asking.tape);
    arena_init(&asking.arena);
    topic_name(migration, TOPIC_REVIEW, NULL, topic);
    int failed = scan_topic(migration, topic, note, &asking, err);
    if (!failed)
        failed = scan_topic(migration, topic, meet, &asking, err);
    latest_clear(&asking.latest);
    json_tape_clear(&asking.tape);
    arena_clear(&asking.arena);
    return settle(&asking, failed, ret_records, err);
}
