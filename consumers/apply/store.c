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
    store_push_text(args, arena_printf(&args->numbers, "%lld", (long long)value));
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
    arena_clear(&store->args.numbers);
    free(store);
}

void store_begin_command(struct store *store)
{
    store->args.count = 0;
    arena_reset(&store->args.numbers);
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
void store_begin_script(struct store *store, const char *entity, const struct store_owner *owner,
                        const bool *used)
{
    store_begin_command(store);
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

enum store_outcome store_eval(struct store *store, struct redis_script *script,
                              redisReply **ret_reply, struct err *err)
{
    struct args *args = &store->args;
    redisReply *reply = NULL;
    if (redis_eval(store->redis, script, &reply, err, 0, args->count, args->texts, args->lens) != 0)
        return STORE_AWAY;
    enum store_outcome outcome = STORE_OK;
    if (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "CLOSED") == 0) {
        err_set(err, ERR_RETRY, "redis was lost or rebuilt since this partition was loaded");
        outcome = STORE_CLOSED;
    } else if (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "FENCED") == 0) {
        err_set(err, ERR_RETRY, "another process owns a partition of this batch");
        outcome = STORE_FENCED;
    }
    if (outcome == STORE_OK && ret_reply)
        *ret_reply = reply;
    else
        freeReplyObject(reply);
    return outcome;
}

static struct span reply_span(const redisReply *reply, struct arena *arena)
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

static bool take_loads(const redisReply *reply, struct store_load *loads, int n,
                       struct arena *arena)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return false;
    struct parts rows = {reply->element[0], 0, 0}, ops = {reply->element[1], 0, 0};
    struct parts match = {reply->element[2], 0, 0};
    for (int i = 0; i < n; i++) {
        const redisReply *row = next_of(&rows), *op = next_of(&ops);
        if (!row || !op)
            return false;
        loads[i].row = reply_span(row, arena);
        loads[i].op = reply_span(op, arena);
        loads[i].candidates = arena_new(arena, struct span, loads[i].match_count + 1);
        for (int m = 0; m < loads[i].match_count; m++) {
            const redisReply *ids = next_of(&match);
            if (!ids)
                return false;
            loads[i].candidates[m] = reply_span(ids, arena);
        }
    }
    return true;
}

enum store_outcome store_load(struct store *store, const struct store_owner *owner,
                              struct store_load *loads, int n, struct arena *arena, struct err *err)
{
    bool used[STORE_PARTITIONS_MAX] = {false};
    int names = 0;
    for (int i = 0; i < n; i++) {
        used[loads[i].partition] = true;
        names += loads[i].match_count;
    }
    store_begin_script(store, owner->entity->name, owner, used);
    store_push_int(&store->args, n);
    store_push_int(&store->args, names);
    for (int i = 0; i < n; i++)
        store_push(&store->args, loads[i].key);
    for (int i = 0; i < n; i++)
        for (int m = 0; m < loads[i].match_count; m++)
            store_push(&store->args, loads[i].match[m]);
    redisReply *reply = NULL;
    enum store_outcome outcome = store_eval(store, &SCRIPT_LOAD, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    if (!take_loads(reply, loads, n, arena)) {
        err_set(err, ERR_FATAL, "script load: unexpected answer");
        outcome = STORE_AWAY;
    }
    freeReplyObject(reply);
    return outcome;
}

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

static void push_begins(struct store *store, struct store_begin *begins, int n, struct arena *arena)
{
    int claims = 0;
    for (int i = 0; i < n; i++)
        claims += begins[i].claim_count;
    store_push_int(&store->args, n);
    store_push_int(&store->args, claims);
    for (int i = 0; i < n; i++) {
        begins[i].text = op_text(&begins[i], arena);
        store_push(&store->args, begins[i].key);
        store_push(&store->args, begins[i].text);
    }
    for (int i = 0; i < n; i++)
        for (int c = 0; c < begins[i].claim_count; c++) {
            store_push(&store->args, begins[i].claims[c]);
            store_push(&store->args, begins[i].key);
        }
}

enum store_outcome store_begin(struct store *store, const struct store_owner *owner,
                               struct store_begin *begins, int n, struct arena *arena,
                               struct err *err)
{
    bool used[STORE_PARTITIONS_MAX] = {false};
    for (int i = 0; i < n; i++)
        used[begins[i].partition] = true;
    store_begin_script(store, owner->entity->name, owner, used);
    push_begins(store, begins, n, arena);
    redisReply *reply = NULL;
    enum store_outcome outcome = store_eval(store, &SCRIPT_BEGIN, &reply, err);
    if (outcome != STORE_OK)
        return outcome;
    bool clean = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "OK") == 0;
    if (!clean && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 * (size_t)n)) {
        freeReplyObject(reply);
        err_set(err, ERR_FATAL, "script begin: unexpected answer");
        return STORE_AWAY;
    }
    for (int i = 0; i < n; i++) {
        begins[i].holder = clean ? SPAN_NONE : reply_span(reply->element[2 * i], arena);
        begins[i].taken = clean ? SPAN_NONE : reply_span(reply->element[2 * i + 1], arena);
        if (begins[i].holder.len == 0)
            begins[i].holder = SPAN_NONE;
    }
    freeReplyObject(reply);
    return STORE_OK;
}

