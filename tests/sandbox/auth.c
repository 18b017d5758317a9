/*
 * auth — who is asking.
 */
#include "tests/sandbox/auth.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clock.h"
#include "tests/sandbox/jwt.h"

static const char SECRET[] = "sandbox-secret";
static const char FIRST_REFRESH[] = "sandbox-refresh";

static enum auth_verdict check_stored(struct store *store, const char *token, bool use,
                                      char ret_who[WHO_BYTES], int64_t *ret_expired_s)
{
    sqlite3_stmt *get = store_statement(store, ST_TOKEN_GET);
    bind_text(get, 1, token);
    if (!store_row(store, get))
        return AUTH_UNKNOWN;
    (void)snprintf(ret_who, WHO_BYTES, "%s", (const char *)sqlite3_column_text(get, 0));
    int64_t left_ms = sqlite3_column_int64(get, 1) - store_now_ms(store);
    int64_t uses_left = sqlite3_column_int64(get, 2);
    bool access = strcmp((const char *)sqlite3_column_text(get, 3), "access") == 0;
    sqlite3_reset(get);
    if (!access)
        return AUTH_UNKNOWN;
    if (left_ms <= 0 || uses_left == 0) {
        *ret_expired_s = left_ms < 0 ? -left_ms / 1000 : 0;
        return AUTH_EXPIRED;
    }
    if (use && uses_left > 0) {
        sqlite3_stmt *put = store_statement(store, ST_TOKEN_USE);
        bind_text(put, 1, token);
        store_run(store, put);
    }
    return AUTH_OK;
}

enum auth_verdict auth_token(struct store *store, const char *token, bool use,
                             char ret_who[WHO_BYTES], int64_t *ret_expired_s)
{
    *ret_expired_s = 0;
    ret_who[0] = '\0';
    if (strcmp(token, "sandbox-token") == 0) {
        (void)snprintf(ret_who, WHO_BYTES, "integration");
        return AUTH_OK;
    }
    if (strncmp(token, "person-", 7) == 0 && token[7]) {
        (void)snprintf(ret_who, WHO_BYTES, "person:%.80s", token + 7);
        return AUTH_OK;
    }
    return check_stored(store, token, use, ret_who, ret_expired_s);
}

enum auth_verdict auth_check(struct store *store, const struct request *request, bool use,
                             char ret_who[WHO_BYTES], int64_t *ret_expired_s)
{
    static const char BEARER[] = "Bearer ";
    const char *token = request->authorization;
    *ret_expired_s = 0;
    ret_who[0] = '\0';
    if (!token || strncasecmp(token, BEARER, sizeof BEARER - 1) != 0)
        return AUTH_MISSING;
    return auth_token(store, token + sizeof BEARER - 1, use, ret_who, ret_expired_s);
}

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (tolower((unsigned char)c) - 'a' + 10) & 15;
}

/* The value of a form field, decoded; "" when there is none. */
static void form_value(const struct request *request, const char *name, char *ret_value,
                       size_t size)
{
    size_t name_len = strlen(name), out = 0;
    ret_value[0] = '\0';
    const char *at = request->body.len ? request->body.data : "";
    while (*at) {
        size_t len = strcspn(at, "&");
        if (len > name_len && at[name_len] == '=' && strncmp(at, name, name_len) == 0) {
            for (size_t i = name_len + 1; i < len && out + 1 < size; i++) {
                char c = at[i] == '+' ? ' ' : at[i];
                if (c == '%' && i + 2 < len) {
                    c = (char)(hex(at[i + 1]) * 16 + hex(at[i + 2]));
                    i += 2;
                }
                ret_value[out++] = c;
            }
            ret_value[out] = '\0';
            return;
        }
        at += len + (at[len] == '&');
    }
}

