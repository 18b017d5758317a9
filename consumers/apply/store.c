/*
 * store — see store.h. Builds the scripts' arguments and reads their answers.
 */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#include "scripts.h"
#include "store_internal.h"

enum { REDIS_TIMEOUT_MS = 5000 };

void store_push(struct args *args, struct span text)
{
    if (args->count == args->cap) {
        int cap = args->cap ? args->cap * 2 : 1024;
        const char **texts = realloc(args->texts, sizeof *texts * (size_t)cap);
        size_t *lens = realloc(args->lens, sizeof *lens * (size_t)cap);
        if (!texts || !lens)
            abort(); /* crash-safe by design: nothing was told to anybody */
        args->texts = texts;
        args->lens = lens;
        args->cap = cap;
    }
    args->texts[args->count] = text.data ? text.data : "";
    args->lens[args->count++] = text.len;
}

void store_push_text(struct args *args, const char *text)
{
    store_push(args, span_of(text));
}

void store_push_int(struct args *args, int64_t value)
{
    char text[INT_TEXT_BYTES];
    store_push(args, arena_copy(&args->numbers, int_text(value, text)));
}

struct store *store_open(const struct migration *migration, struct err *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store) {
        err_set(err, ERR_FATAL, "store: out of memory");
        return NULL;
    }
    random_hex(store->token);
    (void)snprintf(store->prefix, sizeof store->prefix, "tandem:%s:", migration->ns);
    arena_init(&store->args.numbers);
    store->redis = redis_open(&migration->redis, REDIS_TIMEOUT_MS, err);
    if (!store->redis) {
        store_close(store);
        return NULL;
    }
    return store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    redis_close(store->redis);
    free(store->args.texts);
    free(store->args.lens);
    free(store->args.starts);
    arena_clear(&store->args.numbers);
    free(store);
}

void store_begin_command(struct store *store)
{
    store->args.count = store->args.commands = 0;
    arena_reset(&store->args.numbers);
}

const char *store_key(struct store *store, const char *name, const char *entity)
{
    return arena_printf(&store->args.numbers, entity ? "%s%s:%s" : "%s%s", store->prefix, name,
                        entity);
}

void store_next(struct store *store, const char *command, const char *name, const char *entity)
{
    struct args *args = &store->args;
    if (args->commands == args->commands_cap) {
        int cap = args->commands_cap ? args->commands_cap * 2 : 16;
        int *starts = realloc(args->starts, sizeof *starts * (size_t)cap);
        if (!starts)
            abort();
        args->starts = starts;
        args->commands_cap = cap;
    }
    args->starts[args->commands++] = args->count;
    store_push_text(args, command);
    if (name)
        store_push_text(args, store_key(store, name, entity));
}

enum store_outcome store_pipeline(struct store *store, redisReply ***ret_replies, struct err *err)
{
    struct args *args = &store->args;
    int *argcs = arena_new(&args->numbers, int, args->commands);
    redisReply **replies = arena_new(&args->numbers, redisReply *, args->commands);
    for (int i = 0; i < args->commands; i++) {
        int end = i + 1 < args->commands ? args->starts[i + 1] : args->count;
        argcs[i] = end - args->starts[i];
    }
    if (redis_pipeline(store->redis, replies, err, args->commands, argcs, args->texts,
                       args->lens) != 0)
        return STORE_AWAY;
    *ret_replies = replies;
    return STORE_OK;
}

enum store_outcome store_send(struct store *store, struct err *err)
{
    redisReply **replies = NULL;
    enum store_outcome outcome = store_pipeline(store, &replies, err);
    if (outcome == STORE_OK)
        redis_replies_free(replies, store->args.commands);
    return outcome;
}

/* One plain command of the texts pushed. */
enum store_outcome store_command(struct store *store, redisReply **ret_reply, struct err *err)
{
    struct args *args = &store->args;
    if (redis_command(store->redis, ret_reply, err, args->count, args->texts, args->lens) == 0)
        return STORE_OK;
    return STORE_AWAY;
}

/* The head that all scripts share. owner NULL: no partitions to guard. */
void store_push_head(struct store *store, const char *entity, const struct store_owner *owner,
                     const bool *used)
{
    store_push_text(&store->args, store->prefix);
    store_push_text(&store->args, store->incarnation);
    store_push_text(&store->args, entity);
    int count = 0;
    for (int32_t p = 0; owner && p < owner->partitions; p++)
        count += used[p];
    store_push_int(&store->args, count);
    for (int32_t p = 0; owner && p < owner->partitions; p++)
        if (used[p]) {
            store_push_int(&store->args, p);
            store_push_int(&store->args, owner->epochs[p]);
        }
}

void store_begin_script(struct store *store, const char *entity, const struct store_owner *owner,
                        const bool *used)
{
    store_begin_command(store);
    store_push_head(store, entity, owner, used);
}

enum store_outcome store_refused(enum store_outcome outcome, struct err *err)
{
    err_set(err, ERR_RETRY,
            outcome == STORE_CLOSED ? "redis was lost or rebuilt since this partition was loaded"
                                    : "another process owns a partition of this batch");
    return outcome;
}

