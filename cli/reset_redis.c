/*
 * reset_redis — the keys of one entity, by their exact names (consumers/apply/store.h), never by a pattern that another entity's or
 * migration's could match.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/reset.h"
#include "remote/redis.h"

enum { TIMEOUT_MS = 5000, KEY_BYTES = 256, SCAN_COUNT = 1000 };

static const char *const HASHES[] = {"rows", "index", "claims", "ops", "match", "listed", "mark"};
static const char *const FAMILIES[] = {"waits", "due"}; /* "<family>:<entity>:…" */

static int command(struct redis *redis, redisReply **ret_reply, struct err *err, int argc,
                   const char **argv)
{
    size_t lens[8];
    for (int i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    return redis_command(redis, ret_reply, err, argc, argv, lens);
}

static int ask(struct redis *redis, const char *verb, const char *key, int64_t *ret_count,
               struct err *err)
{
    redisReply *reply = NULL;
    const char *words[] = {verb, key};
    if (command(redis, &reply, err, 2, words) != 0)
        return -1;
    *ret_count += reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    freeReplyObject(reply);
    return 0;
}

static int page_of_family(struct redis *redis, const redisReply *page, const char *verb,
                          int64_t *ret_count, struct err *err)
{
    for (size_t i = 0; i < page->elements; i++) {
        redisReply *reply = NULL;
        const char *words[] = {verb, page->element[i]->str};
        const size_t lens[] = {strlen(verb), page->element[i]->len};
        if (redis_command(redis, &reply, err, 2, words, lens) != 0)
            return -1;
        *ret_count += reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
        freeReplyObject(reply);
    }
    return 0;
}

/* Names hold neither colons nor what a glob would take for more than itself (model/migration). */
static int family(struct redis *redis, const char *pattern, const char *verb, int64_t *ret_count,
                  struct err *err)
{
    char cursor[32] = "0", many[16];
    (void)snprintf(many, sizeof(many), "%d", SCAN_COUNT);
    do {
        redisReply *reply = NULL;
        const char *words[] = {"SCAN", cursor, "MATCH", pattern, "COUNT", many};
        if (command(redis, &reply, err, 6, words) != 0)
            return -1;
        int failed = reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
                         ? err_set(err, ERR_RETRY, "redis answers SCAN with something else")
                         : page_of_family(redis, reply->element[1], verb, ret_count, err);
        if (!failed)
            (void)snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
        freeReplyObject(reply);
        if (failed)
            return -1;
    } while (strcmp(cursor, "0") != 0);
    return 0;
}

static int walk(struct redis *redis, const struct migration *migration, const struct entity *entity,
                const char *verb, int64_t *ret_count, struct err *err)
{
    char key[KEY_BYTES];
    for (size_t i = 0; i < sizeof(HASHES) / sizeof(HASHES[0]); i++) {
        (void)snprintf(key, sizeof(key), "tandem:%s:%s:%s", migration->ns, HASHES[i], entity->name);
        if (ask(redis, verb, key, ret_count, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof(FAMILIES) / sizeof(FAMILIES[0]); i++) {
        (void)snprintf(key, sizeof(key), "tandem:%s:%s:%s:*", migration->ns, FAMILIES[i],
                       entity->name);
        if (family(redis, key, verb, ret_count, err) != 0)
            return -1;
    }
    return 0;
}

int reset_redis(const struct migration *migration, const struct entity *entity, bool really,
                int64_t *ret_keys, int64_t *ret_operations, struct err *err)
{
    char operations[KEY_BYTES];
    bool changed;
    struct redis *redis = redis_open(&migration->redis, TIMEOUT_MS, err);
    (void)snprintf(operations, sizeof(operations), "tandem:%s:ops:%s", migration->ns, entity->name);
    *ret_keys = *ret_operations = 0;
    int failed = !redis || redis_ensure(redis, &changed, err) != 0 ||
                 ask(redis, "HLEN", operations, ret_operations, err) != 0 ||
                 walk(redis, migration, entity, really && !*ret_operations ? "UNLINK" : "EXISTS",
                      ret_keys, err) != 0;
    redis_close(redis);
    return failed ? -1 : 0;
}
