/*
 * refresh — everything once more, turn after turn, for what changes without a modified date: formulas, roll-ups, related records. A turn
 * is spread over its period and takes what the others leave of the budget. What is read is compared with the row
 * that apply has; only what is news is published, and each field that moved silently is counted.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"

static const char PASS[] = "refresh";

enum {
    CHECKPOINT_MS = 1000,
    TOLD_MAX = 20000,   /* records, at some 64 bytes each */
    LOOK_MS = 20,       /* while a page is on its way */
    WAIT_MS = 5000,     /* for Redis, for apply, for a source that says no */
    SPREAD_PERCENT = 80 /* of the period: the rest is for what holds a turn up */
};

/* ---- life cycle ---- */

static void open_metrics(struct poll_entity *entity)
{
    struct refresh *refresh = &entity->refresh;
    char labels[256];
    for (int i = 0; i < entity->entity->field_count; i++) {
        (void)snprintf(labels, sizeof(labels), "%s,field=\"%s\"", entity->labels,
                       entity->entity->fields[i].name);
        refresh->fields[i] =
            metric_counter("tandem_refresh_silent_fields_total",
                           "Fields that moved, and no modified date with them.", labels);
    }
    refresh->records =
        metric_counter("tandem_refresh_silent_records_total",
                       "Records that changed, and their modified date did not.", entity->labels);
    refresh->reread = metric_counter("tandem_refresh_records_total",
                                     "Records read again by the refresh.", entity->labels);
}

int refresh_open(struct poll_entity *entity, struct err *err)
{
    struct refresh *refresh = &entity->refresh;
    size_t n = (size_t)entity->entity->field_count;
    pass_init(&refresh->pass, entity, REST_BACKFILL);
    refresh->pass.priority = BUDGET_REFRESH;
    arena_init(&refresh->arena);
    memory_init(&refresh->told, TOLD_MAX);
    refresh->silent = calloc(n, sizeof(*refresh->silent));
    refresh->moved = calloc(n, sizeof(*refresh->moved));
    refresh->page_moved = calloc(n, sizeof(*refresh->page_moved));
    refresh->fields = calloc(n, sizeof(struct metric *));
    if (!refresh->silent || !refresh->moved || !refresh->page_moved || !refresh->fields)
        return err_set(err, ERR_FATAL, "out of memory");
    open_metrics(entity);
    if (entity->poll->refresh_period_s > 0)
        refresh->rows = rows_open(entity->poll->context->migration, err);
    return entity->poll->refresh_period_s > 0 && !refresh->rows ? -1 : 0;
}

void refresh_clear(struct poll_entity *entity)
{
    struct refresh *refresh = &entity->refresh;
    pass_clear(&refresh->pass);
    rows_close(refresh->rows);
    arena_clear(&refresh->arena);
    memory_clear(&refresh->told);
    free(refresh->silent);
    free(refresh->moved);
    free(refresh->page_moved);
    free(refresh->fields);
}

/* ---- the cursor ---- */

static int put_cursor(struct poll_entity *entity, bool done, struct err *err)
{
    struct refresh *refresh = &entity->refresh;
    struct cursor cursor = {.from_ms = refresh->turn_ms, .done = done};
    memcpy(cursor.after_id, refresh->at.id, sizeof(cursor.after_id));
    refresh_put_counts(entity, cursor.silent);
    if (poll_put_cursor(entity, PASS, &cursor, &refresh->sequence, err) < 0)
        return -1;
    refresh->pending = 0;
    refresh->checkpoint_mono_ms = poll_mono_ms(entity->poll);
    return 0;
}

static int checkpoint(struct poll_entity *entity, bool done, struct err *err)
{
    if (sink_settle(entity->poll->context->sink, entity->poll->settle_ms, err) < 0)
        return -1;
    FAILPOINT("poll.refresh_settled");
    return put_cursor(entity, done, err);
}

int refresh_checkpoint(struct poll_entity *entity, struct err *err)
{
    return entity->refresh.pending > 0 ? checkpoint(entity, false, err) : 0;
}

int refresh_load(struct poll_entity *entity, struct err *err)
{
    struct refresh *refresh = &entity->refresh;
    struct poll *poll = entity->poll;
    struct cursor cursor = {0};
    bool found = false;
    if (!refresh->rows)
        return 0;
    if (cursor_load(poll->context->migration, poll->system->name, entity->entity->name, PASS,
                    &cursor, &found, err) < 0)
        return -1;
    refresh->turn_ms = cursor.from_ms;
    refresh->at = (struct keyset){0};
    memcpy(refresh->at.id, cursor.after_id, sizeof(refresh->at.id));
    refresh->sequence = (struct sequence){.put = cursor.seq_to, .durable = cursor.seq_to};
    refresh_read_counts(entity, cursor.silent);
    refresh->pending = refresh->read = 0;
    refresh->next_mono_ms = refresh->checkpoint_mono_ms = poll_mono_ms(poll);
    census_forget(entity);
    refresh->running = found && !cursor.done;
    if (refresh->running && census_wants_turn(entity)) { /* half a turn lists nothing */
        refresh->running = false;
        refresh->turn_ms = 0;
    }
    pass_begin(&refresh->pass, refresh->at, 0);
    return 0;
}

/* ---- its pace ---- */

static int64_t records_guessed(const struct poll_entity *entity)
{
    const struct refresh *refresh = &entity->refresh;
    int64_t guess = refresh->turn_records;
    if (entity->backfill.total > guess)
        guess = entity->backfill.total;
    return entity->backfill.sequence.put > guess ? entity->backfill.sequence.put : guess;
}

