/*
 * store_transaction — load and finish, whose rows are long: MULTI … EXEC beside the guard instead of a script, because a script takes each
 * text several times (into Lua, which hashes it, and out again) and that was half of what Redis did. See store.h.
 */
#include <string.h>

#include "scripts.h"
#include "store_internal.h"

enum { FINISH_TRIES_MAX = 10, LOAD_HASHES = 3 };

/* ---- the guard ---- */

/* GET incarnation, HMGET epochs: the guard of the scripts, for us to compare. */
static void push_guard(struct store *store, const struct store_owner *owner, const bool *used)
{
    store_next(store, "GET", "incarnation", NULL);
    store_next(store, "HMGET", "epoch", owner->entity->name);
    for (int32_t p = 0; p < owner->partitions; p++)
        if (used[p])
            store_push_int(&store->args, p);
}

static enum store_outcome check_guard(const struct store *store, const struct store_owner *owner,
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

/* ---- load ---- */

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

static bool holds(const redisReply *reply, int n)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == (size_t)n;
}

/* answers: those of push_loads. */
static bool take_loads(redisReply *const *answers, struct store_load *loads, int n, int names,
                       struct arena *arena)
{
    int name = 0;
    for (int h = 0; h < LOAD_HASHES; h++)
        if (!holds(answers[h], n))
            return false;
    if (names && !holds(answers[LOAD_HASHES], names))
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
    redisReply *replies[COMMANDS_MAX];
    int names = 0;
    if (n == 0)
        return STORE_OK;
    for (int i = 0; i < n; i++) {
        used[loads[i].partition] = true;
        names += loads[i].match_count;
    }
    store_begin_command(store);
    store_next(store, "MULTI", NULL, NULL);
    push_guard(store, owner, used);
    push_loads(store, owner, loads, n, names);
    store_next(store, "EXEC", NULL, NULL);
    enum store_outcome outcome = store_pipeline(store, replies, err);
    if (outcome != STORE_OK)
        return outcome;
    int commands = store->args.commands;
    const redisReply *done = replies[commands - 1];
    bool sound = holds(done, commands - 2);
    if (sound)
        outcome = check_guard(store, owner, used, done->element[0], done->element[1], err);
    if (!sound || (outcome == STORE_OK && !take_loads(done->element + 2, loads, n, names, arena))) {
        err_set(err, ERR_FATAL, "redis: unexpected answer to a load");
        outcome = STORE_AWAY;
    }
    redis_replies_free(replies, commands);
    return outcome;
}

/* ---- finish ---- */

static void push_marks(struct store *store, const struct store_owner *owner, const int64_t *marks)
{
    int count = 0;
    for (int32_t p = 0; p < owner->partitions; p++)
        count += marks[p] > 0;
    store_push_int(&store->args, count);
    for (int32_t p = 0; p < owner->partitions; p++) {
        if (marks[p] == 0)
            continue;
        store_push_int(&store->args, p);
        store_push_text(&store->args,
                        arena_printf(&store->args.numbers, "%lld %lld", (long long)marks[p],
                                     (long long)owner->epochs[p]));
    }
}

/* The text that index:<e> has, of the row as it will be. */
static struct span index_text(struct store *store, const struct store_finish *row)
{
    char text[INT_TEXT_BYTES];
    return ARENA_JOIN(&store->args.numbers, int_text(row->partition, text), span_of("\n"),
                      row->index);
}

/* Does the text say of what the row waits? That is looked at each time. */
static bool waits(struct span index)
{
    const char *at = index.data, *end = index.data + index.len;
    while ((at = memchr(at, '\n', (size_t)(end - at))) && ++at < end)
        if (*at == 'd' || *at == 'w' || *at == 'r')
            return true;
    return false;
}

/*
 * Nothing follows from this row but that its operation is over: its index text stays what it was. Only the owner changes a record's text and
 * operation, and that is us from the load to EXEC, or EXEC does nothing.
 */
static bool is_plain(struct store *store, const struct store_finish *row)
{
    return row->begun.len && !row->keep_op && !row->drop_op.data && row->index_before.data &&
           span_equal(row->index_before, index_text(store, row)) && !waits(row->index_before);
}

static void push_about(struct store *store, const struct store_finish *row)
{
    struct arena *arena = &store->args.numbers;
    store_push(&store->args, row->key);
    store_push_int(&store->args, row->partition);
    store_push(&store->args, index_text(store, row));
    if (row->keep_op)
        store_push_text(&store->args, "!");
    else if (row->drop_op.data)
        store_push(&store->args,
                   ARENA_JOIN(arena, span_of("="), row->drop_op, span_of(" "), row->drop_epoch));
    else
        store_push(&store->args, row->begun);
}

static void push_abouts(struct store *store, const struct store_finish *rows, const bool *plain,
                        int n)
{
    int names = 0, others = 0;
    for (int i = 0; i < n; i++) {
        names += rows[i].match_id.len ? rows[i].match_count : 0;
        others += !plain[i];
    }
    store_push_int(&store->args, others);
    store_push_int(&store->args, names);
    for (int i = 0; i < n; i++)
        if (!plain[i])
            push_about(store, &rows[i]);
    for (int i = 0; i < n; i++)
        for (int m = 0; rows[i].match_id.len && m < rows[i].match_count; m++) {
            store_push(&store->args, rows[i].match_names[m]);
            store_push(&store->args, rows[i].match_id);
        }
}

