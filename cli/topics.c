/*
 * tandem topics — the topics of a migration as they should be, compared with
 * the cluster, and made so. It never touches a topic of another migration.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/command.h"
#include "stream/topics.h"

static int print_plan(const struct topics_plan *plan)
{
    int fatal = 0;
    for (int i = 0; i < plan->count; i++) {
        const struct topic_difference *difference = &plan->items[i];
        const char *mark = difference->missing ? "create" : difference->fatal ? "stop  " : "alter ";
        printf("%s %s%s%s\n", mark, difference->topic, *difference->what ? ": " : "",
               difference->what);
        fatal += difference->fatal;
    }
    return fatal;
}

/* What each verb makes of the plan. Returns the exit code. */
static int act(const struct migration *migration, const char *verb, const struct topics_plan *plan,
               struct err *err)
{
    int fatal = print_plan(plan);
    if (plan->count == 0) {
        printf("all topics of %s are as they should be\n", migration->ns);
        return 0;
    }
    if (fatal) {
        (void)fprintf(stderr,
                      "tandem: %d of these cannot be mended in place; the lines marked "
                      "\"stop\" say why\n",
                      fatal);
        return EX_CONFIG;
    }
    if (strcmp(verb, "plan") == 0) {
        printf("nothing was changed; `tandem topics apply` does it\n");
        return 0;
    }
    if (strcmp(verb, "verify") == 0)
        return EX_CONFIG;
    if (topics_apply(migration, plan, err) != 0)
        return command_fail(err);
    printf("done: %d change%s\n", plan->count, plan->count == 1 ? "" : "s");
    return 0;
}

static int run_topics(const struct command *self, int argc, char **argv)
{
    const char *path = command_config_default();
    const struct flag flags[] = {FLAG_CONFIG(&path), {0}};
    int exit_code = 0;
    int first = command_parse(self, flags, argc, argv, &exit_code);
    if (first < 0)
        return exit_code;
    const char *verb = first + 1 == argc ? argv[first] : "";
    if (strcmp(verb, "plan") != 0 && strcmp(verb, "apply") != 0 && strcmp(verb, "verify") != 0) {
        (void)fputs("tandem: topics wants one of: plan, apply, verify\n", stderr);
        return EX_USAGE;
    }
    struct migration *migration = command_migration(path, &exit_code);
    if (!migration)
        return exit_code;
    struct err err = ERR_INIT;
    struct topics_plan plan = {NULL, 0};
    if (topics_plan(migration, &plan, &err) != 0)
        exit_code = command_fail(&err);
    else
        exit_code = act(migration, verb, &plan, &err);
    topics_plan_clear(&plan);
    migration_close(migration);
    return exit_code;
}

const struct command COMMAND_TOPICS = {
    "topics", "plan|apply|verify", "compare the topics with what they should be, and mend them",
    "plan    print what is missing or different; changes nothing\n"
    "apply   create what is missing, alter what can be altered\n"
    "verify  as plan, but exits 78 when anything is missing or different: for monitoring\n\n"
    "Rights needed: Describe and DescribeConfigs for plan and verify; Create and AlterConfigs for\n"
    "apply. Partition counts are fixed for the whole migration; one that differs stops.\n\n"
    "  tandem topics apply --config acme.cfg",
    run_topics};
