/*
 * test_budget — the requests of one account, shared by several processes, on a real Redis: never more than the limit wherever a window is laid,
 * the order of priorities, the gate and the day for all, and what happens when Redis forgets or goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "remote/budget.h"
#include "remote/redis.h"
#include "support/services.h"

static struct services services;
static struct redis_settings settings;
static char why[BUDGET_WHY_BYTES];

static int64_t now_ms(void)
{
    return clock_mono_ms(&CLOCK_SYSTEM);
}

static struct budget *open_budget(const char *account, int64_t requests, int64_t window_ms,
                                  int64_t reserve)
{
    struct err err = ERR_INIT;
    const struct budget_terms terms = {.requests = requests,
                                       .window_ms = window_ms,
                                       .reserve_percent = reserve,
                                       .request_ms = 1000};
    struct budget *budget = budget_open(&settings, "t", account, &terms, &CLOCK_SYSTEM, &err);
    assert_non_null(budget);
    return budget;
}

static void command(const char *words)
{
    char text[200];
    const char *argv[8];
    size_t lens[8];
    int argc = 0;
    bool changed;
    struct err err = ERR_INIT;
    redisReply *reply = NULL;
    struct redis *redis = redis_open(&settings, 1000, &err);
    (void)snprintf(text, sizeof(text), "%s", words);
    char *rest = text;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        argv[argc] = word;
        lens[argc++] = strlen(word);
    }
    assert_int_equal(redis_ensure(redis, &changed, &err), 0);
    if (redis_command(redis, &reply, &err, argc, argv, lens) == 0)
        freeReplyObject(reply);
    redis_close(redis);
}

static const struct budget_news NOTHING = {.remaining = -1};

/* The first who asks after Redis knew nothing waits a window out. */
static void wait_open(struct budget *budget)
{
    uint64_t ticket;
    int64_t until_ms = now_ms() + 20000, wait_ms;
    while ((wait_ms = budget_take(budget, BUDGET_LIVE, &ticket, why)) > 0) {
        assert_true(now_ms() < until_ms);
        assert_true(wait_ms <= 20000);
    }
    budget_give(budget, ticket, &NOTHING, 0, "");
}

enum { BUDGETS = 3, LIMIT = 5, WINDOW_MS = 300, SENT_MAX = 2000 };

/* Requests under way: each reaches the system and is answered after times of its own. */
struct request {
    int budget;
    uint64_t ticket;
    int64_t executed_ms, answered_ms;
    bool given;
};

static void nowhere_more_than_the_limit(void **state)
{
    (void)state;
    static struct request sent[SENT_MAX];
    struct budget *budgets[BUDGETS];
    int count = 0;
    unsigned seed = 7;
    for (int i = 0; i < BUDGETS; i++)
        budgets[i] = open_budget("exact", LIMIT, WINDOW_MS, 0);
    wait_open(budgets[0]);
    int64_t end_ms = now_ms() + 3000;
    while (now_ms() < end_ms && count < SENT_MAX) {
        for (int b = 0; b < BUDGETS && count < SENT_MAX; b++) {
            uint64_t ticket;
            if (budget_take(budgets[b], BUDGET_LIVE, &ticket, why) > 0)
                continue;
            int64_t executed_ms = now_ms() + rand_r(&seed) % 80;
            sent[count++] =
                (struct request){b, ticket, executed_ms, executed_ms + rand_r(&seed) % 40, false};
        }
        for (int i = 0; i < count; i++)
            if (!sent[i].given && sent[i].answered_ms <= now_ms()) {
                budget_give(budgets[sent[i].budget], sent[i].ticket, &NOTHING, 0, "");
                sent[i].given = true;
            }
    }
    for (int i = 0; i < count; i++) {
        int within = 0;
        for (int k = 0; k < count; k++)
            within += sent[k].executed_ms >= sent[i].executed_ms &&
                      sent[k].executed_ms < sent[i].executed_ms + WINDOW_MS;
        assert_in_range(within, 1, LIMIT);
    }
    assert_true(count > 2 * LIMIT); /* and it goes on */
    for (int i = 0; i < BUDGETS; i++)
        budget_close(budgets[i]);
}

