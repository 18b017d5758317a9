/*
 * progress_line — one line that a person reads in passing, and the arithmetic behind it.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/progress.h"

enum { SOURCE_LAG_TOLD_S = 15 };

static int64_t per_second(int64_t now, int64_t earlier, int64_t ms)
{
    if (now < 0 || earlier < 0 || now < earlier || ms <= 0)
        return UNKNOWN;
    return (now - earlier) * 1000 / ms;
}

int64_t progress_rate(const struct progress *now, const struct progress *earlier, int entity)
{
    if (!earlier)
        return UNKNOWN;
    return per_second(now->entities[entity].backfill_done, earlier->entities[entity].backfill_done,
                      now->taken_ms - earlier->taken_ms);
}

int64_t progress_eta_s(const struct progress *now, const struct progress *earlier, int entity)
{
    const struct progress_entity *it = &now->entities[entity];
    int64_t rate = progress_rate(now, earlier, entity);
    /* Below a hundredth of the way an estimate only alarms. */
    if (rate <= 0 || it->backfill_total <= 0 || it->backfill_done * 100 < it->backfill_total)
        return UNKNOWN;
    int64_t left = it->backfill_total - it->backfill_done;
    return left > 0 ? (left + rate - 1) / rate : 0;
}

int64_t progress_applied_rate(const struct progress *now, const struct progress *earlier)
{
    return earlier ? per_second(now->applied, earlier->applied, now->taken_ms - earlier->taken_ms)
                   : UNKNOWN;
}

static void put_backfill(const struct progress *now, const struct progress *earlier, int entity,
                         struct buf *out)
{
    const struct progress_entity *it = &now->entities[entity];
    buf_puts(out, it->name);
    if (it->backfill_done < 0) {
        buf_puts(out, " backfill unknown");
        return;
    }
    if (it->backfill_finished) {
        buf_printf(out, " backfill done (%" PRId64 ")", it->backfill_done);
        return;
    }
    buf_printf(out, " backfill %" PRId64, it->backfill_done);
    if (it->backfill_total > 0)
        buf_printf(out, "/%" PRId64 " (%" PRId64 " %%)", it->backfill_total,
                   it->backfill_done * 100 / it->backfill_total);
    int64_t rate = progress_rate(now, earlier, entity);
    int64_t eta_s = progress_eta_s(now, earlier, entity);
    if (rate >= 0)
        buf_printf(out, ", %" PRId64 "/s", rate);
    if (eta_s >= 0)
        buf_printf(out, ", ETA %" PRId64 " s", eta_s);
}

static void put_reasons(const struct progress *now, struct buf *out)
{
    if (*now->kafka_why)
        buf_printf(out, "; Kafka: %s", now->kafka_why);
    for (int i = 0; i < now->process_count; i++) {
        const struct progress_process *process = &now->processes[i];
        if (strcmp(process->state, "running") != 0)
            buf_printf(out, "; %s is %s (%d)", process->name, process->state, process->exit_code);
        else if (process->answers && !process->ready)
            buf_printf(out, "; %s waits: %s", process->name, process->why);
        else if (!process->answers)
            buf_printf(out, "; %s does not answer yet", process->name);
    }
}

void progress_line(const struct progress *now, const struct progress *earlier, int width,
                   struct buf *out)
{
    size_t start = out->len;
    for (int i = 0; i < now->entity_count; i++) {
        if (i)
            buf_puts(out, "; ");
        put_backfill(now, earlier, i, out);
        if (now->entities[i].lag_messages >= 0)
            buf_printf(out, "; lag %" PRId64, now->entities[i].lag_messages);
        /* An old system that does not answer shows here first: its request may take minutes. */
        if (now->entities[i].source_lag_s >= SOURCE_LAG_TOLD_S)
            buf_printf(out, "; captured up to %.0f s ago", now->entities[i].source_lag_s);
    }
    int64_t rate = progress_applied_rate(now, earlier);
    if (rate >= 0)
        buf_printf(out, "; applied %" PRId64 "/s", rate);
    if (now->dead_letters > 0)
        buf_printf(out, "; dead letters %" PRId64, now->dead_letters);
    put_reasons(now, out);
    if (width > 1 && out->len - start >= (size_t)width) {
        out->len = start + (size_t)width - 1;
        out->data[out->len] = '\0';
    }
}
