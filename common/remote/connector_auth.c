/*
 * connector_auth — the ways to sign in that a system knows, and whether the
 * secrets of its group in the migration fit one of them.
 */
#include <stdio.h>
#include <string.h>

#include "remote/connector_internal.h"

const char *const AUTH_TYPE_NAMES[] = {
    "bearer", "basic", "oauth2_client_credentials", "oauth2_refresh_token", "oauth2_jwt_bearer",
    NULL};
_Static_assert(sizeof(AUTH_TYPE_NAMES) / sizeof(AUTH_TYPE_NAMES[0]) == AUTH_TYPE_COUNT + 1, "");
struct auth_written {
    const config_setting_t *types;
    const char *token_path, *audience;
    int64_t token_lifetime_s;
};
#define AT(field) .offset = offsetof(struct auth_written, field)
static const struct conf_option AUTH_OPTIONS[] = {
    {.name = "types",
     .type = CONF_GROUP,
     AT(types),
     .required = true,
     .help = "list of bearer, basic, oauth2_client_credentials, oauth2_refresh_token, "
             "oauth2_jwt_bearer"},
    {.name = "token_path",
     .type = CONF_STRING,
     AT(token_path),
     .help = "of the token endpoint, after the system's url"},
    {.name = "audience",
     .type = CONF_STRING,
     AT(audience),
     .help = "oauth2_jwt_bearer: whom an assertion is for, unless the system's group says"},
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
    struct auth_written written = {NULL, NULL, NULL, 0};
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
        if (type != AUTH_BEARER && type != AUTH_BASIC && !written.token_path)
            conf_mistake(report, group, NULL, "%s needs \"token_path\"", types[i]);
    }
    connector->token_path = written.token_path;
    connector->audience = written.audience;
    connector->token_lifetime_s = written.token_lifetime_s;
}

enum auth_type auth_type_of(const struct auth_named *named)
{
    return named->private_key ? AUTH_JWT_BEARER
           : named->password  ? AUTH_BASIC
           : named->refresh   ? AUTH_REFRESH_TOKEN
           : named->token     ? AUTH_BEARER
                              : AUTH_CLIENT_CREDENTIALS;
}

const char *auth_type_lacks(enum auth_type type, const struct auth_named *named)
{
    switch (type) {
    case AUTH_BEARER:
        return NULL;
    case AUTH_BASIC:
        return named->username ? NULL : "password_file needs username";
    case AUTH_JWT_BEARER:
        return named->username && named->client_id
                   ? NULL
                   : "private_key_file needs client_id and username";
    case AUTH_CLIENT_CREDENTIALS:
    case AUTH_REFRESH_TOKEN:
    case AUTH_TYPE_COUNT:
        break;
    }
    return named->client_id && named->client_secret
               ? NULL
               : "token_file; or username and password_file; or client_id with client_secret_file "
                 "(and refresh_token_file), or with username and private_key_file";
}

static bool names(const config_setting_t *system, const char *key)
{
    return config_setting_get_member(system, key) != NULL;
}

/* The way to sign in follows from the secrets that the system's group names; the connector must know it. */
void connector_auth_check(const struct connector *connector, const config_setting_t *system,
                          struct conf_report *report)
{
    if (!system || !names(system, "url"))
        return; /* a connector file by itself */
    struct auth_named named = {.token = names(system, "token_file"),
                               .refresh = names(system, "refresh_token_file"),
                               .client_id = names(system, "client_id"),
                               .client_secret = names(system, "client_secret_file"),
                               .username = names(system, "username"),
                               .password = names(system, "password_file"),
                               .private_key = names(system, "private_key_file")};
    enum auth_type type = auth_type_of(&named);
    const char *lacks = auth_type_lacks(type, &named);
    if (lacks)
        conf_mistake(report, system, lacks, "nothing to sign in with");
    else if (!connector->auth_allowed[type])
        conf_mistake(report, system, NULL, "the connector %s knows no %s", connector->name,
                     AUTH_TYPE_NAMES[type]);
    else if (type == AUTH_JWT_BEARER && !connector->audience && !names(system, "audience"))
        conf_mistake(report, system, "audience = \"https://…\";",
                     "whom the assertion is for is not said");
}
