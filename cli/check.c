/*
 * tandem check — reads the configuration as every process will, and shows all
 * mistakes at once. Each producer type knows its own options, so it is asked itself.
 */
#include "cli/check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/capture.h"
#include "cli/command.h"
#include "cli/mistakes.h"
#include "remote/connector.h"

/* Each system's connector group, also when the rest of the file has mistakes. */
static void check_connectors(const config_t *config, struct conf_report *report)
{
    const config_setting_t *systems = config_lookup(config, "systems");
    if (!systems || !config_setting_is_group(systems))
        return;
    for (int i = 0; i < config_setting_length(systems); i++) {
        const config_setting_t *system = config_setting_get_elem(systems, (unsigned)i);
        const config_setting_t *group =
            config_setting_is_group(system) ? config_setting_get_member(system, "connector") : NULL;
        if (group) /* a missing one is migration_open's to report */
            connector_close(connector_open(group, report));
    }
}

/* The policy for deleted records against what the new system's connector knows how to do. */
static void check_deletes(const config_t *config, struct conf_report *report)
{
    const char *new = NULL;
    char path[128];
    const config_setting_t *entities = config_lookup(config, "entities");
    if (!config_lookup_string(config, "new", &new) || !entities ||
        !config_setting_is_list(entities))
        return;
    (void)snprintf(path, sizeof(path), "systems.%.60s.connector", new);
    const config_setting_t *group = config_lookup(config, path);
    struct connector *connector = group ? connector_open(group, report) : NULL;
    for (int i = 0; connector && i < config_setting_length(entities); i++) {
        const config_setting_t *entity = config_setting_get_elem(entities, (unsigned)i);
        const config_setting_t *side =
            config_setting_is_group(entity) ? config_setting_get_member(entity, "new") : NULL;
        const char *policy, *object;
        if (side && config_setting_is_group(side) &&
            config_setting_lookup_string(entity, "deletes", &policy) &&
            config_setting_lookup_string(side, "object", &object) &&
            !connector_does(connector, policy, object))
            conf_mistake(report, config_setting_get_member(entity, "deletes"),
                         "write \"review\" or \"keep\", or complete the connector",
                         "the connector of \"%s\" has no operation %s for %s", new, policy, object);
    }
    connector_close(connector);
}

/* Ask a process for its mistakes: its lines "file:line: …" join ours. Returns 0, or -1 with err. */
static int ask_process(const char *program, const char *config_path, const char *source,
                       struct mistakes *mistakes, struct err *err)
{
    char path[PATH_MAX];
    struct err missing = ERR_INIT;
    if (command_sibling(program, path, sizeof(path), &missing) != 0) {
        if (mistakes->count) /* an unknown type is among them: no such program is to be expected */
            return 0;
        *err = missing;
        return -1;
    }
    const char *argv[] = {path,   "--config", config_path, "--check", source ? "--source" : NULL,
                          source, NULL};
    struct buf out;
    buf_init(&out, 1024 * 1024);
    int status = 0;
    int failed = capture(argv, CAPTURE_BOTH, &out, &status, err);
    if (!failed && mistakes_add_text(mistakes, buf_span(&out)) == 0 && status != 0)
        failed = err_exit(err, EX_SOFTWARE, "%s --check ended with code %d: %.300s", program,
                          status, out.data ? out.data : "");
    buf_clear(&out);
    return failed;
}

static int ask_sources(const config_t *config, const char *config_path, struct mistakes *mistakes,
                       struct err *err)
{
    const config_setting_t *sources = config_lookup(config, "sources");
    if (!sources || !config_setting_is_list(sources))
        return 0;
    for (int i = 0; i < config_setting_length(sources); i++) {
        const config_setting_t *source = config_setting_get_elem(sources, (unsigned)i);
        const char *name, *type;
        char program[64];
        if (!config_setting_is_group(source) ||
            !config_setting_lookup_string(source, "name", &name) ||
            !config_setting_lookup_string(source, "type", &type) || strchr(type, '/'))
            continue; /* reported already */
        (void)snprintf(program, sizeof(program), "tandem-%s", type);
        if (ask_process(program, config_path, name, mistakes, err) != 0)
            return -1;
    }
    return 0;
}

/* All mistakes of the file, in order of place. Returns 0 (there may be some), or -1 with err. */
static int find_mistakes(const char *path, struct mistakes *mistakes, struct err *err)
{
    struct conf_report report;
    conf_report_init(&report);
    config_t config;
    config_init(&config);
    bool readable = conf_read_file(&config, path, &report) == 0;
    if (readable) {
        migration_close(migration_open(path, &report));
        check_connectors(&config, &report);
        if (report.count == 0)
            check_deletes(&config, &report);
    }
    struct buf text;
    buf_init(&text, 0);
    conf_report_print(&report, &text);
    mistakes_add_report(mistakes, buf_span(&text));
    buf_clear(&text);
    conf_report_clear(&report);

    int failed = 0;
    if (readable)
        failed = ask_sources(&config, path, mistakes, err);
    /* apply has its options in the migration; a mistake elsewhere would only be said twice. */
    config_destroy(&config);
    return failed;
}

static int connect(const char *path)
{
    int exit_code = 0;
    struct migration *migration = command_migration(path, &exit_code);
    if (!migration)
        return exit_code;
    int missing = check_connect(migration);
    migration_close(migration);
    if (missing)
        printf("%d of these are in the way of a run\n", missing);
    return missing ? EX_UNAVAILABLE : 0;
}

static int run_check(const struct command *self, int argc, char **argv)
{
    const char *path = command_config_default();
    bool want_connect = false;
    const struct flag flags[] = {FLAG_CONFIG(&path),
                                 {"connect", FLAG_BOOL, &want_connect, 0, 0, NULL,
                                  "also try Kafka, Redis and both systems; reads only"},
                                 {0}};
    int exit_code = 0;
    if (command_parse(self, flags, argc, argv, &exit_code) < 0)
        return exit_code;

    struct err err = ERR_INIT;
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    int failed = find_mistakes(path, &mistakes, &err);
    mistakes_print(&mistakes, stderr);
    int count = mistakes.count;
    mistakes_clear(&mistakes);
    if (failed)
        return command_fail(&err);
    if (count) {
        (void)fprintf(stderr, "%d mistake%s\n", count, count == 1 ? "" : "s");
        return EX_CONFIG;
    }
    printf("%s: no mistakes\n", path);
    return want_connect ? connect(path) : 0;
}

const struct command COMMAND_CHECK = {
    "check", "", "read the configuration and explain every mistake in it",
    "Each line is `file:line: what is wrong; what to do`. A syntax error is shown alone, because\n"
    "nothing behind it can be read; all other mistakes are shown together. Every producer type is\n"
    "asked for the options of its own sources.\n\n"
    "With --connect it signs in to Kafka, Redis and both systems, compares topics and properties\n"
    "with the mapping, and names the command that mends what is missing. It changes nothing.\n\n"
    "Exits 78 when there are mistakes, 69 when --connect finds anything missing.\n\n"
    "  tandem check --config acme.cfg --connect",
    run_check};
