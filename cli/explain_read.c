/*
 * explain_read — one partition of each topic, of which only the messages of one key are kept.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/explain.h"
#include "cli/scan.h"

/* One topic under reading. */
struct search {
    struct journey *journey;
    enum topic_kind kind;
};

/* apply writes them between the rows (consumers/apply/partition.c): their offset is an epoch. */
static const char ASSIGNMENT_PREFIX[] = "!assign/";

void journey_init(struct journey *journey, struct migration *migration, bool unmask)
{
    *journey = (struct journey){.migration = migration, .unmask = unmask};
    arena_init(&journey->arena);
    buf_init(&journey->row, 0);
    json_tape_init(&journey->tape);
}

void journey_clear(struct journey *journey)
{
    arena_clear(&journey->arena);
    buf_clear(&journey->row);
    json_tape_clear(&journey->tape);
    free(journey->steps);
    journey->steps = NULL;
}

static int add_step(struct journey *journey, enum topic_kind kind,
                    const struct log_message *message, struct err *err)
{
    if (journey->count == JOURNEY_STEPS_MAX) {
        journey->dropped++;
        return 0;
    }
    if ((journey->count & (journey->count - 1)) == 0) {
        size_t cap = journey->count ? 2 * (size_t)journey->count : 16;
        struct journey_step *steps = realloc(journey->steps, cap * sizeof(*steps));
        if (!steps)
            return err_set(err, ERR_RETRY, "out of memory");
        journey->steps = steps;
    }
    struct journey_step *step = &journey->steps[journey->count++];
    *step = (struct journey_step){.kind = kind,
                                  .ts_ms = message->timestamp_ms,
                                  .partition = message->partition,
                                  .offset = message->offset};
    step->text = explain_words(journey, kind, message, &step->event_id);
    return 0;
}

/* The row that counts: the last one that its owner was allowed to write. */
static int take_row(struct journey *journey, const struct log_message *message, struct err *err)
{
    size_t prefix = sizeof(ASSIGNMENT_PREFIX) - 1;
    int64_t epoch = journey->highest_epoch;
    if (message->key.len >= prefix && memcmp(message->key.data, ASSIGNMENT_PREFIX, prefix) == 0) {
        journey->highest_epoch = message->offset;
        return 0;
    }
    if (!span_equal(message->key, journey->key))
        return 0;
    if (message->value.data && (json_parse(&journey->tape, message->value, err) < 0 ||
                                !json_int_at(&journey->tape, 0, "epoch", &epoch)))
        return err->kind == ERR_NONE ? err_set(err, ERR_REJECT, "a row without an epoch") : -1;
    journey->rows++;
    if (state_fold(epoch, journey->highest_epoch, true) == FOLD_ACCEPT) {
        buf_reset(&journey->row);
        buf_put_span(&journey->row, message->value);
        journey->has_row = message->value.data != NULL;
    }
    return 0;
}

/* Outcomes and dead letters of all entities share a topic. */
static bool is_of_entity(struct journey *journey, enum topic_kind kind,
                         const struct log_message *message)
{
    struct span entity = SPAN_NONE;
    struct err err = ERR_INIT;
    if (kind == TOPIC_DLQ)
        entity = log_message_header(message, "tandem.entity");
    else if (kind == TOPIC_OUTCOMES && message->value.data &&
             json_parse(&journey->tape, message->value, &err) == 0)
        (void)json_string_at(&journey->tape, 0, "entity", &entity);
    return !entity.len || span_is(entity, journey->entity->name);
}

static int on_message(void *self, const struct log_message *message, struct err *err)
{
    struct search *search = self;
    struct journey *journey = search->journey;
    if (search->kind == TOPIC_STATE)
        return take_row(journey, message, err);
    if (!span_equal(message->key, journey->key) || !is_of_entity(journey, search->kind, message))
        return 0;
    return add_step(journey, search->kind, message, err);
}

/* What led to what: a change before its outcome, where Kafka's clock does not tell. */
static int rank(enum topic_kind kind)
{
    static const enum topic_kind order[] = {TOPIC_HINTS, TOPIC_CHANGES, TOPIC_DECISIONS,
                                            TOPIC_OUTCOMES, TOPIC_DLQ};
    for (int i = 0; i < (int)(sizeof(order) / sizeof(order[0])); i++)
        if (order[i] == kind)
            return i;
    return -1;
}

static int compare(const void *left, const void *right)
{
    const struct journey_step *a = left, *b = right;
    if (a->ts_ms != b->ts_ms)
        return a->ts_ms < b->ts_ms ? -1 : 1;
    if (a->kind != b->kind)
        return rank(a->kind) - rank(b->kind);
    return (a->offset > b->offset) - (a->offset < b->offset);
}

int journey_read(struct journey *journey, const struct entity *entity, struct span key,
                 struct err *err)
{
    static const enum topic_kind kinds[] = {TOPIC_HINTS, TOPIC_CHANGES,  TOPIC_DECISIONS,
                                            TOPIC_STATE, TOPIC_OUTCOMES, TOPIC_DLQ};
    const struct migration *migration = journey->migration;
    int32_t partition = scan_partition_of(key, (int)migration->kafka.partitions);
    journey->entity = entity;
    journey->key = arena_copy(&journey->arena, key);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char topic[TOPIC_NAME_BYTES];
        struct search search = {journey, kinds[i]};
        topic_name(migration, kinds[i], entity, topic);
        if (scan_partition(migration, topic, partition, on_message, &search, err) < 0)
            return -1;
    }
    if (journey->count)
        qsort(journey->steps, (size_t)journey->count, sizeof(*journey->steps), compare);
    return 0;
}
