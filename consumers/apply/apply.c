/*
 * apply — the consumer that writes changes to the new system: the table of its contract, what it opens, and the gate
 * through which every batch goes. apply.h says what lies behind.
 */
#include "apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "references.h"

/* A chunk of 1,000 contacts takes some 10 MiB: given back and asked for again they would be cleared each time. */
enum { STORE_RETRY_MS = 500, WORKS_PER_CHUNK = 1000, ARENA_KEEP_BYTES = 16 * 1024 * 1024 };

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

void apply_chunk_begin(struct apply *apply)
{
    arena_reset(&apply->arena);
    for (int i = 0; i < apply->ops_used; i++)
        rest_op_reset(apply->ops[i]);
    apply->ops_used = 0;
}

/* In thousandths, rounded up. */
static int ratio(int n, int a_request)
{
    return (1000 * n + a_request - 1) / (a_request > 0 ? a_request : 1);
}

int apply_chunk_max(const struct apply *apply, const struct apply_entity *ae, int most)
{
    const struct rest_traits *traits = rest_traits(apply->rest);
    int read = traits->read_max < traits->lookup_max ? traits->read_max : traits->lookup_max;
    /*
     * Thousandths of a request that a record takes. A round asks twice at worst (what is remembered, then the target itself), by id
     * and by each name; and half of all is for more rounds.
     */
    int cost = 4 * ratio(1 + ae->match_count, read) + 2 * ratio(1, traits->write_max);
    if (traits->history_max)
        cost += 2 * ratio(1, traits->history_max);
    if (ae->has_links) /* read; taken away and made */
        cost += 4 * (ratio(ae->reference_count, traits->links_max) +
                     ratio(2 * ae->reference_count, traits->link_max));
    int fits = APPLY_OPS_MAX * 1000 / (cost + 1);
    return fits < 1 ? 1 : fits < most ? fits : most;
}

struct rest_op *apply_op(struct apply *apply)
{
    if (apply->ops_used == APPLY_OPS_MAX)
        return NULL;
    struct rest_op **op = &apply->ops[apply->ops_used];
    if (!*op) {
        *op = malloc(sizeof **op);
        if (!*op)
            abort(); /* crash-safe by design */
        rest_op_init(*op);
    }
    apply->ops_used++;
    return *op;
}

void apply_op_release(struct apply *apply, struct rest_op *op)
{
    for (int i = 0; i < apply->ops_used; i++) {
        if (apply->ops[i] != op)
            continue;
        rest_op_reset(op);
        apply->ops[i] = apply->ops[--apply->ops_used];
        apply->ops[apply->ops_used] = op;
        return;
    }
}

int apply_read(struct apply *apply, struct rest_op **ops, int n, int64_t *ret_retry_after_ms,
               struct err *err)
{
    enum rest_outcome outcomes[APPLY_OPS_MAX];
    struct err why = ERR_INIT;
    if (n == 0)
        return 0;
    rest_run(apply->rest, ops, n, outcomes, ret_retry_after_ms, &why);
    for (int i = 0; i < n; i++)
        if (outcomes[i] != REST_DONE) {
            if (*ret_retry_after_ms < 1)
                *ret_retry_after_ms = 1000;
            return err_set(err, ERR_RETRY, "reading the new system: %s", why.text);
        }
    return 0;
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

/* ---- the gate ---- */

/* Bring Redis up to date with every partition we own, after it was rebuilt by whomever. */
static int replay_owned(struct apply *apply, struct err *err)
{
    for (int i = 0; i < apply->entity_count; i++) {
        struct apply_entity *ae = &apply->entities[i];
        ae->listed = false;
        ae->list_cursor[0] = '\0'; /* the pages listed so far may have gone with the old content */
        ae->list_count = 0;
        for (int32_t p = 0; p < ae->partitions; p++) {
            if (ae->epochs[p] < 0)
                continue;
            int64_t mark = 0, highest = 0;
            if (apply_store(
                    apply,
                    store_take(apply->store, ae->entity, p, ae->epochs[p], &mark, &highest, err),
                    err) != 0 ||
                partition_replay(apply, ae, p, mark, highest, err) != 0)
                return -1;
        }
    }
    apply->replay_needed = false;
    return 0;
}

/*
 * A process that was given our partition, took it and died before the group noticed leaves its epoch behind. Once the group had more than
 * its session timeout to tell us otherwise, the partition is ours: announce it again.
 */
static int take_again(struct apply *apply, struct err *err)
{
    int64_t patience_ms = 2 * apply->context.migration->apply.session_timeout_ms;
    if ((int64_t)apply->fenced_turns * STORE_RETRY_MS < patience_ms)
        return 0;
    log_warn("partitions taken again: whoever fenced us is gone");
    for (int i = 0; i < apply->entity_count; i++)
        for (int32_t p = 0; p < apply->entities[i].partitions; p++)
            if (apply->entities[i].epochs[p] >= 0 &&
                partition_assigned(apply, &apply->entities[i], p, err) != 0)
                return -1;
    apply->fenced_turns = 0;
    return 0;
}

/* Redis is here, open, complete, and the target is listed; else say what is missing and for how long to wait. */
static int gate(struct apply *apply, int64_t *ret_retry_after_ms, struct err *err)
{
    *ret_retry_after_ms = STORE_RETRY_MS;
    bool changed = false;
    enum store_outcome outcome = store_ensure(apply->store, &changed, err);
    if (outcome == STORE_CLOSED) {
        err_clear(err);
        apply->replay_needed = true;
        if (rebuild_step(apply, ret_retry_after_ms, err) != 0)
            return -1;
        outcome = store_ensure(apply->store, &changed, err);
    }
    if (apply_store(apply, outcome, err) != 0)
        return -1;
    apply->rebuilding = false;
    if (take_again(apply, err) != 0)
        return -1;
    if ((changed || apply->replay_needed) && replay_owned(apply, err) != 0)
        return -1;
    for (int i = 0; i < apply->entity_count; i++)
        if (!apply->entities[i].listed &&
            listing_step(apply, &apply->entities[i], ret_retry_after_ms, err) != 0)
            return -1;
    return 0;
}

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
    if (gate(apply, ret_retry_after_ms, err) != 0)
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
    if (gate(apply, ret_retry_after_ms, err) != 0)
        return -1;
    if (tail_read(apply, err) != 0) {
        *ret_retry_after_ms = STORE_RETRY_MS;
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
