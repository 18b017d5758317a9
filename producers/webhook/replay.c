/*
 * replay — see replay.h.
 */
#include "producers/webhook/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "remote/redis.h"

enum {
    WAYS = 8, /* of the table: where eight are full the one that ends first goes */
    PENDING_MAX = 4096,
    CLAIMS_MAX = 512,
    KEY_BYTES = 64 + HASH_HEX_BYTES,
    OWNER_BYTES = 33,
    TIMEOUT_MS = 200,    /* Redis must not use up a sender's patience */
    TRY_AGAIN_MS = 1000, /* after it was away */
    NUMBER_BYTES = 24,
    FIXED_ARGS = 4
};

enum entry_state { ENTRY_NONE, ENTRY_LEASED, ENTRY_DONE };

struct entry {
    uint64_t high, low; /* of the name */
    int64_t until_ms;   /* monotonic */
    enum entry_state state;
};

struct replay {
    struct replay_settings settings;
    struct entry *entries;
    size_t sets; /* a power of two */
    struct redis *redis;
    int64_t away_until_ms;
    bool away_said;
    char owner[OWNER_BYTES];
    char prefix[64];
    size_t prefix_len;
    char pending[PENDING_MAX][HASH_HEX_BYTES]; /* done, and Redis does not know it yet */
    int pending_count;
    char keys[PENDING_MAX + CLAIMS_MAX][KEY_BYTES];
    const char *args[PENDING_MAX + CLAIMS_MAX + FIXED_ARGS];
    size_t lens[PENDING_MAX + CLAIMS_MAX + FIXED_ARGS];
    struct metric *unchecked;
};

/* KEYS: those that are done, then those that are asked for. ARGV: owner, lease ms, keep ms, how many are done. */
static struct redis_script claim_script = {
    .name = "webhook_claim",
    .text = "local out, done = {}, tonumber(ARGV[4])\n"
            "for i = 1, done do redis.call('SET', KEYS[i], '+', 'PX', ARGV[3]) end\n"
            "for i = done + 1, #KEYS do\n"
            "  local v = redis.call('GET', KEYS[i])\n"
            "  if v == '+' then out[#out + 1] = 1\n"
            "  elseif v and v ~= ARGV[1] then out[#out + 1] = 2\n"
            "  else redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2]); out[#out + 1] = 0 end\n"
            "end\n"
            "return out\n"};

struct replay *replay_open(const struct replay_settings *settings, struct err *err)
{
    struct replay *replay = calloc(1, sizeof(*replay));
    if (!replay) {
        (void)err_set(err, ERR_RETRY, "out of memory");
        return NULL;
    }
    replay->settings = *settings;
    replay->sets = 1;
    while ((int64_t)replay->sets * WAYS < settings->max)
        replay->sets *= 2;
    replay->entries = calloc(replay->sets * WAYS, sizeof(*replay->entries));
    replay->redis = redis_open(&settings->migration->redis, TIMEOUT_MS, err);
    if (!replay->entries || !replay->redis) {
        (void)err_set(err, ERR_RETRY, "out of memory");
        replay_close(replay);
        return NULL;
    }
    for (size_t i = 0; i + 1 < sizeof(replay->owner); i++)
        replay->owner[i] = "0123456789abcdef"[arc4random_uniform(16)];
    (void)snprintf(replay->prefix, sizeof(replay->prefix),
                   "tandem:%s:hook:", settings->migration->ns);
    replay->prefix_len = strlen(replay->prefix);
    replay->unchecked = metric_counter(
        "tandem_webhook_unchecked_total",
        "Requests that were taken without asking Redis whether they are replays.", NULL);
    return replay;
}

void replay_close(struct replay *replay)
{
    if (!replay)
        return;
    redis_close(replay->redis);
    free(replay->entries);
    free(replay);
}

/* ---- the local table ---- */

static uint64_t hex_part(const char *name)
{
    char part[17];
    (void)snprintf(part, sizeof(part), "%.16s", name);
    return strtoull(part, NULL, 16);
}

static int64_t now_ms(const struct replay *replay)
{
    return clock_mono_ms(replay->settings.clock);
}

/* The entry of this name; else NULL, and *ret_free is where it may go. */
static struct entry *find(struct replay *replay, const char *name, struct entry **ret_free)
{
    uint64_t high = hex_part(name), low = hex_part(name + 16);
    struct entry *set = &replay->entries[(high & (replay->sets - 1)) * WAYS], *first = set;
    int64_t now = now_ms(replay);
    for (struct entry *at = set; at < set + WAYS; at++) {
        if (at->until_ms <= now)
            at->state = ENTRY_NONE;
        if (at->state != ENTRY_NONE && at->high == high && at->low == low)
            return at;
        if (first->state != ENTRY_NONE &&
            (at->state == ENTRY_NONE || at->until_ms < first->until_ms))
            first = at;
    }
    if (ret_free)
        *ret_free = first;
    return NULL;
}

static void note(struct replay *replay, const char *name, enum entry_state state, int64_t ms)
{
    struct entry *at = NULL, *entry = find(replay, name, &at);
    if (!entry)
        entry = at;
    *entry = (struct entry){hex_part(name), hex_part(name + 16), now_ms(replay) + ms, state};
}

