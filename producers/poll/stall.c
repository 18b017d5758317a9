/*
 * stall — "running", and nothing moves: work of an entity that makes no progress for stall_alarm_s is an alarm, whether somebody says no (a token
 * that expired, a quota) or nobody says anything. An incremental pass begins anew from its cursor then; the alarm ends by itself
 * with the first thing that moves.
 */
#include "producers/poll/poll.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/service.h"
#include "producers/poll/hash.h"

static const char *const NAMES[] = {"incremental", "backfill", "sweep", "refresh", "hints"};
_Static_assert(sizeof(NAMES) / sizeof(NAMES[0]) == STALL_COUNT, "a name per work");

/* Anything that moves changes it; 0: there is nothing to do, so nothing stands still. */
static uint64_t place_of(const struct keyset *at, int64_t number)
{
    struct span id = {at->id, strlen(at->id)};
    return (hash_id(id) ^ ((uint64_t)at->ms * 31) ^ ((uint64_t)number * 8191)) | 1U;
}

/* The first hint of each partition that is due and not done holds those behind it up. */
static uint64_t hints_place(const struct poll_entity *entity)
{
    int64_t source_ms = poll_source_ms(entity->poll);
    uint64_t place = 0;
    for (int p = 0; p < entity->partition_count; p++) {
        const struct hint_partition *part = &entity->partitions[p];
        for (int i = part->first; i < part->count; i++) {
            const struct hint_item *item = &part->items[i];
            if (item->done || !item->id || item->not_before_ms > source_ms)
                continue;
            place = place * 31 + (uint64_t)item->offset * 8191 + (uint64_t)p + 1;
            break;
        }
    }
    return place;
}

static uint64_t place(const struct poll_entity *entity, enum stall_work work)
{
    const struct incremental *incremental = &entity->incremental;
    const struct backfill *backfill = &entity->backfill;
    const struct refresh *refresh = &entity->refresh;
    if (work == STALL_HINTS)
        return hints_place(entity);
    if (!entity->owner)
        return 0;
    if (work == STALL_INCREMENTAL) /* it cannot even begin: no place but the first */
        return entity->ready ? place_of(&incremental->pass.at, incremental->cursor_ms) : 1;
    if (!entity->ready)
        return 0;
    if (work == STALL_BACKFILL)
        return entity->poll->run_backfill && !backfill->done ? place_of(&backfill->at, 0) : 0;
    if (work == STALL_SWEEP) /* a brake says so itself */
        return entity->sweep.possible && !entity->sweep.brake.braked
                   ? place_of(&(struct keyset){.ms = entity->sweep.from_ms}, entity->sweep.found)
                   : 0;
    return refresh_due_mono_ms(entity) != INT64_MAX ? place_of(&refresh->at, refresh->turn_ms) : 0;
}

/* Between two pages of a refresh there may be most of a period; between two sweeps there is their interval. */
static int64_t patience_ms(const struct poll *poll, enum stall_work work)
{
    int64_t pause_ms = work == STALL_REFRESH ? poll->refresh_period_s * 1000
                       : work == STALL_SWEEP ? poll->sweep_interval_ms
                                             : 0;
    return poll->stall_alarm_s * 1000 + pause_ms;
}

static void show(const struct poll_entity *entity, enum stall_work work, bool raised)
{
    char labels[128];
    (void)snprintf(labels, sizeof(labels), "%s,pass=\"%s\"", entity->labels, NAMES[work]);
    metric_set(metric_gauge("tandem_poll_stalled",
                            "1: it has made no progress for longer than stall_alarm_s.", labels),
               raised ? 1 : 0);
}

static void raise_alarm(struct poll_entity *entity, enum stall_work work, int64_t idle_ms)
{
    const struct poll *poll = entity->poll;
    const char *why = work == STALL_REFRESH                              ? entity->refresh.pass.why
                      : work == STALL_SWEEP                              ? entity->sweep.why
                      : poll->blocked_until_mono_ms > poll_mono_ms(poll) ? poll->blocked_why
                                                                         : "";
    log_error("no progress", log_str("entity", entity->entity->name), log_str("pass", NAMES[work]),
              log_int("since_ms", idle_ms), log_str("why", why));
    show(entity, work, true);
}

/* Returns true while it stands still. */
static bool look(struct poll_entity *entity, enum stall_work work)
{
    struct stall *stall = &entity->stalls[work];
    int64_t now = poll_mono_ms(entity->poll);
    uint64_t at = place(entity, work);
    if (at == 0 || at != stall->place) {
        if (stall->raised) {
            log_info("it moves again", log_str("entity", entity->entity->name),
                     log_str("pass", NAMES[work]));
            show(entity, work, false);
        }
        *stall = (struct stall){.place = at, .moved_mono_ms = now};
        return false;
    }
    int64_t idle_ms = now - stall->moved_mono_ms;
    if (!stall->raised && idle_ms > patience_ms(entity->poll, work)) {
        stall->raised = true;
        raise_alarm(entity, work, idle_ms);
        if (work == STALL_INCREMENTAL) { /* whatever it is in the middle of */
            pass_drop(&entity->incremental.pass);
            entity->incremental.running = false;
            entity->incremental.next_mono_ms = now;
        }
    }
    return stall->raised;
}

void stall_look(struct poll *poll)
{
    char why[POLL_WHY_BYTES] = "";
    if (poll->stall_alarm_s == 0)
        return;
    for (int i = 0; i < poll->entity_count; i++) {
        struct poll_entity *entity = &poll->entities[i];
        for (int work = 0; work < STALL_COUNT; work++) {
            bool stands = look(entity, (enum stall_work)work);
            /* A refresh that waits keeps no change waiting. */
            if (stands && work != STALL_REFRESH && !*why)
                (void)snprintf(why, sizeof(why), "%s: %s makes no progress for %" PRId64 " s",
                               entity->entity->name, NAMES[work],
                               (poll_mono_ms(poll) - entity->stalls[work].moved_mono_ms) / 1000);
        }
    }
    service_set_check("progress", !*why, why);
}
