/*
 * sweep — what the source's own log says was deleted or merged away. Nothing ends on the log's word: each id becomes a hint, and
 * hydration reads the record back and asks what ended it. More than the brake allows: none is asked for, until a person says so.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"

static const char PASS[] = "sweep";

/* ids: the longest log of a source has 600,000 (Salesforce's EXCEEDED_ID_LIMIT). */
enum {
    LOOK_MS = 5000,
    LOG_MARGIN_MS = 3600 * 1000,
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    IDS_MAX_BYTES = 64 << 20
};

/*
 * What came before from_ms is asked for again, this far back: a log's times are cut to seconds (Salesforce) and to minutes (its
 * query), so that a deletion may bear an earlier time than one that was told before it; and a transaction shows itself late.
 */
int64_t sweep_low_ms(const struct poll_entity *entity)
{
    int64_t overlap_ms = entity->poll->traits->overlap_ms;
    return entity->sweep.from_ms - (overlap_ms > MINUTE_MS ? overlap_ms : MINUTE_MS);
}

void sweep_open(struct poll_entity *entity)
{
    struct sweep *sweep = &entity->sweep;
    const struct poll *poll = entity->poll;
    const char *object = entity->entity->old_object;
    rest_op_init(&sweep->op);
    buf_init(&sweep->ids, IDS_MAX_BYTES);
    memory_init(&sweep->told, (size_t)poll->overlap_memory);
    /* Without a word on what ended it, each hint would be a dead letter. */
    sweep->possible = poll->sweep_interval_ms > 0 &&
                      rest_max(poll->rest, REST_DELETED, object, NULL) > 0 &&
                      rest_max(poll->rest, REST_ENDED, object, NULL) > 0;
    sweep->hinted = metric_counter("tandem_sweep_hints_total",
                                   "Records that a log of deletions named.", entity->labels);
    sweep->refused = metric_counter("tandem_sweep_refused_total", "Sweeps that the source refused.",
                                    entity->labels);
}

void sweep_clear(struct poll_entity *entity)
{
    rest_op_clear(&entity->sweep.op);
    buf_clear(&entity->sweep.ids);
    memory_clear(&entity->sweep.told);
}

static int put_cursor(struct poll_entity *entity, int64_t from_ms, struct err *err)
{
    struct cursor cursor = {.from_ms = from_ms};
    if (poll_put_cursor(entity, PASS, &cursor, &entity->sweep.sequence, err) < 0)
        return -1;
    entity->sweep.from_ms = from_ms;
    return 0;
}

int sweep_load(struct poll_entity *entity, bool found_backfill, int64_t source_ms, struct err *err)
{
    struct sweep *sweep = &entity->sweep;
    const struct poll *poll = entity->poll;
    struct cursor cursor = {0};
    bool found = false;
    bool says = sweep->possible || entity->census.possible;
    if (says && brake_read(poll->context->migration, entity->entity->name, &sweep->brake, err) < 0)
        return -1;
    if (!sweep->possible)
        return 0;
    if (cursor_load(poll->context->migration, poll->system->name, entity->entity->name, PASS,
                    &cursor, &found, err) < 0)
        return -1;
    memory_forget_all(&sweep->told, 0); /* another owner may have told them, or may not */
    sweep->sequence = (struct sequence){.put = cursor.seq_to, .durable = cursor.seq_to};
    sweep->from_ms = cursor.from_ms;
    sweep->running = false;
    sweep->next_mono_ms = poll_mono_ms(poll);
    if (found)
        return 0;
    /* Durable before the first page of the backfill is read: what it reads and is deleted then is in the log. */
    int64_t from_ms = source_ms - poll->traits->settle_ms, log_ms = poll->traits->deleted_log_ms;
    if (found_backfill && log_ms > LOG_MARGIN_MS) {
        log_warn(
            "the backfill was begun without a sweep: deletions from before the log are not known",
            log_str("entity", entity->entity->name), log_int("log_ms", log_ms));
        from_ms = source_ms - log_ms + LOG_MARGIN_MS;
    }
    return put_cursor(entity, from_ms, err);
}

