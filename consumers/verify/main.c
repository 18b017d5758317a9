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
#include "consumers/verify/output.h"
#include "consumers/verify/rows.h"
#include "consumers/verify/scan.h"
#include "stream/control.h"

enum { SUSPECTS_MAX = 20000, SETTLE_PAUSE_MS = 500, EXAMPLES_MAX = 1000 };

struct options {
    const char *config;
    int64_t settle_ms; /* how long a difference may take to go away */
    int examples;
    int64_t every_s; /* 0 = once */
    bool rows_only, check;
};

/* One entity's reading, kept over the passes of --every. */
struct verify {
    struct result result;
    struct rows *rows;
    struct scan *scan;
    struct compare *compare;
    struct table *table;
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
        options->settle_ms = number * 1000;
        return true;
    case 'e':
        if (!take_number(optarg, EXAMPLES_MAX, &number))
            return false;
        options->examples = (int)number;
        return true;
    case 'l':
        return take_number(optarg, 86400, &options->every_s);
    case 'r':
        options->rows_only = true;
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

static int verify_open(struct verify *verify, const struct migration *migration,
                       const struct entity *entity, const struct options *options, struct err *err)
{
    verify->table = table_open(err);
    if (!verify->table)
        return -1;
    verify->rows = rows_open(migration, entity, verify->table, err);
    verify->compare =
        verify->rows ? compare_open(entity, verify->table, options->examples, err) : NULL;
    if (!verify->compare)
        return -1;
    if (!options->rows_only && !(verify->scan = scan_open(migration, entity, verify->table, err)))
        return -1;
    verify->result = (struct result){.entity = entity,
                                     .systems = !options->rows_only,
                                     .compare = verify->compare,
                                     .table = verify->table};
    return 0;
}

static void verify_close(struct verify *verify)
{
    scan_close(verify->scan);
    compare_close(verify->compare);
    rows_close(verify->rows);
    table_close(verify->table);
}

static int compare_systems(struct verify *verify, int64_t settle_ms, struct err *err)
{
    struct tally first, again = {0};
    if (scan_all(verify->scan, err) != 0 || rows_read(verify->rows, err) != 0 ||
        compare_first(verify->compare, SUSPECTS_MAX, &first, err) != 0)
        return -1;
    int64_t until_ms = clock_mono_ms(&CLOCK_SYSTEM) + settle_ms;
    for (;;) {
        /* The rows twice: before, to know the twins to read; after, to know what was written. */
        if (rows_read(verify->rows, err) != 0 || scan_suspects(verify->scan, err) != 0 ||
            rows_read(verify->rows, err) != 0 ||
            compare_suspects(verify->compare, &again, err) != 0)
            return -1;
        if (!tally_unexplained(&again) || clock_mono_ms(&CLOCK_SYSTEM) >= until_ms)
            break;
        pause_ms(SETTLE_PAUSE_MS);
    }
    verify->result.read_again = 0;
    for (int i = 0; i < JUDGE_CLASS_COUNT; i++)
        verify->result.read_again += again.both[i] + again.only_old[i];
    for (int i = 0; i < ORPHAN_CLASS_COUNT; i++)
        verify->result.read_again += again.only_new[i];
    verify->result.tally = first;
    tally_add(&verify->result.tally, &again);
    return 0;
}

static int verify_pass(struct verify *verify, const struct options *options, struct buf *out,
                       struct err *err)
{
    int failed = options->rows_only ? rows_read(verify->rows, err)
                                    : compare_systems(verify, options->settle_ms, err);
    if (failed || table_count(verify->table, &verify->result.counts, err) != 0)
        return -1;
    return output_entity(out, &verify->result, err);
}

/* One line for all entities. */
static int print_pass(struct verify *verifies, int count, const struct options *options,
                      struct err *err)
{
    int64_t began_ms = clock_mono_ms(&CLOCK_SYSTEM);
    struct buf text;
    buf_init(&text, 0);
    int failed = 0;
    for (int i = 0; i < count && !failed; i++) {
        if (i)
            buf_putc(&text, ',');
        failed = verify_pass(&verifies[i], options, &text, err);
    }
    if (!failed && text.failed)
        failed = err_set(err, ERR_FATAL, "out of memory");
    if (!failed) {
        printf("{\"v\":1,\"ts_ms\":%lld,\"took_ms\":%lld,\"systems\":%s,\"entities\":[%s]}\n",
               (long long)clock_wall_ms(&CLOCK_SYSTEM),
               (long long)(clock_mono_ms(&CLOCK_SYSTEM) - began_ms),
               options->rows_only ? "false" : "true", text.data);
        if (fflush(stdout) != 0)
            failed = err_exit(err, EX_IOERR, "nobody reads what verify prints");
    }
    buf_clear(&text);
    return failed;
}

static int run(struct migration *migration, const struct options *options, struct err *err)
{
    struct control control;
    if (control_read(migration, &control, err) != 0)
        return -1;
    struct verify *verifies = calloc((size_t)migration->entity_count + 1, sizeof(*verifies));
    if (!verifies)
        return err_set(err, ERR_FATAL, "out of memory");
    int failed = 0;
    for (int i = 0; i < migration->entity_count && !failed; i++)
        failed = verify_open(&verifies[i], migration, &migration->entities[i], options, err);
    while (!failed) {
        failed = print_pass(verifies, migration->entity_count, options, err);
        if (!options->every_s)
            break;
        pause_ms(options->every_s * 1000);
    }
    for (int i = 0; i < migration->entity_count; i++)
        verify_close(&verifies[i]);
    free(verifies);
    return failed;
}

int main(int argc, char **argv)
{
    struct options options = {.examples = 0};
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
