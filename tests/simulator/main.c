/*
 * main — many runs, and what came of them; or one run with its step log.
 *
 *   simulator [--tier T1|T3] [--runs N] [--from SEED] [--seed SEED] [--keep-going] [--at-most N]
 *   simulator --scripts | --script NAME
 *
 * Each violation prints its seed, and `--tier … --seed …` replays it. Exit 1 when there was one; with --at-most, when more than N schedules of
 * a tier had one (README.md: what is known and not mended yet).
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "simulator.h"

const char *const VIOLATION_NAMES[] = {"lost", "double", "backwards", "blind", "stuck", "fold"};
_Static_assert(sizeof(VIOLATION_NAMES) / sizeof(VIOLATION_NAMES[0]) == VIOLATION_COUNT,
               "a name per violation");

/* ---- the migration ---- */

static struct field FIELDS[SIM_FIELDS] = {
    {.name = "email",
     .old_name = "Email",
     .new_name = "email",
     .rules = {.type = VALUE_EMAIL},
     .match = true,
     .unique_in_new = true},
    {.name = "title", .old_name = "Title", .new_name = "title", .rules = {.type = VALUE_STRING}},
    {.name = "city", .old_name = "City", .new_name = "city", .rules = {.type = VALUE_STRING}},
};
static const int SORTED[SIM_FIELDS] = {F_CITY, F_EMAIL, F_TITLE};

struct entity sim_entity = {.name = "contact",
                            .old_object = "Contact",
                            .new_object = "contacts",
                            .external_id = "old_id",
                            .marker = "marker",
                            .fields = FIELDS,
                            .field_count = SIM_FIELDS,
                            .sorted = SORTED,
                            .generation = 1};
static struct system_settings systems[] = {{.name = "old"}, {.name = "new"}};

struct migration sim_migration = {
    .ns = "sim",
    .kafka = {.partitions = 1, .replication = 1, .record_max_bytes = 1 << 20},
    .systems = systems,
    .system_count = 2,
    .old_system = &systems[0],
    .new_system = &systems[1],
    .entities = &sim_entity,
    .entity_count = 1,
    .apply = {.instances = 2,
              .batch_records = 100,
              .retry_max = 3,
              .session_timeout_ms = SIM_SESSION_MS},
};

struct truth_rule sim_truth = {.field = TRUTH_EVERY_FIELD, .from_ms = TRUTH_ALWAYS};

void sim_unique_email(bool unique)
{
    FIELDS[F_EMAIL].unique_in_new = unique;
}

/* What differs from run to run: is an e-mail unique in the new system, and which truth is declared? */
void sim_declare(void)
{
    sim_unique_email(!sim_chance(3));
    sim_truth.choice = (enum truth_choice)sim_below(TRUTH_CHOICE_COUNT);
    sim_truth.enforce = sim_truth.choice == TRUTH_OLD && sim_chance(2);
    sim_entity.truth = &sim_truth;
    sim_entity.truth_count = sim_chance(2);
    world.histories = sim_chance(2);
    sim_entity.deletes = (enum delete_policy)sim_below(DELETES_COUNT);
    sim_log("e-mails are %s; %shistories; truth: %s%s; deletes: %s",
            FIELDS[F_EMAIL].unique_in_new ? "unique" : "not unique", world.histories ? "" : "no ",
            sim_entity.truth_count ? truth_choice_name(sim_truth.choice) : "none",
            sim_truth.enforce ? ", enforced" : "", delete_policy_name(sim_entity.deletes));
}

/* ---- what is said ---- */

