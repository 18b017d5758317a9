/*
 * rest_limit — when to come back: Retry-After, backoff with full jitter, the
 * gate that holds all requests after a 429, and the place in the system's budget that each request needs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/service.h"
#include "remote/rest_internal.h"

enum { RETRY_AFTER_MAX_S = 24 * 3600 };

uint64_t rest_random(struct rest *rest)
{
    uint64_t x = rest->random; /* xorshift64*: spreads retries and marks requests, guards nothing */
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    rest->random = x;
    return x * 2685821657736338717ULL;
}

int64_t rest_backoff_ms(struct rest *rest, int failures)
{
    uint64_t cap = (uint64_t)REST_BACKOFF_MS << (unsigned)(failures < 5 ? failures : 5);
    if (cap > REST_WAIT_INSIDE_MS)
        cap = REST_WAIT_INSIDE_MS;
    return (int64_t)(rest_random(rest) % cap) + 1;
}

/* RFC 9110 §10.2.3: seconds or a date. */
int64_t rest_retry_after_ms(const struct rest *rest, const struct http_exchange *exchange,
                            int64_t otherwise_ms)
{
    const char *text = http_header(exchange, "Retry-After");
    if (!text)
        return otherwise_ms;
    char *end;
    long seconds = strtol(text, &end, 10);
    if (end != text && *end == '\0') {
        if (seconds < 0 || seconds > RETRY_AFTER_MAX_S)
            seconds = RETRY_AFTER_MAX_S;
        return seconds ? (int64_t)seconds * 1000 : 1;
    }
    int64_t date_ms;
    if (!http_date_parse(text, strlen(text), &date_ms))
        return otherwise_ms;
    /* Against the server's own clock where it is known. */
    int64_t now_ms = exchange->date_ms >= 0 ? exchange->date_ms : clock_wall_ms(rest->clock);
    int64_t left_ms = date_ms - now_ms;
    if (left_ms > (int64_t)RETRY_AFTER_MAX_S * 1000)
        left_ms = (int64_t)RETRY_AFTER_MAX_S * 1000;
    return left_ms > 0 ? left_ms : 1;
}

void rest_limit_gate(struct rest *rest, int64_t retry_after_ms, const char *why)
{
    int64_t until_ms = rest_now_ms(rest) + retry_after_ms;
    if (until_ms <= rest->gate_until_ms)
        return;
    rest->gate_until_ms = until_ms;
    (void)snprintf(rest->gate_why, sizeof(rest->gate_why), "%s", why);
}

void rest_limit_doubt(struct rest *rest, bool in_doubt)
{
    if (!in_doubt) {
        rest->doubts = 0;
        return;
    }
    if (rest->gate_until_ms > rest_now_ms(rest)) /* sent beside the one that closed the gate */
        return;
    if (rest->doubts++ == 0)
        return;
    int64_t wait_ms = (int64_t)REST_BACKOFF_MS
                      << (unsigned)(rest->doubts < 7 ? rest->doubts - 1 : 6);
    if (wait_ms > REST_WAIT_INSIDE_MS)
        wait_ms = REST_WAIT_INSIDE_MS;
    rest_limit_gate(rest, wait_ms, "its answers to writes make no sense");
}

static bool number(const char *text, const char **ret_end, int64_t *ret_value)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    *ret_value = strtoll(text, &end, 10);
    *ret_end = end;
    return true;
}

/* "…api-usage=10018/100000; api-bursts=1/750": the pair wherever it stands, whatever follows it. */
static bool read_usage(const struct http_exchange *exchange, const char *header,
                       const char *usage_after, int64_t *ret_used, int64_t *ret_max)
{
    const char *text = header ? http_header(exchange, header) : NULL;
    const char *at = text ? strstr(text, usage_after ? usage_after : "") : NULL;
    if (!at)
        return false;
    at += usage_after ? strlen(usage_after) : 0;
    int64_t used, max;
    if (!number(at, &at, &used) || *at != '/' || !number(at + 1, &at, &max))
        return false;
    *ret_used = used;
    *ret_max = max;
    return true;
}