static void push_finish(struct store *store, const struct store_finish *row)
{
    struct arena *arena = &store->args.numbers;
    char *index = arena_printf(arena, "%d\n%.*s", (int)row->partition, (int)row->index.len,
                               row->index.data ? row->index.data : "");
    store_push_int(&store->args, row->partition);
    store_push_text(&store->args, index);
    if (row->keep_op)
        store_push_text(&store->args, "!");
    else if (row->drop_op.data)
        store_push_text(&store->args,
                        arena_printf(arena, "=%.*s", (int)row->drop_op.len, row->drop_op.data));
    else
        store_push(&store->args, row->begun);
}

static void push_finishes(struct store *store, const struct store_finish *rows, int n)
{
    int names = 0;
    for (int i = 0; i < n; i++)
        names += rows[i].match_id.len ? rows[i].match_count : 0;
    store_push_int(&store->args, n);
    store_push_int(&store->args, names);
    for (int i = 0; i < n; i++) {
        store_push(&store->args, rows[i].key);
        store_push(&store->args, rows[i].row);
    }
    for (int i = 0; i < n; i++)
        push_finish(store, &rows[i]);
    for (int i = 0; i < n; i++)
        for (int m = 0; rows[i].match_id.len && m < rows[i].match_count; m++) {
            store_push(&store->args, rows[i].match_names[m]);
            store_push(&store->args, rows[i].match_id);
        }
}

enum store_outcome store_finish(struct store *store, const struct store_owner *owner,
                                const struct store_finish *rows, int n, const int64_t *marks,
                                struct err *err)
{
    bool used[STORE_PARTITIONS_MAX] = {false};
    int mark_count = 0;
    for (int i = 0; i < n; i++)
        used[rows[i].partition] = true;
    for (int32_t p = 0; p < owner->partitions; p++) {
        mark_count += marks[p] > 0;
        used[p] = used[p] || marks[p] > 0;
    }
    store_begin_script(store, owner->entity->name, owner, used);
    store_push_int(&store->args, mark_count);
    for (int32_t p = 0; p < owner->partitions; p++)
        if (marks[p] > 0) {
            store_push_int(&store->args, p);
            store_push_text(&store->args,
                            arena_printf(&store->args.numbers, "%lld %lld", (long long)marks[p],
                                         (long long)owner->epochs[p]));
        }
    push_finishes(store, rows, n);
    return store_eval(store, &SCRIPT_FINISH, NULL, err);
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
        keys[i] = reply_span(reply->element[i], arena);
    freeReplyObject(reply);
    *ret_keys = keys;
    *ret_count = count;
    return STORE_OK;
}

enum store_outcome store_match_add(struct store *store, const struct entity *entity,
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
    *ret_row = reply_span(reply, arena);
    freeReplyObject(reply);
    return STORE_OK;
}
