/*
 * tandem-verify — compares both systems through the mapping, and says of each
 * record whether it is the same, different for a reason that can be named, or simply wrong. It
 * writes nothing anywhere. `tandem report` and `tandem status` show what it prints.
 *
 * It is no handler: it works on what is there, not on what comes. So it has a main of its own.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/service.h"
#include "consumers/verify/pass.h"
#include "stream/control.h"

enum { EXAMPLES_MAX = 10000, CACHE_KIB = 64 * 1024 };

struct options {
    const char *config;
    struct pass_options pass;
    int64_t every_s; /* 0 = once */
    bool check;
};

static const char USAGE[] =
    "usage: tandem-verify --config FILE [--settle SECONDS] [--examples N] [--rows]\n"
    "                     [--every SECONDS] [--check]\n"
    "  --settle SECONDS  read what differs again and again for so long before it is counted\n"
    "  --examples N      show N records of every class\n"
    "  --rows            count apply's rows and the dead letters only; asks neither system\n"
    "  --every SECONDS   print a line again and again, until stopped\n"
    "  --check           read the configuration, print its mistakes and stop\n"
    "  --help, --version\n"
    "Usually `tandem report` and `tandem status` start it; the counts are JSON on stdout.\n";

static void pause_ms(int64_t ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static bool take_number(const char *text, int64_t max, int64_t *ret_value)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0 || value > max)
        return false;
    *ret_value = value;
    return true;
}

static bool take_option(struct options *options, int c)
{
    int64_t number = 0;
    switch (c) {
    case 'c':
        options->config = optarg;
        return true;
    case 's':
        if (!take_number(optarg, 3600, &number))
            return false;
        options->pass.settle_ms = number * 1000;
        return true;
    case 'e':
        if (!take_number(optarg, EXAMPLES_MAX, &number))
            return false;
        options->pass.examples = (int)number;
        return true;
    case 'l':
        return take_number(optarg, 86400, &options->every_s);
    case 'r':
        options->pass.rows_only = true;
        return true;
    case 'k':
        options->check = true;
        return true;
    default:
        return false;
    }
}

static bool take_options(int argc, char **argv, struct options *ret_options)
{
    static const struct option table[] = {{"config", required_argument, NULL, 'c'},
                                          {"settle", required_argument, NULL, 's'},
                                          {"examples", required_argument, NULL, 'e'},
                                          {"every", required_argument, NULL, 'l'},
                                          {"rows", no_argument, NULL, 'r'},
                                          {"check", no_argument, NULL, 'k'},
                                          {0}};
    int c;
    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (!take_option(ret_options, c))
            return false;
    }
    return ret_options->config && optind == argc;
}

/* Everything of a run; tables stand on their own because the trail writes to all of them. */
struct all {
    struct pass *passes;
    struct table **tables;
    struct trail *trail;
    struct relations relations;
    struct meter meter;
    int count;
};

/* One line for all entities. */
static int print_pass(struct all *all, const struct options *options, struct err *err)
{
    int64_t began_ms = clock_mono_ms(&CLOCK_SYSTEM);
    struct buf text;
    buf_init(&text, 0);
    int failed = 0;
    for (int i = 0; i < all->count && !failed; i++)
        failed = pass_read(&all->passes[i], err);
    for (int i = 0; i < all->count && !failed; i++) {
        if (i)
            buf_putc(&text, ',');
        failed = pass_run(&all->passes[i], all->passes, all->count, all->trail, &text, err);
    }
    if (!failed && text.failed)
        failed = err_set(err, ERR_FATAL, "out of memory");
    meter_end(&all->meter);
    if (!failed) {
        printf("{\"v\":1,\"ts_ms\":%lld,\"took_ms\":%lld,\"systems\":%s,\"entities\":[%s]}\n",
               (long long)clock_wall_ms(&CLOCK_SYSTEM),
               (long long)(clock_mono_ms(&CLOCK_SYSTEM) - began_ms),
               options->pass.rows_only ? "false" : "true", text.data);
        if (fflush(stdout) != 0)
            failed = err_exit(err, EX_IOERR, "nobody reads what verify prints");
    }
    buf_clear(&text);
    return failed;
}

static int all_open(struct all *all, struct migration *migration, const struct options *options,
                    struct err *err)
{
    int count = migration->entity_count;
    all->passes = calloc((size_t)count + 1, sizeof(*all->passes));
    all->tables = calloc((size_t)count + 1, sizeof(struct table *));
    if (!all->passes || !all->tables)
        return err_set(err, ERR_FATAL, "out of memory");
    all->count = count;
    all->relations = (struct relations){.migration = migration, .tables = all->tables};
    if (!options->pass.rows_only && owners_needed(migration) &&
        !(all->relations.owners = owners_open(migration, err)))
        return -1;
    for (int i = 0; i < count; i++) {
        all->tables[i] = table_open(CACHE_KIB / count, err);
        if (!all->tables[i] ||
            pass_open(&all->passes[i], migration, &migration->entities[i], all->tables[i],
                      &all->relations, &options->pass, &all->meter, err) != 0)
            return -1;
    }
    if (!options->pass.rows_only && !(all->trail = trail_open(migration, all->tables, err)))
        return -1;
    return 0;
}

static void all_close(struct all *all)
{
    trail_close(all->trail);
    owners_close(all->relations.owners);
    meter_end(&all->meter);
    for (int i = 0; i < all->count; i++) {
        pass_close(&all->passes[i]);
        table_close(all->tables[i]);
    }
    free(all->passes);
    free(all->tables);
}

static int run(struct migration *migration, const struct options *options, struct err *err)
{
    struct control control;
    struct all all = {0};
    meter_init(&all.meter, !options->pass.rows_only && !options->every_s);
    if (control_read(migration, &control, err) != 0)
        return -1;
    int failed = all_open(&all, migration, options, err);
    while (!failed) {
        failed = print_pass(&all, options, err);
        if (!options->every_s)
            break;
        pause_ms(options->every_s * 1000);
    }
    all_close(&all);
    return failed;
}

int main(int argc, char **argv)
{
    struct options options = {.pass = {.examples = 0}};
    log_init("tandem-verify", "", LOG_ERROR_);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(USAGE, stdout);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("tandem-verify %s\n", TANDEM_VERSION);
        return 0;
    }
    if (!take_options(argc, argv, &options)) {
        (void)fputs(USAGE, stderr);
        return EX_USAGE;
    }
    struct conf_report report;
    conf_report_init(&report);
    struct migration *migration = migration_open(options.config, &report);
    if (!migration) {
        struct buf text;
        buf_init(&text, 0);
        conf_report_print(&report, &text);
        (void)fputs(text.data ? text.data : "out of memory\n", stderr);
        buf_clear(&text);
    }
    conf_report_clear(&report);
    if (!migration)
        return EX_CONFIG;
    struct err err = ERR_INIT;
    int failed = options.check ? 0 : run(migration, &options, &err);
    migration_close(migration);
    if (failed)
        (void)fprintf(stderr, "tandem-verify: %s\n", err.text);
    return failed ? service_exit_code(&err) : 0;
}
