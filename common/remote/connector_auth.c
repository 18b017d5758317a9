/*
 * connector_auth — the ways to sign in that a system knows, and whether the
 * secrets of its group in the migration fit one of them.
 */
#include <stdio.h>
#include <string.h>

#include "remote/connector_internal.h"

const char *const AUTH_TYPE_NAMES[] = {"bearer", "oauth2_client_credentials",
                                       "oauth2_refresh_token", NULL};
_Static_assert(sizeof(AUTH_TYPE_NAMES) / sizeof(AUTH_TYPE_NAMES[0]) == AUTH_TYPE_COUNT + 1, "");
struct auth_written {
    const config_setting_t *types;
    const char *token_path;
    int64_t token_lifetime_s;
};
#define AT(field) .offset = offsetof(struct auth_written, field)
static const struct conf_option AUTH_OPTIONS[] = {
    {.name = "types",
     .type = CONF_GROUP,
     AT(types),
     .required = true,
     .help = "list of bearer, oauth2_client_credentials, oauth2_refresh_token"},
    {.name = "token_path",
     .type = CONF_STRING,
     AT(token_path),
     .help = "of the token endpoint, after the system's url"},
    {.name = "token_lifetime_s",
     .type = CONF_INT,
     AT(token_lifetime_s),
     .min = 0,
     .max = 864000,
     .help = "where the token endpoint does not say expires_in"},
    {0}};
#undef AT

void connector_auth_read(struct connector *connector, const config_setting_t *group,
                         struct conf_report *report)
{
    struct auth_written written = {NULL, NULL, 0};
    const char *types[AUTH_TYPE_COUNT] = {NULL};
    if (conf_read_group(group, AUTH_OPTIONS, NULL, &written, report) != 0 || !written.types)
        return;
    int count = connector_texts(written.types, AUTH_TYPE_COUNT, types, report);
    for (int i = 0; i < count; i++) {
        int type = connector_choice(types[i], AUTH_TYPE_NAMES);
        if (strcmp(types[i], AUTH_TYPE_NAMES[type]) != 0) {
            const char *nearest = conf_nearest(types[i], AUTH_TYPE_NAMES);
            char advice[128];
            (void)snprintf(advice, sizeof(advice), "did you mean \"%s\"?",
                           nearest ? nearest : AUTH_TYPE_NAMES[0]);
            conf_mistake(report, written.types, advice, "no way to sign in: \"%s\"", types[i]);
            continue;
        }
        connector->auth_allowed[type] = true;
        if (type != AUTH_BEARER && !written.token_path)
            conf_mistake(report, group, NULL, "%s needs \"token_path\"", types[i]);
    }
    connector->token_path = written.token_path;
    connector->token_lifetime_s = written.token_lifetime_s;
}

/* The way to sign in follows from the secrets that the system's group names; the connector must know it. */
void connector_auth_check(const struct connector *connector, const config_setting_t *system,
                          struct conf_report *report)
{
    if (!system || !config_setting_get_member(system, "url"))
        return; /* a connector file by itself */
    bool bearer = config_setting_get_member(system, "token_file") != NULL;
    bool refresh = config_setting_get_member(system, "refresh_token_file") != NULL;
    bool client = config_setting_get_member(system, "client_id") != NULL &&
                  config_setting_get_member(system, "client_secret_file") != NULL;
    enum auth_type type = refresh  ? AUTH_REFRESH_TOKEN
                          : bearer ? AUTH_BEARER
                                   : AUTH_CLIENT_CREDENTIALS;
    if (type != AUTH_BEARER && !client)
        conf_mistake(report, system,
                     "token_file, or client_id and client_secret_file (and refresh_token_file)",
                     "nothing to sign in with");
    else if (!connector->auth_allowed[type])
        conf_mistake(report, system, NULL, "the connector %s knows no %s", connector->name,
                     AUTH_TYPE_NAMES[type]);
}
