/*
 * apply — the consumer that writes changes to the new system: the table of its contract, and what it opens. apply.h says what lies behind.
 */
#include "apply.h"

#include <stdlib.h>
#include <string.h>

#include "references.h"

/* A chunk of 1,000 contacts takes some 10 MiB: given back and asked for again they would be cleared each time. */
enum { WORKS_PER_CHUNK = 1000, ARENA_KEEP_BYTES = 16 * 1024 * 1024 };

extern const struct handler_type handler_apply;

struct apply_entity *apply_entity(struct apply *apply, const struct entity *entity)
{
    for (int i = 0; i < apply->entity_count; i++)
        if (apply->entities[i].entity == entity)
            return &apply->entities[i];
    return NULL;
}

struct store_owner apply_owner(const struct apply_entity *ae)
{
    return (struct store_owner){ae->entity, ae->epochs, ae->partitions};
}

int64_t apply_now_ms(const struct apply *apply)
{
    return apply->now_ms + clock_mono_ms(apply->clock) - apply->now_mono_ms;
}

int apply_store(struct apply *apply, enum store_outcome outcome, struct err *err)
{
    if (outcome == STORE_OK)
        return 0;
    if (outcome == STORE_CLOSED)
        apply->replay_needed = true;
    if (outcome == STORE_AWAY)
        apply->rebuilding = false; /* what was waited for may have been lost again */
    if (outcome == STORE_FENCED)
        apply->fenced_turns++;
    if (err && err->kind == ERR_NONE)
        err_set(err, ERR_RETRY, "redis did not answer");
    return -1;
}

/* ---- opening ---- */

static int open_properties(struct apply *apply, struct apply_entity *ae, struct err *err)
{
    const struct entity *entity = ae->entity;
    ae->properties = calloc((size_t)entity->field_count + 2, sizeof *ae->properties);
    ae->property_of_field = calloc((size_t)entity->field_count, sizeof *ae->property_of_field);
    if (!ae->properties || !ae->property_of_field)
        return err_set(err, ERR_FATAL, "apply: out of memory");
    for (int f = 0; f < entity->field_count; f++) {
        ae->property_of_field[f] = -1;
        if (!entity->fields[f].new_name)
            continue;
        ae->property_of_field[f] = ae->property_count;
        ae->properties[ae->property_count++] = entity->fields[f].new_name;
        if (entity->fields[f].match && ae->match_count < APPLY_MATCH_MAX) {
            ae->match_fields[ae->match_count++] = f;
        }
    }
    ae->external_id_at = ae->property_count;
    ae->properties[ae->property_count++] = entity->external_id;
    ae->marker_at = ae->property_count;
    ae->properties[ae->property_count++] = entity->marker;
    (void)apply;
    return 0;
}

static int open_entities(struct apply *apply, struct migration *migration, struct err *err)
{
    apply->entities = calloc((size_t)migration->entity_count, sizeof *apply->entities);
    if (!apply->entities)
        return err_set(err, ERR_FATAL, "apply: out of memory");
    for (int i = 0; i < migration->entity_count; i++) {
        struct apply_entity *ae = &apply->entities[apply->entity_count++];
        ae->entity = &migration->entities[i];
        ae->partitions = (int32_t)migration->kafka.partitions;
        if (ae->partitions > STORE_PARTITIONS_MAX)
            return err_set(err, ERR_FATAL, "apply: at most %d partitions", STORE_PARTITIONS_MAX);
        for (int32_t p = 0; p < ae->partitions; p++)
            ae->epochs[p] = -1;
        topic_name(migration, TOPIC_CHANGES, ae->entity, ae->changes);
        topic_name(migration, TOPIC_STATE, ae->entity, ae->state);
        topic_name(migration, TOPIC_HINTS, ae->entity, ae->hints);
        if (open_properties(apply, ae, err) != 0)
            return -1;
    }
    topic_name(migration, TOPIC_OUTCOMES, NULL, apply->outcomes);
    topic_name(migration, TOPIC_REVIEW, NULL, apply->review);
    return 0;
}

static void open_metrics(struct apply *apply)
{
    for (int what = 0; what < OUTCOME_WHAT_COUNT; what++) {
        char labels[96];
        (void)snprintf(labels, sizeof labels, "result=\"%s\"",
                       outcome_what_name((enum outcome_what)what));
        apply->outcomes_total[what] =
            metric_counter("tandem_outcomes_total", "What became of events, by result", labels);
    }
}

