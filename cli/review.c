/*
 * tandem review — the open questions: what both systems say, and who has to decide.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/command.h"
#include "cli/review.h"

enum { LIST_LIMIT = 50, LIST_MAX = 1000000 };

static int list(struct migration *migration, const struct review_options *options)
{
    struct err err = ERR_INIT;
    int64_t count = 0;
    if (review_read(migration, options, &count, &err) != 0)
        return command_fail(&err);
    if (options->as_json)
        return 0;
    if (count > options->limit)
        printf("… and %" PRId64 " more; --limit shows them\n", count - options->limit);
    printf("%" PRId64 " open question%s%s\n", count, count == 1 ? "" : "s",
           count ? "; `tandem review show <record>` tells all about one" : "");
    return 0;
}

static int show(struct migration *migration, const struct review_options *options)
{
    struct err err = ERR_INIT;
    int64_t count = 0;
    if (review_read(migration, options, &count, &err) != 0)
        return command_fail(&err);
    if (count > 0)
        return 0;
    (void)fprintf(stderr,
                  "tandem: nothing is open for %s; a record is named as `tandem review list` shows "
                  "it, and `tandem explain %s` tells what became of it\n",
                  options->record, options->record);
    return EX_NOINPUT;
}

static int rebuild(struct migration *migration)
{
    struct err err = ERR_INIT;
    int64_t open = 0, written = 0;
    if (review_rebuild(migration, &open, &written, &err) != 0)
        return command_fail(&err);
    printf("%" PRId64 " open question%s; %" PRId64 " message%s of %s.review %s written\n", open,
           open == 1 ? "" : "s", written, written == 1 ? "" : "s", migration->ns,
           written == 1 ? "was" : "were");
    return 0;
}

/* What the words say: the verb, and a record behind show. False: they do not. */
static bool take_words(int count, char **words, struct review_options *options)
{
    if (count == 2 && strcmp(words[0], "show") == 0)
        options->record = words[1];
    return options->record ||
           (count == 1 && (strcmp(words[0], "list") == 0 || strcmp(words[0], "rebuild") == 0));
}

static int run_review(const struct command *self, int argc, char **argv)
{
    const char *path = command_config_default();
    struct review_options options = {.limit = LIST_LIMIT};
    const struct flag flags[] = {
        FLAG_CONFIG(&path),
        {"entity", FLAG_STRING, &options.entity, 0, 0, "NAME", "list: only of this entity"},
        {"class", FLAG_STRING, &options.class_, 0, 0, "CLASS",
         "list: only these, such as conflict or first-meeting"},
        {"limit", FLAG_INT, &options.limit, 1, LIST_MAX, "N", "list: how many questions (50)"},
        {"unmask", FLAG_BOOL, &options.unmask, 0, 0, NULL, "show the values of pii fields"},
        {"json", FLAG_BOOL, &options.as_json, 0, 0, NULL, "one JSON object a record and line"},
        {0}};
    int exit_code = 0;
    int first = command_parse(self, flags, argc, argv, &exit_code);
    if (first < 0)
        return exit_code;
    if (!take_words(argc - first, argv + first, &options)) {
        (void)fputs("tandem: review wants one of: list, show <record>, rebuild\n", stderr);
        return EX_USAGE;
    }
    if (options.class_ && held_class_parse(span_of(options.class_)) < 0) {
        (void)fprintf(stderr, "tandem: there is no class \"%s\"; there are:", options.class_);
        for (int i = 0; i < HELD_CLASS_COUNT; i++)
            (void)fprintf(stderr, " %s", held_class_name((enum held_class)i));
        (void)fputs("\n", stderr);
        return EX_USAGE;
    }
    struct migration *migration = command_migration(path, &exit_code);
    if (!migration)
        return exit_code;
    if (strcmp(argv[first], "rebuild") == 0)
        exit_code = rebuild(migration);
    else
        exit_code = options.record ? show(migration, &options) : list(migration, &options);
    migration_close(migration);
    return exit_code;
}

const struct command COMMAND_REVIEW = {
    "review", "list|show|rebuild [<record>]",
    "show the open questions: what each system says, since when, what the rule would do",
    "list            a line a question: record, field, class, both values, since when\n"
    "show <record>   all about one record's questions, in sentences; the record as list names it,\n"
    "                with or without its entity\n"
    "rebuild         write <ns>.review again from `state`, of which it is a projection: after the\n"
    "                topic was lost. Wants apply to rest (`tandem pause`)\n\n"
    "A question holds its field and nothing else: all other fields of the record flow. Values of\n"
    "pii fields show as *** unless --unmask is said. list and show read <ns>.review only. show\n"
    "exits 66 when nothing is open for that record.\n\n"
    "  tandem review list --config acme.cfg --class conflict\n"
    "  tandem review show salesforce:0035g00000XyZ12AAF --config acme.cfg",
    run_review};
