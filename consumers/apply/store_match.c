/*
 * store_match — the match index; see store.h. Nothing is ever removed from it, and it is only a memory of what was listed, read or written:
 * so it needs no guard, and is told before the row that follows.
 */
#include <string.h>

#include "base/map.h"
#include "scripts.h"
#include "store_internal.h"

/* The ids under a name with one more; SPAN_NONE: it is in. */
static struct span with(struct span known, struct span id, struct arena *arena)
{
    if (known.len == 0)
        return id;
    const char *at = known.data, *end = known.data + known.len;
    while (at <= end) {
        const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
        if (span_equal((struct span){at, (size_t)(stop - at)}, id))
            return SPAN_NONE;
        at = stop + 1;
    }
    return ARENA_JOIN(arena, known, span_of(","), id);
}

/* One name, and what will stand under it. */
struct change {
    struct span name, ids;
};

/* Returns how many; one name may be told of several ids. */
static int changes_of(const struct store_match *adds, int n, const redisReply *known,
                      struct arena *arena, struct change *changes)
{
    struct map by_name;
    int count = 0;
    map_init(&by_name, (size_t)n, arena);
    for (int i = 0; i < n; i++) {
        const redisReply *text = known->element[i];
        struct change *change = map_get(&by_name, adds[i].name);
        struct span before = change ? change->ids
                             : text->type == REDIS_REPLY_STRING
                                 ? (struct span){text->str, text->len}
                                 : SPAN_NONE;
        struct span ids = with(before, adds[i].id, arena);
        if (!ids.data)
            continue;
        if (!change) {
            change = &changes[count++];
            change->name = adds[i].name;
            map_put(&by_name, change->name, change);
        }
        change->ids = ids;
    }
    return count;
}

/* ret_done false: somebody else told it something meanwhile. */
static enum store_outcome add_watched(struct store *store, const struct entity *entity,
                                      const struct store_match *adds, int n, bool *ret_done,
                                      struct err *err)
{
    struct arena arena;
    redisReply **replies = NULL;
    int count = 0;
    store_begin_command(store);
    store_next(store, "WATCH", "match", entity->name);
    store_next(store, "HMGET", "match", entity->name);
    for (int i = 0; i < n; i++)
        store_push(&store->args, adds[i].name);
    enum store_outcome outcome = store_pipeline(store, &replies, err);
    if (outcome != STORE_OK) {
        store_unwatch(store);
        return outcome;
    }
    arena_init(&arena);
    struct change *changes = arena_new(&arena, struct change, n);
    if (store_holds(replies[1], n))
        count = changes_of(adds, n, replies[1], &arena, changes);
    *ret_done = count == 0 && store_holds(replies[1], n);
    if (count == 0) {
        redis_replies_free(replies, store->args.commands);
        store_unwatch(store);
        arena_clear(&arena);
        return STORE_OK;
    }
    redis_replies_free(replies, store->args.commands);
    store_begin_command(store);
    store_next(store, "MULTI", NULL, NULL);
    store_next(store, "HSET", "match", entity->name);
    for (int i = 0; i < count; i++) {
        store_push(&store->args, changes[i].name);
        store_push(&store->args, changes[i].ids);
    }
    store_next(store, "EXEC", NULL, NULL);
    outcome = store_execute(store, ret_done, err);
    arena_clear(&arena);
    return outcome;
}

static enum store_outcome add_by_script(struct store *store, const struct entity *entity,
                                        const struct store_match *adds, int n, struct err *err)
{
    store_begin_script(store, entity->name, NULL, NULL);
    store_push_int(&store->args, n);
    for (int i = 0; i < n; i++) {
        store_push(&store->args, adds[i].name);
        store_push(&store->args, adds[i].id);
    }
    return store_eval(store, &SCRIPT_MATCH, NULL, err);
}

enum store_outcome store_match_add(struct store *store, const struct entity *entity,
                                   const struct store_match *adds, int n, struct err *err)
{
    bool done = false;
    if (n == 0)
        return STORE_OK;
    enum store_outcome outcome = add_watched(store, entity, adds, n, &done, err);
    if (outcome == STORE_OK && !done)
        outcome = add_by_script(store, entity, adds, n, err);
    return outcome;
}

enum store_outcome store_listed(struct store *store, const struct entity *entity, bool set,
                                bool *ret_listed, struct err *err)
{
    store_begin_command(store);
    store_push_text(&store->args, set ? "SET" : "GET");
    store_push_text(&store->args,
                    arena_printf(&store->args.numbers, "%slisted:%s", store->prefix, entity->name));
    if (set)
        store_push_text(&store->args, store->incarnation);
    redisReply *reply = NULL;
    enum store_outcome outcome = store_command(store, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    *ret_listed =
        set || (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, store->incarnation) == 0);
    freeReplyObject(reply);
    return STORE_OK;
}