/* ---- one sweep ---- */

/* 1 = it has begun, 0 = not yet, -1 = err. */
static int begin(struct poll_entity *entity, struct err *err)
{
    struct sweep *sweep = &entity->sweep;
    const struct poll *poll = entity->poll;
    int64_t now = poll_mono_ms(poll), to_ms = poll_source_ms(poll);
    int64_t early_ms = poll->sweep_interval_ms - (to_ms - sweep->from_ms);
    if (early_ms > 0) {
        sweep->next_mono_ms = now + early_ms;
        return 0;
    }
    if (sweep_look(entity, err) < 0)
        return -1;
    if (sweep->brake.braked) {
        sweep->next_mono_ms = now + LOOK_MS;
        return 0;
    }
    sweep->to_ms = to_ms;
    sweep->earliest_ms = -1;
    sweep->covered_ms = -1;
    sweep->found = 0;
    sweep->cursor[0] = '\0';
    buf_reset(&sweep->ids);
    memory_forget_before(&sweep->told, sweep_low_ms(entity));
    sweep->running = true;
    return 1;
}

static int64_t allowed(const struct poll_entity *entity)
{
    return brake_allows(&entity->sweep.brake, BRAKE_BY_LOG, entity->backfill.total,
                        entity->poll->sweep_percent);
}

static void end(struct poll_entity *entity)
{
    entity->sweep.running = false;
    entity->sweep.next_mono_ms = poll_mono_ms(entity->poll) + entity->poll->sweep_interval_ms;
}

/* Not for ever: the next one asks again from the same place. */
static int refused(struct poll_entity *entity, struct err *err)
{
    log_warn("the source refuses its log of deletions", log_str("entity", entity->entity->name),
             log_str("why", err->text));
    metric_add(entity->sweep.refused, 1);
    (void)snprintf(entity->sweep.why, sizeof(entity->sweep.why), "%s", err->text);
    err_clear(err);
    end(entity);
    return 1;
}

/* Is anything to be told? */
static bool judge(struct poll_entity *entity, bool stops)
{
    struct sweep *sweep = &entity->sweep;
    struct brake *brake = &sweep->brake;
    const struct poll *poll = entity->poll;
    bool approved = brake_is_approved(brake, BRAKE_BY_LOG);
    /* A second earlier: the purged one's time is cut, too. */
    int64_t gap_ms = brake_gap_ms(sweep->from_ms - SECOND_MS, sweep->earliest_ms,
                                  poll_source_ms(poll), poll->traits->deleted_log_ms);
    bool gapped = gap_ms && !approved && !brake->gap_ms;
    if (gapped) {
        log_error(
            "the log of deletions does not reach back to the last sweep: some may be missing",
            log_str("entity", entity->entity->name), log_int("from_ms", gap_ms),
            log_int("earliest_ms", sweep->earliest_ms),
            log_str("next", entity->census.possible ? "everything is listed" : "`tandem report`"));
        brake->gap_ms = gap_ms;
        census_forget(entity); /* what was listed so far may have gone since */
    }
    if (stops)
        sweep_brake(entity, BRAKE_BY_LOG, sweep->found, entity->backfill.total);
    else if (approved) /* once */
        *brake = (struct brake){.gap_ms = brake->gap_ms};
    return gapped || stops || approved;
}

