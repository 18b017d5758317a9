/*
 * migration_webhook — where a webhook source listens for whom, and by what it knows that it is them. The rules that say what
 * becomes of an event are in migration_webhook_rules.c, a signature of the configuration's own in migration_webhook_scheme.c.
 */
#include <stdio.h>
#include <string.h>

#include "model/migration_internal.h"

enum { PATH_MAX_BYTES = 200 };

static const char EXAMPLE[] = "endpoints = ( { path = \"/hooks/crm\"; scheme = \"standard\"; "
                              "secret_files = [\"secrets/hooks\"]; rules = ( … ); } );";
static const char *const UNMAPPED[] = {"count", "dlq", NULL};

struct endpoint_group {
    const char *path, *scheme, *public_url, *organization, *unmapped;
    bool allow_weak, replay;
    config_setting_t *secret_files, *signature;
};

static const struct conf_option ENDPOINT[] = {
    {.name = "path",
     .type = CONF_STRING,
     .offset = offsetof(struct endpoint_group, path),
     .required = true,
     .help = "path = \"/hooks/crm\";"},
    {.name = "scheme",
     .type = CONF_STRING,
     .offset = offsetof(struct endpoint_group, scheme),
     .required = true,
     .choices = SIGNATURE_SCHEME_NAMES,
     .help = "how the sender signs: scheme = \"standard\";"},
    {.name = "secret_files",
     .type = CONF_GROUP,
     .offset = offsetof(struct endpoint_group, secret_files),
     .help = "the active secrets: secret_files = [\"secrets/hooks\"];"},
    {.name = "public_url",
     .type = CONF_STRING,
     .offset = offsetof(struct endpoint_group, public_url),
     .help = "the address that the sender calls, where its scheme signs it"},
    {.name = "organization",
     .type = CONF_STRING,
     .offset = offsetof(struct endpoint_group, organization),
     .help = "salesforce-soap: the id of the organization"},
    {.name = "allow_weak",
     .type = CONF_BOOL,
     .offset = offsetof(struct endpoint_group, allow_weak),
     .help = "take signatures of no age (hubspot-v1, hubspot-v2)"},
    {.name = "replay",
     .type = CONF_BOOL,
     .offset = offsetof(struct endpoint_group, replay),
     .help =
         "drop what was signed in the same bytes before; the scheme decides where it is left out"},
    {.name = "unmapped",
     .type = CONF_STRING,
     .offset = offsetof(struct endpoint_group, unmapped),
     .default_text = "count",
     .choices = UNMAPPED,
     .help = "events that no rule takes: counted, or kept in <ns>.dlq as well"},
    {.name = "signature",
     .type = CONF_GROUP,
     .offset = offsetof(struct endpoint_group, signature),
     .help = "scheme = \"own\": how it signs"},
    {0},
};
static const char *const RULE_KEYS[] = {"items", "type", "rules", NULL};

static void check_path(const config_setting_t *group, const char *path,
                       const struct webhook_settings *settings, struct conf_report *report)
{
    const config_setting_t *at = migration_at(group, "path");
    size_t len = strlen(path);
    if (path[0] != '/' || len < 2 || len > PATH_MAX_BYTES || strpbrk(path, "?#% \\") ||
        strstr(path, "//"))
        conf_mistake(report, at, "path = \"/hooks/crm\"; without blanks, '?', '#', '%' or \"//\"",
                     "\"%.100s\" is no path of an endpoint", path);
    for (int i = 0; i < settings->endpoint_count; i++)
        if (strcmp(settings->endpoints[i].path, path) == 0)
            conf_mistake(report, at, "give each endpoint a path of its own",
                         "there are two endpoints at \"%s\"", path);
}

static void read_secrets(struct migration *migration, const config_setting_t *list,
                         struct webhook_endpoint *endpoint, struct conf_report *report)
{
    int length = config_setting_length(list);
    if (config_setting_type(list) == CONFIG_TYPE_GROUP || length < 1 ||
        length > WEBHOOK_SECRETS_MAX) {
        conf_mistake(report, list, "secret_files = [\"secrets/hooks\"];",
                     "\"secret_files\" must be a list of 1 to %d files", WEBHOOK_SECRETS_MAX);
        return;
    }
    endpoint->secret_files = arena_new(&migration->arena, const char *, length);
    for (int i = 0; i < length; i++) {
        const config_setting_t *at = config_setting_get_elem(list, (unsigned)i);
        const char *path = migration_path(migration, list, config_setting_get_string(at));
        if (!path) {
            conf_mistake(report, at, "secret_files = [\"secrets/hooks\"];",
                         "\"secret_files\" names files, in quotes");
            continue;
        }
        conf_check_secret(at, "secret_files", path, report);
        endpoint->secret_files[endpoint->secret_count++] = path;
    }
}

/* Nothing is signed: what protects it is a path that nobody guesses, and the organization's id. */
static void check_unsigned(const config_setting_t *group, const struct endpoint_group *read,
                           struct conf_report *report)
{
    if (read->path && strlen(read->path) < WEBHOOK_SECRET_PATH_BYTES)
        conf_mistake(report, migration_at(group, "path"),
                     "add random characters: `openssl rand -hex 16`",
                     "nothing signs these messages, so the path must be a secret of %d characters",
                     WEBHOOK_SECRET_PATH_BYTES);
    if (read->secret_files)
        conf_mistake(report, read->secret_files, "remove it", "these messages are not signed");
    size_t len = read->organization ? strlen(read->organization) : 0;
    if (len != 15 && len != 18)
        conf_mistake(report, migration_at(group, "organization"),
                     "Setup, Company Information: organization = \"00D…\";",
                     "the id of the organization has 15 or 18 characters");
}

