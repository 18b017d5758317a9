/*
 * store_load — what Redis knows of the records of a chunk, and of those that they refer to; see store.h. Rows are long: load is a transaction.
 */
#include <string.h>

#include "scripts.h"
#include "store_internal.h"

enum { LOAD_HASHES = 3 };

static void push_loads(struct store *store, const struct store_owner *owner,
                       const struct store_load *loads, int n, int names)
{
    static const char *const hashes[LOAD_HASHES] = {"rows", "ops", "index"};
    for (int h = 0; h < LOAD_HASHES; h++) {
        store_next(store, "HMGET", hashes[h], owner->entity->name);
        for (int i = 0; i < n; i++)
            store_push(&store->args, loads[i].key);
    }
    if (names == 0) /* the command wants one at least */
        return;
    store_next(store, "HMGET", "match", owner->entity->name);
    for (int i = 0; i < n; i++)
        for (int m = 0; m < loads[i].match_count; m++)
            store_push(&store->args, loads[i].match[m]);
}

/* answers: those of push_loads. */
static bool take_loads(redisReply *const *answers, struct store_load *loads, int n, int names,
                       struct arena *arena)
{
    int name = 0;
    for (int h = 0; h < LOAD_HASHES; h++)
        if (!store_holds(answers[h], n))
            return false;
    if (names && !store_holds(answers[LOAD_HASHES], names))
        return false;
    for (int i = 0; i < n; i++) {
        loads[i].row = store_reply_span(answers[0]->element[i], arena);
        loads[i].op = store_reply_span(answers[1]->element[i], arena);
        loads[i].index = store_reply_span(answers[2]->element[i], arena);
        loads[i].candidates = arena_new(arena, struct span, loads[i].match_count + 1);
        for (int m = 0; m < loads[i].match_count; m++)
            loads[i].candidates[m] = store_reply_span(answers[LOAD_HASHES]->element[name++], arena);
    }
    return true;
}

enum store_outcome store_load(struct store *store, const struct store_owner *owner,
                              struct store_load *loads, int n, struct arena *arena, struct err *err)
{
    bool used[STORE_PARTITIONS_MAX] = {false};
    redisReply **replies = NULL;
    int names = 0;
    if (n == 0)
        return STORE_OK;
    for (int i = 0; i < n; i++) {
        used[loads[i].partition] = true;
        names += loads[i].match_count;
    }
    store_begin_command(store);
    store_next(store, "MULTI", NULL, NULL);
    store_push_guard(store, owner, used);
    push_loads(store, owner, loads, n, names);
    store_next(store, "EXEC", NULL, NULL);
    enum store_outcome outcome = store_pipeline(store, &replies, err);
    if (outcome != STORE_OK)
        return outcome;
    int commands = store->args.commands;
    const redisReply *done = replies[commands - 1];
    bool sound = store_holds(done, commands - 2);
    if (sound)
        outcome = store_check_guard(store, owner, used, done->element[0], done->element[1], err);
    if (!sound || (outcome == STORE_OK && !take_loads(done->element + 2, loads, n, names, arena))) {
        err_set(err, ERR_FATAL, "redis: unexpected answer to a load");
        outcome = STORE_AWAY;
    }
    redis_replies_free(replies, commands);
    return outcome;
}

/* ---- twins ---- */

/* The next value of a script's {{…}, {…}}; false at its end, or where nothing such is. */
struct parts {
    const redisReply *all;
    size_t part, at;
};

static const redisReply *next_of(struct parts *parts)
{
    while (parts->part < parts->all->elements) {
        const redisReply *part = parts->all->element[parts->part];
        if (part->type == REDIS_REPLY_ARRAY && parts->at < part->elements)
            return part->element[parts->at++];
        parts->part++;
        parts->at = 0;
    }
    return NULL;
}

/* The line "cid=<target>" of an index text. */
static struct span twin_of_index(struct span index)
{
    static const char ID[] = "\ncid=";
    const char *at = index.len ? memmem(index.data, index.len, ID, sizeof ID - 1) : NULL;
    if (!at)
        return SPAN_NONE;
    const char *start = at + sizeof ID - 1, *end = index.data + index.len;
    const char *stop = memchr(start, '\n', (size_t)(end - start));
    return (struct span){start, (size_t)((stop ? stop : end) - start)};
}

enum store_outcome store_twins(struct store *store, const char *entity, struct store_twin *twins,
                               int n, struct arena *arena, struct err *err)
{
    if (n == 0)
        return STORE_OK;
    store_begin_script(store, entity, NULL, NULL);
    store_push_int(&store->args, n);
    for (int i = 0; i < n; i++)
        store_push(&store->args, twins[i].key);
    redisReply *reply = NULL;
    enum store_outcome outcome = store_eval(store, &SCRIPT_TWINS, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    struct parts indexes = {reply, 0, 0};
    for (int i = 0; i < n && outcome == STORE_OK; i++) {
        const redisReply *index = reply->type == REDIS_REPLY_ARRAY ? next_of(&indexes) : NULL;
        if (index)
            twins[i].id = twin_of_index(store_reply_span(index, arena));
        else
            outcome = STORE_AWAY;
    }
    if (outcome != STORE_OK)
        err_set(err, ERR_FATAL, "script twins: unexpected answer");
    freeReplyObject(reply);
    return outcome;
}
