/*
 * redis — one connection to Redis with deadlines, pipelines and scripts, over
 * hiredis. Redis makes Tandem fast and can be lost at any moment (design §4.1): an evicting server is refused,
 * each reconnect compares run_id, and the caller is told, because then nothing it remembers holds.
 */
#ifndef TANDEM_REMOTE_REDIS_H
#define TANDEM_REMOTE_REDIS_H

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/migration.h"

struct redis;

/*
 * Connect lazily; settings are borrowed. timeout_ms bounds every connect, read and write.
 * The server must say maxmemory-policy noeviction (or maxmemory 0), else ERR_FATAL (EX_CONFIG) says how to set it.
 */
struct redis *redis_open(const struct redis_settings *settings, int timeout_ms, struct err *err);
void redis_close(struct redis *redis);

/*
 * Make sure there is a connection. ERR_RETRY while Redis is away (no wait inside: the caller's loop decides when to try again).
 * ret_changed: true when the server's run_id differs from the last connection's (first time: false): Redis restarted, what it holds may be old.
 */
int redis_ensure(struct redis *redis, bool *ret_changed, struct err *err);
const char *redis_run_id(const struct redis *redis); /* "" while never connected */

/*
 * One command. The reply is owned by the caller (freeReplyObject); never an error reply. -1: ERR_RETRY when the connection broke
 * (it is closed then; the command may have been executed), ERR_REJECT for an error reply, with its text, ERR_FATAL EX_NOPERM where a right is missing.
 */
int redis_command(struct redis *redis, redisReply **ret_reply, struct err *err, int argc,
                  const char **argv, const size_t *argv_len);

/*
 * n commands sent at once, answered in order: their words stand one after the other in argv, argcs[i] of them are the i-th's. replies: n, owned
 * by the caller (redis_replies_free); none of them is an error reply, though EXEC's may hold one. -1 as of redis_command, with the first error; replies
 * are NULL then, and the other commands may have been executed.
 */
int redis_pipeline(struct redis *redis, redisReply **replies, struct err *err, int n,
                   const int *argcs, const char **argv, const size_t *argv_len);
void redis_replies_free(redisReply **replies, int n);

/* A script known by its text; sent as EVALSHA, loaded again after NOSCRIPT. */
struct redis_script {
    const char *name, *text;
    char sha[41]; /* filled on first use */
};
int redis_eval(struct redis *redis, struct redis_script *script, redisReply **ret_reply,
               struct err *err, int key_count, int argc, const char **argv, const size_t *argv_len);
/* For EVALSHA as a part of a pipeline: its digest, and to make it known to the server. */
const char *redis_script_sha(struct redis_script *script);
int redis_script_load(struct redis *redis, struct redis_script *script, struct err *err);

#endif
