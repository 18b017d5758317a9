/*
 * budget — see budget.h. What is shared stands in Redis and is changed by two scripts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "remote/budget_internal.h"

enum {
    REDIS_TIMEOUT_MS = 500,
    REDIS_AGAIN_MS = 2000, /* after a failure nobody asks Redis for so long */
    TELL_MS = 1000,        /* how often Redis hears of the day where nothing else is to be said */
    FREE_MS = 100          /* where no limit is known, a process asks so often */
};

/* By priority: of the places, and of the day at once. */
static const struct {
    const char *name;
    int share_percent, pace_percent;
} PRIORITIES[BUDGET_PRIORITY_COUNT] = {
    {"live", 100, 100}, {"refresh", 85, 40}, {"backfill", 70, 20}};

struct budget *budget_open(const struct redis_settings *settings, const char *ns,
                           const char *account, const struct budget_terms *terms,
                           const struct clock *clock, struct err *err)
{
    struct budget *budget = calloc(1, sizeof(*budget));
    if (!budget) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    budget->clock = clock;
    budget->terms = *terms;
    (void)snprintf(budget->key, sizeof(budget->key), "tandem:budget:%.100s", account);
    (void)snprintf(budget->places_key, sizeof(budget->places_key), "%s:places", budget->key);
    (void)snprintf(budget->who, sizeof(budget->who), "%.40s %.32s", ns,
                   program_invocation_short_name);
    random_hex(budget->instance);
    if (!settings) {
        budget->alone.on = true;
        return budget;
    }
    budget->redis = redis_open(settings, REDIS_TIMEOUT_MS, err);
    if (budget->redis)
        return budget;
    free(budget);
    return NULL;
}

void budget_close(struct budget *budget)
{
    if (!budget)
        return;
    redis_close(budget->redis);
    free(budget);
}

/* ---- calls of the scripts ---- */

enum { WORDS_MAX = 16 };
struct call {
    const char *words[WORDS_MAX];
    size_t lens[WORDS_MAX];
    char numbers[WORDS_MAX][24];
    int count;
};

static void put_word(struct call *call, const char *word)
{
    call->words[call->count] = word;
    call->lens[call->count++] = strlen(word);
}

static void put_number(struct call *call, int64_t number)
{
    char *text = call->numbers[call->count];
    (void)snprintf(text, sizeof(call->numbers[0]), "%" PRId64, number);
    put_word(call, text);
}

/* The keys, and the member of a request. */
static void begin_call(const struct budget *budget, struct call *call, uint64_t ticket,
                       char member[160])
{
    member[0] = '\0';
    if (ticket)
        (void)snprintf(member, 160, "%s#%s-%" PRIu64, budget->who, budget->instance, ticket);
    call->count = 0;
    put_word(call, budget->key);
    put_word(call, budget->places_key);
    put_word(call, member);
}

/* False: Redis is away. */
static bool ask(struct budget *budget, struct redis_script *script, struct call *call,
                redisReply **ret_reply)
{
    int64_t now_ms = clock_mono_ms(budget->clock);
    struct err err = ERR_INIT;
    bool changed = false;
    if (!budget->redis || now_ms < budget->redis_after_ms)
        return false;
    if (redis_ensure(budget->redis, &changed, &err) == 0 &&
        redis_eval(budget->redis, script, ret_reply, &err, 2, call->count, call->words,
                   call->lens) == 0) {
        if (budget->alone.on)
            log_info("the budget is shared again", log_str("budget", budget->key));
        budget->alone.on = false;
        return true;
    }
    budget->redis_after_ms = now_ms + REDIS_AGAIN_MS;
    if (!budget->alone.on) {
        log_warn("the budget is not shared: keeping to a quarter of it",
                 log_str("budget", budget->key), log_str("why", err.text));
        budget_alone_begin(budget);
    }
    return false;
}

static int64_t number_of(const redisReply *reply, size_t at)
{
    return reply->type == REDIS_REPLY_ARRAY && at < reply->elements &&
                   reply->element[at]->type == REDIS_REPLY_INTEGER
               ? reply->element[at]->integer
               : 0;
}

static const char *words_of(const redisReply *reply, size_t at)
{
    return reply->type == REDIS_REPLY_ARRAY && at < reply->elements && reply->element[at]->str
               ? reply->element[at]->str
               : "";
}

/* ---- for rest ---- */

