/*
 * incremental — what was modified, pass after pass. A pass reads from the
 * cursor less the overlap (a slow transaction may appear late, with an old
 * date) to the source's own clock less the settle time, in the order of
 * (modified, id), so that any number of records may share one time. The cursor
 * never passes Date − settle, and an empty pass advances it too.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"

static const char PASS[] = "incremental";

/* The very first cursor is set back by this: backfill repeats it anyway, and two processes that both believe to be the first
 * may write it within their session timeout. */
enum { FIRST_MARGIN_MS = 60 * 1000, CHECKPOINT_MS = 1000 };

void incremental_open(struct poll_entity *entity)
{
    struct incremental *incremental = &entity->incremental;
    pass_init(&incremental->pass, entity, REST_INCREMENTAL);
    memory_init(&incremental->memory, (size_t)entity->poll->overlap_memory);
}

void incremental_clear(struct poll_entity *entity)
{
    struct incremental *incremental = &entity->incremental;
    pass_clear(&incremental->pass);
    memory_clear(&incremental->memory);
    free(incremental->delivered);
    incremental->delivered = NULL;
}

static int put_cursor(struct poll_entity *entity, int64_t from_ms, bool done, struct err *err)
{
    struct incremental *incremental = &entity->incremental;
    struct cursor cursor = {.from_ms = from_ms, .done = done};
    if (!done)
        memcpy(cursor.after_id, incremental->last_id, sizeof(cursor.after_id));
    if (poll_put_cursor(entity, PASS, &cursor, &incremental->sequence, err) < 0)
        return -1;
    incremental->cursor_ms = from_ms;
    return 0;
}

int incremental_load(struct poll_entity *entity, bool found_backfill, int64_t source_ms,
                     struct err *err)
{
    struct incremental *incremental = &entity->incremental;
    struct poll *poll = entity->poll;
    struct cursor cursor = {0};
    bool found = false;
    if (cursor_load(poll->context->migration, poll->system->name, entity->entity->name, PASS,
                    &cursor, &found, err) < 0)
        return -1;
    incremental->sequence = (struct sequence){.put = cursor.seq_to, .durable = cursor.seq_to};
    incremental->pending = incremental->delivered_count = 0;
    incremental->last_id[0] = '\0';
    if (found) {
        incremental->cursor_ms = cursor.from_ms;
    } else {
        /* Durable before the first page of the backfill is read: nothing falls between the two. */
        int64_t from_ms = source_ms - poll->traits->settle_ms - FIRST_MARGIN_MS;
        if (found_backfill) {
            log_warn(
                "the backfill has a cursor, the incremental pass has none: reading from the start",
                log_str("entity", entity->entity->name));
            from_ms = 0;
        }
        if (put_cursor(entity, from_ms, true, err) < 0)
            return -1;
    }
    incremental->reached_ms = incremental->cursor_ms;
    incremental->running = false;
    incremental->next_mono_ms = poll_mono_ms(poll);
    incremental->checkpoint_mono_ms = incremental->next_mono_ms;
    memory_forget_before(&incremental->memory, incremental->cursor_ms - poll->traits->overlap_ms);
    return 0;
}

/* What has its report is remembered. */
static void remember(struct incremental *incremental)
{
    for (int i = 0; i < incremental->delivered_count; i++)
        memory_note(&incremental->memory, &incremental->delivered[i]);
    incremental->delivered_count = 0;
}

static int checkpoint(struct poll_entity *entity, bool done, struct err *err)
{
    struct incremental *incremental = &entity->incremental;
    if (sink_settle(entity->poll->context->sink, entity->poll->settle_ms, err) < 0)
        return -1;
    FAILPOINT("poll.settled");
    remember(incremental);
    bool moved = incremental->reached_ms > incremental->cursor_ms ||
                 incremental->sequence.put > incremental->sequence.durable;
    if (moved && put_cursor(entity, incremental->reached_ms, done, err) < 0)
        return -1;
    incremental->pending = 0;
    incremental->checkpoint_mono_ms = poll_mono_ms(entity->poll);
    return 0;
}

int incremental_checkpoint(struct poll_entity *entity, struct err *err)
{
    return entity->incremental.pending > 0 ? checkpoint(entity, false, err) : 0;
}

/* 1 = a pass has begun, 0 = there is nothing to ask for yet. */
static int begin(struct poll_entity *entity)
{
    struct incremental *incremental = &entity->incremental;
    struct poll *poll = entity->poll;
    int64_t to_ms = poll_source_ms(poll) - poll->traits->settle_ms;
    struct keyset at = {.ms = incremental->cursor_ms - poll->traits->overlap_ms};
    incremental->next_mono_ms = poll_mono_ms(poll) + poll->interval_ms;
    at.ms -= at.ms % 1000; /* connectors may ask in whole seconds: the memory must reach as far */
    if (at.ms < 0)
        at.ms = 0;
    if (to_ms < at.ms)
        return 0;
    memory_forget_before(&incremental->memory, at.ms);
    pass_begin(&incremental->pass, at, to_ms);
    incremental->checkpoint_mono_ms = poll_mono_ms(poll);
    incremental->running = incremental->first_page = true;
    return 1;
}