static int apply_open(void *self, const struct handler_context *context, struct err *err)
{
    struct apply *apply = self;
    struct migration *migration = context->migration;
    apply->context = *context;
    apply->clock = context->clock;
    arena_init(&apply->arena);
    apply->arena.keep_bytes = ARENA_KEEP_BYTES;
    json_tape_init(&apply->tape);
    buf_init(&apply->scratch, 0);
    apply->tape.keep = &apply->arena;
    open_metrics(apply);
    if (open_entities(apply, migration, err) != 0)
        return -1;
    apply->works = calloc(WORKS_PER_CHUNK, sizeof *apply->works);
    if (!apply->works)
        return err_set(err, ERR_FATAL, "apply: out of memory");
    apply->sink = sink_open(migration, "apply", context->instance, 0, err);
    apply->store = apply->sink ? store_open(migration, err) : NULL;
    apply->rest =
        apply->store ? rest_open(migration, migration->new_system, context->clock, err) : NULL;
    if (apply->rest && delete_check(apply, err) != 0)
        return -1;
    apply->tail = apply->rest ? log_reader_open(migration, "apply-tail", err) : NULL;
    return apply->tail ? references_open(apply, err) : -1;
}

static void apply_close(void *self)
{
    struct apply *apply = self;
    references_clear(apply);
    log_reader_close(apply->tail);
    rest_close(apply->rest);
    store_close(apply->store);
    sink_close(apply->sink);
    for (int i = 0; i < apply->entity_count; i++) {
        free(apply->entities[i].properties);
        free(apply->entities[i].property_of_field);
    }
    free(apply->entities);
    for (int i = 0; i < APPLY_OPS_MAX && apply->ops[i]; i++) {
        rest_op_clear(apply->ops[i]);
        free(apply->ops[i]);
    }
    free(apply->works);
    buf_clear(&apply->scratch);
    json_tape_clear(&apply->tape);
    arena_clear(&apply->arena);
}

/* ---- the contract ---- */

static int apply_assigned(void *self, const struct entity *entity, int32_t partition,
                          struct err *err)
{
    struct apply *apply = self;
    bool changed = false;
    int64_t retry_after_ms = 0;
    enum store_outcome outcome = store_ensure(apply->store, &changed, err);
    if (outcome == STORE_CLOSED) {
        err_clear(err);
        apply->replay_needed = true;
        if (rebuild_step(apply, &retry_after_ms, err) != 0)
            return -1;
        outcome = store_ensure(apply->store, &changed, err);
    }
    if (apply_store(apply, outcome, err) != 0)
        return -1;
    apply->replay_needed = apply->replay_needed || changed;
    return partition_assigned(apply, apply_entity(apply, entity), partition, err);
}

static void apply_revoked(void *self, const struct entity *entity, int32_t partition)
{
    struct apply *apply = self;
    partition_revoked(apply, apply_entity(apply, entity), partition);
}

/* ---- the work ---- */

/* Take from messages those of one entity whose record is not in the chunk yet. */
static int collect(struct apply *apply, struct apply_entity *ae, const struct message *messages,
                   int n, bool *taken, struct work *works)
{
    struct map seen;
    map_init(&seen, WORKS_PER_CHUNK, &apply->arena);
    int count = 0, most = apply_chunk_max(apply, ae, WORKS_PER_CHUNK);
    for (int i = 0; i < n && count < most; i++) {
        const struct message *message = &messages[i];
        if (taken[i] || message->entity != ae->entity)
            continue;
        if (message->key.len && map_get(&seen, message->key))
            continue; /* its turn comes in the next chunk, after this one is durable */
        if (message->key.len && !map_put(&seen, message->key, &taken[i]))
            break;
        taken[i] = true;
        works[count++] =
            (struct work){.message = message, .key = message->key, .partition = message->partition};
    }
    return count;
}

static int apply_batch(void *self, const struct message *messages, int n,
                       int64_t *ret_retry_after_ms, struct err *err)
{
    struct apply *apply = self;
    if (gate_pass(apply, ret_retry_after_ms, err) != 0)
        return -1;
    bool *taken = calloc((size_t)n, sizeof *taken);
    if (!taken)
        abort(); /* crash-safe by design */
    int status = 0;
    for (int e = 0; e < apply->entity_count && status == 0; e++) {
        for (;;) {
            apply_chunk_begin(apply);
            int count = collect(apply, &apply->entities[e], messages, n, taken, apply->works);
            if (count == 0)
                break;
            status = work_chunk(apply, &apply->entities[e], apply->works, count, ret_retry_after_ms,
                                err);
            if (status != 0)
                break;
        }
    }
    free(taken);
    return status;
}

static int apply_idle(void *self, int64_t *ret_retry_after_ms, struct err *err)
{
    struct apply *apply = self;
    sink_serve(apply->sink);
    if (gate_pass(apply, ret_retry_after_ms, err) != 0)
        return -1;
    if (tail_read(apply, err) != 0) {
        *ret_retry_after_ms = APPLY_RETRY_MS;
        return -1;
    }
    return due_work(apply, ret_retry_after_ms, err);
}

const struct handler_type handler_apply = {
    .name = "apply",
    .summary = "writes changes to the new system: one record, one decision",
    .size = sizeof(struct apply),
    .options = NULL,
    .topics = {TOPIC_CHANGES, TOPIC_DECISIONS, TOPIC_KIND_COUNT},
    .open = apply_open,
    .assigned = apply_assigned,
    .revoked = apply_revoked,
    .batch = apply_batch,
    .idle = apply_idle,
    .close = apply_close,
};
