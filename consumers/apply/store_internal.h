/*
 * store_internal — how the parts of the store build a command: private to store.c and store_rebuild.c.
 */
#ifndef TANDEM_APPLY_STORE_INTERNAL_H
#define TANDEM_APPLY_STORE_INTERNAL_H

#include "base/random.h"
#include "store.h"

enum { COMMANDS_MAX = 10 };

struct args {
    const char **texts;
    size_t *lens;
    int count, cap;
    int starts[COMMANDS_MAX], commands; /* where each command of a pipeline begins */
    struct arena numbers;               /* small texts made for this call */
};

struct store {
    struct redis *redis;
    char prefix[64], incarnation[128], token[RANDOM_HEX_BYTES];
    struct args args;
};

/* A key of ours, in the arena of the arguments; entity NULL: none. */
const char *store_key(struct store *store, const char *name, const char *entity);
/* What begins a plain command, and what begins a script (prefix, incarnation, entity, guard of the partitions used; owner NULL: none). */
void store_begin_command(struct store *store);
void store_begin_script(struct store *store, const char *entity, const struct store_owner *owner,
                        const bool *used);
/* The same where it is one command of several. */
void store_push_head(struct store *store, const char *entity, const struct store_owner *owner,
                     const bool *used);
/* What follows is the next command of a pipeline: "HMGET", "tandem:<ns>:rows:contact" (entity NULL: no such part; name NULL: no key). */
void store_next(struct store *store, const char *command, const char *name, const char *entity);

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
/* The commands of store_next; replies: as many, owned by the caller (redis_replies_free). */
enum store_outcome store_pipeline(struct store *store, redisReply **replies, struct err *err);
/* What a guard found, said in err. */
enum store_outcome store_refused(enum store_outcome outcome, struct err *err);

#endif
