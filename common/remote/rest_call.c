/*
 * rest_call — the way of one op from its request to its outcome: gate,
 * token, exchange, verdict, retry. What may be sent again, and when, is all here.
 */
#include <stdio.h>
#include <string.h>

#include "base/service.h"
#include "remote/rest_internal.h"

void rest_call_over(struct rest_call *call, enum rest_outcome outcome, int64_t retry_after_ms)
{
    struct rest *rest = call->rest;
    call->phase = PHASE_OVER;
    call->outcome = outcome;
    call->due_ms = rest_now_ms(rest) + retry_after_ms;
    for (struct rest_call **at = &rest->active; *at; at = &(*at)->next) {
        if (*at != call)
            continue;
        *at = call->next;
        break;
    }
    call->next = NULL;
}

void rest_call_abandon(struct rest_call *call)
{
    if (call->phase == PHASE_IDLE || call->phase == PHASE_OVER)
        return;
    rest_call_over(call, REST_UNCERTAIN, 0);
}

static void wait_for(struct rest_call *call, int64_t wait_ms)
{
    call->phase = PHASE_WAIT;
    call->due_ms = rest_now_ms(call->rest) + wait_ms;
}

static void send_request(struct rest_call *call)
{
    struct rest *rest = call->rest;
    struct rest_op *op = call->op;
    struct http_exchange *exchange = &op->exchange;
    const struct connector_operation *operation = call->operation;
    http_exchange_reset(exchange);
    buf_reset(&call->headers);
    buf_puts(&call->headers,
             rest->auth.type == AUTH_BASIC ? "Authorization: Basic " : "Authorization: Bearer ");
    buf_puts(&call->headers, rest->auth.token);
    exchange->method = operation->method;
    exchange->url = buf_span(&call->url).data;
    exchange->body = operation->has_body ? buf_span(&call->body) : SPAN_NONE;
    int count = 0;
    exchange->headers[count++] = buf_span(&call->headers).data;
    exchange->headers[count++] = "Accept: application/json";
    if (operation->has_body)
        exchange->headers[count++] = "Content-Type: application/json";
    for (int i = 0; operation->headers[i]; i++)
        exchange->headers[count++] = operation->headers[i];
    exchange->user = call;
    call->token_number = rest->auth.number;
    op->attempts++;
    if (http_submit(rest->client, exchange, &call->err) != 0)
        rest_call_over(call, REST_LATER, REST_START_RETRY_MS); /* nothing was sent */
    else
        call->phase = PHASE_SENT;
}

void rest_call_go(struct rest_call *call)
{
    struct rest *rest = call->rest;
    int64_t closed_ms = rest->gate_until_ms - rest_now_ms(rest);
    if (closed_ms > REST_WAIT_INSIDE_MS || (closed_ms > 0 && service_stopping())) {
        err_set(&call->err, ERR_RETRY, "%s: %s", rest->settings->name, rest->gate_why);
        rest_call_over(call, REST_LATER, closed_ms);
    } else if (closed_ms > 0) {
        wait_for(call, closed_ms);
    } else if (rest_auth_ready(call) && rest_limit_admits(call)) {
        send_request(call);
    }
}

/* Once more later, if tries are left and the wait is short; else the caller waits. */
static void again(struct rest_call *call, int64_t retry_after_ms)
{
    struct rest *rest = call->rest;
    metric_add(rest->retries, 1);
    bool may = ++call->failures < REST_TRIES_MAX && !service_stopping();
    if (!may || retry_after_ms > REST_WAIT_INSIDE_MS) {
        rest_call_over(call, REST_LATER, retry_after_ms ? retry_after_ms : REST_RETRY_MS);
        return;
    }
    err_clear(&call->err);
    wait_for(call, retry_after_ms ? retry_after_ms : rest_backoff_ms(rest, call->failures));
}

