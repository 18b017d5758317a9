/*
 * store_transaction — the guard of the scripts for what is MULTI … EXEC instead of a script: read beside it, or watched from before it is
 * compared. A script takes each text several times (into Lua, which hashes it, and out again): that was most of what Redis did. See store.h.
 */
#include <string.h>

#include "store_internal.h"

void store_push_guard(struct store *store, const struct store_owner *owner, const bool *used)
{
    store_next(store, "GET", "incarnation", NULL);
    store_next(store, "HMGET", "epoch", owner->entity->name);
    for (int32_t p = 0; p < owner->partitions; p++)
        if (used[p])
            store_push_int(&store->args, p);
}

enum store_outcome store_check_guard(const struct store *store, const struct store_owner *owner,
                                     const bool *used, const redisReply *incarnation,
                                     const redisReply *epochs, struct err *err)
{
    if (incarnation->type != REDIS_REPLY_STRING ||
        strcmp(incarnation->str, store->incarnation) != 0)
        return store_refused(STORE_CLOSED, err);
    size_t at = 0;
    for (int32_t p = 0; p < owner->partitions; p++) {
        if (!used[p])
            continue;
        char text[INT_TEXT_BYTES];
        const redisReply *epoch = at < epochs->elements ? epochs->element[at++] : NULL;
        if (!epoch || epoch->type != REDIS_REPLY_STRING ||
            !span_equal((struct span){epoch->str, epoch->len}, int_text(owner->epochs[p], text)))
            return store_refused(STORE_FENCED, err);
    }
    return STORE_OK;
}

void store_watch(struct store *store, const struct store_owner *owner, const bool *used,
                 const char *also)
{
    store_begin_command(store);
    store_next(store, "WATCH", "incarnation", NULL);
    store_push_text(&store->args, store_key(store, "epoch", owner->entity->name));
    store_push_text(&store->args, store_key(store, also, owner->entity->name));
    store_push_guard(store, owner, used);
}

void store_unwatch(struct store *store)
{
    struct err ignored = ERR_INIT; /* a connection that is lost watches nothing */
    store_begin_command(store);
    store_next(store, "UNWATCH", NULL, NULL);
    (void)store_send(store, &ignored);
}

bool store_holds(const redisReply *reply, int n)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == (size_t)n;
}

/* The answer of a command within the transaction that was not carried out; a script's is a text, and "OK" if it was. */
static const char *failure_of(const redisReply *done)
{
    for (size_t i = 0; i < done->elements; i++) {
        const redisReply *said = done->element[i];
        if (said->type == REDIS_REPLY_ERROR ||
            (said->type == REDIS_REPLY_STRING && strcmp(said->str, "OK") != 0))
            return said->str;
    }
    return NULL;
}

enum store_outcome store_execute(struct store *store, bool *ret_done, struct err *err)
{
    redisReply **replies = NULL;
    enum store_outcome outcome = store_pipeline(store, &replies, err);
    if (outcome != STORE_OK)
        return outcome;
    const redisReply *done = replies[store->args.commands - 1];
    *ret_done = done->type != REDIS_REPLY_NIL;
    const char *failure = failure_of(done);
    if (failure) { /* the other commands had their effect: whatever was to be done has to be looked at again */
        err_set(err, ERR_RETRY, "redis within a transaction: %s", failure);
        outcome = STORE_CLOSED;
    }
    redis_replies_free(replies, store->args.commands);
    return outcome;
}