static bool read_remaining(const struct http_exchange *exchange, const char *remaining_header,
                           const char *max_header, int64_t *ret_used, int64_t *ret_max)
{
    const char *left_text = remaining_header ? http_header(exchange, remaining_header) : NULL;
    const char *max_text = max_header ? http_header(exchange, max_header) : NULL;
    int64_t left, max;
    if (!left_text || !max_text || !number(left_text, &left_text, &left) ||
        !number(max_text, &max_text, &max))
        return false;
    *ret_used = max - left;
    *ret_max = max;
    return true;
}

static int64_t header_number(const struct http_exchange *exchange, const char *header)
{
    const char *text = header ? http_header(exchange, header) : NULL;
    int64_t value;
    return text && number(text, &text, &value) ? value : -1;
}

static struct budget_news read_news(struct rest *rest, const struct http_exchange *exchange)
{
    const struct connector *connector = rest->connector;
    struct budget_news news = {.remaining = -1};
    if (exchange->outcome != HTTP_ANSWERED)
        return news;
    if (read_usage(exchange, connector->quota.header, connector->quota.usage_after, &news.used,
                   &news.max) ||
        read_remaining(exchange, connector->quota.remaining_header, connector->quota.max_header,
                       &news.used, &news.max))
        metric_set(rest->quota_left, (double)(news.max - news.used));
    int64_t requests = header_number(exchange, connector->rate.max_header);
    int64_t window_ms = header_number(exchange, connector->rate.interval_header);
    if (requests > 0 && window_ms > 0) {
        news.requests = requests;
        news.window_ms = window_ms;
        news.remaining = header_number(exchange, connector->rate.remaining_header);
    }
    return news;
}

int rest_limit_open(struct rest *rest, struct err *err)
{
    const struct connector_limits *limits = &rest->connector->limits;
    const struct budget_terms terms = {.requests = limits->requests,
                                       .window_ms = limits->window_ms,
                                       .reserve_percent = limits->reserve_percent,
                                       .request_ms = limits->timeout_ms};
    const struct migration *migration = rest->migration;
    rest->budget = budget_open(migration && migration->redis.address ? &migration->redis : NULL,
                               migration ? migration->ns : "check", rest->settings->account, &terms,
                               rest->clock, err);
    return rest->budget ? 0 : -1;
}

bool rest_limit_admits(struct rest_call *call)
{
    struct rest *rest = call->rest;
    char why[BUDGET_WHY_BYTES];
    int64_t wait_ms = budget_take(rest->budget, call->op->priority, &call->ticket, why);
    int64_t now_ms = rest_now_ms(rest);
    if (wait_ms == 0) {
        call->begged_ms = 0;
        return true;
    }
    if (call->begged_ms == 0) {
        call->begged_ms = now_ms;
        metric_add(rest->budget_waits, 1);
    }
    /* Those in flight may give their places back sooner: it asks often, but not for long. */
    if (wait_ms > REST_WAIT_INSIDE_MS || now_ms - call->begged_ms > REST_WAIT_INSIDE_MS ||
        service_stopping()) {
        err_set(&call->err, ERR_RETRY, "%s: %s", rest->settings->name, why);
        call->begged_ms = 0;
        rest_call_over(call, REST_LATER, wait_ms);
        return false;
    }
    call->phase = PHASE_WAIT;
    call->due_ms = now_ms + (wait_ms < REST_BEG_MS ? wait_ms : REST_BEG_MS);
    return false;
}

void rest_limit_refused(struct rest *rest, int64_t retry_after_ms, const char *why)
{
    rest_limit_gate(rest, retry_after_ms, why);
    rest->refused_ms = retry_after_ms;
}

void rest_limit_release(struct rest_call *call)
{
    struct rest *rest = call->rest;
    const struct budget_news news = read_news(rest, &call->op->exchange);
    budget_give(rest->budget, call->ticket, &news, rest->refused_ms, rest->gate_why);
    call->ticket = 0;
    rest->refused_ms = 0;
}
