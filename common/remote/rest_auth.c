/*
 * rest_auth — renewing what requests are signed with. One token for all ops of the process;
 * when it is refused or known to have expired, one renewal serves all who wait. Secret files
 * are read again for each renewal, so that a person can replace them at any time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "remote/rest_internal.h"

enum { LOCK_RETRY_MS = 50, EARLY_MAX_MS = 30 * 1000 };

/* --- the end of a renewal --- */

/* All who wait for the token go on, or end with the renewal's outcome. */
static void release(struct rest *rest, enum rest_outcome outcome, int64_t retry_after_ms,
                    const struct err *why)
{
    struct rest_auth *auth = &rest->auth;
    if (auth->lock >= 0)
        (void)close(auth->lock);
    auth->lock = -1;
    auth->phase = AUTH_IDLE;
    if (outcome == REST_LATER)
        rest_limit_gate(rest, retry_after_ms, why->text);
    struct rest_call *next;
    for (struct rest_call *call = rest->active; call; call = next) {
        next = call->next;
        if (call->phase != PHASE_TOKEN)
            continue;
        if (outcome == REST_DONE) {
            rest_call_go(call);
            continue;
        }
        err_set(&call->err, why->kind, "%s", why->text);
        rest_call_over(call, outcome, retry_after_ms);
    }
}

static void denied(struct rest *rest, struct err *why)
{
    release(rest, REST_DENIED, 0, why);
}

static void send_renewal(struct rest *rest)
{
    struct rest_auth *auth = &rest->auth;
    struct err err = ERR_INIT;
    if (rest_secret_form(rest, &err) != 0) {
        denied(rest, &err);
        return;
    }
    buf_reset(&auth->url);
    buf_puts(&auth->url, rest->base_url);
    buf_puts(&auth->url, rest->connector->token_path);
    http_exchange_reset(&auth->exchange);
    auth->exchange.method = "POST";
    auth->exchange.url = buf_span(&auth->url).data;
    auth->exchange.headers[0] = "Content-Type: application/x-www-form-urlencoded";
    auth->exchange.headers[1] = "Accept: application/json";
    auth->exchange.body = buf_span(&auth->body);
    auth->phase = AUTH_SENT;
    if (http_submit(rest->client, &auth->exchange, &err) != 0)
        denied(rest, &err);
}

/* A refresh token may work once: one process at a time uses and replaces it. */
static void begin(struct rest *rest)
{
    struct rest_auth *auth = &rest->auth;
    if (auth->type != AUTH_REFRESH_TOKEN) {
        send_renewal(rest);
        return;
    }
    int lock = rest_secret_lock(rest->settings->refresh_token_file);
    if (lock == -1) {
        auth->phase = AUTH_LOCKING;
        auth->due_ms = rest_now_ms(rest) + LOCK_RETRY_MS;
        return;
    }
    auth->lock =
        lock; /* -2: a folder that cannot be written; the token will say so if it rotates */
    send_renewal(rest);
}

void rest_auth_move_on(struct rest *rest)
{
    if (rest->auth.phase == AUTH_LOCKING && rest_now_ms(rest) >= rest->auth.due_ms)
        begin(rest);
}

/* A rotated refresh token is on disk before the access token is used. */
static void keep_refresh_token(struct rest *rest, struct span fresh)
{
    struct rest_auth *auth = &rest->auth;
    struct err err = ERR_INIT;
    free(auth->kept_refresh_token);
    auth->kept_refresh_token = NULL;
    if (rest_secret_write(rest->settings->refresh_token_file, fresh, &err) == 0)
        return;
    auth->kept_refresh_token = strndup(fresh.data, fresh.len);
    log_error("the new refresh token is in memory only: it is lost when this process ends",
              log_str("system", rest->settings->name), log_str("why", err.text));
}

