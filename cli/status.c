/*
 * tandem status — where the migration stands, and why it waits where it waits.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/silent.h"
#include "cli/status.h"
#include "cli/verify.h"

enum { RATE_PAUSE_MS = 1000, WATCH_MS = 2000, ROWS_EVERY = 5 };

static void pause_ms(int64_t ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static int take_silent(struct status *status, const struct migration *migration, struct err *err)
{
    for (int i = 0; i < migration->entity_count && i < PAUSE_ENTITIES_MAX; i++) {
        json_t *counts = NULL;
        if (silent_read(migration, migration->entities[i].name, &counts, err) != 0)
            return -1;
        json_decref(status->silent[i]);
        status->silent[i] = counts;
    }
    return 0;
}

static int take_brakes(struct status *status, const struct migration *migration, struct err *err)
{
    for (int i = 0; i < migration->entity_count && i < PAUSE_ENTITIES_MAX; i++)
        if (brake_read(migration, migration->entities[i].name, &status->brakes[i], err) != 0)
            return -1;
    return 0;
}

/* Only where Kafka has just answered: control_read would wait for it. */
static void take_control(struct status *status, const struct progress *progress,
                         struct migration *migration)
{
    struct err err = ERR_INIT;
    if (*progress->kafka_why)
        (void)snprintf(status->why, sizeof(status->why), "%s", progress->kafka_why);
    else if (control_read(migration, &status->control, &err) != 0 ||
             pauses_read(migration, &status->pauses, &err) != 0 ||
             (status->control.exists && (take_silent(status, migration, &err) != 0 ||
                                         take_brakes(status, migration, &err) != 0)))
        (void)snprintf(status->why, sizeof(status->why), "%s", err.text);
    else
        status->why[0] = '\0';
}

/* Where nothing was begun nobody has asked for anything. */
static void take_budgets(struct status *status, const struct migration *migration)
{
    if (status->control.exists)
        budgets_take(migration, &status->budgets);
}

/* The rows are folded from their topic: seldom, since that takes a while with millions of them. */
static void take_rows(struct status *status, const char *config)
{
    static const char *const arguments[] = {"--rows", NULL};
    struct err err = ERR_INIT;
    json_decref(status->rows);
    status->rows = verify_ask(config, arguments, &err);
}

static int watch(struct status *status, struct progress_gatherer *gatherer,
                 struct migration *migration, const char *config, bool as_json)
{
    bool terminal = isatty(STDOUT_FILENO) == 1 && !as_json;
    for (int round = 1;; round++) {
        status_print(status, migration, as_json, terminal);
        if (fflush(stdout) != 0)
            return 0; /* nobody looks any more */
        pause_ms(WATCH_MS);
        status->earlier = status->now;
        status->has_earlier = true;
        progress_take(gatherer, &status->now);
        take_control(status, &status->now, migration);
        take_budgets(status, migration);
        if (round % ROWS_EVERY == 0 && status->control.exists && !*status->why)
            take_rows(status, config);
    }
}

static int show(struct migration *migration, const char *config, bool as_json, bool want_watch)
{
    struct err err = ERR_INIT;
    struct status *status = calloc(1, sizeof(*status));
    struct progress_gatherer *gatherer = status ? progress_open(migration, &err) : NULL;
    if (!gatherer) {
        free(status);
        return command_fail(&err);
    }
    progress_take(gatherer, &status->earlier);
    take_control(status, &status->earlier, migration);
    if (status->control.exists)
        take_rows(status, config);
    take_budgets(status, migration);
    status->now = status->earlier;
    if (status->earlier.running && !*status->why) { /* a rate needs two moments */
        pause_ms(RATE_PAUSE_MS);
        status->has_earlier = true;
        progress_take(gatherer, &status->now);
    }
    int exit_code = 0;
    if (want_watch)
        exit_code = watch(status, gatherer, migration, config, as_json);
    else
        status_print(status, migration, as_json, false);
    json_decref(status->rows);
    for (int i = 0; i < PAUSE_ENTITIES_MAX; i++)
        json_decref(status->silent[i]);
    progress_close(gatherer);
    free(status);
    return exit_code;
}

static int run_status(const struct command *self, int argc, char **argv)
{
    const char *path = command_config_default();
    bool as_json = false, want_watch = false;
    const struct flag flags[] = {
        FLAG_CONFIG(&path),
        {"json", FLAG_BOOL, &as_json, 0, 0, NULL, "one JSON object a line"},
        {"watch", FLAG_BOOL, &want_watch, 0, 0, NULL, "again every two seconds, until Ctrl-C"},
        {0}};
    int exit_code = 0;
    if (command_parse(self, flags, argc, argv, &exit_code) < 0)
        return exit_code;
    struct migration *migration = command_migration(path, &exit_code);
    if (!migration)
        return exit_code;
    exit_code = show(migration, path, as_json, want_watch);
    migration_close(migration);
    return exit_code;
}

const struct command COMMAND_STATUS = {
    "status", "", "show where the migration stands, and why it waits",
    "Per entity: backfill done, total, rate and time left; how far apply is behind (offsets it "
    "has\n"
    "committed against the end of the topic); records by status; open questions by class; dead\n"
    "letters. Per process: whether it is ready, and if not, what it waits for, in its own words.\n"
    "Per system: how many of the requests that it allows are used, and by whom. And the days\n"
    "to the kill date. Reads Kafka, Redis and the processes' health listeners, which\n"
    "run_dir/processes.json names; asks neither system.\n\n"
    "  tandem status --config acme.cfg --watch",
    run_status};
