/*
 * rows — see rows.h. The guard and the rows travel together: where a loss falls between the two, rows are missing, which says nothing.
 */
#include "remote/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/redis.h"

enum { ROWS_TIMEOUT_MS = 2000, ROWS_KEY_BYTES = 256 };
#define ROWS_A_SCAN "500"

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

/* GET guard, <verb> hash: the first four words of every command here. */
static void put_head(struct rows *rows, const char *entity, const char *verb,
                     char guard[ROWS_KEY_BYTES], char hash[ROWS_KEY_BYTES])
{
    (void)snprintf(guard, ROWS_KEY_BYTES, "tandem:%s:incarnation", rows->migration->ns);
    (void)snprintf(hash, ROWS_KEY_BYTES, "tandem:%s:rows:%s", rows->migration->ns, entity);
    const char *const head[4] = {"GET", guard, verb, hash};
    for (int i = 0; i < 4; i++) {
        rows->texts[i] = head[i];
        rows->lens[i] = strlen(head[i]);
    }
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
    put_head(rows, entity, "HMGET", guard, hash);
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

static int take_scan(const struct rows *rows, redisReply **replies, char cursor[ROWS_CURSOR_BYTES],
                     void (*fn)(void *self, struct span key, struct span text), void *self,
                     struct err *err)
{
    const redisReply *scan = replies[1];
    if (!is_open(rows, replies[0]))
        return err_set(err, ERR_RETRY, "Redis holds no rows: apply has not filled it yet");
    if (scan->type != REDIS_REPLY_ARRAY || scan->elements != 2 ||
        scan->element[0]->type != REDIS_REPLY_STRING ||
        scan->element[0]->len >= ROWS_CURSOR_BYTES || scan->element[1]->type != REDIS_REPLY_ARRAY)
        return err_set(err, ERR_RETRY, "Redis answers HSCAN with something else");
    const redisReply *pairs = scan->element[1];
    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        const redisReply *key = pairs->element[i], *text = pairs->element[i + 1];
        if (key->type == REDIS_REPLY_STRING && text->type == REDIS_REPLY_STRING)
            fn(self, (struct span){key->str, key->len}, (struct span){text->str, text->len});
    }
    memcpy(cursor, scan->element[0]->str, scan->element[0]->len + 1);
    return 0;
}

int rows_scan(struct rows *rows, const char *entity, char cursor[ROWS_CURSOR_BYTES],
              void (*fn)(void *self, struct span key, struct span text), void *self,
              struct err *err)
{
    char guard[ROWS_KEY_BYTES], hash[ROWS_KEY_BYTES];
    redisReply *replies[2] = {NULL, NULL};
    const int argcs[2] = {2, 5};
    const char *const tail[3] = {cursor, "COUNT", ROWS_A_SCAN};
    bool changed = false;
    put_head(rows, entity, "HSCAN", guard, hash);
    for (int i = 0; i < 3; i++) {
        rows->texts[4 + i] = tail[i];
        rows->lens[4 + i] = strlen(tail[i]);
    }
    if (redis_ensure(rows->redis, &changed, err) < 0 ||
        redis_pipeline(rows->redis, replies, err, 2, argcs, rows->texts, rows->lens) < 0)
        return -1;
    int failed = take_scan(rows, replies, cursor, fn, self, err);
    redis_replies_free(replies, 2);
    return failed;
}