static bool take_token(struct rest *rest)
{
    struct rest_auth *auth = &rest->auth;
    struct span token, refresh;
    if (json_parse(&auth->tape, buf_span(&auth->exchange.answer), NULL) != 0 ||
        !json_string_at(&auth->tape, 0, "access_token", &token) || !token.len)
        return false;
    char *copy = strndup(token.data, token.len);
    if (!copy || !rest_credential_plain(copy)) {
        free(copy);
        return false;
    }
    if (auth->type == AUTH_REFRESH_TOKEN &&
        json_string_at(&auth->tape, 0, "refresh_token", &refresh) && refresh.len)
        keep_refresh_token(rest, refresh);
    int64_t lifetime_s = rest->connector->token_lifetime_s, said_s;
    if (json_int_at(&auth->tape, 0, "expires_in", &said_s) && said_s > 0)
        lifetime_s = said_s;
    int64_t early_ms = lifetime_s * 1000 / 10;
    if (early_ms > EARLY_MAX_MS)
        early_ms = EARLY_MAX_MS;
    rest_credential_use(rest, copy,
                        lifetime_s ? rest_now_ms(rest) + lifetime_s * 1000 - early_ms : 0);
    return true;
}

void rest_auth_ended(struct rest *rest)
{
    struct rest_auth *auth = &rest->auth;
    const struct http_exchange *exchange = &auth->exchange;
    struct err why = ERR_INIT;
    if (exchange->outcome != HTTP_ANSWERED) {
        err_set(&why, ERR_RETRY, "%s: the token endpoint cannot be reached: %s",
                rest->settings->name, exchange->broken_why);
        release(rest, REST_LATER, REST_RETRY_MS, &why);
        return;
    }
    if (exchange->status / 100 == 2 && take_token(rest)) {
        release(rest, REST_DONE, 0, NULL);
        return;
    }
    bool json = json_parse(&auth->tape, buf_span(&exchange->answer), NULL) == 0;
    struct connector_verdict verdict =
        connector_classify(rest->connector, exchange->status, json ? &auth->tape : NULL, 0);
    bool later =
        exchange->status == 429 || exchange->status >= 500 || exchange->status / 100 == 2 ||
        (verdict.found && (verdict.outcome == OUTCOME_LATER || verdict.outcome == OUTCOME_QUOTA));
    err_set(&why, later ? ERR_RETRY : ERR_FATAL, "%s: the token endpoint answered %d: %.*s",
            rest->settings->name, exchange->status, (int)verdict.message.len,
            verdict.message.data ? verdict.message.data : "");
    if (!later)
        why.exit_code = EX_NOPERM;
    int64_t otherwise_ms = verdict.retry_after_ms ? verdict.retry_after_ms : REST_RETRY_MS;
    if (later)
        release(rest, REST_LATER, rest_retry_after_ms(rest, exchange, otherwise_ms), &why);
    else
        denied(rest, &why);
}

/* --- what ops ask --- */

bool rest_auth_ready(struct rest_call *call)
{
    struct rest *rest = call->rest;
    struct rest_auth *auth = &rest->auth;
    bool expired = auth->expires_ms && rest_now_ms(rest) >= auth->expires_ms;
    if (auth->phase == AUTH_IDLE && auth->valid && !expired)
        return true;
    if (rest_credential_fixed(auth->type)) {
        if (rest_credential_read(rest, call->renewals > 0, &call->err) == 0)
            return true;
        rest_call_over(call, REST_DENIED, 0);
        return false;
    }
    call->phase = PHASE_TOKEN;
    if (auth->phase == AUTH_IDLE)
        begin(rest);
    return false;
}

void rest_auth_refused(struct rest_call *call)
{
    struct rest_auth *auth = &call->rest->auth;
    bool same = call->token_number == auth->number;
    /* A token that never worked is renewed once, not again and again. */
    bool hopeless =
        call->renewals >= REST_RENEWALS_MAX || (same && call->renewals >= 1 && !auth->worked);
    if (hopeless) {
        err_exit(&call->err, EX_NOPERM, "%s refuses a token that was just renewed (401)",
                 call->rest->settings->name);
        rest_call_over(call, REST_DENIED, 0);
        return;
    }
    call->renewals++;
    if (same)
        auth->valid = false;
    rest_call_go(call);
}
