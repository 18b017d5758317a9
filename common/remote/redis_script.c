/*
 * redis_script — scripts by their digest, so that their text travels once; see redis.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "remote/redis.h"

static void fill_sha(struct redis_script *script)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    EVP_Digest(script->text, strlen(script->text), digest, &bytes, EVP_sha1(), NULL);
    for (unsigned int i = 0; i < bytes && i < 20; i++) {
        static const char hex[] = "0123456789abcdef";
        script->sha[2 * i] = hex[digest[i] >> 4];
        script->sha[2 * i + 1] = hex[digest[i] & 15];
    }
    script->sha[40] = '\0';
}

const char *redis_script_sha(struct redis_script *script)
{
    if (!script->sha[0])
        fill_sha(script);
    return script->sha;
}

int redis_script_load(struct redis *redis, struct redis_script *script, struct err *err)
{
    const char *argv[3] = {"SCRIPT", "LOAD", script->text};
    const size_t lens[3] = {6, 4, strlen(script->text)};
    redisReply *reply = NULL;
    if (redis_command(redis, &reply, err, 3, argv, lens) != 0)
        return err_wrap(err, "script %s", script->name);
    freeReplyObject(reply);
    return 0;
}

int redis_eval(struct redis *redis, struct redis_script *script, redisReply **ret_reply,
               struct err *err, int key_count, int argc, const char **argv, const size_t *argv_len)
{
    char keys[16];
    (void)snprintf(keys, sizeof keys, "%d", key_count);
    const char **all = malloc(sizeof *all * (size_t)(argc + 3));
    size_t *lens = malloc(sizeof *lens * (size_t)(argc + 3));
    if (!all || !lens) {
        free(all);
        free(lens);
        return err_set(err, ERR_RETRY, "redis: out of memory");
    }
    all[0] = "EVALSHA";
    all[1] = redis_script_sha(script);
    all[2] = keys;
    lens[0] = 7;
    lens[1] = 40;
    lens[2] = strlen(keys);
    if (argc > 0) {
        memcpy(all + 3, argv, sizeof *all * (size_t)argc);
        memcpy(lens + 3, argv_len, sizeof *lens * (size_t)argc);
    }
    struct err first = ERR_INIT;
    int status = redis_command(redis, ret_reply, &first, argc + 3, all, lens);
    if (status != 0 && first.kind == ERR_REJECT && strstr(first.text, "NOSCRIPT")) {
        all[0] = "EVAL";
        lens[0] = 4;
        all[1] = script->text;
        lens[1] = strlen(script->text);
        status = redis_command(redis, ret_reply, err, argc + 3, all, lens);
    } else if (status != 0) {
        err_set(err, first.kind, "%s", first.text);
    }
    if (status != 0)
        err_wrap(err, "script %s", script->name);
    free(all);
    free(lens);
    return status;
}