/* Nobody knows what became of it: a read is made again, a write is the caller's question. */
static void lost(struct rest_call *call)
{
    if (!rest_is_write(call->op->kind)) {
        again(call, 0);
        return;
    }
    rest_limit_doubt(call->rest, true);
    rest_call_over(call, REST_UNCERTAIN, 0);
}

/* Where the connector's table has no row. */
static enum connector_outcome by_status(int status)
{
    if (status == 401 || status == 403)
        return OUTCOME_DENIED;
    if (status == 429 || status == 503)
        return OUTCOME_LATER;
    if (status == 413 || status == 414 || status == 431)
        return OUTCOME_TOO_LARGE;
    if (status >= 500 || status == 408)
        return OUTCOME_UNCERTAIN;
    return OUTCOME_REFUSED;
}

static void take_item_outcome(struct rest_call *call, const struct connector_verdict *verdict)
{
    const struct rest_op *op = call->op;
    if (op->kind == REST_CREATE_PROPERTY && verdict->outcome == OUTCOME_EXISTS) {
        rest_call_over(call, REST_DONE, 0);
    } else if (rest_reads_ids(op->kind) && verdict->outcome == OUTCOME_GONE) {
        call->op->record_count = 0;
        rest_call_over(call, REST_DONE, 0);
    } else if (verdict->outcome == OUTCOME_BUSY && rest_op_count(op) != 1) {
        rest_call_over(call, REST_LATER,
                       verdict->retry_after_ms ? verdict->retry_after_ms : REST_RETRY_MS);
    } else if (rest_is_write(op->kind) && rest_op_count(op) == 1) {
        rest_write_single(call, verdict);
        rest_call_over(call, REST_DONE, 0);
    } else {
        rest_call_over(call, REST_REFUSED, 0);
    }
}

static void take_verdict(struct rest_call *call, const struct connector_verdict *verdict)
{
    struct rest *rest = call->rest;
    const struct http_exchange *exchange = &call->op->exchange;
    int64_t wait_ms = verdict->retry_after_ms;
    switch (verdict->outcome) {
    case OUTCOME_LATER:
    case OUTCOME_QUOTA:
        if (!wait_ms)
            wait_ms = verdict->outcome == OUTCOME_QUOTA ? REST_QUOTA_RETRY_MS : REST_RETRY_MS;
        wait_ms = rest_retry_after_ms(rest, exchange, wait_ms);
        rest_limit_refused(rest, wait_ms, call->err.text);
        if (rest_is_write(call->op->kind))
            rest_call_over(call, REST_LATER, wait_ms);
        else
            again(call, wait_ms);
        return;
    case OUTCOME_DENIED:
        rest_call_over(call, REST_DENIED, 0);
        return;
    case OUTCOME_TOO_LARGE:
        rest_call_over(call, REST_TOO_LARGE, 0);
        return;
    case OUTCOME_UNCERTAIN:
        lost(call);
        return;
    case OUTCOME_REFUSED:
        if (rest_is_write(call->op->kind) && rest_op_count(call->op) == 1)
            rest_write_single(call, verdict);
        rest_call_over(call, REST_REFUSED, 0);
        return;
    case OUTCOME_EXISTS:
    case OUTCOME_GONE:
    case OUTCOME_MISMATCH:
    case OUTCOME_BUSY:
    case OUTCOME_COUNT:
        break;
    }
    take_item_outcome(call, verdict);
}

static void take_failure(struct rest_call *call)
{
    struct rest_op *op = call->op;
    const struct http_exchange *exchange = &op->exchange;
    bool json = json_parse(&op->tape, buf_span(&exchange->answer), NULL) == 0;
    struct connector_verdict verdict =
        connector_classify(call->rest->connector, exchange->status, json ? &op->tape : NULL, 0);
    if (!verdict.found)
        verdict.outcome = by_status(exchange->status);
    verdict.found = true;
    bool redirect = exchange->status / 100 == 3;
    err_set(&call->err, verdict.outcome == OUTCOME_REFUSED ? ERR_REJECT : ERR_RETRY,
            "%s: %s %s answered %d%s%.*s", call->rest->settings->name, exchange->method,
            OPERATION_NAMES[op->kind], exchange->status,
            redirect ? ": a redirect, is the url right?" : ": ", (int)verdict.message.len,
            verdict.message.data ? verdict.message.data : "");
    take_verdict(call, &verdict);
}

