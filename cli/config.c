/*
 * tandem config — the configuration as all processes understand it.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/capture.h"
#include "cli/command.h"
#include "cli/config_dump.h"
#include "remote/connector.h"

struct own_options {
    const char *config;
    struct err err;
};

/* A source's own options are its producer's business: it is asked. */
static void put_own_options(void *self, const config_setting_t *group, struct buf *out)
{
    struct own_options *own = self;
    const char *name = NULL, *type = NULL;
    char program[64], path[PATH_MAX];
    const config_setting_t *list = config_setting_parent(group);
    if (!list || !config_setting_name(list) || strcmp(config_setting_name(list), "sources") != 0 ||
        !config_setting_lookup_string(group, "name", &name) ||
        !config_setting_lookup_string(group, "type", &type) || own->err.kind != ERR_NONE)
        return;
    (void)snprintf(program, sizeof(program), "tandem-%s", type);
    if (command_sibling(program, path, sizeof(path), &own->err) != 0)
        return;
    const char *argv[] = {path, "--config", own->config, "--source", name, "--dump", NULL};
    int status = 0;
    if (capture(argv, CAPTURE_OUT, out, &status, &own->err) == 0 && status != 0)
        (void)err_exit(&own->err, EX_SOFTWARE, "%s --dump ended with code %d", program, status);
}

static int print_mistakes(struct conf_report *report)
{
    struct buf text;
    buf_init(&text, 0);
    conf_report_print(report, &text);
    (void)fputs(text.data ? text.data : "tandem: out of memory\n", stderr);
    buf_clear(&text);
    return EX_CONFIG;
}

static int dump(const char *path)
{
    struct conf_report report;
    struct own_options own = {.config = path, .err = ERR_INIT};
    conf_report_init(&report);
    report.keep_defaults = true;
    struct migration *migration = migration_open(path, &report);
    for (int i = 0; migration && i < migration->system_count; i++)
        connector_close(connector_open(migration->systems[i].connector, &report));
    int exit_code = migration && report.count == 0 ? 0 : print_mistakes(&report);
    if (exit_code == 0) {
        struct buf text;
        buf_init(&text, 0);
        config_dump(config_root_setting(&migration->config), put_own_options, &own, &text);
        if (own.err.kind != ERR_NONE)
            exit_code = command_fail(&own.err);
        else
            (void)fputs(text.data ? text.data : "", stdout);
        buf_clear(&text);
    }
    migration_close(migration);
    conf_report_clear(&report);
    return exit_code;
}

static int run_config(const struct command *self, int argc, char **argv)
{
    const char *path = command_config_default();
    bool redact = true;
    const struct flag flags[] = {FLAG_CONFIG(&path),
                                 {"redact", FLAG_BOOL, &redact, 0, 0, NULL,
                                  "leave secrets out; always so, the flag says it for the reader"},
                                 {0}};
    int exit_code = 0;
    int first = command_parse(self, flags, argc, argv, &exit_code);
    if (first < 0)
        return exit_code;
    if (first + 1 != argc || strcmp(argv[first], "dump") != 0) {
        (void)fputs("tandem: config wants the verb dump: `tandem config dump --redact`\n", stderr);
        return EX_USAGE;
    }
    return dump(path);
}

const struct command COMMAND_CONFIG = {
    "config", "dump", "print the whole configuration as it works, without secrets",
    "One libconfig text that can be read again: includes in place, every default written out and\n"
    "marked, fields with personal data marked // pii. Passwords, keys and tokens among Kafka\n"
    "properties and connector headers, and user and password of a URL, show as ***; secret files\n"
    "are named, never read. It is what to send along with a question, and what to compare when "
    "two\n"
    "installations differ. Reads the configuration only.\n\n"
    "  tandem config dump --redact --config acme.cfg > acme.effective.cfg",
    run_config};