/* When the page behind this one is due: evenly over the period; at once when the turn is late, or longer than was thought. */
static void pace(struct poll_entity *entity)
{
    struct refresh *refresh = &entity->refresh;
    const struct poll *poll = entity->poll;
    int64_t spread_ms = poll->refresh_period_s * 1000 * SPREAD_PERCENT / 100;
    int64_t left = records_guessed(entity) - refresh->read;
    int64_t left_ms = refresh->turn_ms + spread_ms - poll_source_ms(poll);
    bool late = left_ms <= 0 || (left <= 0 && refresh->read > 0) || census_hurries(entity);
    int64_t pages = left > 0 ? left / refresh->pass.page_records + 1 : 1;
    refresh->next_mono_ms = poll_mono_ms(poll) + (late ? 0 : left_ms / pages);
    metric_set_growing(metric_gauge("tandem_refresh_turn_seconds",
                                    "Since the turn that is under way (or the last one) began.",
                                    entity->labels),
                       (double)(poll_source_ms(poll) - refresh->turn_ms) / 1000);
}

int64_t refresh_due_mono_ms(const struct poll_entity *entity)
{
    const struct backfill *backfill = &entity->backfill;
    bool waits = !entity->refresh.rows || (entity->poll->run_backfill && !backfill->done);
    return waits ? INT64_MAX : entity->refresh.next_mono_ms;
}

/* Not now: say it once, and look again later. The others go on. */
static int put_off(struct poll_entity *entity, int64_t wait_ms, struct err *err)
{
    struct refresh *refresh = &entity->refresh;
    if (err->kind == ERR_FATAL)
        return -1;
    pass_wait(&refresh->pass, PASS, err->text);
    refresh->next_mono_ms = poll_mono_ms(entity->poll) + (wait_ms > WAIT_MS ? wait_ms : WAIT_MS);
    err_clear(err);
    return 0;
}

/* 1 = a turn begins, 0 = not yet, -1 = err. Its first page is due a page's time later: what it asks about was read a moment ago. */
static int begin(struct poll_entity *entity, struct err *err)
{
    struct refresh *refresh = &entity->refresh;
    const struct poll *poll = entity->poll;
    int64_t now_ms = poll_source_ms(poll);
    int64_t early_ms = refresh->turn_ms + poll->refresh_period_s * 1000 - now_ms;
    if (refresh->turn_ms > 0 && early_ms > 0 &&
        !(census_wants_turn(entity) && census_hurries(entity))) {
        refresh->next_mono_ms = poll_mono_ms(poll) + early_ms;
        return 0;
    }
    if (refresh->told.count > TOLD_MAX / 2) /* room for this turn's */
        memory_forget_all(&refresh->told, INT64_MIN);
    refresh->turn_ms = now_ms;
    refresh->at = (struct keyset){0};
    refresh->read = 0;
    census_begin(entity);
    pass_begin(&refresh->pass, refresh->at, 0);
    if (put_cursor(entity, false, err) < 0)
        return -1;
    refresh->running = true;
    pace(entity);
    return 1;
}

/* ---- a turn ---- */

/* The page is forgotten: again from the last place. */
static void drop_page(struct refresh *refresh)
{
    pass_begin(&refresh->pass, refresh->at, 0);
}

static int take_page(struct poll_entity *entity, struct err *err)
{
    struct refresh *refresh = &entity->refresh;
    struct rest_op *page;
    struct span *rows;
    int taken = pass_take(&refresh->pass, &page, err);
    if (taken <= 0)
        return taken < 0 ? put_off(entity, refresh->pass.retry_after_ms, err) : 1;
    if (page->date_ms < 0)
        (void)err_set(err, ERR_RETRY, "%s sends no Date: when it was read cannot be known",
                      entity->poll->system->name);
    if (err->kind != ERR_NONE || refresh_read_rows(entity, page, &rows, err) < 0) {
        drop_page(refresh);
        return put_off(entity, 0, err);
    }
    if (refresh_put_page(entity, page, rows, err) < 0 || census_note_page(entity, page, err) < 0) {
        drop_page(refresh);
        return -1;
    }
    pass_wait(&refresh->pass, PASS, "");
    bool done = page->told ? !page->more : page->record_count == 0;
    if (done)
        refresh->at = (struct keyset){0};
    int64_t since_ms = poll_mono_ms(entity->poll) - refresh->checkpoint_mono_ms;
    /* With what was counted, or a crash would find it applied, and count it never. */
    if ((done || refresh->page_silent || since_ms >= CHECKPOINT_MS) &&
        checkpoint(entity, done, err) < 0)
        return -1;
    pace(entity);
    if (!done)
        return 1;
    log_info("refresh: a turn is done", log_str("entity", entity->entity->name),
             log_int("records", refresh->read));
    refresh->turn_records = refresh->read;
    census_turn_done(entity);
    refresh->running = false;
    refresh->next_mono_ms = poll_mono_ms(entity->poll);
    return 1;
}

int refresh_step(struct poll_entity *entity, struct err *err)
{
    struct refresh *refresh = &entity->refresh;
    struct span *rows;
    if (refresh_due_mono_ms(entity) > poll_mono_ms(entity->poll))
        return 0;
    if (refresh->running && census_wants_turn(entity) && census_hurries(entity)) {
        drop_page(refresh); /* what it listed so far does not count */
        refresh->running = false;
    }
    if (!refresh->running)
        return begin(entity, err) < 0 ? -1 : 0;
    /* Nobody to compare with: nothing is read for nothing. */
    if (!refresh->pass.under_way && refresh_read_rows(entity, NULL, &rows, err) < 0)
        return put_off(entity, 0, err);
    int over = pass_look(&refresh->pass, err);
    if (over < 0)
        return put_off(entity, 0, err);
    if (over == 1)
        return take_page(entity, err);
    refresh->next_mono_ms = poll_mono_ms(entity->poll) + LOOK_MS;
    return 0;
}
