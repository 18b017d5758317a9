/*
 * tandem sweep — the answer to a sweep that stopped because it found too many deletions.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/command.h"
#include "stream/brake.h"
#include "stream/kafka.h"

enum { ANSWER_TIMEOUT_MS = 4000 };

static int approve(struct migration *migration, const char *entity)
{
    char who[COMMAND_WHO_BYTES];
    struct err err = ERR_INIT;
    struct brake brake = {.braked = false};
    if (!migration_entity(migration, entity)) {
        (void)fprintf(stderr, "tandem: the migration has no entity \"%s\"\n", entity);
        return EX_USAGE;
    }
    if (kafka_probe(migration, ANSWER_TIMEOUT_MS, &err) != 0 ||
        brake_read(migration, entity, &brake, &err) != 0)
        return command_fail(&err);
    if (!brake.braked && !brake.gap_ms) {
        (void)fprintf(stderr, "tandem: no sweep of %s asks for anything\n", entity);
        return EX_NOINPUT;
    }
    command_who(who);
    if (brake_approve(migration, entity, &brake, who, &err) != 0)
        return command_fail(&err);
    if (brake.braked)
        printf("%s: %" PRId64 " deletions may go; each is read in %s before anything ends\n",
               entity, brake.found, migration->old_system->name);
    else
        printf("%s: the gap is known and shown no more\n", entity);
    return 0;
}

static int run_sweep(const struct command *self, int argc, char **argv)
{
    const char *path = command_config_default();
    const struct flag flags[] = {FLAG_CONFIG(&path), {0}};
    int exit_code = 0, at = command_parse(self, flags, argc, argv, &exit_code);
    if (at < 0)
        return exit_code;
    if (argc - at != 2 || strcmp(argv[at], "approve") != 0) {
        (void)fputs("tandem: sweep approve ENTITY; `tandem sweep --help` says more\n", stderr);
        return EX_USAGE;
    }
    const char *entity = argv[at + 1];
    struct migration *migration = command_migration(path, &exit_code);
    if (!migration)
        return exit_code;
    exit_code = approve(migration, entity);
    migration_close(migration);
    return exit_code;
}

const struct command COMMAND_SWEEP = {
    "sweep", "approve <entity>", "let a sweep go on that found too many deletions",
    "tandem-poll looks into the old system's log of deletions (sweep_interval_ms). Where one "
    "sweep\n"
    "finds more than sweep_percent of the records (and more than 20) it brings none of them, and\n"
    "`tandem status` says so: somebody may have emptied the old system by mistake. `approve` lets\n"
    "as many through as were found, once. It also takes note of a gap: the log did not reach back\n"
    "to the last sweep, deletions may be missing. A listing of everything fills it by itself\n"
    "unless refresh_period_s is 0; then `tandem report` shows what is only in the new system.\n"
    "Writes one message to Kafka.\n\n"
    "  tandem sweep approve contact --config acme.cfg",
    run_sweep};
