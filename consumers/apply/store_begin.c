/*
 * store_begin — locking what is about to be written; see store.h. Nearly always nobody holds what is wanted and no older operation is open:
 * that is a transaction which watches the claims; what is left goes through the script.
 */
#include <string.h>

#include "base/map.h"
#include "scripts.h"
#include "store_internal.h"

struct begins {
    struct store_begin *all;
    int count, claims;
    bool *done,
        *wanted; /* of each begin; of each claim, one begin's after the other's: nobody has it yet */
};

/* "<marker> <sent_ms>", then a line for each claim. */
static struct span op_text(const struct store_begin *begin, struct arena *arena)
{
    struct buf text;
    buf_init(&text, 0);
    buf_put(&text, begin->op.data, begin->op.len);
    buf_putc(&text, ' ');
    buf_put_int(&text, begin->sent_ms);
    for (int c = 0; c < begin->claim_count; c++) {
        buf_putc(&text, '\n');
        buf_put(&text, begin->claims[c].data, begin->claims[c].len);
    }
    struct span copy = arena_copy(arena, buf_span(&text));
    buf_clear(&text);
    return copy;
}

/* Which of them nobody stands in the way of, neither in Redis nor earlier in this chunk? Returns how many. */
static int look(struct begins *begins, const redisReply *ops, const redisReply *holders,
                struct arena *arena)
{
    struct map mine;
    int free = 0;
    map_init(&mine, (size_t)begins->claims + 1, arena);
    for (int i = 0, at = 0; i < begins->count; at += begins->all[i++].claim_count) {
        struct store_begin *begin = &begins->all[i];
        bool clear = ops->element[i]->type == REDIS_REPLY_NIL;
        for (int c = 0; c < begin->claim_count; c++) {
            const redisReply *holder = holders->element[at + c];
            begins->wanted[at + c] = holder->type == REDIS_REPLY_NIL;
            if ((holder->type == REDIS_REPLY_STRING &&
                 !span_equal((struct span){holder->str, holder->len}, begin->key)) ||
                map_get(&mine, begin->claims[c]))
                clear = false;
        }
        for (int c = 0; clear && c < begin->claim_count; c++)
            map_put(&mine, begin->claims[c], begin);
        begins->done[i] = clear;
        free += clear;
    }
    return free;
}

static void push_free(struct store *store, const char *entity, const struct begins *begins)
{
    bool claims = false;
    store_begin_command(store);
    store_next(store, "MULTI", NULL, NULL);
    store_next(store, "HSET", "ops", entity);
    for (int i = 0; i < begins->count; i++)
        if (begins->done[i]) {
            store_push(&store->args, begins->all[i].key);
            store_push(&store->args, begins->all[i].text);
        }
    for (int i = 0, at = 0; i < begins->count; at += begins->all[i++].claim_count)
        for (int c = 0; begins->done[i] && c < begins->all[i].claim_count; c++) {
            if (!begins->wanted[at + c])
                continue;
            if (!claims)
                store_next(store, "HSET", "claims", entity);
            claims = true;
            store_push(&store->args, begins->all[i].claims[c]);
            store_push(&store->args, begins->all[i].key);
        }
    store_next(store, "EXEC", NULL, NULL);
}

/* Begin those that are free, if nobody claims anything meanwhile. */
static enum store_outcome begin_free(struct store *store, const struct store_owner *owner,
                                     const bool *used, struct begins *begins, struct arena *arena,
                                     struct err *err)
{
    const char *entity = owner->entity->name;
    redisReply **replies = NULL;
    bool executed = false;
    int free = 0;
    store_watch(store, owner, used, "claims");
    store_next(store, "HMGET", "ops", entity);
    for (int i = 0; i < begins->count; i++)
        store_push(&store->args, begins->all[i].key);
    store_next(store, "HMGET", "claims", entity);
    for (int i = 0; i < begins->count; i++)
        for (int c = 0; c < begins->all[i].claim_count; c++)
            store_push(&store->args, begins->all[i].claims[c]);
    if (begins->claims == 0) /* the command wants one at least */
        store_push_text(&store->args, "");
    enum store_outcome outcome = store_pipeline(store, &replies, err);
    if (outcome != STORE_OK) {
        store_unwatch(store);
        return outcome;
    }
    outcome = store_check_guard(store, owner, used, replies[1], replies[2], err);
    if (outcome == STORE_OK && store_holds(replies[3], begins->count) &&
        store_holds(replies[4], begins->claims ? begins->claims : 1))
        free = look(begins, replies[3], replies[4], arena);
    redis_replies_free(replies, store->args.commands);
    if (free == 0) {
        store_unwatch(store);
        return outcome;
    }
    push_free(store, entity, begins);
    outcome = store_execute(store, &executed, err);
    for (int i = 0; i < begins->count; i++)
        begins->done[i] = begins->done[i] && executed;
    return outcome;
}