/* Hints → reports → what is to be told, and the cursor. */
static int finish(struct poll_entity *entity, struct err *err)
{
    struct sweep *sweep = &entity->sweep;
    int64_t allows = allowed(entity);
    bool stops = sweep->found > allows;
    sweep->running = false; /* what fails here is asked for again */
    if (!stops && sweep_put_hints(entity, &sweep->ids, "sweep", err) < 0)
        return -1;
    if (!stops)
        sweep_note_told(entity);
    if (judge(entity, stops) && sweep_say(entity, err) < 0)
        return -1;
    if (stops) {
        end(entity);
        return 1;
    }
    int64_t reached_ms = sweep->covered_ms >= 0 ? sweep->covered_ms : sweep->to_ms;
    if (reached_ms > sweep->to_ms)
        reached_ms = sweep->to_ms;
    if (sweep->found) {
        log_info("swept", log_str("entity", entity->entity->name), log_int("found", sweep->found),
                 log_int("from_ms", sweep->from_ms), log_int("to_ms", sweep->to_ms),
                 log_int("earliest_ms", sweep->earliest_ms), log_int("reached_ms", reached_ms));
        FAILPOINT("poll.sweep_settled");
    } else {
        log_debug("nothing to sweep", log_str("entity", entity->entity->name),
                  log_int("from_ms", sweep->from_ms), log_int("to_ms", sweep->to_ms),
                  log_int("reached_ms", reached_ms));
    }
    if (reached_ms > sweep->from_ms && put_cursor(entity, reached_ms, err) < 0)
        return -1;
    end(entity);
    return 1;
}

/* A log that has no filter by time, or a coarse one, lists what was told before, too. */
static void take_page(struct poll_entity *entity)
{
    struct sweep *sweep = &entity->sweep;
    const struct rest_op *op = &sweep->op;
    int64_t allows = allowed(entity);
    if (!sweep->cursor[0]) {
        sweep->earliest_ms = op->earliest_ms;
        sweep->covered_ms = op->covered_ms;
    }
    for (int i = 0; i < op->record_count; i++) {
        const struct rest_record *record = &op->records[i];
        arena_reset(&entity->poll->arena);
        struct span id = rest_canonical_id(entity->poll->rest, record->id, &entity->poll->arena);
        bool earlier = record->modified_ms >= 0 && record->modified_ms < sweep_low_ms(entity);
        if (earlier || id.len == 0 || memchr(id.data, '\n', id.len) ||
            sweep_was_told(entity, id, record->modified_ms))
            continue;
        if (++sweep->found <= allows)
            sweep_put_id(&sweep->ids, id, record->modified_ms);
    }
}

static int ask(struct poll_entity *entity, struct err *err)
{
    struct sweep *sweep = &entity->sweep;
    struct poll *poll = entity->poll;
    struct rest_op *op = &sweep->op;
    int64_t retry_after_ms = 0;
    rest_op_reset(op);
    op->kind = REST_DELETED;
    op->priority = BUDGET_LIVE;
    op->object = entity->entity->old_object;
    op->cursor = span_of(sweep->cursor);
    op->from_ms = sweep_low_ms(entity);
    op->to_ms = sweep->to_ms;
    if (rest_start(poll->rest, op, err) < 0)
        return poll_start_failed(poll, err);
    enum rest_outcome outcome = rest_finish(poll->rest, op, &retry_after_ms, err);
    poll_saw_date(poll, op->date_ms);
    if (outcome == REST_REFUSED || outcome == REST_TOO_LARGE)
        return refused(entity, err);
    if (outcome != REST_DONE)
        return poll_block(poll, outcome, retry_after_ms, err);
    sweep->why[0] = '\0';
    take_page(entity);
    if (!op->more)
        return finish(entity, err);
    if (sweep->ids.failed || op->next_cursor.len >= sizeof(sweep->cursor)) {
        (void)err_set(err, ERR_REJECT, "the log of deletions is too large");
        return refused(entity, err);
    }
    (void)snprintf(sweep->cursor, sizeof(sweep->cursor), "%.*s", (int)op->next_cursor.len,
                   op->next_cursor.data);
    return 1;
}

int sweep_step(struct poll_entity *entity, struct err *err)
{
    struct sweep *sweep = &entity->sweep;
    if (!sweep->possible || (!sweep->running && poll_mono_ms(entity->poll) < sweep->next_mono_ms))
        return 0;
    int begun = sweep->running ? 1 : begin(entity, err);
    return begun <= 0 ? begun : ask(entity, err);
}