/* Room to note a page's deliveries until they are reported. */
static int make_room(struct incremental *incremental, int records, struct err *err)
{
    int wanted = incremental->delivered_count + records;
    if (wanted <= incremental->delivered_cap)
        return 0;
    wanted += wanted / 2;
    struct memory_entry *delivered =
        realloc(incremental->delivered, (size_t)wanted * sizeof(*delivered));
    if (!delivered)
        return err_set(err, ERR_RETRY, "out of memory");
    incremental->delivered = delivered;
    incremental->delivered_cap = wanted;
    return 0;
}

static int put_page(struct poll_entity *entity, const struct rest_op *page, struct err *err)
{
    struct incremental *incremental = &entity->incremental;
    struct sighting sighting = sighting_of(entity->poll, PASS_INCREMENTAL, page);
    if (make_room(incremental, page->record_count, err) < 0)
        return -1;
    for (int i = 0; i < page->record_count; i++) {
        struct memory_entry *entry = &incremental->delivered[incremental->delivered_count];
        int put = publish_record(entity, &page->records[i], &sighting, entry, err);
        if (put < 0)
            return -1;
        incremental->sequence.put += put;
        incremental->delivered_count += entry->id_len > 0;
    }
    incremental->pending += page->record_count;
    FAILPOINT("poll.events_put");
    return poll_hold_back(entity->poll, err);
}

/* How far the cursor may go once this page is delivered: never past the bound, never back. */
static void reach(struct incremental *incremental, bool end)
{
    int64_t to_ms = end ? incremental->bound_ms : incremental->pass.at.ms;
    if (to_ms > incremental->bound_ms)
        to_ms = incremental->bound_ms;
    if (to_ms > incremental->reached_ms)
        incremental->reached_ms = to_ms;
    memcpy(incremental->last_id, incremental->pass.at.id, sizeof(incremental->last_id));
}

static int take(struct poll_entity *entity, struct rest_op **ret_page, struct err *err)
{
    struct incremental *incremental = &entity->incremental;
    struct poll *poll = entity->poll;
    int taken = pass_take(&incremental->pass, ret_page, err);
    if (taken <= 0 || !incremental->first_page)
        return taken;
    if ((*ret_page)->date_ms < 0) {
        incremental->running = false;
        return err_set(err, ERR_RETRY, "%s sends no Date: up to when it was read cannot be known",
                       poll->system->name);
    }
    int64_t bound_ms = (*ret_page)->date_ms - poll->traits->settle_ms;
    incremental->bound_ms = bound_ms < incremental->pass.to_ms ? bound_ms : incremental->pass.to_ms;
    incremental->first_page = false;
    return 1;
}

static void show_progress(const struct poll_entity *entity)
{
    const struct incremental *incremental = &entity->incremental;
    metric_set_growing(
        metric_gauge("tandem_poll_lag_seconds",
                     "The source's clock less the time up to which changes were delivered.",
                     entity->labels),
        (double)(poll_source_ms(entity->poll) - incremental->cursor_ms) / 1000);
}

int incremental_step(struct poll_entity *entity, struct err *err)
{
    struct incremental *incremental = &entity->incremental;
    struct poll *poll = entity->poll;
    struct rest_op *page;
    if (!incremental->running &&
        (poll_mono_ms(poll) < incremental->next_mono_ms || begin(entity) == 0))
        return 0;
    int taken = take(entity, &page, err);
    if (taken <= 0)
        return taken < 0 ? -1 : 1;
    bool end = !page->more;
    reach(incremental, end);
#ifdef TANDEM_MUTANT_CURSOR_BEFORE_REPORTS
    if (incremental->reached_ms > incremental->cursor_ms &&
        put_cursor(entity, incremental->reached_ms, end, err) < 0)
        return -1;
#endif
    if (put_page(entity, page, err) < 0) {
        incremental->running = false; /* from the cursor again */
        incremental->reached_ms = incremental->cursor_ms;
        return -1;
    }
    int64_t since_ms = poll_mono_ms(poll) - incremental->checkpoint_mono_ms;
    if ((end || incremental->pending >= poll->chunk || since_ms >= CHECKPOINT_MS) &&
        checkpoint(entity, end, err) < 0)
        return -1;
    incremental->running = !end;
    show_progress(entity);
    return 1;
}