void sim_log(const char *format, ...)
{
    va_list args;
    if (!world.trace)
        return;
    printf("%8lld  ", (long long)world.now_ms);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void sim_violation(enum violation violation, bool allowed, const char *format, ...)
{
    va_list args;
    bool anomaly = allowed && !world.t1;
    (anomaly ? world.anomalies : world.violations)[violation]++;
    if (!world.trace)
        return;
    printf("%8lld  %s %s: ", (long long)world.now_ms, anomaly ? "documented anomaly" : "VIOLATION",
           VIOLATION_NAMES[violation]);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* ---- many runs ---- */

struct totals {
    uint64_t runs, bad_runs;
    int64_t violations[VIOLATION_COUNT], anomalies[VIOLATION_COUNT];
};

static bool one(uint64_t seed, bool t1, struct totals *totals)
{
    bool bad = false;
    schedule_run(seed, t1, false);
    totals->runs++;
    for (int v = 0; v < VIOLATION_COUNT; v++) {
        totals->violations[v] += world.violations[v];
        totals->anomalies[v] += world.anomalies[v];
        if (world.violations[v])
            printf("%s with --tier %s --seed %llu\n", VIOLATION_NAMES[v], t1 ? "T1" : "T3",
                   (unsigned long long)seed);
        bad = bad || world.violations[v];
    }
    totals->bad_runs += bad;
    return bad;
}

static void report(const char *tier, const struct totals *totals)
{
    printf("%s: %llu runs, %llu with a violation;", tier, (unsigned long long)totals->runs,
           (unsigned long long)totals->bad_runs);
    for (int v = 0; v < VIOLATION_COUNT; v++)
        printf(" %s %lld", VIOLATION_NAMES[v], (long long)totals->violations[v]);
    printf("; documented anomalies:");
    for (int v = 0; v < VIOLATION_COUNT; v++)
        printf(" %s %lld", VIOLATION_NAMES[v], (long long)totals->anomalies[v]);
    printf("; %ld kills\n", process_crashes);
}

struct options {
    const char *tier, *script;
    uint64_t runs, from, seed, at_most;
    bool replay, keep_going, scripts;
};

static int options_read(struct options *options, int argc, char **argv)
{
    static const struct option names[] = {{"tier", required_argument, NULL, 't'},
                                          {"runs", required_argument, NULL, 'r'},
                                          {"from", required_argument, NULL, 'f'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"at-most", required_argument, NULL, 'm'},
                                          {"keep-going", no_argument, NULL, 'k'},
                                          {"scripts", no_argument, NULL, 'x'},
                                          {"script", required_argument, NULL, 'n'},
                                          {NULL, 0, NULL, 0}};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == '?')
            return -1;
        uint64_t number = optarg ? strtoull(optarg, NULL, 10) : 0;
        options->runs = option == 'r' ? number : options->runs;
        options->from = option == 'f' ? number : options->from;
        options->seed = option == 's' ? number : options->seed;
        options->at_most = option == 'm' ? number : options->at_most;
        options->replay = options->replay || option == 's';
        options->keep_going = options->keep_going || option == 'k' || option == 'm';
        options->tier = option == 't' ? optarg : options->tier;
        options->script = option == 'n' ? optarg : options->script;
        options->scripts = options->scripts || option == 'x' || option == 'n';
    }
    return 0;
}

static uint64_t tier_runs(const char *tier, const struct options *options)
{
    struct totals totals = {0};
    for (uint64_t i = 0; i < options->runs; i++)
        if (one(options->from + i, strcmp(tier, "T1") == 0, &totals) && !options->keep_going)
            break;
    report(tier, &totals);
    return totals.bad_runs > options->at_most ? totals.bad_runs : 0;
}

int main(int argc, char **argv)
{
    struct options options = {.runs = 1000, .from = 1};
    if (options_read(&options, argc, argv) != 0)
        return 2;
    log_init("simulator", "", options.replay ? LOG_INFO_ : LOG_LEVEL_COUNT);
    arena_init(&world.arena);
    uint64_t bad = 0;
    if (options.scripts) {
        bad = (uint64_t)script_run_all(options.script);
    } else if (options.replay) {
        schedule_run(options.seed, !options.tier || strcmp(options.tier, "T1") == 0, true);
        for (int v = 0; v < VIOLATION_COUNT; v++)
            bad += (uint64_t)world.violations[v];
    } else {
        if (!options.tier || strcmp(options.tier, "T1") == 0)
            bad += tier_runs("T1", &options);
        if (!options.tier || strcmp(options.tier, "T3") == 0)
            bad += tier_runs("T3", &options);
    }
    arena_clear(&world.arena);
    return bad ? 1 : 0;
}
