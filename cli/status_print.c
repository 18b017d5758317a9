/*
 * status_print — for people, and as JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/status.h"
#include "cli/verify.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static const struct progress *earlier_of(const struct status *status)
{
    return status->has_earlier ? &status->earlier : NULL;
}

static int64_t days_left(const struct migration *migration)
{
    int64_t left_ms = migration->kill_ms - clock_wall_ms(&CLOCK_SYSTEM);
    return left_ms > 0 ? (left_ms + DAY_MS - 1) / DAY_MS : -(-left_ms / DAY_MS);
}

static const char *phase(const struct status *status)
{
    if (*status->why)
        return "unknown";
    if (!status->control.exists)
        return "not prepared: `tandem run` begins";
    if (!status->control.go)
        return "captures; nothing is written before `tandem run --go`";
    return status->control.phase;
}

/* ---- for people ---- */

static void print_rows(json_t *rows)
{
    char text[512];
    verify_put_counts(json_object_get(rows, "rows"), text, sizeof(text));
    printf("  records       %s\n", *text ? text : "none yet");
    verify_put_counts(json_object_get(rows, "held"), text, sizeof(text));
    printf("  questions     %s\n", *text ? text : "none");
    verify_put_counts(json_object_get(rows, "dead_letters"), text, sizeof(text));
    printf("  dead letters  %s\n", *text ? text : "none");
}

static void print_backfill(const struct status *status, int entity)
{
    const struct progress_entity *it = &status->now.entities[entity];
    int64_t rate = progress_rate(&status->now, earlier_of(status), entity);
    int64_t eta_s = progress_eta_s(&status->now, earlier_of(status), entity);
    printf("  backfill      ");
    if (it->backfill_done < 0)
        printf("unknown (neither its process nor Kafka tells)");
    else
        printf("%" PRId64, it->backfill_done);
    if (it->backfill_finished)
        printf(", done");
    else if (it->backfill_total > 0)
        printf(" of %" PRId64, it->backfill_total);
    if (rate > 0)
        printf(", %" PRId64 "/s", rate);
    if (eta_s > 0)
        printf(", ETA %" PRId64 " s", eta_s);
    printf("\n");
}

/* "  paused        by ann@host since 2027-01-01T00:00:00.000Z: why; `tandem resume` goes on" */
static void print_pause(const struct pause *pause, const char *entity)
{
    char since[TIMESTAMP_BYTES];
    if (!pause->on)
        return;
    timestamp_format(pause->since_ms, since);
    printf("  paused        by %s since %s%s%s; `tandem resume%s%s` goes on\n", pause->who, since,
           *pause->why ? ": " : "", pause->why, entity ? " --entity " : "", entity ? entity : "");
}

static void print_alarms(const struct progress_entity *entity)
{
    if (*entity->stalled)
        printf("  ALARM         %s: no progress; the process below or its log says why\n",
               entity->stalled);
    if (*entity->vanished)
        printf(
            "  ALARM         %s: not in the old system any more, or not shown to us; what the new "
            "system has of it stays\n",
            entity->vanished);
    if (*entity->fresh)
        printf("  new           %s: properties that appeared in the old system; no field is mapped "
               "to them\n",
               entity->fresh);
}

static void print_silent(json_t *counts)
{
    char text[512];
    verify_put_counts(counts, text, sizeof(text));
    if (*text)
        printf("  silent        %s: changed in the old system without a modified date\n", text);
}

static void print_brake(const struct brake *brake, const char *entity)
{
    char since[TIMESTAMP_BYTES];
    if (brake->braked)
        printf("  sweep         stopped: %" PRId64 " of %" PRId64 " records %s; "
               "`tandem sweep approve %s` lets them go\n",
               brake->found, brake->known,
               brake->by == BRAKE_BY_LOG ? "were deleted" : "are not listed any more", entity);
    else if (brake->approved)
        printf("  sweep         %" PRId64 " deletions were approved by %s\n", brake->found,
               brake->who);
    if (!brake->gap_ms)
        return;
    timestamp_format(brake->gap_ms, since);
    printf("  sweep         the log of deletions has a gap after %s: some may be missing; "
           "everything is listed once more, or `tandem sweep approve %s` takes note\n",
           since, entity);
}

static void print_entity(const struct status *status, int entity)
{
    const struct progress_entity *it = &status->now.entities[entity];
    printf("%s\n", it->name);
    if (entity < PAUSE_ENTITIES_MAX)
        print_pause(&status->pauses.entities[entity], it->name);
    if (entity < PAUSE_ENTITIES_MAX)
        print_brake(&status->brakes[entity], it->name);
    print_backfill(status, entity);
    if (it->events >= 0)
        printf("  changes       %" PRId64 " events on Kafka, apply is %" PRId64 " behind\n",
               it->events, it->lag_messages);
    if (it->source_lag_s >= 0)
        printf("  captured      up to %.1f s ago\n", it->source_lag_s);
    print_alarms(it);
    if (entity < PAUSE_ENTITIES_MAX)
        print_silent(status->silent[entity]);
    json_t *rows = verify_entity(status->rows, it->name);
    if (rows)
        print_rows(rows);
}

static void print_process(const struct progress_process *process)
{
    printf("  %-24s %s", process->name, process->state);
    if (process->restarts)
        printf(", restarted %d times", process->restarts);
    if (strcmp(process->state, "running") != 0)
        printf(", last exit code %d; log: %s", process->exit_code, process->log);
    else if (!process->answers)
        printf(", does not answer; log: %s", process->log);
    else
        printf(process->ready ? ", ready" : ", waits: %s", process->why);
    printf("\n");
}