/* From here to EXEC nobody else takes a partition or rebuilds, or EXEC does nothing. The script is made known before: within a transaction its text
 * cannot be sent again. */
static enum store_outcome watch(struct store *store, const struct store_owner *owner,
                                const bool *used, struct err *err)
{
    redisReply *replies[COMMANDS_MAX];
    store_begin_command(store);
    store_next(store, "WATCH", "incarnation", NULL);
    store_push_text(&store->args, store_key(store, "epoch", owner->entity->name));
    push_guard(store, owner, used);
    store_next(store, "SCRIPT", NULL, NULL);
    store_push_text(&store->args, "EXISTS");
    store_push_text(&store->args, redis_script_sha(&SCRIPT_FINISH));
    enum store_outcome outcome = store_pipeline(store, replies, err);
    if (outcome != STORE_OK)
        return outcome;
    outcome = check_guard(store, owner, used, replies[1], replies[2], err);
    bool known = holds(replies[3], 1) && replies[3]->element[0]->integer == 1;
    redis_replies_free(replies, store->args.commands);
    if (outcome == STORE_OK && !known && redis_script_load(store->redis, &SCRIPT_FINISH, err) != 0)
        outcome = STORE_AWAY;
    return outcome;
}

static void push_finish(struct store *store, const struct store_owner *owner, const bool *used,
                        const struct store_finish *rows, int n, const int64_t *marks)
{
    store_begin_command(store);
    bool *plain = arena_new(&store->args.numbers, bool, n + 1);
    int plains = 0;
    store_next(store, "MULTI", NULL, NULL);
    if (n > 0)
        store_next(store, "HSET", "rows", owner->entity->name);
    for (int i = 0; i < n; i++) {
        plains += plain[i] = is_plain(store, &rows[i]);
        store_push(&store->args, rows[i].key);
        store_push(&store->args, rows[i].row);
    }
    if (plains > 0)
        store_next(store, "HDEL", "ops", owner->entity->name);
    for (int i = 0; i < n; i++)
        if (plain[i])
            store_push(&store->args, rows[i].key);
    store_next(store, "EVALSHA", NULL, NULL);
    store_push_text(&store->args, redis_script_sha(&SCRIPT_FINISH));
    store_push_text(&store->args, "0");
    store_push_head(store, owner->entity->name, owner, used);
    push_marks(store, owner, marks);
    push_abouts(store, rows, plain, n);
    store_next(store, "EXEC", NULL, NULL);
}

/* ret_done false: somebody took some partition of the entity meanwhile, not ours perhaps; nothing was done. */
static enum store_outcome execute(struct store *store, bool *ret_done, struct err *err)
{
    redisReply *replies[COMMANDS_MAX];
    enum store_outcome outcome = store_pipeline(store, replies, err);
    if (outcome != STORE_OK)
        return outcome;
    const redisReply *done = replies[store->args.commands - 1];
    *ret_done = done->type != REDIS_REPLY_NIL;
    const redisReply *said = done->elements ? done->element[done->elements - 1] : NULL;
    if (*ret_done && (!said || !said->str || strcmp(said->str, "OK") != 0)) {
        /* The rows may be in without what follows from them; the marks are not moved, so a replay does it. */
        err_set(err, ERR_RETRY, "script finish: %s", said && said->str ? said->str : "no answer");
        outcome = STORE_CLOSED;
    }
    redis_replies_free(replies, store->args.commands);
    return outcome;
}

enum store_outcome store_finish(struct store *store, const struct store_owner *owner,
                                const struct store_finish *rows, int n, const int64_t *marks,
                                struct err *err)
{
    bool used[STORE_PARTITIONS_MAX] = {false}, any = n > 0, done = false;
    for (int i = 0; i < n; i++)
        used[rows[i].partition] = true;
    for (int32_t p = 0; p < owner->partitions; p++) {
        used[p] = used[p] || marks[p] > 0;
        any = any || used[p];
    }
    enum store_outcome outcome = STORE_OK;
    for (int tries = 0; any && !done && outcome == STORE_OK; tries++) {
        if (tries == FINISH_TRIES_MAX) {
            err_set(err, ERR_RETRY, "redis: partitions were taken all the time");
            return STORE_AWAY;
        }
        outcome = watch(store, owner, used, err);
        if (outcome == STORE_OK) {
            push_finish(store, owner, used, rows, n, marks);
            outcome = execute(store, &done, err);
        }
    }
    if (outcome != STORE_OK) { /* else the next load is watched, too */
        struct err ignored = ERR_INIT;
        redisReply *reply = NULL;
        store_begin_command(store);
        store_push_text(&store->args, "UNWATCH");
        if (store_command(store, &reply, &ignored) == STORE_OK)
            freeReplyObject(reply);
    }
    return outcome;
}
