/*
 * store_rebuild — filling an empty Redis again while the scripts are closed; see store.h. One process at a time holds the
 * lease; what it writes means nothing to anybody until the incarnation is set.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "scripts.h"
#include "store_internal.h"

enum { SCAN_COUNT = 500, DERIVE_COUNT = 500 };

static bool is_text(const redisReply *reply, const char *text)
{
    return (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS) &&
           strcmp(reply->str, text) == 0;
}

/* One plain command, run only while the lease is ours: a rebuilder that slept through it must not touch what others opened. */
static void begin_leased(struct store *store)
{
    store_begin_command(store);
    store_push_text(&store->args, store->prefix);
    store_push_text(&store->args, store->token);
}

static enum store_outcome leased(struct store *store, struct err *err)
{
    static struct redis_script script = {
        .name = "leased",
        .text = "if redis.call('GET', ARGV[1]..'rebuild') ~= ARGV[2] then return 'CLOSED' end\n"
                "redis.call(unpack(ARGV, 3))\n"
                "return 'OK'\n"};
    return store_eval(store, &script, NULL, err);
}

enum store_outcome store_rebuild_lease(struct store *store, int64_t lease_ms, bool *ret_mine,
                                       struct err *err)
{
    redisReply *reply = NULL;
    store_begin_command(store);
    store_push_text(&store->args, "SET");
    store_push_text(&store->args, store_key(store, "rebuild", NULL));
    store_push_text(&store->args, store->token);
    store_push_text(&store->args, "NX");
    store_push_text(&store->args, "PX");
    store_push_int(&store->args, lease_ms);
    enum store_outcome outcome = store_command(store, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    *ret_mine = is_text(reply, "OK");
    freeReplyObject(reply);
    if (*ret_mine)
        return STORE_OK;
    store_begin_command(store);
    store_push_text(&store->args, "GET");
    store_push_text(&store->args, store_key(store, "rebuild", NULL));
    outcome = store_command(store, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    *ret_mine = is_text(reply, store->token);
    freeReplyObject(reply);
    if (!*ret_mine)
        return STORE_OK;
    store_begin_command(store);
    store_push_text(&store->args, "PEXPIRE");
    store_push_text(&store->args, store_key(store, "rebuild", NULL));
    store_push_int(&store->args, lease_ms);
    outcome = store_command(store, &reply, err);
    if (outcome == STORE_OK)
        freeReplyObject(reply);
    return outcome;
}

/* UNLINK one page of SCAN; the lease stays. */
static enum store_outcome unlink_page(struct store *store, const redisReply *page, struct err *err)
{
    char lease[96];
    (void)snprintf(lease, sizeof lease, "%srebuild", store->prefix);
    int count = 0;
    begin_leased(store);
    store_push_text(&store->args, "UNLINK");
    for (size_t i = 0; i < page->elements; i++)
        if (strcmp(page->element[i]->str, lease) != 0) {
            store_push(&store->args, (struct span){page->element[i]->str, page->element[i]->len});
            count++;
        }
    return count ? leased(store, err) : STORE_OK;
}

enum store_outcome store_rebuild_clear(struct store *store, struct err *err)
{
    char cursor[32] = "0";
    do {
        store_begin_command(store);
        store_push_text(&store->args, "SCAN");
        store_push_text(&store->args, cursor);
        store_push_text(&store->args, "MATCH");
        store_push_text(&store->args, arena_printf(&store->args.numbers, "%s*", store->prefix));
        store_push_text(&store->args, "COUNT");
        store_push_int(&store->args, SCAN_COUNT);
        redisReply *reply = NULL;
        enum store_outcome outcome = store_command(store, &reply, err);
        if (outcome != STORE_OK)
            return outcome;
        bool sound = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
        if (sound) {
            (void)snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
            outcome = unlink_page(store, reply->element[1], err);
        }
        freeReplyObject(reply);
        if (outcome != STORE_OK || !sound)
            return sound ? outcome : STORE_AWAY;
    } while (strcmp(cursor, "0") != 0);
    return STORE_OK;
}

/* rows:<e> and index:<e> of n rows; the sets derived from them follow at the end, when only the last row of a key is left. */
enum store_outcome store_rebuild_rows(struct store *store, const struct entity *entity,
                                      const struct store_finish *rows, int n, struct err *err)
{
    if (n == 0)
        return STORE_OK;
    const char *names[2] = {"rows", "index"};
    for (int which = 0; which < 2; which++) {
        begin_leased(store);
        store_push_text(&store->args, "HSET");
        store_push_text(&store->args, store_key(store, names[which], entity->name));
        for (int i = 0; i < n; i++) {
            store_push(&store->args, rows[i].key);
            if (which == 0) {
                store_push(&store->args, rows[i].row);
                continue;
            }
            char *text =
                arena_printf(&store->args.numbers, "%d\n%.*s", (int)rows[i].partition,
                             (int)rows[i].index.len, rows[i].index.data ? rows[i].index.data : "");
            store_push_text(&store->args, text);
        }
        enum store_outcome outcome = leased(store, err);
        if (outcome != STORE_OK)
            return outcome;
    }
    return STORE_OK;
}

enum store_outcome store_rebuild_partition(struct store *store, const struct entity *entity,
                                           int32_t partition, int64_t epoch, int64_t mark,
                                           struct err *err)
{
    const char *names[2] = {"epoch", "mark"};
    for (int which = 0; which < 2; which++) {
        begin_leased(store);
        store_push_text(&store->args, "HSET");
        store_push_text(&store->args, store_key(store, names[which], entity->name));
        store_push_int(&store->args, partition);
        store_push_text(&store->args,
                        which == 0 ? arena_printf(&store->args.numbers, "%lld", (long long)epoch)
                                   : arena_printf(&store->args.numbers, "%lld %lld",
                                                  (long long)mark, (long long)epoch));
        enum store_outcome outcome = leased(store, err);
        if (outcome != STORE_OK)
            return outcome;
    }
    return STORE_OK;
}

enum store_outcome store_rebuild_derive(struct store *store, const struct entity *entity,
                                        struct err *err)
{
    char cursor[32] = "0";
    do {
        store_begin_script(store, entity->name, NULL, NULL);
        store_push_text(&store->args, cursor);
        store_push_int(&store->args, DERIVE_COUNT);
        redisReply *reply = NULL;
        enum store_outcome outcome = store_eval(store, &SCRIPT_DERIVE, &reply, err);
        if (outcome != STORE_OK)
            return outcome;
        (void)snprintf(cursor, sizeof cursor, "%s", reply->str ? reply->str : "0");
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    return STORE_OK;
}

enum store_outcome store_rebuild_open(struct store *store, struct err *err)
{
    static struct redis_script open_script = {
        .name = "open",
        .text = "if redis.call('GET', ARGV[1]..'rebuild') ~= ARGV[2] then return 'CLOSED' end\n"
                "redis.call('SET', ARGV[1]..'incarnation', ARGV[3])\n"
                "redis.call('DEL', ARGV[1]..'rebuild')\n"
                "return 'OK'\n"};
    char name[RANDOM_HEX_BYTES];
    random_hex(name);
    store_begin_command(store);
    store_push_text(&store->args, store->prefix);
    store_push_text(&store->args, store->token);
    store_push_text(&store->args,
                    arena_printf(&store->args.numbers, "%s/%s", redis_run_id(store->redis), name));
    return store_eval(store, &open_script, NULL, err);
}
