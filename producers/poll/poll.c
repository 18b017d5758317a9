/*
 * poll — the source type that asks a system's API what changed. See poll.h
 * for the parts; here are the options, the life cycle and one round of work.
 */
#include "producers/poll/poll.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/failpoint.h"
#include "base/log.h"

enum { HOLD_SLICE_MS = 5, HOLD_SLICES = 200, CLOSE_MS = 5000, BLOCKED_CHECKPOINT_MS = 3000 };

static const struct conf_option OPTIONS[] = {
    {.name = "interval_ms",
     .type = CONF_INT,
     .offset = offsetof(struct poll, interval_ms),
     .default_int = 5000,
     .min = 100,
     .max = 3600000,
     .help = "From the start of one incremental pass to the start of the next, milliseconds."},
    {.name = "page",
     .type = CONF_INT,
     .offset = offsetof(struct poll, page),
     .default_int = 0,
     .min = 0,
     .max = 10000,
     .help = "Records a page; 0 = as many as the connector allows."},
    {.name = "backfill",
     .type = CONF_BOOL,
     .offset = offsetof(struct poll, run_backfill),
     .default_int = 1,
     .help = "Read everything once, besides what changes; false: changes from now on only."},
    {.name = "chunk",
     .type = CONF_INT,
     .offset = offsetof(struct poll, chunk),
     .default_int = 50000,
     .min = 1,
     .max = 1000000,
     .help = "Records between two durable cursors (at least one page; also once a second)."},
    {.name = "overlap_memory",
     .type = CONF_INT,
     .offset = offsetof(struct poll, overlap_memory),
     .default_int = 200000,
     .min = 0,
     .max = 10000000,
     .help = "Records of the overlap remembered, at 64 to 128 bytes each, so that reading them "
             "again does not publish them again."},
    {.name = "gather_ms",
     .type = CONF_INT,
     .offset = offsetof(struct poll, gather_ms),
     .default_int = 20,
     .min = 0,
     .max = 10000,
     .help = "How long a hint waits for others, so that one request reads many, milliseconds."},
    {.name = "describe_interval_ms",
     .type = CONF_INT,
     .offset = offsetof(struct poll, describe_interval_ms),
     .default_int = 600000,
     .min = 0,
     .max = 86400000,
     .help =
         "Between two looks at which properties there are, milliseconds: one that is gone is an "
         "alarm, and is not asked for any more; 0 = only when a page is refused."},
    {.name = "stall_alarm_s",
     .type = CONF_INT,
     .offset = offsetof(struct poll, stall_alarm_s),
     .default_int = 900,
     .min = 0,
     .max = 86400,
     .help = "A pass, or hints, without progress for so many seconds are an alarm; 0 = never."},
    {.name = "refresh_period_s",
     .type = CONF_INT,
     .offset = offsetof(struct poll, refresh_period_s),
     .default_int = 86400,
     .min = 0,
     .max = 2678400,
     .help = "In how many seconds every record is read once more, for what changes without a "
             "modified date (formulas, roll-ups, related records), and to find what is gone where "
             "no log "
             "tells of deletions; 0 = never."},
    {.name = "sweep_interval_ms",
     .type = CONF_INT,
     .offset = offsetof(struct poll, sweep_interval_ms),
     .default_int = 600000,
     .min = 0,
     .max = 86400000,
     .help = "Between two looks into the system's log of deletions, milliseconds; 0 = never. "
             "Salesforce answers for whole minutes: 120000 or more."},
    {.name = "sweep_percent",
     .type = CONF_INT,
     .offset = offsetof(struct poll, sweep_percent),
     .default_int = 5,
     .min = 0,
     .max = 100,
     .help = "Of the records known: more deletions than that (and more than 20) in one sweep stop "
             "it until `tandem sweep approve`."},
    {0},
};

/* ---- what the parts ask of the instance ---- */