static int take_all(struct budget *budget, enum budget_priority priority)
{
    uint64_t ticket;
    int count = 0;
    while (budget_take(budget, priority, &ticket, why) == 0)
        count++;
    return count;
}

static void live_changes_find_a_place(void **state)
{
    (void)state;
    struct budget *one = open_budget("order", 25, 600000, 20), *other;
    command("HSET tandem:budget:order known 1");
    other = open_budget("order", 25, 600000, 20);
    assert_int_equal(take_all(one, BUDGET_BACKFILL), 14); /* 70 % of the 20 that are ours */
    assert_int_equal(take_all(other, BUDGET_BACKFILL), 0);
    assert_int_equal(take_all(other, BUDGET_REFRESH), 3);
    assert_int_equal(take_all(other, BUDGET_LIVE), 3);
    assert_string_equal(why, "20 requests in 600000 ms are as many as may be made");

    struct budget_state now;
    struct err err = ERR_INIT;
    assert_int_equal(budget_read(one, &now, &err), 0);
    assert_true(now.known);
    assert_int_equal(now.places, 20);
    assert_int_equal(now.user_count, 3);
    assert_int_equal(now.users[0].requests, 14);
    assert_non_null(strstr(now.users[0].who, " backfill"));
    budget_close(one);
    budget_close(other);
}

static void what_headers_say_holds_for_all(void **state)
{
    (void)state;
    struct budget *one = open_budget("headers", 0, 1000, 10);
    struct budget *other = open_budget("headers", 0, 1000, 10);
    uint64_t ticket;
    assert_int_equal(budget_take(one, BUDGET_LIVE, &ticket, why), 0);
    const struct budget_news news = {.requests = 4, .window_ms = 60000, .remaining = 3};
    budget_give(one, ticket, &news, 0, "");
    assert_int_equal(take_all(other, BUDGET_LIVE), 2); /* 3 of 4 are ours, one is in use */

    /* A 429 that one of them saw. */
    budget_give(one, 0, &NOTHING, 30000, "limit reached");
    assert_in_range(budget_take(other, BUDGET_LIVE, &ticket, why), 20000, 30000);
    assert_string_equal(why, "limit reached");
    budget_close(one);
    budget_close(other);

    /* Somebody else uses the account: 1 of 100 is left, 10 are people's. */
    one = open_budget("others", 0, 1000, 10);
    assert_int_equal(budget_take(one, BUDGET_LIVE, &ticket, why), 0);
    const struct budget_news scarce = {.requests = 100, .window_ms = 60000, .remaining = 1};
    budget_give(one, ticket, &scarce, 0, "");
    assert_in_range(budget_take(one, BUDGET_LIVE, &ticket, why), 1, 6000);
    assert_non_null(strstr(why, "others use this account"));
    budget_close(one);
}

/* Nothing to share: Redis hears of the requests later, all of them, and a gate of somebody else is heard. */
static void without_a_limit_redis_is_asked_seldom(void **state)
{
    (void)state;
    struct budget *one = open_budget("free", 0, 1000, 0), *other = open_budget("free", 0, 1000, 0);
    struct budget_state found = {0};
    struct err err = ERR_INIT;
    uint64_t ticket;
    int64_t taken = 0, first = 0, end_ms = now_ms() + 20000;
    for (; taken < 200; taken++)
        assert_int_equal(budget_take(one, BUDGET_REFRESH, &ticket, why), 0);
    assert_int_equal(budget_read(one, &found, &err), 0);
    first = found.users[0].requests;
    assert_in_range(first, 1, taken);
    while (found.users[0].requests < 200) {
        assert_true(now_ms() < end_ms);
        assert_int_equal(budget_take(one, BUDGET_REFRESH, &ticket, why), 0);
        taken++;
        assert_int_equal(budget_read(one, &found, &err), 0);
        assert_in_range(found.users[0].requests, first, taken);
    }
    assert_int_equal(budget_take(other, BUDGET_LIVE, &ticket, why), 0);
    budget_give(other, ticket, &NOTHING, 60000, "refused");
    while (budget_take(one, BUDGET_REFRESH, &ticket, why) == 0)
        assert_true(now_ms() < end_ms);
    assert_string_equal(why, "refused");
    budget_close(one);
    budget_close(other);
}