static void check_signed(const config_setting_t *group, const struct endpoint_group *read,
                         const struct signature_scheme *scheme, struct conf_report *report)
{
    if (!read->secret_files)
        conf_mistake(report, group, "secret_files = [\"secrets/hooks\"];",
                     "\"secret_files\" is missing");
    if (scheme->weak && !read->allow_weak)
        conf_mistake(report, migration_at(group, "scheme"),
                     "ask for \"hubspot-v3\"; if the sender has nothing better: allow_weak = true;",
                     "a signature of \"%s\" says nothing of its age: it can be replayed for ever",
                     scheme->name);
    if (read->organization)
        conf_mistake(report, migration_at(group, "organization"), "remove it",
                     "\"organization\" belongs to scheme \"salesforce-soap\"");
    if (!signature_scheme_uses(scheme, "{url}"))
        return;
    const char *url = read->public_url;
    if (!url || (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0))
        conf_mistake(report, migration_at(group, "public_url"),
                     "public_url = \"https://hooks.acme.com/hooks/crm\";",
                     "this scheme signs the address that the sender calls, and it is not known");
}

static const struct signature_scheme *read_scheme(struct migration *migration,
                                                  const config_setting_t *group,
                                                  const struct endpoint_group *read,
                                                  struct conf_report *report)
{
    bool own = strcmp(read->scheme, "own") == 0;
    if (own && read->signature)
        return migration_read_webhook_scheme(migration, read->signature, report);
    if (own)
        conf_mistake(report, migration_at(group, "scheme"),
                     "signature = { header = \"X-Signature\"; signed = \"{body}\"; };",
                     "a scheme of your own is described by \"signature\"");
    else if (read->signature)
        conf_mistake(report, read->signature, "scheme = \"own\";",
                     "\"signature\" describes a scheme of your own, and this one is \"%s\"",
                     read->scheme);
    return signature_scheme_named(read->scheme); /* an unknown name is told already */
}

static void read_endpoint(struct migration *migration, const config_setting_t *group,
                          const struct webhook_settings *settings,
                          struct webhook_endpoint *endpoint, struct conf_report *report)
{
    struct endpoint_group read = {0};
    (void)conf_read_group(group, ENDPOINT, RULE_KEYS, &read, report);
    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return;
    endpoint->public_url = read.public_url;
    endpoint->organization = read.organization;
    endpoint->unmapped_dlq = read.unmapped && strcmp(read.unmapped, "dlq") == 0;
    if (read.path)
        check_path(group, read.path, settings, report);
    if (read.secret_files)
        read_secrets(migration, read.secret_files, endpoint, report);
    endpoint->scheme = read.scheme ? read_scheme(migration, group, &read, report) : NULL;
    if (endpoint->scheme && endpoint->scheme->algorithm == SIGNATURE_NONE)
        check_unsigned(group, &read, report);
    else if (endpoint->scheme)
        check_signed(group, &read, endpoint->scheme, report);
    bool said = config_setting_get_member((config_setting_t *)(uintptr_t)group, "replay") != NULL;
    endpoint->replay = said ? read.replay : endpoint->scheme && endpoint->scheme->once;
    bool soap = endpoint->scheme && endpoint->scheme->algorithm == SIGNATURE_NONE;
    migration_read_webhook_rules(migration, group, soap, endpoint, report);
    endpoint->path = read.path;
}

struct webhook_settings *migration_read_webhook(struct migration *migration,
                                                const config_setting_t *group,
                                                const struct system_settings *system,
                                                struct conf_report *report)
{
    struct webhook_settings *settings = arena_new(&migration->arena, struct webhook_settings, 1);
    const config_setting_t *list =
        config_setting_get_member((config_setting_t *)(uintptr_t)group, "endpoints");
    int length = migration_list(list, "endpoints", EXAMPLE, report);
    if (!list && config_setting_type(group) == CONFIG_TYPE_GROUP)
        conf_mistake(report, group, EXAMPLE, "\"endpoints\" is missing");
    if (system && migration->old_system && system != migration->old_system)
        conf_mistake(report, migration_at(group, "system"), NULL,
                     "changes come from the old system, \"%s\"", migration->old_system->name);
    if (length > WEBHOOK_ENDPOINTS_MAX) {
        conf_mistake(report, list, "make two sources of it", "more than %d endpoints",
                     WEBHOOK_ENDPOINTS_MAX);
        length = 0;
    }
    struct webhook_endpoint *endpoints =
        arena_new(&migration->arena, struct webhook_endpoint, length);
    settings->endpoints = endpoints;
    for (int i = 0; i < length; i++) {
        struct webhook_endpoint *endpoint = &endpoints[settings->endpoint_count];
        *endpoint = (struct webhook_endpoint){0};
        read_endpoint(migration, config_setting_get_elem(list, (unsigned)i), settings, endpoint,
                      report);
        if (endpoint->path)
            settings->endpoint_count++;
    }
    return settings;
}
