/*
 * store_internal — how the parts of the store build a command and keep their guard: private to store*.c.
 */
#ifndef TANDEM_APPLY_STORE_INTERNAL_H
#define TANDEM_APPLY_STORE_INTERNAL_H

#include "base/random.h"
#include "store.h"

struct args {
    const char **texts;
    size_t *lens;
    int count, cap;
    int *starts, commands, commands_cap; /* where each command of a pipeline begins */
    struct arena numbers;                /* small texts made for this call */
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
/*
 * Send the commands of store_next. ret_replies: as many (args.commands), in the arena of the arguments: gone with the next store_begin_command, before
 * which the caller frees what is in them (redis_replies_free).
 */
enum store_outcome store_pipeline(struct store *store, redisReply ***ret_replies, struct err *err);
/* The same without an interest in the answers. */
enum store_outcome store_send(struct store *store, struct err *err);
bool store_holds(const redisReply *reply, int n); /* an array of n */

/*
 * The guard of the scripts for transactions: GET incarnation and HMGET epoch:<e>, two commands of a pipeline, and what their answers say.
 * After store_watch of the same partitions (WATCH incarnation, epoch:<e> and also:<e>) nobody else takes one of them, rebuilds, or changes
 * `also` up to EXEC, or EXEC does nothing.
 */
void store_push_guard(struct store *store, const struct store_owner *owner, const bool *used);
enum store_outcome store_check_guard(const struct store *store, const struct store_owner *owner,
                                     const bool *used, const redisReply *incarnation,
                                     const redisReply *epochs, struct err *err);
/* The first three commands of a pipeline: WATCH, and the guard; check it with their answers 1 and 2. */
void store_watch(struct store *store, const struct store_owner *owner, const bool *used,
                 const char *also);
/* Nothing is watched any more. */
void store_unwatch(struct store *store);
/* Send what was begun with MULTI and ended with EXEC. ret_done false: what was watched has changed, and nothing was done. */
enum store_outcome store_execute(struct store *store, bool *ret_done, struct err *err);
/* What a guard found, said in err. */
enum store_outcome store_refused(enum store_outcome outcome, struct err *err);

#endif