static void take_answer(struct rest_call *call)
{
    struct rest_op *op = call->op;
    bool is_write = rest_is_write(op->kind);
    struct err err = ERR_INIT;
    enum rest_answer answer =
        is_write ? rest_write_answer(call, &err) : rest_read_answer(call, &err);
    if (answer != ANSWER_OK) {
        op->record_count = 0;
        err_set(&call->err, err.kind == ERR_NONE ? ERR_RETRY : err.kind, "%s: %s: %s",
                call->rest->settings->name, OPERATION_NAMES[op->kind],
                err.kind == ERR_NONE ? "the answer holds only a part" : err.text);
    }
    switch (answer) {
    case ANSWER_OK:
        rest_call_over(call, REST_DONE, 0);
        break;
    case ANSWER_TOO_LARGE:
        rest_call_over(call, REST_TOO_LARGE, 0);
        break;
    case ANSWER_REFUSED:
        rest_call_over(call, REST_REFUSED, 0);
        break;
    case ANSWER_SHAPE:
        lost(call);
        break;
    }
}

void rest_call_answered(struct rest_call *call)
{
    struct rest *rest = call->rest;
    struct rest_op *op = call->op;
    const struct http_exchange *exchange = &op->exchange;
    op->date_ms = exchange->date_ms;
    op->duration_ms = exchange->duration_ms;
    arena_reset(&op->arena);
    metric_observe(rest->durations, (double)exchange->duration_ms / 1000.0);
    if (exchange->outcome != HTTP_ANSWERED) {
        err_set(&call->err, ERR_RETRY, "%s: %s: %s", rest->settings->name,
                OPERATION_NAMES[op->kind], exchange->broken_why);
        if (exchange->outcome == HTTP_NOT_SENT)
            again(call, 0);
        else
            lost(call);
        return;
    }
    if (exchange->status == 401) {
        rest_auth_refused(call);
        return;
    }
    if (call->token_number == rest->auth.number)
        rest->auth.worked = true;
    if (exchange->status / 100 == 2)
        take_answer(call);
    else
        take_failure(call);
}

static void call_ended(struct rest_call *call)
{
    rest_call_answered(call);
    rest_limit_release(call);
}

/* Those whose time has come; and how long until the next one's. */
static int start_due(struct rest *rest, int timeout_ms)
{
    int64_t now_ms = rest_now_ms(rest), wait_ms = timeout_ms;
    struct rest_call *next;
    for (struct rest_call *call = rest->active; call; call = next) {
        next = call->next;
        if (call->phase != PHASE_WAIT)
            continue;
        if (call->due_ms <= now_ms || service_stopping()) {
            rest_call_go(call);
            if (call->phase == PHASE_OVER)
                wait_ms = 0;
        } else if (call->due_ms - now_ms < wait_ms) {
            wait_ms = call->due_ms - now_ms;
        }
    }
    rest_auth_move_on(rest);
    if (rest->auth.phase == AUTH_LOCKING && rest->auth.due_ms - now_ms < wait_ms)
        wait_ms = rest->auth.due_ms - now_ms;
    return wait_ms > 0 ? (int)wait_ms : 0;
}

void rest_pump(struct rest *rest, int timeout_ms)
{
    int wait_ms = start_due(rest, timeout_ms);
    struct http_exchange *exchange = http_wait(rest->client, wait_ms);
    while (exchange) {
        if (exchange->user == &rest->auth)
            rest_auth_ended(rest);
        else
            call_ended(exchange->user);
        exchange = http_wait(rest->client, 0);
    }
}