static void print_text(const struct status *status, const struct migration *migration)
{
    printf("%s: %s\n", migration->ns, phase(status));
    if (*status->why)
        printf("  %s\n", status->why);
    print_pause(&status->pauses.all, NULL);
    printf("kill date %s: %" PRId64 " days left\n\n", migration->kill_date, days_left(migration));
    for (int i = 0; i < status->now.entity_count; i++)
        print_entity(status, i);
    int64_t rate = progress_applied_rate(&status->now, earlier_of(status));
    if (rate >= 0)
        printf("  applied       %" PRId64 " events a second\n", rate);
    if (*status->now.kafka_why)
        printf("Kafka: %s\n", status->now.kafka_why);
    printf("\nprocesses%s\n", status->now.running ? "" : ": `tandem run` is not at work");
    for (int i = 0; i < status->now.process_count; i++)
        print_process(&status->now.processes[i]);
    budgets_print(&status->budgets);
}

/* ---- as JSON ---- */

static json_t *pause_json(const struct pause *pause)
{
    if (!pause->on)
        return json_null();
    return json_pack("{s:I,s:s,s:s}", "since_ms", (json_int_t)pause->since_ms, "who", pause->who,
                     "why", pause->why);
}

static json_t *brake_json(const struct brake *brake)
{
    if (!brake->braked && !brake->approved && !brake->gap_ms)
        return json_null();
    return json_pack("{s:s,s:b,s:b,s:I,s:I,s:I}", "by", brake_by_name(brake->by), "braked",
                     (int)brake->braked, "approved", (int)brake->approved, "found",
                     (json_int_t)brake->found, "known", (json_int_t)brake->known, "gap_ms",
                     (json_int_t)brake->gap_ms);
}

static json_t *known(int64_t value)
{
    return value < 0 ? json_null() : json_integer(value);
}

static json_t *entity_json(const struct status *status, int entity)
{
    const struct progress_entity *it = &status->now.entities[entity];
    json_t *object =
        json_pack("{s:s,s:{s:o,s:o,s:b,s:o,s:o},s:o,s:o,s:o}", "entity", it->name, "backfill",
                  "done", known(it->backfill_done), "total", known(it->backfill_total), "finished",
                  (int)it->backfill_finished, "rate",
                  known(progress_rate(&status->now, earlier_of(status), entity)), "eta_s",
                  known(progress_eta_s(&status->now, earlier_of(status), entity)), "events",
                  known(it->events), "lag_messages", known(it->lag_messages), "source_lag_s",
                  it->source_lag_s < 0 ? json_null() : json_real(it->source_lag_s));
    (void)json_object_set_new(
        object, "paused",
        entity < PAUSE_ENTITIES_MAX ? pause_json(&status->pauses.entities[entity]) : json_null());
    (void)json_object_set_new(object, "vanished", json_string(it->vanished));
    (void)json_object_set_new(object, "new_properties", json_string(it->fresh));
    (void)json_object_set_new(object, "stalled", json_string(it->stalled));
    if (entity < PAUSE_ENTITIES_MAX && status->silent[entity])
        (void)json_object_set(object, "silent", status->silent[entity]);
    (void)json_object_set_new(object, "sweep",
                              entity < PAUSE_ENTITIES_MAX ? brake_json(&status->brakes[entity])
                                                          : json_null());
    json_t *rows = verify_entity(status->rows, it->name);
    static const char *const names[] = {"rows", "held", "dead_letters"};
    for (size_t i = 0; rows && i < sizeof(names) / sizeof(names[0]); i++)
        (void)json_object_set(object, names[i], json_object_get(rows, names[i]));
    return object;
}

static json_t *process_json(const struct progress_process *process)
{
    return json_pack("{s:s,s:i,s:s,s:s,s:i,s:i,s:b,s:b,s:s,s:s}", "name", process->name, "pid",
                     process->pid, "state", process->state, "address", process->address, "restarts",
                     process->restarts, "exit", process->exit_code, "answers",
                     (int)process->answers, "ready", (int)process->ready, "why", process->why,
                     "log", process->log);
}

static void print_json(const struct status *status, const struct migration *migration)
{
    json_t *root = json_pack(
        "{s:i,s:s,s:s,s:b,s:b,s:s,s:I,s:o,s:o,s:s,s:b,s:[],s:[]}", "v", 1, "migration",
        migration->ns, "phase", status->control.exists ? status->control.phase : "new", "go",
        (int)status->control.go, "prepared", (int)status->control.exists, "kill_date",
        migration->kill_date, "days_left", (json_int_t)days_left(migration), "applied_rate",
        known(progress_applied_rate(&status->now, earlier_of(status))), "dead_letters",
        known(status->now.dead_letters), "why", *status->why ? status->why : status->now.kafka_why,
        "running", (int)status->now.running, "entities", "processes");
    (void)json_object_set_new(root, "paused", pause_json(&status->pauses.all));
    for (int i = 0; i < status->now.entity_count; i++)
        (void)json_array_append_new(json_object_get(root, "entities"), entity_json(status, i));
    for (int i = 0; i < status->now.process_count; i++)
        (void)json_array_append_new(json_object_get(root, "processes"),
                                    process_json(&status->now.processes[i]));
    (void)json_object_set_new(root, "budgets", budgets_json(&status->budgets));
    (void)json_dumpf(root, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(root);
}

void status_print(const struct status *status, const struct migration *migration, bool as_json,
                  bool clear_first)
{
    if (as_json) {
        print_json(status, migration);
        return;
    }
    if (clear_first)
        (void)fputs("\033[H\033[2J", stdout);
    print_text(status, migration);
}