static void make_token(struct store *store, const char *prefix, const char *kind, const char *who,
                       int64_t expires_ms, int64_t uses, char ret_token[64])
{
    unsigned char random[16];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        abort();
    int at = snprintf(ret_token, 64, "%s", prefix);
    for (size_t i = 0; i < sizeof random; i++)
        at += snprintf(ret_token + at, (size_t)(64 - at), "%02x", random[i]);
    sqlite3_stmt *put = store_statement(store, ST_TOKEN_PUT);
    bind_text(put, 1, ret_token);
    bind_text(put, 2, kind);
    bind_text(put, 3, who);
    sqlite3_bind_int64(put, 4, expires_ms);
    sqlite3_bind_int64(put, 5, uses);
    store_run(store, put);
}

static bool refuse(struct grant *grant, const char *error, const char *description)
{
    grant->error = error;
    grant->description = description;
    return false;
}

/* The first refresh token is good until it has rotated away: then a row of kind "spent" stands for it. */
static bool refresh_known(struct store *store, const char *token)
{
    sqlite3_stmt *get = store_statement(store, ST_TOKEN_GET);
    bind_text(get, 1, token);
    bool stored = store_row(store, get);
    bool refresh = stored && strcmp((const char *)sqlite3_column_text(get, 3), "refresh") == 0;
    sqlite3_reset(get);
    return stored ? refresh : strcmp(token, FIRST_REFRESH) == 0;
}

static void spend_refresh(struct store *store, const char *token, const char *who)
{
    sqlite3_stmt *put = store_statement(store, ST_TOKEN_PUT);
    bind_text(put, 1, token);
    bind_text(put, 2, "spent");
    bind_text(put, 3, who);
    sqlite3_bind_int64(put, 4, 0);
    sqlite3_bind_int64(put, 5, 0);
    store_run(store, put);
}

/* The assertion says who asks: the token's who is its user. */
static bool check_assertion(struct store *store, const struct request *request, char *ret_who,
                            struct grant *grant)
{
    char assertion[8192];
    struct jwt jwt;
    form_value(request, "assertion", assertion, sizeof assertion);
    const char *refusal =
        jwt_check(assertion, store->client_key, store_now_ms(store) / 1000, request->host, &jwt);
    if (refusal)
        return refuse(grant, "invalid_grant", refusal);
    (void)snprintf(ret_who, WHO_BYTES, "%s", jwt.subject);
    return true;
}

static bool check_grant(struct store *store, const struct request *request, const char *type,
                        char *client, struct grant *grant)
{
    char secret[128], token[64];
    if (strcmp(type, "urn:ietf:params:oauth:grant-type:jwt-bearer") == 0)
        return check_assertion(store, request, client, grant);
    form_value(request, "client_secret", secret, sizeof secret);
    if (!client[0] || strcmp(secret, SECRET) != 0)
        return refuse(grant, "invalid_client", "invalid client credentials");
    if (strcmp(type, "client_credentials") == 0)
        return true;
    if (strcmp(type, "refresh_token") != 0)
        return refuse(grant, "unsupported_grant_type", "grant type not supported");
    form_value(request, "refresh_token", token, sizeof token);
    if (!refresh_known(store, token))
        return refuse(grant, "invalid_grant", "expired access/refresh token");
    (void)snprintf(grant->refresh_token, sizeof grant->refresh_token, "%s", token);
    if (settings_get(store->settings, SET_ROTATE_REFRESH)) {
        spend_refresh(store, token, client);
        make_token(store, "refresh-", "refresh", client, 0, -1, grant->refresh_token);
    }
    return true;
}

void auth_grant(struct store *store, const struct request *request, struct grant *ret_grant)
{
    char type[64], client[WHO_BYTES];
    memset(ret_grant, 0, sizeof *ret_grant);
    form_value(request, "grant_type", type, sizeof type);
    form_value(request, "client_id", client, sizeof client);
    if (!check_grant(store, request, type, client, ret_grant))
        return;
    ret_grant->lifetime_s = settings_get(store->settings, SET_TOKEN_LIFETIME_S);
    int64_t uses = settings_get(store->settings, SET_TOKEN_USES);
    make_token(store, "access-", "access", client,
               store_now_ms(store) + ret_grant->lifetime_s * 1000, uses ? uses : -1,
               ret_grant->access_token);
}
