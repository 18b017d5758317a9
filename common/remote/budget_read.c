/*
 * budget_read — a budget for people; see budget.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/budget_internal.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static int64_t number(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_INTEGER ? reply->integer
           : reply->str                       ? strtoll(reply->str, NULL, 10)
                                              : 0;
}

static void take_budget(const redisReply *reply, int64_t now_ms, struct budget_state *state)
{
    int64_t until_ms = number(reply->element[4]);
    state->known = reply->element[6]->str != NULL;
    state->requests = number(reply->element[0]);
    state->window_ms = number(reply->element[1]);
    state->used = number(reply->element[2]);
    state->max = number(reply->element[3]);
    if (until_ms <= now_ms)
        return;
    state->wait_ms = until_ms - now_ms;
    (void)snprintf(state->why, sizeof(state->why), "%s",
                   reply->element[5]->str ? reply->element[5]->str : "");
}

static int by_requests(const void *a, const void *b)
{
    const struct budget_user *one = a, *other = b;
    return (one->requests < other->requests) - (one->requests > other->requests);
}

static void take_users(const redisReply *reply, struct budget_state *state)
{
    for (size_t i = 0; i + 1 < reply->elements && state->user_count < BUDGET_USERS_MAX; i += 2) {
        struct budget_user *user = &state->users[state->user_count++];
        (void)snprintf(user->who, sizeof(user->who), "%s",
                       reply->element[i]->str ? reply->element[i]->str : "");
        user->requests = number(reply->element[i + 1]);
    }
    qsort(state->users, (size_t)state->user_count, sizeof(state->users[0]), by_requests);
}

static int read_clock(struct budget *budget, int64_t *ret_now_ms, struct err *err)
{
    const char *word = "TIME";
    const size_t len = 4;
    redisReply *reply = NULL;
    if (redis_command(budget->redis, &reply, err, 1, &word, &len) != 0)
        return -1;
    *ret_now_ms = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2
                      ? number(reply->element[0]) * 1000 + number(reply->element[1]) / 1000
                      : 0;
    freeReplyObject(reply);
    return 0;
}

int budget_read(struct budget *budget, struct budget_state *ret_state, struct err *err)
{
    char day[160], now[24];
    int64_t now_ms = 0;
    bool changed;
    *ret_state = (struct budget_state){0};
    if (redis_ensure(budget->redis, &changed, err) != 0 || read_clock(budget, &now_ms, err) != 0)
        return -1;
    (void)snprintf(day, sizeof(day), "%s:%" PRId64, budget->key, now_ms / DAY_MS);
    (void)snprintf(now, sizeof(now), "(%" PRId64, now_ms);
    const char *words[] = {
        "HMGET", budget->key, "requests",         "window", "used", "max",     "until", "why",
        "known", "ZCOUNT",    budget->places_key, now,      "+inf", "HGETALL", day};
    static const int COUNTS[] = {9, 4, 2};
    size_t lens[sizeof(words) / sizeof(words[0])];
    redisReply *replies[3] = {NULL};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        lens[i] = strlen(words[i]);
    if (redis_pipeline(budget->redis, replies, err, 3, COUNTS, words, lens) != 0)
        return -1;
    if (replies[0]->type == REDIS_REPLY_ARRAY && replies[0]->elements == 7)
        take_budget(replies[0], now_ms, ret_state);
    ret_state->places = number(replies[1]);
    take_users(replies[2], ret_state);
    redis_replies_free(replies, 3);
    return 0;
}
