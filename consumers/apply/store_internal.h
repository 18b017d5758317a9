/*
 * store_internal — how the parts of the store build a command: private to store.c and store_rebuild.c.
 */
#ifndef TANDEM_APPLY_STORE_INTERNAL_H
#define TANDEM_APPLY_STORE_INTERNAL_H

#include "base/random.h"
#include "store.h"

struct args {
    const char **texts;
    size_t *lens;
    int count, cap;
    struct arena numbers; /* small texts made for this call */
};

struct store {
    struct redis *redis;
    char prefix[64], incarnation[128], token[RANDOM_HEX_BYTES];
    struct args args;
};

/* What begins a plain command, and what begins a script (prefix, incarnation, entity, guard of the partitions used; owner NULL: none). */
void store_begin_command(struct store *store);
void store_begin_script(struct store *store, const char *entity, const struct store_owner *owner,
                        const bool *used);

/* Arguments; texts are borrowed until the command was sent. */
void store_push(struct args *args, struct span text);
void store_push_text(struct args *args, const char *text);
void store_push_int(struct args *args, int64_t value);

/* A text of an answer, in arena; SPAN_NONE where it is none. */
struct span store_reply_span(const redisReply *reply, struct arena *arena);

/* Send. ret_reply (NULL for a script whose answer does not matter) is owned by the caller. */
enum store_outcome store_command(struct store *store, redisReply **ret_reply, struct err *err);
enum store_outcome store_eval(struct store *store, struct redis_script *script,
                              redisReply **ret_reply, struct err *err);

#endif
