/*
 * store_fixture — a real Redis and an open, empty store of consumers/apply in which partition 0 belongs to epoch 7.
 */
#ifndef TANDEM_TEST_STORE_FIXTURE_H
#define TANDEM_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/apply/store.h"
#include "support/services.h"

static struct services services;
static struct migration migration;
static struct entity entity = {.name = "contact"};
static struct store *store;
static struct arena arena;
static int64_t epochs[2] = {7, -1};
static struct store_owner owner = {&entity, epochs, 2};

#define TEXT(...) span_of(arena_printf(&arena, __VA_ARGS__))

static int start(void **state)
{
    (void)state;
    if (services_start(&services, SERVICE_REDIS) < 0)
        return -1;
    migration.ns = "t";
    migration.redis.address = services.redis_address;
    arena_init(&arena);
    struct err err = ERR_INIT;
    store = store_open(&migration, &err);
    return store ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    store_close(store);
    arena_clear(&arena);
    services_stop(&services);
    return 0;
}

static int open_store(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    bool changed = false, mine = false;
    int64_t mark = -1, mark_epoch = -1;
    arena_reset(&arena);
    assert_int_not_equal(store_ensure(store, &changed, &err), STORE_AWAY);
    err_clear(&err);
    assert_int_equal(store_rebuild_lease(store, 60000, &mine, &err), STORE_OK);
    assert_true(mine);
    assert_int_equal(store_rebuild_clear(store, &err), STORE_OK);
    assert_int_equal(store_rebuild_open(store, &err), STORE_OK);
    assert_int_equal(store_ensure(store, &changed, &err), STORE_OK);
    assert_true(changed);
    assert_int_equal(store_take(store, &entity, 0, 7, &mark, &mark_epoch, &err), STORE_OK);
    assert_int_equal(mark, 0);
    return 0;
}

/* A connection of the test's own. */
static inline redisContext *redis_direct(void)
{
    char host[64];
    const char *colon = strrchr(services.redis_address, ':');
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - services.redis_address),
                   services.redis_address);
    redisContext *redis = redisConnect(host, (int)strtol(colon + 1, NULL, 10));
    assert_non_null(redis);
    return redis;
}

/* One command; the type of its answer. */
static inline int redis_say(const char *command)
{
    redisContext *redis = redis_direct();
    redisReply *reply = redisCommand(redis, command);
    assert_non_null(reply);
    int type = reply->type;
    freeReplyObject(reply);
    redisFree(redis);
    return type;
}

/* The record key that has a claim, SPAN_NONE if nobody has it; in arena. */
static inline struct span holder_of(struct span claim)
{
    redisContext *redis = redis_direct();
    redisReply *reply =
        redisCommand(redis, "HGET tandem:t:claims:contact %b", claim.data, claim.len);
    assert_non_null(reply);
    struct span key = SPAN_NONE;
    if (reply->type == REDIS_REPLY_STRING)
        key = arena_copy(&arena, (struct span){reply->str, reply->len});
    freeReplyObject(reply);
    redisFree(redis);
    return key;
}

#endif