static void the_day_is_not_used_up(void **state)
{
    (void)state;
    struct budget *budget = open_budget("day", 0, 1000, 10);
    struct budget_news news = {.remaining = -1, .used = 90, .max = 100};
    uint64_t ticket;
    budget_give(budget, 0, &news, 0, "");
    assert_in_range(budget_take(budget, BUDGET_LIVE, &ticket, why), 30000, 60000);
    assert_non_null(strstr(why, "90 of the day's 100 requests are used, 10 % stay reserved"));
    budget_close(budget);

    /* Backfill is spread: a fifth of the 90 is free at once, all of it only at the day's end. */
    budget = open_budget("pace", 0, 1000, 10);
    news.used = 17;
    budget_give(budget, 0, &news, 0, "");
    assert_int_equal(budget_take(budget, BUDGET_BACKFILL, &ticket, why), 0);
    budget_close(budget);
    budget = open_budget("pace-late", 0, 1000, 10);
    news.used = 89;
    budget_give(budget, 0, &news, 0, "");
    if (clock_wall_ms(&CLOCK_SYSTEM) % 86400000 < 84600000) /* before 23:30 UTC */
        assert_true(budget_take(budget, BUDGET_BACKFILL, &ticket, why) > 0);
    assert_int_equal(budget_take(budget, BUDGET_LIVE, &ticket, why), 0);
    budget_close(budget);
}

static void a_redis_that_forgot_costs_a_window(void **state)
{
    (void)state;
    struct budget *budget = open_budget("lost", 10, 60000, 0);
    uint64_t ticket;
    command("HSET tandem:budget:lost known 1");
    assert_int_equal(budget_take(budget, BUDGET_LIVE, &ticket, why), 0);
    command("FLUSHALL");
    assert_in_range(budget_take(budget, BUDGET_LIVE, &ticket, why), 50000, 60000);
    assert_string_equal(why, "what was used before is not known");
    budget_close(budget);
}

/* The last test: it ends the server. */
static void without_redis_a_quarter(void **state)
{
    (void)state;
    enum { SHORT_MS = 100 };
    struct budget *budget = open_budget("gone", 20, SHORT_MS, 0);
    wait_open(budget);
    command("SHUTDOWN NOSAVE");
    uint64_t ticket;
    assert_in_range(budget_take(budget, BUDGET_LIVE, &ticket, why), 1, SHORT_MS);
    assert_non_null(strstr(why, "Redis is away"));
    int64_t until_ms = now_ms() + 20000;
    while (budget_take(budget, BUDGET_LIVE, &ticket, why) > 0)
        assert_true(now_ms() < until_ms);
    assert_int_equal(take_all(budget, BUDGET_LIVE), 4); /* with the one before: a quarter of 20 */
    budget_close(budget);
}

static int start(void **state)
{
    (void)state;
    if (services_start(&services, SERVICE_REDIS) != 0)
        return -1;
    settings = (struct redis_settings){.address = services.redis_address};
    return 0;
}

static int stop(void **state)
{
    (void)state;
    services_stop(&services);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nowhere_more_than_the_limit),
        cmocka_unit_test(live_changes_find_a_place),
        cmocka_unit_test(what_headers_say_holds_for_all),
        cmocka_unit_test(without_a_limit_redis_is_asked_seldom),
        cmocka_unit_test(the_day_is_not_used_up),
        cmocka_unit_test(a_redis_that_forgot_costs_a_window),
        cmocka_unit_test(without_redis_a_quarter),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
