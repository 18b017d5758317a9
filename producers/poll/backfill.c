/*
 * backfill — everything once, in the order of ids, while changes flow: which
 * of two sightings is newer is the versions' to say. Its place becomes durable
 * once a chunk (or a second), so a restart repeats at most that.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"

static const char PASS[] = "backfill";

enum { CHECKPOINT_MS = 1000, PROGRESS_LOG_MS = 10 * 1000 };

static struct metric *gauge(const struct poll_entity *entity, const char *name, const char *help)
{
    return metric_gauge(name, help, entity->labels);
}

static void show_progress(struct poll_entity *entity)
{
    struct backfill *backfill = &entity->backfill;
    metric_set(gauge(entity, "tandem_backfill_done_records", "Records that the backfill has put."),
               (double)backfill->sequence.put);
    metric_set(gauge(entity, "tandem_backfill_total_records",
                     "Records in the source when the process began; -1 unknown."),
               (double)backfill->total);
    metric_set(gauge(entity, "tandem_backfill_finished", "1: the backfill has reached its end."),
               backfill->done ? 1 : 0);
    int64_t now = poll_mono_ms(entity->poll), elapsed = now - backfill->logged_mono_ms;
    if (elapsed < PROGRESS_LOG_MS && !backfill->done)
        return;
    int64_t rate =
        elapsed > 0 ? (backfill->sequence.put - backfill->logged_put) * 1000 / elapsed : 0;
    metric_set(gauge(entity, "tandem_backfill_rate_records", "Records a second, lately."),
               backfill->done ? 0 : (double)rate);
    log_info(backfill->done ? "backfill done" : "backfill", log_str("entity", entity->entity->name),
             log_int("done", backfill->sequence.put), log_int("total", backfill->total),
             log_int("rate", rate));
    backfill->logged_mono_ms = now;
    backfill->logged_put = backfill->sequence.put;
}

void backfill_open(struct poll_entity *entity)
{
    pass_init(&entity->backfill.pass, entity, REST_BACKFILL);
}

void backfill_clear(struct poll_entity *entity)
{
    pass_clear(&entity->backfill.pass);
}

int backfill_load(struct poll_entity *entity, struct err *err)
{
    struct backfill *backfill = &entity->backfill;
    struct poll *poll = entity->poll;
    struct cursor cursor = {0};
    bool found = false;
    if (cursor_load(poll->context->migration, poll->system->name, entity->entity->name, PASS,
                    &cursor, &found, err) < 0)
        return -1;
    backfill->done = cursor.done;
    backfill->at = (struct keyset){0};
    memcpy(backfill->at.id, cursor.after_id, sizeof(backfill->at.id));
    backfill->sequence = (struct sequence){.put = cursor.seq_to, .durable = cursor.seq_to};
    backfill->pending = backfill->next_mono_ms = 0;
    backfill->logged_mono_ms = backfill->checkpoint_mono_ms = poll_mono_ms(poll);
    backfill->logged_put = cursor.seq_to;
    pass_begin(&backfill->pass, backfill->at, 0);
    return found;
}

static int put_cursor(struct poll_entity *entity, const struct keyset *at, bool done,
                      struct err *err)
{
    struct cursor cursor = {.done = done};
    memcpy(cursor.after_id, at->id, sizeof(cursor.after_id));
    return poll_put_cursor(entity, PASS, &cursor, &entity->backfill.sequence, err);
}

static int checkpoint(struct poll_entity *entity, bool done, struct err *err)
{
    struct backfill *backfill = &entity->backfill;
    if (sink_settle(entity->poll->context->sink, entity->poll->settle_ms, err) < 0)
        return -1;
    FAILPOINT("poll.settled");
    if (put_cursor(entity, &backfill->at, done, err) < 0)
        return -1;
    backfill->pending = 0;
    backfill->checkpoint_mono_ms = poll_mono_ms(entity->poll);
    return 0;
}

int backfill_checkpoint(struct poll_entity *entity, struct err *err)
{
    return entity->backfill.pending > 0 ? checkpoint(entity, false, err) : 0;
}

static int put_page(struct poll_entity *entity, const struct rest_op *page, struct err *err)
{
    struct backfill *backfill = &entity->backfill;
    struct sighting sighting = sighting_of(entity->poll, PASS_BACKFILL, page);
    for (int i = 0; i < page->record_count; i++) {
        int put = publish_record(entity, &page->records[i], &sighting, NULL, err);
        if (put < 0)
            return -1;
        backfill->sequence.put += put;
    }
    backfill->at = backfill->pass.at;
    backfill->pending += page->record_count;
    FAILPOINT("poll.events_put");
    return poll_hold_back(entity->poll, err);
}

/* It alone waits: what was read so far is made durable. */
static int put_off(struct poll_entity *entity, struct err *err)
{
    struct backfill *backfill = &entity->backfill;
    pass_wait(&backfill->pass, PASS, err->text);
    backfill->next_mono_ms = poll_mono_ms(entity->poll) + backfill->pass.retry_after_ms;
    err_clear(err);
    return backfill_checkpoint(entity, err);
}

int backfill_step(struct poll_entity *entity, struct err *err)
{
    struct backfill *backfill = &entity->backfill;
    struct poll *poll = entity->poll;
    struct rest_op *page;
    if (backfill->done || poll_mono_ms(poll) < backfill->next_mono_ms)
        return 0;
    int taken = pass_take(&backfill->pass, &page, err);
    if (taken < 0 && err->kind == ERR_RETRY && backfill->pass.retry_after_ms > 0)
        return put_off(entity, err);
    if (taken <= 0)
        return taken < 0 ? -1 : 1;
    if (*backfill->pass.why)
        pass_wait(&backfill->pass, PASS, "");
#ifdef TANDEM_MUTANT_CURSOR_BEFORE_REPORTS
    backfill->sequence.put += page->record_count;
    if (put_cursor(entity, &backfill->pass.at, page->record_count == 0, err) < 0)
        return -1;
    backfill->sequence.put -= page->record_count;
    FAILPOINT("mutant.cursor_written");
#endif
    if (put_page(entity, page, err) < 0) {
        /* The rest of this page is still to come. */
        pass_begin(&backfill->pass, backfill->at, 0);
        return -1;
    }
    /* Unless the source says it, only an empty page is the end: a short one may be its own limit. */
    bool done = page->told ? !page->more : page->record_count == 0;
    int64_t since_ms = poll_mono_ms(poll) - backfill->checkpoint_mono_ms;
    if ((done || backfill->pending >= poll->chunk || since_ms >= CHECKPOINT_MS) &&
        checkpoint(entity, done, err) < 0)
        return -1;
    backfill->done = done;
    show_progress(entity);
    return 1;
}
