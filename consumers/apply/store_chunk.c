/*
 * store_chunk — the scripts through which a chunk goes: twins, begin, cancel; see store.h. load and finish: store_transaction.
 */
#include <string.h>

#include "scripts.h"
#include "store_internal.h"

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
        begins[i].holder = clean ? SPAN_NONE : store_reply_span(reply->element[2 * i], arena);
        begins[i].taken = clean ? SPAN_NONE : store_reply_span(reply->element[2 * i + 1], arena);
        if (begins[i].holder.len == 0)
            begins[i].holder = SPAN_NONE;
    }
    freeReplyObject(reply);
    return STORE_OK;
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