/* The others, record by record. */
static void push_begins(struct store *store, const struct begins *begins)
{
    int rest = 0, claims = 0;
    for (int i = 0; i < begins->count; i++) {
        rest += !begins->done[i];
        claims += begins->done[i] ? 0 : begins->all[i].claim_count;
    }
    store_push_int(&store->args, rest);
    store_push_int(&store->args, claims);
    for (int i = 0; i < begins->count; i++)
        if (!begins->done[i]) {
            store_push(&store->args, begins->all[i].key);
            store_push(&store->args, begins->all[i].text);
        }
    for (int i = 0; i < begins->count; i++)
        for (int c = 0; !begins->done[i] && c < begins->all[i].claim_count; c++) {
            store_push(&store->args, begins->all[i].claims[c]);
            store_push(&store->args, begins->all[i].key);
        }
}

static enum store_outcome begin_rest(struct store *store, const struct store_owner *owner,
                                     const bool *used, struct begins *begins, int rest,
                                     struct arena *arena, struct err *err)
{
    redisReply *reply = NULL;
    store_begin_script(store, owner->entity->name, owner, used);
    push_begins(store, begins);
    enum store_outcome outcome = store_eval(store, &SCRIPT_BEGIN, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    bool clean = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "OK") == 0;
    if (!clean && !store_holds(reply, 2 * rest)) {
        freeReplyObject(reply);
        err_set(err, ERR_FATAL, "script begin: unexpected answer");
        return STORE_AWAY;
    }
    for (int i = 0, at = 0; !clean && i < begins->count; i++) {
        if (begins->done[i])
            continue;
        begins->all[i].holder = store_reply_span(reply->element[2 * at], arena);
        begins->all[i].taken = store_reply_span(reply->element[2 * at++ + 1], arena);
        if (begins->all[i].holder.len == 0)
            begins->all[i].holder = SPAN_NONE;
    }
    freeReplyObject(reply);
    return STORE_OK;
}

enum store_outcome store_begin(struct store *store, const struct store_owner *owner,
                               struct store_begin *all, int n, struct arena *arena, struct err *err)
{
    bool used[STORE_PARTITIONS_MAX] = {false};
    struct begins begins = {.all = all, .count = n};
    int rest = 0;
    if (n == 0)
        return STORE_OK;
    for (int i = 0; i < n; i++) {
        used[all[i].partition] = true;
        begins.claims += all[i].claim_count;
        all[i].holder = all[i].taken = SPAN_NONE;
        all[i].text = op_text(&all[i], arena);
    }
    begins.done = arena_new(arena, bool, n);
    begins.wanted = arena_new(arena, bool, begins.claims + 1);
    enum store_outcome outcome = begin_free(store, owner, used, &begins, arena, err);
    for (int i = 0; i < n; i++)
        rest += !begins.done[i];
    if (outcome == STORE_OK && rest > 0)
        outcome = begin_rest(store, owner, used, &begins, rest, arena, err);
    return outcome;
}

enum store_outcome store_cancel(struct store *store, const struct store_owner *owner,
                                const struct store_cancel *cancels, int n, struct err *err)
{
    bool used[STORE_PARTITIONS_MAX] = {false};
    for (int i = 0; i < n; i++)
        used[cancels[i].partition] = true;
    store_begin_script(store, owner->entity->name, owner, used);
    store_push_int(&store->args, n);
    for (int i = 0; i < n; i++)
        store_push(&store->args, cancels[i].key);
    return store_eval(store, &SCRIPT_CANCEL, NULL, err);
}
