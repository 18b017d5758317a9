/*
 * migration_systems — the systems, and which of them is old and which new.
 */
#include <string.h>

#include "model/migration_internal.h"

enum { NAME_MAX_BYTES = 40 };

static const struct conf_option SYSTEM[] = {
    {.name = "url",
     .type = CONF_STRING,
     .offset = offsetof(struct system_settings, url),
     .required = true,
     .help = "url = \"https://…\";"},
    {.name = "account",
     .type = CONF_STRING,
     .offset = offsetof(struct system_settings, account),
     .help = "whose rate limit it is; default: the host of url"},
    {.name = "client_id",
     .type = CONF_STRING,
     .offset = offsetof(struct system_settings, client_id),
     .help = "of OAuth2"},
    {.name = "client_secret_file",
     .type = CONF_SECRET,
     .offset = offsetof(struct system_settings, client_secret_file),
     .help = "a file with mode 600"},
    {.name = "token_file",
     .type = CONF_SECRET,
     .offset = offsetof(struct system_settings, token_file),
     .help = "a bearer token, in a file with mode 600"},
    {.name = "refresh_token_file",
     .type = CONF_SECRET,
     .offset = offsetof(struct system_settings, refresh_token_file),
     .help = "a file with mode 600"},
    {.name = "username",
     .type = CONF_STRING,
     .offset = offsetof(struct system_settings, username),
     .help = "who signs in, with password_file or private_key_file"},
    {.name = "password_file",
     .type = CONF_SECRET,
     .offset = offsetof(struct system_settings, password_file),
     .help = "basic authentication: a password or API token, in a file with mode 600"},
    {.name = "private_key_file",
     .type = CONF_SECRET,
     .offset = offsetof(struct system_settings, private_key_file),
     .help = "an RSA key, PEM, that signs assertions, in a file with mode 600"},
    {.name = "audience",
     .type = CONF_STRING,
     .offset = offsetof(struct system_settings, audience),
     .help = "whom such an assertion is for, where the connector's default does not fit"},
    {.name = "ca_file",
     .type = CONF_STRING,
     .offset = offsetof(struct system_settings, ca_file),
     .help = "more certificate authorities, PEM"},
    {.name = "connector",
     .type = CONF_GROUP,
     .offset = offsetof(struct system_settings, connector),
     .required = true,
     .help = "@include \"connectors/….cfg\""},
    {0},
};

/* "https://acme.my.salesforce.com/" → "acme.my.salesforce.com" */
static const char *host_of(struct migration *migration, const char *url)
{
    const char *slashes = strstr(url, "//"), *host = slashes ? slashes + 2 : url;
    size_t len = strcspn(host, "/");
    char *text = arena_alloc(&migration->arena, len + 1);
    memcpy(text, host, len);
    text[len] = '\0';
    return text;
}

static void read_system(struct migration *migration, config_setting_t *group,
                        struct system_settings *system, struct conf_report *report)
{
    system->name = config_setting_name(group);
    (void)migration_name(group, "", system->name, '-', NAME_MAX_BYTES, report);
    /* limits is the connector's to read (remote/connector). */
    static const char *const CONNECTORS[] = {"limits", NULL};
    (void)conf_read_group(group, SYSTEM, CONNECTORS, system, report);
    if (!system->account && system->url)
        system->account = host_of(migration, system->url);
    if (!system->account)
        system->account = system->name;
    if (system->url && strncmp(system->url, "http://", 7) != 0 &&
        strncmp(system->url, "https://", 8) != 0)
        conf_mistake(report, migration_at(group, "url"), "begin it with https://",
                     "\"%s\" is no URL", system->url);
    const char *id_form = NULL;
    if (system->connector)
        (void)config_setting_lookup_string(system->connector, "id_form", &id_form);
    int form = id_form ? value_id_form_parse(id_form) : VALUE_ID_TEXT;
    system->id_form =
        form < 0 ? VALUE_ID_TEXT : (enum value_id_form)form; /* told by the connector */
    system->ca_file = migration_path(migration, migration_at(group, "ca_file"), system->ca_file);
}

static const struct system_settings *find(const struct migration *migration, const char *name)
{
    for (int i = 0; i < migration->system_count; i++)
        if (strcmp(migration->systems[i].name, name) == 0)
            return &migration->systems[i];
    return NULL;
}

static const struct system_settings *choose(struct migration *migration, const char *key,
                                            const char *name, struct conf_report *report)
{
    const struct system_settings *system = name ? find(migration, name) : NULL;
    if (system || !name || migration->system_count == 0)
        return system;
    char advice[200];
    conf_mistake(report, migration_at(config_root_setting(&migration->config), key),
                 migration_suggest(name, migration->system_names, advice, sizeof(advice)),
                 "there is no system \"%s\"", name);
    return NULL;
}

void migration_read_systems(struct migration *migration, const struct migration_groups *groups,
                            struct conf_report *report)
{
    if (!groups->systems)
        return;
    int length = config_setting_length(groups->systems);
    if (config_setting_type(groups->systems) != CONFIG_TYPE_GROUP || length == 0) {
        conf_mistake(report, groups->systems, "systems = { salesforce = { … }; hubspot = { … }; };",
                     "\"systems\" must be a group of systems");
        return;
    }
    migration->systems = arena_new(&migration->arena, struct system_settings, length);
    migration->system_names = arena_new(&migration->arena, const char *, length + 1);
    migration->system_count = length;
    for (int i = 0; i < length; i++) {
        read_system(migration, config_setting_get_elem(groups->systems, (unsigned)i),
                    &migration->systems[i], report);
        migration->system_names[i] = migration->systems[i].name;
    }
    migration->old_system = choose(migration, "old", groups->old_name, report);
    migration->new_system = choose(migration, "new", groups->new_name, report);
    if (migration->old_system && migration->old_system == migration->new_system)
        conf_mistake(report, migration_at(config_root_setting(&migration->config), "new"),
                     "a migration leads from one system to another",
                     "\"old\" and \"new\" are the same system");
}
