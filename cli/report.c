/*
 * tandem report — both systems compared record by record, and what to look at next.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/advice.h"
#include "cli/command.h"
#include "cli/silent.h"
#include "cli/verify.h"
#include "cli/watcher.h"

struct report_options {
    const char *config;
    bool as_json;
    int64_t settle_s, examples;
};

/* "9,870" would read well, but scripts cut columns too: plain digits. */
static void print_count(const char *label, json_int_t count, const char *words)
{
    printf("  %-26s %8lld%s%s\n", label, (long long)count, *words ? ": " : "", words);
}

static void print_classes(const char *label, json_t *counts)
{
    char words[512];
    verify_put_counts(counts, words, sizeof(words));
    print_count(label, verify_sum(counts), words);
}

static json_t *member(json_t *object, const char *outer, const char *inner)
{
    return json_object_get(json_object_get(object, outer), inner);
}

static json_int_t number(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_counts(json_t *entity)
{
    printf("%s\n", json_string_value(json_object_get(entity, "entity")));
    print_count("records in old", number(entity, "old_records"), "");
    print_count("records in new", number(entity, "new_records"), "");
    print_count("identical", number(entity, "identical"), "");
    print_classes("different and explained", member(entity, "different", "explained"));
    print_classes("different and unexplained", member(entity, "different", "unexplained"));
    print_classes("only in old, explained", member(entity, "only_in_old", "explained"));
    print_classes("only in old, unexplained", member(entity, "only_in_old", "unexplained"));
    print_classes("only in new, explained", member(entity, "only_in_new", "explained"));
    print_classes("only in new, unexplained", member(entity, "only_in_new", "unexplained"));
    print_classes("dead letters by reason", json_object_get(entity, "dead_letters"));
    print_classes("fields moved without a date", json_object_get(entity, "silent"));
}

static void print_rates(const struct migration *migration)
{
    struct rates rates;
    if (!rates_read(migration, &rates) || rates.busy_ms <= 0)
        return;
    printf(
        "  %-26s %8" PRId64 ": %" PRId64 " applied while there was a backlog; peak %" PRId64 "\n",
        "events a second", rates.applied * 1000 / rates.busy_ms, rates.applied, rates.peak_per_s);
}

/* An example of a class: which record, which fields. */
static void print_example(json_t *entity, const char *class_)
{
    json_t *item, *field;
    size_t i, f;
    json_array_foreach(json_object_get(entity, "examples"), i, item)
    {
        const char *of = json_string_value(json_object_get(item, "class"));
        if (!of || strcmp(of, class_) != 0)
            continue;
        const char *record = json_string_value(json_object_get(item, "record"));
        const char *twin = json_string_value(json_object_get(item, "twin"));
        printf("      such as %s%s%s", record ? record : "", record && twin ? " and " : "",
               twin ? twin : "");
        json_array_foreach(json_object_get(item, "fields"), f, field)
            printf("%s %s", f ? "," : " in", json_string_value(json_object_get(field, "field")));
        printf("\n");
        return;
    }
}

static bool print_advice(json_t *entity, json_t *counts)
{
    const char *class_;
    json_t *count;
    bool any = false;
    json_object_foreach(counts, class_, count)
    {
        const char *words = advice_for(class_);
        if (!words || strcmp(class_, "native") == 0 || strcmp(class_, "base") == 0)
            continue;
        printf("  %lld %s: %s\n", (long long)json_integer_value(count), class_, words);
        print_example(entity, class_);
        any = true;
    }
    return any;
}

static void print_next(json_t *entity)
{
    static const char *const outer[] = {"different", "only_in_old", "only_in_new"};
    bool any = false;
    printf("what to look at next\n");
    for (int pass = 0; pass < 2; pass++) { /* what is unexplained first */
        for (size_t i = 0; i < sizeof(outer) / sizeof(outer[0]); i++)
            any |= print_advice(entity,
                                member(entity, outer[i], pass == 0 ? "unexplained" : "explained"));
    }
    if (!any)
        printf("  nothing: both systems say the same\n");
}

/* Beside what verify compared. Unknown where Kafka does not tell. */
static void add_silent(const struct migration *migration, json_t *answer)
{
    json_t *entity;
    size_t i;
    json_array_foreach(json_object_get(answer, "entities"), i, entity)
    {
        struct err ignored = ERR_INIT;
        json_t *counts = NULL;
        const char *name = json_string_value(json_object_get(entity, "entity"));
        if (name && silent_read(migration, name, &counts, &ignored) == 0)
            (void)json_object_set_new(entity, "silent", counts);
    }
}

static void print_report(const struct migration *migration, json_t *answer)
{
    json_t *entity;
    size_t i;
    json_array_foreach(json_object_get(answer, "entities"), i, entity)
    {
        print_counts(entity);
        print_rates(migration);
        print_next(entity);
    }
    printf("(both systems were read in %.1f s)\n", (double)number(answer, "took_ms") / 1000);
}

static int print_json(const struct migration *migration, json_t *answer)
{
    struct rates rates;
    if (rates_read(migration, &rates) && rates.busy_ms > 0)
        (void)json_object_set_new(answer, "events",
                                  json_pack("{s:I,s:I,s:I}", "applied", (json_int_t)rates.applied,
                                            "per_second",
                                            (json_int_t)(rates.applied * 1000 / rates.busy_ms),
                                            "peak_per_second", (json_int_t)rates.peak_per_s));
    (void)json_object_set_new(answer, "migration", json_string(migration->ns));
    int failed = json_dumpf(answer, stdout, JSON_COMPACT);
    (void)putchar('\n');
    return failed;
}

/* Unexplained differences of all entities. */
static json_int_t unexplained(json_t *answer)
{
    json_t *entity;
    size_t i;
    json_int_t sum = 0;
    json_array_foreach(json_object_get(answer, "entities"), i, entity) sum +=
        number(entity, "unexplained");
    return sum;
}

static int report(const struct migration *migration, const struct report_options *options)
{
    char settle[24], examples[24];
    (void)snprintf(settle, sizeof(settle), "%" PRId64, options->settle_s);
    (void)snprintf(examples, sizeof(examples), "%" PRId64, options->examples);
    const char *arguments[] = {"--settle", settle, "--examples", examples, NULL};
    struct err err = ERR_INIT;
    json_t *answer = verify_ask(options->config, arguments, &err);
    if (!answer)
        return command_fail(&err);
    add_silent(migration, answer);
    if (options->as_json)
        (void)print_json(migration, answer);
    else
        print_report(migration, answer);
    int exit_code = unexplained(answer) ? EX_DATAERR : 0;
    json_decref(answer);
    return exit_code;
}

static int run_report(const struct command *self, int argc, char **argv)
{
    struct report_options options = {
        .config = command_config_default(), .settle_s = 15, .examples = 1};
    const struct flag flags[] = {
        FLAG_CONFIG(&options.config),
        {"json", FLAG_BOOL, &options.as_json, 0, 0, NULL, "the counts as one JSON object"},
        {"settle", FLAG_INT, &options.settle_s, 0, 3600, "SECONDS",
         "how long what differs may take to go away (15)"},
        {"examples", FLAG_INT, &options.examples, 0, 1000, "N", "records shown of a class (1)"},
        {0}};
    int exit_code = 0;
    if (command_parse(self, flags, argc, argv, &exit_code) < 0)
        return exit_code;
    struct migration *migration = command_migration(options.config, &exit_code);
    if (!migration)
        return exit_code;
    exit_code = report(migration, &options);
    migration_close(migration);
    return exit_code;
}

const struct command COMMAND_REPORT = {
    "report", "", "compare both systems record by record",
    "Reads both systems fully through the same mapping and counts: identical; different and\n"
    "explained (by a question that is open, a declared truth, an edit in the new system that its\n"
    "own history knows, a dead letter);\n"
    "different and unexplained; only in old; only in new. What differs is read again singly, for "
    "up\n"
    "to --settle seconds, before it is counted: being on the way explains nothing, but a reading\n"
    "takes a while. Values of pii fields are not shown. Writes nothing.\n\n"
    "Exit code 65 when anything is unexplained.\n\n"
    "  tandem report --config acme.cfg --json --examples 20",
    run_report};
