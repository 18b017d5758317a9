/*
 * store_finish — rows that became durable, and what follows from them; see store.h. The rows go past Lua, and so does what follows from most of
 * them: from one whose index text stays the same, and from a record's first one, as long as no reference waits for this entity.
 */
#include <string.h>

#include "scripts.h"
#include "store_internal.h"

enum { FINISH_TRIES_MAX = 10 };

/* What follows from a row. */
enum follows {
    FOLLOWS_SCRIPT, /* whatever the script finds */
    FOLLOWS_END,    /* that its operation is over */
    FOLLOWS_BIRTH   /* that, its index text, and the claims that its operation had not taken */
};

struct finish {
    const struct store_finish *rows;
    struct span *texts; /* index:<e> of each as it will be */
    enum follows *follows;
    int count;
};

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
 * Only the owner changes a record's text and operation, and that is us from the load to EXEC, or EXEC does nothing. The operation that we
 * began has no claim but those that the row keeps.
 */
static enum follows follows_of(const struct store_finish *row, struct span text)
{
    if (!row->begun.len || row->keep_op || row->drop_op.data || !row->index_before.data ||
        waits(text))
        return FOLLOWS_SCRIPT;
    if (span_equal(row->index_before, text))
        return FOLLOWS_END;
    return row->index_before.len == 0 ? FOLLOWS_BIRTH : FOLLOWS_SCRIPT;
}

static void look(struct finish *finish, struct arena *arena)
{
    finish->texts = arena_new(arena, struct span, finish->count + 1);
    finish->follows = arena_new(arena, enum follows, finish->count + 1);
    for (int i = 0; i < finish->count; i++) {
        const struct store_finish *row = &finish->rows[i];
        char text[INT_TEXT_BYTES];
        finish->texts[i] =
            ARENA_JOIN(arena, int_text(row->partition, text), span_of("\n"), row->index);
        finish->follows[i] = follows_of(row, finish->texts[i]);
    }
}

/* ---- what the match index is told ---- */

static enum store_outcome tell_match(struct store *store, const struct store_owner *owner,
                                     const struct finish *finish, struct arena *arena,
                                     struct err *err)
{
    const struct store_finish *rows = finish->rows;
    int count = 0, most = 0;
    for (int i = 0; i < finish->count; i++)
        most += rows[i].match_id.len ? rows[i].match_count : 0;
    struct store_match *adds = arena_new(arena, struct store_match, most + 1);
    for (int i = 0; i < finish->count; i++)
        for (int m = 0; rows[i].match_id.len && m < rows[i].match_count; m++)
            adds[count++] = (struct store_match){rows[i].match_names[m], rows[i].match_id};
    return store_match_add(store, owner->entity, adds, count, err);
}

/* ---- past the script ---- */

static bool begun_with(struct span begun, struct span claim)
{
    const char *at = begun.data, *end = begun.data + begun.len;
    while ((at = memchr(at, '\n', (size_t)(end - at))) && ++at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (span_equal((struct span){at, (size_t)((stop ? stop : end) - at)}, claim))
            return true;
    }
    return false;
}

/* HSETNX of the claims that the row has beyond its operation's: the id of a record that was created. */
static void push_new_claims(struct store *store, const char *claims, const struct store_finish *row)
{
    const char *at = row->index.data, *end = row->index.data + row->index.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct span claim = {at + 1, (size_t)((stop ? stop : end) - at - 1)};
        at = stop ? stop + 1 : end;
        if (begun_with(row->begun, claim))
            continue;
        store_next(store, "HSETNX", NULL, NULL);
        store_push_text(&store->args, claims);
        store_push(&store->args, claim);
        store_push(&store->args, row->key);
    }
}

static void push_past(struct store *store, const char *entity, const struct finish *finish)
{
    int ended = 0, born = 0;
    for (int i = 0; i < finish->count; i++) {
        ended += finish->follows[i] != FOLLOWS_SCRIPT;
        born += finish->follows[i] == FOLLOWS_BIRTH;
    }
    if (ended > 0)
        store_next(store, "HDEL", "ops", entity);
    for (int i = 0; i < finish->count; i++)
        if (finish->follows[i] != FOLLOWS_SCRIPT)
            store_push(&store->args, finish->rows[i].key);
    if (born > 0)
        store_next(store, "HSET", "index", entity);
    for (int i = 0; i < finish->count; i++)
        if (finish->follows[i] == FOLLOWS_BIRTH) {
            store_push(&store->args, finish->rows[i].key);
            store_push(&store->args, finish->texts[i]);
        }
    const char *claims = store_key(store, "claims", entity);
    for (int i = 0; i < finish->count; i++)
        if (finish->follows[i] == FOLLOWS_BIRTH)
            push_new_claims(store, claims, &finish->rows[i]);
}

/* ---- the script ---- */

static int count_marks(const struct store_owner *owner, const int64_t *marks)
{
    int count = 0;
    for (int32_t p = 0; p < owner->partitions; p++)
        count += marks[p] > 0;
    return count;
}

static void push_marks(struct store *store, const struct store_owner *owner, const int64_t *marks)
{
    for (int32_t p = 0; p < owner->partitions; p++) {
        if (marks[p] == 0)
            continue;
        store_push_int(&store->args, p);
        store_push_text(&store->args,
                        arena_printf(&store->args.numbers, "%lld %lld", (long long)marks[p],
                                     (long long)owner->epochs[p]));
    }
}

static void push_about(struct store *store, const struct store_finish *row, struct span text)
{
    struct arena *arena = &store->args.numbers;
    store_push(&store->args, row->key);
    store_push_int(&store->args, row->partition);
    store_push(&store->args, text);
    if (row->keep_op)
        store_push_text(&store->args, "!");
    else if (row->drop_op.data)
        store_push(&store->args, ARENA_JOIN(arena, span_of(row->drop_earlier ? "<" : "="),
                                            row->drop_op, span_of(" "), row->drop_epoch));
    else
        store_push(&store->args, row->begun);
}

