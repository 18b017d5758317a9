/*
 * redis — see redis.h. One blocking connection; every wait has the caller's deadline.
 */
#include "remote/redis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

struct redis {
    const struct redis_settings *settings;
    int timeout_ms;
    redisContext *context;
    char run_id[64];
    bool policy_checked;
    struct buf command; /* as it is sent */
};

/* The server's own limit on what it reads (client-query-buffer-limit), and what is kept from command to command. */
enum { COMMAND_MAX_BYTES = 1024 * 1024 * 1024, COMMAND_KEPT_BYTES = 8 * 1024 * 1024 };

static struct timeval timeval_of(int timeout_ms)
{
    return (struct timeval){.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
}

struct redis *redis_open(const struct redis_settings *settings, int timeout_ms, struct err *err)
{
    struct redis *redis = calloc(1, sizeof *redis);
    if (!redis) {
        err_set(err, ERR_FATAL, "redis: out of memory");
        return NULL;
    }
    redis->settings = settings;
    redis->timeout_ms = timeout_ms;
    buf_init(&redis->command, COMMAND_MAX_BYTES);
    return redis;
}

static void drop(struct redis *redis)
{
    if (redis->context)
        redisFree(redis->context);
    redis->context = NULL;
}

void redis_close(struct redis *redis)
{
    if (!redis)
        return;
    drop(redis);
    buf_clear(&redis->command);
    free(redis);
}

const char *redis_run_id(const struct redis *redis)
{
    return redis->run_id;
}

static int lost(struct redis *redis, struct err *err)
{
    const redisContext *context = redis->context;
    if (context && context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
        err_set(err, ERR_RETRY, "redis %s: no answer within %d ms", redis->settings->address,
                redis->timeout_ms);
    else
        err_set(err, ERR_RETRY, "redis %s: %s", redis->settings->address,
                context && context->errstr[0] ? context->errstr : "connection lost");
    drop(redis);
    return -1;
}

static int connect_socket(struct redis *redis, struct err *err)
{
    const char *address = redis->settings->address;
    struct timeval timeout = timeval_of(redis->timeout_ms);
    if (address[0] == '/') {
        redis->context = redisConnectUnixWithTimeout(address, timeout);
    } else {
        char host[256];
        const char *colon = strrchr(address, ':');
        size_t host_bytes = colon ? (size_t)(colon - address) : strlen(address);
        if (host_bytes >= sizeof host)
            return err_exit(err, EX_CONFIG, "redis.address \"%s\" is too long", address);
        memcpy(host, address, host_bytes);
        host[host_bytes] = '\0';
        long port = colon ? strtol(colon + 1, NULL, 10) : 6379;
        redis->context = redisConnectWithTimeout(host, (int)port, timeout);
    }
    if (!redis->context || redis->context->err)
        return lost(redis, err);
    if (redisSetTimeout(redis->context, timeout) != REDIS_OK)
        return lost(redis, err);
    return 0;
}

static int simple(struct redis *redis, redisReply **ret_reply, struct err *err, int argc,
                  const char **argv)
{
    size_t lens[8];
    for (int i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    return redis_command(redis, ret_reply, err, argc, argv, lens);
}

static int sign_in(struct redis *redis, struct err *err)
{
    const struct redis_settings *settings = redis->settings;
    if (!settings->password_file)
        return 0;
    char *password = NULL;
    if (secret_read(settings->password_file, &password, err) != 0)
        return -1;
    bool user = settings->user && settings->user[0];
    const char *argv[3] = {"AUTH", user ? settings->user : password, password};
    redisReply *reply = NULL;
    int status = simple(redis, &reply, err, user ? 3 : 2, argv);
    free(password);
    if (status != 0 && err->kind == ERR_REJECT) {
        err->kind = ERR_FATAL;
        err->exit_code = EX_NOPERM;
        err_wrap(err, "redis %s refuses the user or password", settings->address);
    }
    if (status == 0)
        freeReplyObject(reply);
    return status;
}

/* The value of "name:value" in an INFO text, into ret (bytes long). */
static bool info_value(const char *info, const char *name, char *ret, size_t bytes)
{
    size_t name_len = strlen(name);
    for (const char *line = info; line; line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        if (strncmp(line, name, name_len) == 0 && line[name_len] == ':') {
            size_t len = strcspn(line + name_len + 1, "\r\n");
            if (len >= bytes)
                len = bytes - 1;
            memcpy(ret, line + name_len + 1, len);
            ret[len] = '\0';
            return true;
        }
    }
    return false;
}

static int learn_server(struct redis *redis, char *ret_run_id, size_t bytes, struct err *err)
{
    redisReply *reply = NULL;
    const char *argv[1] = {"INFO"};
    if (simple(redis, &reply, err, 1, argv) != 0 || !reply)
        return -1;
    char policy[64] = "noeviction", limit[32] = "0", loading[8] = "0";
    bool known = reply->str && info_value(reply->str, "run_id", ret_run_id, bytes);
    if (known) {
        info_value(reply->str, "maxmemory_policy", policy, sizeof policy);
        info_value(reply->str, "maxmemory", limit, sizeof limit);
        info_value(reply->str, "loading", loading, sizeof loading);
    }
    freeReplyObject(reply);
    if (!known)
        return err_set(err, ERR_FATAL, "redis %s: INFO has no run_id", redis->settings->address);
    if (strcmp(loading, "0") != 0)
        return err_set(err, ERR_RETRY, "redis %s is loading its data", redis->settings->address);
    if (strcmp(policy, "noeviction") != 0 && strcmp(limit, "0") != 0)
        return err_exit(err, EX_CONFIG,
                        "redis %s evicts keys (maxmemory-policy %s): records would be forgotten; "
                        "set maxmemory-policy noeviction",
                        redis->settings->address, policy);
    return 0;
}

int redis_ensure(struct redis *redis, bool *ret_changed, struct err *err)
{
    *ret_changed = false;
    if (redis->context)
        return 0;
    char run_id[sizeof redis->run_id];
    if (connect_socket(redis, err) != 0)
        return -1;
    if (sign_in(redis, err) != 0 || learn_server(redis, run_id, sizeof run_id, err) != 0) {
        drop(redis);
        return -1;
    }
    *ret_changed = redis->run_id[0] && strcmp(run_id, redis->run_id) != 0;
    memcpy(redis->run_id, run_id, sizeof run_id);
    return 0;
}

/* Errors of a server that is starting, full, failing over or short of disk: anything else is a mistake of ours or a missing right. */
static bool may_heal(const char *error)
{
    static const char *const healing[] = {"LOADING",    "OOM",      "BUSY",
                                          "MASTERDOWN", "READONLY", "MISCONF",
                                          "NOREPLICAS", "TRYAGAIN", "CLUSTERDOWN"};
    for (size_t i = 0; i < sizeof healing / sizeof healing[0]; i++)
        if (strncmp(error, healing[i], strlen(healing[i])) == 0)
            return true;
    return false;
}

/* redisCommandArgv's text, put together here: the library's own way of it costs as much as the rest of the exchange when a command has
 * thousands of words. */
static void put_command(struct buf *out, int argc, const char **argv, const size_t *argv_len)
{
    buf_putc(out, '*');
    buf_put_int(out, argc);
    for (int i = 0; i < argc; i++) {
        buf_put(out, "\r\n$", 3);
        buf_put_int(out, (int64_t)argv_len[i]);
        buf_put(out, "\r\n", 2);
        buf_put(out, argv[i], argv_len[i]);
    }
    buf_put(out, "\r\n", 2);
}

/* false: the connection is lost, or the commands are too large. */
static bool exchange(struct redis *redis, redisReply **replies, int n, const int *argcs,
                     const char **argv, const size_t *argv_len)
{
    struct buf *out = &redis->command;
    buf_reset(out);
    for (int i = 0; i < n; i++) {
        put_command(out, argcs[i], argv, argv_len);
        argv += argcs[i];
        argv_len += argcs[i];
    }
    bool going = !out->failed &&
                 redisAppendFormattedCommand(redis->context, out->data, out->len) == REDIS_OK;
    if (out->cap > COMMAND_KEPT_BYTES)
        buf_clear(out);
    for (int i = 0; i < n && going; i++) {
        void *reply = NULL;
        going = redisGetReply(redis->context, &reply) == REDIS_OK;
        replies[i] = reply;
    }
    return going;
}

void redis_replies_free(redisReply **replies, int n)
{
    for (int i = 0; i < n; i++) {
        if (replies[i])
            freeReplyObject(replies[i]);
        replies[i] = NULL;
    }
}

static int refused(const char *command, const redisReply *reply, struct err *err)
{
    if (strncmp(reply->str, "NOPERM", strlen("NOPERM")) == 0)
        return err_exit(err, EX_NOPERM,
                        "redis %s: %s; the rights that Tandem needs stand in deploy/README.md",
                        command, reply->str);
    return err_set(err, may_heal(reply->str) ? ERR_RETRY : ERR_REJECT, "redis %s: %s", command,
                   reply->str);
}

int redis_pipeline(struct redis *redis, redisReply **replies, struct err *err, int n,
                   const int *argcs, const char **argv, const size_t *argv_len)
{
    memset(replies, 0, sizeof(redisReply *) * (size_t)n);
    if (!redis->context)
        return err_set(err, ERR_RETRY, "redis %s: not connected", redis->settings->address);
    int status = 0;
    if (!exchange(redis, replies, n, argcs, argv, argv_len))
        status = lost(redis, err);
    for (int i = 0; i < n && status == 0; i++) {
        if (replies[i]->type == REDIS_REPLY_ERROR)
            status = refused(argv[0], replies[i], err);
        argv += argcs[i];
    }
    if (status != 0)
        redis_replies_free(replies, n);
    return status;
}

int redis_command(struct redis *redis, redisReply **ret_reply, struct err *err, int argc,
                  const char **argv, const size_t *argv_len)
{
    redisReply *reply = NULL;
    if (redis_pipeline(redis, &reply, err, 1, &argc, argv, argv_len) != 0)
        return -1;
    *ret_reply = reply;
    return 0;
}