enum store_outcome store_eval(struct store *store, struct redis_script *script,
                              redisReply **ret_reply, struct err *err)
{
    struct args *args = &store->args;
    redisReply *reply = NULL;
    if (redis_eval(store->redis, script, &reply, err, 0, args->count, args->texts, args->lens) != 0)
        return STORE_AWAY;
    enum store_outcome outcome = STORE_OK;
    if (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "CLOSED") == 0)
        outcome = store_refused(STORE_CLOSED, err);
    else if (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "FENCED") == 0)
        outcome = store_refused(STORE_FENCED, err);
    if (outcome == STORE_OK && ret_reply)
        *ret_reply = reply;
    else
        freeReplyObject(reply);
    return outcome;
}

struct span store_reply_span(const redisReply *reply, struct arena *arena)
{
    if (reply->type != REDIS_REPLY_STRING)
        return SPAN_NONE;
    return arena_copy(arena, (struct span){reply->str, reply->len});
}

enum store_outcome store_ensure(struct store *store, bool *ret_changed, struct err *err)
{
    bool restarted = false;
    *ret_changed = false;
    if (redis_ensure(store->redis, &restarted, err) != 0)
        return STORE_AWAY;
    store_begin_command(store);
    store_push_text(&store->args, "GET");
    store_push_text(&store->args,
                    arena_printf(&store->args.numbers, "%sincarnation", store->prefix));
    redisReply *reply = NULL;
    enum store_outcome outcome = store_command(store, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    const char *run_id = redis_run_id(store->redis);
    bool valid = reply->type == REDIS_REPLY_STRING &&
                 strncmp(reply->str, run_id, strlen(run_id)) == 0 &&
                 reply->len < sizeof store->incarnation;
    if (valid && strcmp(store->incarnation, reply->str) != 0) {
        *ret_changed = true;
        memcpy(store->incarnation, reply->str, reply->len + 1);
    }
    bool stale = !valid && reply->type == REDIS_REPLY_STRING;
    freeReplyObject(reply);
    if (valid)
        return STORE_OK;
    store->incarnation[0] = '\0';
    err_set(err, ERR_RETRY, "redis was lost or restarted: its content has to be rebuilt");
    if (!stale)
        return STORE_CLOSED;
    /* Written before this server started: what it holds may be an old copy. */
    store_begin_command(store);
    store_push_text(&store->args, "DEL");
    store_push_text(&store->args,
                    arena_printf(&store->args.numbers, "%sincarnation", store->prefix));
    outcome = store_command(store, &reply, err);
    if (outcome == STORE_OK)
        freeReplyObject(reply);
    return outcome == STORE_OK ? STORE_CLOSED : outcome;
}

enum store_outcome store_now(struct store *store, int64_t *ret_now_ms, struct err *err)
{
    store_begin_command(store);
    store_push_text(&store->args, "TIME");
    redisReply *reply = NULL;
    enum store_outcome outcome = store_command(store, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
        *ret_now_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
                      strtoll(reply->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(reply);
    return STORE_OK;
}

enum store_outcome store_take(struct store *store, const struct entity *entity, int32_t partition,
                              int64_t epoch, int64_t *ret_mark, int64_t *ret_mark_epoch,
                              struct err *err)
{
    store_begin_script(store, entity->name, NULL, NULL);
    store_push_int(&store->args, partition);
    store_push_int(&store->args, epoch);
    redisReply *reply = NULL;
    enum store_outcome outcome = store_eval(store, &SCRIPT_TAKE, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    char *rest = NULL;
    *ret_mark = *ret_mark_epoch = 0;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1) {
        *ret_mark = strtoll(reply->element[0]->str, &rest, 10);
        *ret_mark_epoch = strtoll(rest, NULL, 10);
    }
    freeReplyObject(reply);
    return STORE_OK;
}

enum store_outcome store_due(struct store *store, const struct store_owner *owner,
                             int32_t partition, int max, struct span **ret_keys, int *ret_count,
                             struct arena *arena, struct err *err)
{
    bool used[STORE_PARTITIONS_MAX] = {false};
    used[partition] = true;
    store_begin_script(store, owner->entity->name, owner, used);
    store_push_int(&store->args, partition);
    store_push_int(&store->args, max);
    redisReply *reply = NULL;
    enum store_outcome outcome = store_eval(store, &SCRIPT_DUE, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    int count = reply->type == REDIS_REPLY_ARRAY ? (int)reply->elements : 0;
    struct span *keys = arena_new(arena, struct span, count + 1);
    for (int i = 0; i < count; i++)
        keys[i] = store_reply_span(reply->element[i], arena);
    freeReplyObject(reply);
    *ret_keys = keys;
    *ret_count = count;
    return STORE_OK;
}

enum store_outcome store_row(struct store *store, const struct entity *entity, struct span key,
                             struct arena *arena, struct span *ret_row, struct err *err)
{
    store_begin_command(store);
    store_push_text(&store->args, "HGET");
    store_push_text(&store->args,
                    arena_printf(&store->args.numbers, "%srows:%s", store->prefix, entity->name));
    store_push(&store->args, key);
    redisReply *reply = NULL;
    enum store_outcome outcome = store_command(store, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    *ret_row = store_reply_span(reply, arena);
    freeReplyObject(reply);
    return STORE_OK;
}
