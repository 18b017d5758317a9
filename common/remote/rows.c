/*
 * rows — see rows.h. The guard and the rows travel together: where a loss falls between the two, rows are missing, which says nothing.
 */
#include "remote/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/redis.h"

enum { ROWS_TIMEOUT_MS = 2000, ROWS_KEY_BYTES = 256 };

struct rows {
    struct redis *redis;
    const struct migration *migration;
    const char **texts; /* the command's words */
    size_t *lens;
};

struct rows *rows_open(const struct migration *migration, struct err *err)
{
    struct rows *rows = calloc(1, sizeof(*rows));
    if (rows) {
        rows->migration = migration;
        rows->texts = calloc(ROWS_READ_MAX + 4, sizeof(*rows->texts));
        rows->lens = calloc(ROWS_READ_MAX + 4, sizeof(*rows->lens));
        rows->redis = redis_open(&migration->redis, ROWS_TIMEOUT_MS, err);
    }
    if (rows && rows->texts && rows->lens && rows->redis)
        return rows;
    err_set(err, ERR_FATAL, "out of memory");
    rows_close(rows);
    return NULL;
}

void rows_close(struct rows *rows)
{
    if (!rows)
        return;
    redis_close(rows->redis);
    free(rows->texts);
    free(rows->lens);
    free(rows);
}

/* "<run_id>/<uuid>": rows that this very server was given since it began. */
static bool is_open(const struct rows *rows, const redisReply *incarnation)
{
    const char *run_id = redis_run_id(rows->redis);
    size_t len = strlen(run_id);
    return incarnation->type == REDIS_REPLY_STRING && incarnation->len > len &&
           memcmp(incarnation->str, run_id, len) == 0 && incarnation->str[len] == '/';
}

static int take(const struct rows *rows, redisReply **replies, int n, struct arena *arena,
                struct span *ret_texts, struct err *err)
{
    if (!is_open(rows, replies[0]))
        return err_set(err, ERR_RETRY, "Redis holds no rows: apply has not filled it yet");
    if (n > 0 && (replies[1]->type != REDIS_REPLY_ARRAY || replies[1]->elements != (size_t)n))
        return err_set(err, ERR_RETRY, "Redis answers HMGET with something else");
    for (int i = 0; i < n; i++) {
        const redisReply *row = replies[1]->element[i];
        ret_texts[i] = row->type == REDIS_REPLY_STRING
                           ? arena_copy(arena, (struct span){row->str, row->len})
                           : SPAN_NONE;
    }
    return 0;
}

int rows_read(struct rows *rows, const char *entity, const struct span *keys, int n,
              struct arena *arena, struct span *ret_texts, struct err *err)
{
    char guard[ROWS_KEY_BYTES], hash[ROWS_KEY_BYTES];
    redisReply *replies[2] = {NULL, NULL};
    const int argcs[2] = {2, n + 2};
    bool changed = false;
    if (n > ROWS_READ_MAX)
        return err_set(err, ERR_FATAL, "%d rows at once", n);
    (void)snprintf(guard, sizeof(guard), "tandem:%s:incarnation", rows->migration->ns);
    (void)snprintf(hash, sizeof(hash), "tandem:%s:rows:%s", rows->migration->ns, entity);
    const char *const head[4] = {"GET", guard, "HMGET", hash};
    for (int i = 0; i < 4; i++) {
        rows->texts[i] = head[i];
        rows->lens[i] = strlen(head[i]);
    }
    for (int i = 0; i < n; i++) {
        rows->texts[4 + i] = keys[i].data;
        rows->lens[4 + i] = keys[i].len;
    }
    if (redis_ensure(rows->redis, &changed, err) < 0 ||
        redis_pipeline(rows->redis, replies, err, n > 0 ? 2 : 1, argcs, rows->texts, rows->lens) <
            0)
        return -1;
    int failed = take(rows, replies, n, arena, ret_texts, err);
    redis_replies_free(replies, n > 0 ? 2 : 1);
    return failed;
}