int64_t poll_mono_ms(const struct poll *poll)
{
    return clock_mono_ms(poll->context->clock);
}

int64_t poll_source_ms(const struct poll *poll)
{
    if (poll->source_ms < 0)
        return -1;
    return poll->source_ms + poll_mono_ms(poll) - poll->source_mono_ms;
}

void poll_saw_date(struct poll *poll, int64_t date_ms)
{
    int64_t now = poll_source_ms(poll);
    if (date_ms < 0)
        return;
    /* Dates are cut to seconds: an earlier answer may prove more. Further ahead than that we cannot be. */
    if (now > date_ms && now < date_ms + 1000)
        return;
    poll->source_ms = date_ms;
    poll->source_mono_ms = poll_mono_ms(poll);
}

int poll_block(struct poll *poll, enum rest_outcome outcome, int64_t retry_after_ms,
               struct err *err)
{
    int64_t wait_ms = outcome == REST_DENIED ? POLL_DENIED_WAIT_MS : retry_after_ms;
    if (wait_ms < POLL_BLOCK_MIN_MS)
        wait_ms = POLL_BLOCK_MIN_MS;
    err->kind = ERR_RETRY;
    poll->blocked_until_mono_ms = poll_mono_ms(poll) + wait_ms;
    (void)snprintf(poll->blocked_why, sizeof(poll->blocked_why), "%s", err->text);
    return -1;
}

int poll_start_failed(struct poll *poll, struct err *err)
{
    return err->kind == ERR_FATAL ? -1 : poll_block(poll, REST_LATER, 1000, err);
}

int poll_put_cursor(struct poll_entity *entity, const char *pass, struct cursor *cursor,
                    struct sequence *sequence, struct err *err)
{
    const struct source_context *context = entity->poll->context;
    cursor->seq_from = sequence->durable + 1;
    cursor->seq_to = sequence->put;
    cursor->count = sequence->put - sequence->durable;
    cursor->ts_ms = clock_wall_ms(context->clock);
    if (cursor_put(context->sink, context->migration, entity->poll->system->name,
                   entity->entity->name, pass, cursor, err) < 0 ||
        sink_settle(context->sink, entity->poll->settle_ms, err) < 0)
        return err_wrap(err, "cursor of %s %s", entity->entity->name, pass);
    FAILPOINT("poll.cursor_written");
    sequence->durable = sequence->put;
    return 0;
}

int poll_hold_back(struct poll *poll, struct err *err)
{
    struct sink *sink = poll->context->sink;
    for (int slice = 0; sink_unreported(sink) > POLL_UNREPORTED_MAX; slice++) {
        struct err late = ERR_INIT;
        if (slice == HOLD_SLICES) /* Kafka is away: wait where it is said */
            return sink_settle(sink, poll->settle_ms, err);
        if (sink_settle(sink, HOLD_SLICE_MS, &late) < 0 && late.kind == ERR_FATAL) {
            *err = late;
            return -1;
        }
    }
    return 0;
}

void poll_checkpoint(struct poll *poll, int timeout_ms)
{
    int before = poll->settle_ms;
    poll->settle_ms = timeout_ms;
    for (int i = 0; i < poll->entity_count; i++) {
        struct poll_entity *entity = &poll->entities[i];
        struct err err = ERR_INIT;
        if (entity->ready &&
            (backfill_checkpoint(entity, &err) < 0 || incremental_checkpoint(entity, &err) < 0 ||
             refresh_checkpoint(entity, &err) < 0))
            log_warn("no checkpoint: some will be published again", log_str("why", err.text));
    }
    poll->settle_ms = before;
}

/* ---- life cycle ---- */