void budget_explain(const struct budget *budget, enum budget_hold hold, int64_t first,
                    int64_t second, const char *words, char why[BUDGET_WHY_BYTES])
{
    switch (hold) {
    case BUDGET_HOLD_NONE:
        why[0] = '\0';
        return;
    case BUDGET_HOLD_GATE:
        (void)snprintf(why, BUDGET_WHY_BYTES, "%.*s", BUDGET_WHY_BYTES - 1, words);
        return;
    case BUDGET_HOLD_DAY:
        (void)snprintf(why, BUDGET_WHY_BYTES,
                       "%" PRId64 " of the day's %" PRId64 " requests are used, %" PRId64
                       " %% stay reserved for people, and backfill is spread over the day",
                       first, second, budget->terms.reserve_percent);
        return;
    case BUDGET_HOLD_WINDOW:
        (void)snprintf(why, BUDGET_WHY_BYTES,
                       "%" PRId64 " requests in %" PRId64 " ms are as many as may be made", first,
                       second);
        return;
    }
}

/* Redis may have lost what an answer told us. */
static bool limited(const struct budget *budget)
{
    return budget->known.requests > 0 || budget->known.max > 0;
}

int64_t budget_take(struct budget *budget, enum budget_priority priority, uint64_t *ret_ticket,
                    char why[BUDGET_WHY_BYTES])
{
    uint64_t ticket = budget->next + 1;
    char member[160], who[96];
    struct call call;
    redisReply *reply = NULL;
    if (clock_mono_ms(budget->clock) < budget->free_until_ms) {
        budget->untold[priority]++;
        budget->next = *ret_ticket = ticket;
        return 0;
    }
    begin_call(budget, &call, ticket, member);
    (void)snprintf(who, sizeof(who), "%s %s", budget->who, PRIORITIES[priority].name);
    put_word(&call, who);
    put_number(&call, PRIORITIES[priority].share_percent);
    put_number(&call, PRIORITIES[priority].pace_percent);
    put_number(&call, budget->terms.request_ms);
    put_number(&call, budget->terms.requests);
    put_number(&call, budget->terms.window_ms);
    put_number(&call, budget->terms.reserve_percent);
    put_number(&call, 1 + budget->untold[priority]);
    int64_t wait_ms;
    if (ask(budget, &BUDGET_TAKE, &call, &reply)) {
        wait_ms = number_of(reply, 0);
        if (wait_ms == 0)
            budget->untold[priority] = 0;
        if (wait_ms == 0 && number_of(reply, 2) == 1 && !limited(budget))
            budget->free_until_ms = clock_mono_ms(budget->clock) + FREE_MS;
        budget_explain(budget, (enum budget_hold)number_of(reply, 1), number_of(reply, 2),
                       number_of(reply, 3), words_of(reply, 4), why);
        freeReplyObject(reply);
    } else {
        wait_ms = budget_alone_take(budget, ticket, why);
    }
    if (wait_ms > 0)
        return wait_ms;
    budget->next = *ret_ticket = ticket;
    return 0;
}

static void learn(struct budget *budget, const struct budget_news *news)
{
    if (news->requests > 0) {
        budget->known.requests = news->requests;
        budget->known.window_ms = news->window_ms;
    }
    if (news->max > 0) {
        budget->known.used = news->used;
        budget->known.max = news->max;
        budget->day_ms = clock_mono_ms(budget->clock);
    }
}

void budget_give(struct budget *budget, uint64_t ticket, const struct budget_news *news,
                 int64_t gate_ms, const char *why)
{
    char member[160];
    struct call call;
    redisReply *reply = NULL;
    int64_t now_ms = clock_mono_ms(budget->clock);
    learn(budget, news);
    if (news->requests > 0 || news->max > 0 || gate_ms > 0)
        budget->free_until_ms = 0;
    budget_alone_give(budget, ticket);
    bool windows = budget->terms.requests > 0 || budget->known.requests > 0;
    if (!windows && gate_ms == 0 &&
        (news->max <= 0 || (budget->told_ms && now_ms - budget->told_ms < TELL_MS)))
        return;
    begin_call(budget, &call, ticket, member);
    put_number(&call, news->requests);
    put_number(&call, news->window_ms);
    put_number(&call, news->remaining);
    put_number(&call, news->used);
    put_number(&call, news->max);
    put_number(&call, gate_ms);
    put_word(&call, why);
    put_number(&call, budget->terms.window_ms);
    put_number(&call, budget->terms.reserve_percent);
    if (ask(budget, &BUDGET_GIVE, &call, &reply)) {
        budget->told_ms = now_ms;
        freeReplyObject(reply);
    }
}
