/*
 * auth — bearer tokens and the token endpoint's grants. Inside store_begin/store_end.
 */
#ifndef TANDEM_SANDBOX_AUTH_H
#define TANDEM_SANDBOX_AUTH_H

#include "tests/sandbox/exchange.h"
#include "tests/sandbox/store.h"

enum auth_verdict { AUTH_OK, AUTH_MISSING, AUTH_UNKNOWN, AUTH_EXPIRED };

/* Whose token the request bears. use: count this use of the token. */
enum auth_verdict auth_check(struct store *store, const struct request *request, bool use,
                             char ret_who[WHO_BYTES], int64_t *ret_expired_s);

/* The same for a token's text. */
enum auth_verdict auth_token(struct store *store, const char *token, bool use,
                             char ret_who[WHO_BYTES], int64_t *ret_expired_s);

struct grant {
    char access_token[64], refresh_token[64]; /* refresh_token may be "" */
    int64_t lifetime_s;
    const char *error, *description; /* OAuth's words when refused, else NULL */
};

/* A token request: x-www-form-urlencoded body. */
void auth_grant(struct store *store, const struct request *request, struct grant *ret_grant);

#endif