static int source_open(void *self, const struct source_context *context, struct err *err)
{
    struct poll *poll = self;
    const struct migration *migration = context->migration;
    poll->context = context;
    poll->system = context->settings->system;
    poll->source_ms = poll->settle_ms = -1;
    arena_init(&poll->arena);
    json_tape_init(&poll->tape);
    if (!poll->system || poll->system != migration->old_system)
        return err_exit(err, EX_CONFIG, "source %s: poll reads the old system (%s) only",
                        context->settings->name, migration->old_system->name);
    poll->rest = rest_open(migration, poll->system, context->clock, err);
    if (!poll->rest)
        return -1;
    poll->traits = rest_traits(poll->rest);
    poll->entities = calloc((size_t)migration->entity_count, sizeof(*poll->entities));
    if (!poll->entities)
        return err_set(err, ERR_FATAL, "out of memory");
    for (int i = 0; i < migration->entity_count; i++, poll->entity_count++)
        if (entity_open(&poll->entities[i], poll, &migration->entities[i], err) < 0)
            return -1;
    return hints_open(poll, err);
}

static void source_close(void *self)
{
    struct poll *poll = self;
    if (!poll->context)
        return;
    poll_checkpoint(poll, CLOSE_MS);
    for (int i = 0; i < poll->entity_count; i++)
        poll->entities[i].ready = false; /* closing the group revokes: nothing more to write */
    hints_close(poll);
    rest_close(poll->rest); /* before the ops that it may still be working on */
    for (int i = 0; poll->entities && i < poll->context->migration->entity_count; i++)
        entity_clear(&poll->entities[i]);
    free(poll->entities);
    json_tape_clear(&poll->tape);
    arena_clear(&poll->arena);
}

/* ---- one round ---- */

/* The longest we may sit on the group's queue. */
static int wait_ms(const struct poll *poll, int timeout_ms)
{
    int64_t now = poll_mono_ms(poll), due = now + timeout_ms;
    for (int i = 0; i < poll->entity_count; i++) {
        int64_t at = entity_due_mono_ms(&poll->entities[i]);
        due = at < due ? at : due;
    }
    return due > now ? (int)(due - now) : 0;
}

/* The system wants to be left alone: serve Kafka and say why nothing moves. 0 = the time is over. */
static int wait_blocked(struct poll *poll, int timeout_ms, struct err *err)
{
    int64_t left_ms = poll->blocked_until_mono_ms - poll_mono_ms(poll);
    if (left_ms <= 0)
        return 0;
    if (hints_take(poll, left_ms < timeout_ms ? (int)left_ms : timeout_ms, err) < 0)
        return -1;
    sink_serve(poll->context->sink);
    left_ms = poll->blocked_until_mono_ms - poll_mono_ms(poll);
    if (left_ms <= 0)
        return 0;
    return err_set(err, ERR_RETRY, "%s; again in %lld s", poll->blocked_why,
                   (long long)(left_ms + 999) / 1000);
}

static int source_round(void *self, int timeout_ms, struct err *err)
{
    struct poll *poll = self;
    int worked = 0;
    stall_look(poll);
    if (hints_take(poll, 0, err) < 0 || wait_blocked(poll, timeout_ms, err) < 0)
        return -1;
    for (int i = 0; i < poll->entity_count && err->kind == ERR_NONE; i++) {
        /* in turn, so that one that fails does not starve the others */
        int at = (poll->turn + i) % poll->entity_count;
        worked |= entity_step(&poll->entities[at], err);
    }
    poll->turn = (poll->turn + 1) % poll->entity_count;
    if (err->kind != ERR_NONE) {
        if (err->kind == ERR_RETRY)
            poll_checkpoint(poll, BLOCKED_CHECKPOINT_MS);
        return -1;
    }
    if (!worked)
        return hints_take(poll, wait_ms(poll, timeout_ms), err);
    sink_serve(poll->context->sink);
    return 0;
}

const struct source_type source_poll = {
    .name = "poll",
    .summary = "asks a system's API what changed: backfill, incremental passes, hints",
    .linger_ms = 50,
    .size = sizeof(struct poll),
    .options = OPTIONS,
    .open = source_open,
    .poll = source_round,
    .close = source_close,
};
