/*
 * rest_credential — what a system's group names to sign in with, as it stands in its
 * files: checked when the process starts, and, for a token or password that
 * needs no renewal, read again whenever the system refuses it.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "remote/rest_internal.h"

void rest_credential_use(struct rest *rest, char *token, int64_t expires_ms)
{
    struct rest_auth *auth = &rest->auth;
    free(auth->token);
    auth->token = token;
    auth->number++;
    auth->valid = true;
    auth->worked = false;
    auth->expires_ms = expires_ms;
}

bool rest_credential_plain(const char *token)
{
    for (const unsigned char *at = (const unsigned char *)token; *at; at++)
        if (*at <= ' ' || *at >= 0x7f)
            return false;
    return token[0] != '\0';
}

bool rest_credential_fixed(enum auth_type type)
{
    return type == AUTH_BEARER || type == AUTH_BASIC;
}

/* RFC 7617: base64 of "username:password", in UTF-8. */
static char *basic_of(const char *username, const char *password)
{
    size_t len = strlen(username) + 1 + strlen(password);
    char *pair = malloc(len + 1);
    char *text = malloc(4 * ((len + 2) / 3) + 1);
    if (pair && text) {
        (void)snprintf(pair, len + 1, "%s:%s", username, password);
        (void)EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)pair, (int)len);
        OPENSSL_cleanse(pair, len);
    } else {
        free(text);
        text = NULL;
    }
    free(pair);
    return text;
}

static bool basic_fits(const char *username, const char *password)
{
    for (const char *at = username; *at; at++)
        if ((unsigned char)*at < ' ' || *at == ':' || *at == 0x7f)
            return false;
    for (const char *at = password; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    return true;
}

int rest_credential_read(struct rest *rest, bool refused, struct err *err)
{
    const struct system_settings *settings = rest->settings;
    bool basic = rest->auth.type == AUTH_BASIC;
    const char *path = basic ? settings->password_file : settings->token_file;
    char *token;
    if (secret_read(path, &token, err) != 0)
        return -1;
    if (basic ? !basic_fits(settings->username, token) : !rest_credential_plain(token)) {
        free(token);
        return basic ? err_exit(err, EX_NOPERM,
                                "%s: username or the password in %s has bytes that cannot be sent "
                                "(a colon in the name, line ends)",
                                settings->name, path)
                     : err_exit(err, EX_NOPERM, "%s holds no token", path);
    }
    if (basic) {
        char *header = basic_of(settings->username, token);
        OPENSSL_cleanse(token, strlen(token));
        free(token);
        if (!header)
            return err_set(err, ERR_FATAL, "out of memory");
        token = header;
    }
    if (rest->auth.token && strcmp(rest->auth.token, token) == 0 && refused) {
        free(token);
        return err_set(err, ERR_FATAL,
                       "%s refuses the %s in %s: put a valid one into the file, it is read again",
                       settings->name, basic ? "password" : "token", path);
    }
    rest_credential_use(rest, token, 0);
    return 0;
}

static int readable(const char *path, struct err *err)
{
    char *secret;
    if (secret_read(path, &secret, err) != 0)
        return -1;
    OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
    return 0;
}

int rest_auth_open(struct rest *rest, struct err *err)
{
    struct rest_auth *auth = &rest->auth;
    const struct system_settings *settings = rest->settings;
    struct auth_named named = {.token = settings->token_file,
                               .refresh = settings->refresh_token_file,
                               .client_id = settings->client_id,
                               .client_secret = settings->client_secret_file,
                               .username = settings->username,
                               .password = settings->password_file,
                               .private_key = settings->private_key_file};
    auth->type = auth_type_of(&named);
    auth->lock = -1;
    http_exchange_init(&auth->exchange);
    auth->exchange.user = auth;
    json_tape_init(&auth->tape);
    buf_init(&auth->url, 16 * 1024);
    buf_init(&auth->body, 256 * 1024);
    if (!rest->connector->auth_allowed[auth->type])
        return err_set(err, ERR_FATAL, "%s: the connector %s knows no %s", settings->name,
                       rest->connector->name, AUTH_TYPE_NAMES[auth->type]);
    const char *lacks = auth_type_lacks(auth->type, &named);
    if (lacks)
        return err_set(err, ERR_FATAL, "%s: %s", settings->name, lacks);
    if (rest_credential_fixed(auth->type))
        return rest_credential_read(rest, false, err);
    if (auth->type == AUTH_JWT_BEARER)
        return rest_assertion_check(rest, err);
    if (readable(settings->client_secret_file, err) != 0)
        return -1;
    return auth->type == AUTH_REFRESH_TOKEN ? readable(settings->refresh_token_file, err) : 0;
}

void rest_auth_close(struct rest *rest)
{
    struct rest_auth *auth = &rest->auth;
    http_exchange_clear(&auth->exchange);
    json_tape_clear(&auth->tape);
    buf_clear(&auth->url);
    buf_clear(&auth->body);
    if (auth->lock >= 0)
        (void)close(auth->lock);
    auth->lock = -1;
    free(auth->token);
    free(auth->kept_refresh_token);
    auth->token = auth->kept_refresh_token = NULL;
}
