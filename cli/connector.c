/*
 * tandem connector test — a connector file by itself: its grammar, its recorded pages, and, where
 * an account is at hand, the system.
 */
#include "cli/connector.h"

#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "cli/command.h"
#include "cli/recorded.h"
#include "remote/connector.h"

/* The whole file. Returns 0, or the exit code after the mistakes were printed. */
static int read_file(struct connector_file *file)
{
    struct conf_report report;
    conf_report_init(&report);
    config_init(&file->config);
    struct connector *connector = NULL;
    if (conf_read_file(&file->config, file->path, &report) == 0) {
        file->group = config_lookup(&file->config, "connector");
        if (!file->group)
            conf_mistake(&report, config_root_setting(&file->config), "connector = { … };",
                         "there is no group \"connector\"");
        else
            connector = connector_open(file->group, &report);
    }
    int count = report.count + report.dropped;
    struct buf text;
    buf_init(&text, 0);
    conf_report_print(&report, &text);
    if (text.data)
        (void)fputs(text.data, stderr);
    buf_clear(&text);
    conf_report_clear(&report);
    connector_close(connector);
    if (count)
        (void)fprintf(stderr, "%d mistake%s\n", count, count == 1 ? "" : "s");
    return count ? EX_CONFIG : 0;
}

/* FOLDER/NAME.cfg → FOLDER/recorded/NAME */
static void folder_of(const char *path, char ret_folder[PATH_MAX])
{
    char directory[PATH_MAX], base[PATH_MAX];
    (void)snprintf(directory, sizeof(directory), "%s", path);
    (void)snprintf(base, sizeof(base), "%s", path);
    char *name = basename(base), *dot = strrchr(name, '.');
    if (dot)
        *dot = '\0';
    if (snprintf(ret_folder, PATH_MAX, "%s/recorded/%s", dirname(directory), name) >= PATH_MAX)
        ret_folder[0] = '\0';
}

static int judge_file(struct rest *rest, const char *path, bool *seen)
{
    struct recorded recorded;
    struct err err = ERR_INIT;
    struct buf summary;
    int wrong = 1;
    buf_init(&summary, 0);
    if (recorded_read(&recorded, path, &err) != 0) {
        printf("%s\n", err.text);
    } else {
        wrong = recorded_judge(&recorded, rest, &summary);
        seen[recorded.op.kind] = true;
        printf("%s %s: %s\n", wrong ? "wrong   " : "ok      ", path,
               summary.data ? summary.data : "");
    }
    buf_clear(&summary);
    recorded_clear(&recorded);
    return wrong;
}

static int is_page(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".txt") == 0;
}

static int judge_folder(struct rest *rest, const char *folder)
{
    struct dirent **names = NULL;
    bool seen[REST_KIND_COUNT] = {false};
    int wrong = 0, count = scandir(folder, &names, is_page, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        if (snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name) < (int)sizeof(path))
            wrong += judge_file(rest, path, seen);
        free(names[i]);
    }
    free(names);
    if (count <= 0)
        printf("none     %s: no recorded pages (*.txt)\n", folder);
    for (int kind = 0; count > 0 && kind < REST_KIND_COUNT; kind++)
        if (!seen[kind] && rest_knows(rest, (enum rest_kind)kind, NULL))
            printf("none     no recorded page asks for %s\n", rest_kind_name((enum rest_kind)kind));
    return wrong;
}

int connector_offline(const struct connector_file *file, const char *folder)
{
    struct err err = ERR_INIT;
    const char *name = "the system";
    (void)config_setting_lookup_string(file->group, "name", &name);
    struct system_settings settings = {.name = name, .connector = file->group};
    struct rest *rest = rest_open_recorded(&settings, &CLOCK_SYSTEM, &err);
    int wrong = rest ? judge_folder(rest, folder) : 1;
    if (!rest)
        printf("%s\n", err.text);
    rest_close(rest);
    return wrong;
}

static int test(struct connector_file *file, const char *recorded, bool connect,
                const struct connector_account *account)
{
    char folder[PATH_MAX];
    int code = read_file(file);
    if (code)
        return code;
    printf("ok       %s: no mistakes\n", file->path);
    folder_of(file->path, folder);
    int wrong = connector_offline(file, recorded ? recorded : folder);
    if (wrong)
        printf("%d mistake%s\n", wrong, wrong == 1 ? "" : "s");
    if (wrong || !connect)
        return wrong ? EX_CONFIG : 0;
    return connector_online(file, account);
}

static int run_connector(const struct command *self, int argc, char **argv)
{
    struct connector_account account = {.config = command_config_default()};
    const char *recorded = NULL;
    bool want_connect = false;
    const struct flag flags[] = {
        {"recorded", FLAG_STRING, &recorded, 0, 0, "DIR", "its pages (recorded/NAME beside FILE)"},
        {"connect", FLAG_BOOL, &want_connect, 0, 0, NULL, "also ask the system; reads only"},
        FLAG_CONFIG(&account.config),
        {"system", FLAG_STRING, &account.system, 0, 0, "NAME",
         "whose url and secrets in it (default: old)"},
        {"object", FLAG_STRING, &account.object, 0, 0, "NAME",
         "what to ask for (default: what the entities name)"},
        {"fields", FLAG_STRING, &account.fields, 0, 0, "A,B", "with --object: which properties"},
        {0}};
    int exit_code = 0;
    int first = command_parse(self, flags, argc, argv, &exit_code);
    if (first < 0)
        return exit_code;
    if (argc - first != 2 || strcmp(argv[first], "test") != 0) {
        (void)fputs("tandem: write `tandem connector test FILE`\n", stderr);
        return EX_USAGE;
    }
    struct connector_file file = {.path = argv[first + 1]};
    exit_code = test(&file, recorded, want_connect, &account);
    config_destroy(&file.config);
    return exit_code;
}

const struct command COMMAND_CONNECTOR = {
    "connector", "test FILE", "try a connector file on recorded pages, or on the system itself",
    "First every mistake of the file, as `file:line: what is wrong; what to do`. Then, offline, "
    "each\n"
    "recorded page beside it (recorded/NAME/*.txt: what is asked, the request, the answer as the\n"
    "vendor's page or curl -i shows it, and what Tandem should find in it): the request that the\n"
    "file's templates make, and the records, fields, next page or error that its paths find. What\n"
    "differs is said with file and line. A page without the section expect shows what was found, "
    "to\n"
    "be read, and pasted if it is right. No Kafka, no secret, no network is needed.\n\n"
    "With --connect it asks the system itself, with url, account and secrets of one system in the\n"
    "migration and with this FILE in place of its connector: properties, count, two pages of list\n"
    "and of backfill, the last day's changes, and the first ids once more by read. It tells the\n"
    "records, the fields that never had a value, the next page, the system's clock and limits, "
    "and\n"
    "with FILE:line which operation failed. It changes nothing.\n\n"
    "Exits 78 when something in the file or its pages is wrong, 69 when the system is away or "
    "says\n"
    "something else.\n\n"
    "  tandem connector test deploy/connectors/zendesk.cfg\n"
    "  tandem connector test deploy/connectors/zendesk.cfg --connect --config acme.cfg --system "
    "zendesk --object tickets --fields subject,status",
    run_connector};