/* ---- Redis ---- */

static void put_arg(struct replay *replay, int at, const char *text)
{
    replay->args[at] = text;
    replay->lens[at] = strlen(text);
}

static const char *put_key(struct replay *replay, int at, const char *name)
{
    char *key = replay->keys[at];
    memcpy(key, replay->prefix, replay->prefix_len);
    memcpy(key + replay->prefix_len, name, HASH_HEX_BYTES);
    return key;
}

static void say_away(struct replay *replay, const struct err *err)
{
    replay->away_until_ms = now_ms(replay) + TRY_AGAIN_MS;
    if (!replay->away_said)
        log_warn("replays are looked for in this process only", log_str("why", err->text));
    replay->away_said = true;
}

/* pending and the names in one round trip. The reply, owned by the caller; NULL: Redis is away. */
static redisReply *ask(struct replay *replay, const char *const *names, int count)
{
    char lease[NUMBER_BYTES], keep[NUMBER_BYTES], done[NUMBER_BYTES];
    struct err err = ERR_INIT;
    bool changed = false;
    redisReply *reply = NULL;
    int keys = 0;
    if (now_ms(replay) < replay->away_until_ms)
        return NULL;
    for (int i = 0; i < replay->pending_count; i++, keys++)
        put_arg(replay, keys, put_key(replay, keys, replay->pending[i]));
    for (int i = 0; i < count; i++, keys++)
        put_arg(replay, keys, put_key(replay, keys, names[i]));
    (void)snprintf(lease, sizeof(lease), "%lld", (long long)replay->settings.lease_ms);
    (void)snprintf(keep, sizeof(keep), "%lld", (long long)replay->settings.keep_ms);
    (void)snprintf(done, sizeof(done), "%d", replay->pending_count);
    put_arg(replay, keys, replay->owner);
    put_arg(replay, keys + 1, lease);
    put_arg(replay, keys + 2, keep);
    put_arg(replay, keys + 3, done);
    if (redis_ensure(replay->redis, &changed, &err) != 0 ||
        redis_eval(replay->redis, &claim_script, &reply, &err, keys, keys + FIXED_ARGS,
                   replay->args, replay->lens) != 0) {
        say_away(replay, &err);
        return NULL;
    }
    if (replay->away_said)
        log_info("replays are shared again");
    replay->away_said = false;
    replay->pending_count = 0;
    return reply;
}

static enum replay_answer answer_of(const redisReply *reply, int at)
{
    if (reply->type != REDIS_REPLY_ARRAY || (size_t)at >= reply->elements ||
        reply->element[at]->type != REDIS_REPLY_INTEGER)
        return REPLAY_NEW;
    long long value = reply->element[at]->integer;
    return value == 1 ? REPLAY_DONE : value == 2 ? REPLAY_IN_FLIGHT : REPLAY_NEW;
}

/* ---- the whole ---- */

static void claim_some(struct replay *replay, const char *const *names, int count,
                       enum replay_answer *ret_answers)
{
    const char *asked[CLAIMS_MAX];
    int at[CLAIMS_MAX], asked_count = 0;
    for (int i = 0; i < count; i++) {
        const struct entry *known = find(replay, names[i], NULL);
        ret_answers[i] = !known                       ? REPLAY_NEW
                         : known->state == ENTRY_DONE ? REPLAY_DONE
                                                      : REPLAY_IN_FLIGHT;
        if (known)
            continue;
        note(replay, names[i], ENTRY_LEASED, replay->settings.lease_ms);
        at[asked_count] = i;
        asked[asked_count++] = names[i];
    }
    if (asked_count == 0)
        return;
    redisReply *reply = ask(replay, asked, asked_count);
    if (!reply)
        metric_add(replay->unchecked, asked_count);
    for (int i = 0; reply && i < asked_count; i++) {
        enum replay_answer answer = answer_of(reply, i);
        ret_answers[at[i]] = answer;
        if (answer == REPLAY_DONE)
            note(replay, asked[i], ENTRY_DONE, replay->settings.keep_ms);
        else if (answer == REPLAY_IN_FLIGHT)
            replay_failed(replay, asked[i]);
    }
    freeReplyObject(reply);
}

void replay_claim(struct replay *replay, const char *const *names, int count,
                  enum replay_answer *ret_answers)
{
    for (int from = 0; from < count; from += CLAIMS_MAX) {
        int some = count - from < CLAIMS_MAX ? count - from : CLAIMS_MAX;
        claim_some(replay, names + from, some, ret_answers + from);
    }
}

void replay_done(struct replay *replay, const char *name)
{
    note(replay, name, ENTRY_DONE, replay->settings.keep_ms);
    if (replay->pending_count <
        PENDING_MAX) /* else Redis does not hear of it: one more is let through elsewhere */
        (void)snprintf(replay->pending[replay->pending_count++], HASH_HEX_BYTES, "%s", name);
}

void replay_failed(struct replay *replay, const char *name)
{
    struct entry *entry = find(replay, name, NULL);
    if (entry && entry->state == ENTRY_LEASED)
        entry->state = ENTRY_NONE;
}

void replay_flush(struct replay *replay)
{
    if (replay->pending_count)
        freeReplyObject(ask(replay, NULL, 0));
}