/* It moves the marks itself: should it fail, a replay from where they are does all of this again. */
static void push_script(struct store *store, const struct store_owner *owner, const bool *used,
                        const struct finish *finish, int count, const int64_t *marks)
{
    store_next(store, "EVALSHA", NULL, NULL);
    store_push_text(&store->args, redis_script_sha(&SCRIPT_FINISH));
    store_push_text(&store->args, "0");
    store_push_head(store, owner->entity->name, owner, used);
    store_push_int(&store->args, count_marks(owner, marks));
    push_marks(store, owner, marks);
    store_push_int(&store->args, count);
    for (int i = 0; i < finish->count; i++)
        if (finish->follows[i] == FOLLOWS_SCRIPT)
            push_about(store, &finish->rows[i], finish->texts[i]);
}

/* ---- the transaction ---- */

/* Does one of the rows wait for a record of its own entity, which may be another of them? */
static bool awaits_own(const struct finish *finish, const char *entity)
{
    size_t len = strlen(entity);
    for (int i = 0; i < finish->count; i++) {
        const char *at = finish->texts[i].data, *end = at + finish->texts[i].len;
        while ((at = memchr(at, '\n', (size_t)(end - at))) && ++at < end)
            if (*at == 'r' && (size_t)(end - at) > len + 1 && memcmp(at + 1, entity, len) == 0 &&
                at[len + 1] == ':')
                return true;
    }
    return false;
}

/*
 * Watch, and learn whether references wait for records of this entity (then a first row may wake them: that is the script's). The script is made
 * known before: within a transaction its text cannot be sent again.
 */
static enum store_outcome watch(struct store *store, const struct store_owner *owner,
                                const bool *used, bool *ret_awaited, struct err *err)
{
    redisReply **replies = NULL;
    store_watch(store, owner, used, "refs");
    store_next(store, "EXISTS", "refs", owner->entity->name);
    store_next(store, "SCRIPT", NULL, NULL);
    store_push_text(&store->args, "EXISTS");
    store_push_text(&store->args, redis_script_sha(&SCRIPT_FINISH));
    enum store_outcome outcome = store_pipeline(store, &replies, err);
    if (outcome != STORE_OK)
        return outcome;
    outcome = store_check_guard(store, owner, used, replies[1], replies[2], err);
    *ret_awaited = replies[3]->integer != 0;
    bool known = store_holds(replies[4], 1) && replies[4]->element[0]->integer == 1;
    redis_replies_free(replies, store->args.commands);
    if (outcome == STORE_OK && !known && redis_script_load(store->redis, &SCRIPT_FINISH, err) != 0)
        outcome = STORE_AWAY;
    return outcome;
}

static void push_finish(struct store *store, const struct store_owner *owner, const bool *used,
                        const struct finish *finish, const int64_t *marks)
{
    const char *entity = owner->entity->name;
    int scripted = 0;
    store_begin_command(store);
    store_next(store, "MULTI", NULL, NULL);
    if (finish->count > 0)
        store_next(store, "HSET", "rows", entity);
    for (int i = 0; i < finish->count; i++) {
        scripted += finish->follows[i] == FOLLOWS_SCRIPT;
        store_push(&store->args, finish->rows[i].key);
        store_push(&store->args, finish->rows[i].row);
    }
    if (scripted > 0)
        push_script(store, owner, used, finish, scripted, marks);
    else if (count_marks(owner, marks) > 0) {
        store_next(store, "HSET", "mark", entity);
        push_marks(store, owner, marks);
    }
    push_past(store, entity, finish); /* last: what other rows give up is free by now */
    store_next(store, "EXEC", NULL, NULL);
}

static enum store_outcome finish_watched(struct store *store, const struct store_owner *owner,
                                         const bool *used, struct finish *finish,
                                         const int64_t *marks, bool *ret_done, struct err *err)
{
    bool awaited = false;
    enum store_outcome outcome = watch(store, owner, used, &awaited, err);
    awaited = awaited || awaits_own(finish, owner->entity->name);
    if (outcome != STORE_OK) {
        store_unwatch(store);
        return outcome;
    }
    for (int i = 0; awaited && i < finish->count; i++)
        if (finish->follows[i] == FOLLOWS_BIRTH)
            finish->follows[i] = FOLLOWS_SCRIPT;
    push_finish(store, owner, used, finish, marks);
    return store_execute(store, ret_done, err);
}

enum store_outcome store_finish(struct store *store, const struct store_owner *owner,
                                const struct store_finish *rows, int n, const int64_t *marks,
                                struct err *err)
{
    bool used[STORE_PARTITIONS_MAX] = {false}, done = n == 0 && count_marks(owner, marks) == 0;
    struct finish finish = {.rows = rows, .count = n};
    struct arena arena;
    for (int i = 0; i < n; i++)
        used[rows[i].partition] = true;
    for (int32_t p = 0; p < owner->partitions; p++)
        used[p] = used[p] || marks[p] > 0;
    arena_init(&arena);
    look(&finish, &arena);
    enum store_outcome outcome = tell_match(store, owner, &finish, &arena, err);
    for (int tries = 0; !done && outcome == STORE_OK; tries++) {
        if (tries == FINISH_TRIES_MAX) {
            err_set(err, ERR_RETRY, "redis: partitions were taken all the time");
            outcome = STORE_AWAY;
            break;
        }
        outcome = finish_watched(store, owner, used, &finish, marks, &done, err);
    }
    arena_clear(&arena);
    return outcome;
}
