/*
 * limits — counting.
 */
#include "tests/sandbox/limits.h"

#include <stdio.h>
#include <string.h>

static struct window *window_of(struct limits *limits, const char *who)
{
    struct window *oldest = &limits->tokens[0];
    for (int i = 0; i < LIMIT_TOKENS_MAX; i++) {
        struct window *window = &limits->tokens[i];
        if (strcmp(window->who, who) == 0)
            return window;
        if (window->start_ms < oldest->start_ms)
            oldest = window;
    }
    *oldest = (struct window){.start_ms = 0};
    (void)snprintf(oldest->who, sizeof oldest->who, "%s", who);
    return oldest;
}

/* False: the window is full. */
static bool take(struct window *window, int64_t length_ms, int64_t limit, int64_t now_ms)
{
    if (now_ms - window->start_ms >= length_ms || now_ms < window->start_ms) {
        window->start_ms = now_ms;
        window->count = 0;
    }
    if (window->count >= limit)
        return false;
    window->count++;
    return true;
}

enum limit_verdict limits_count(struct limits *limits, struct settings *settings, const char *who,
                                bool search, int64_t now_ms, int64_t *ret_remaining)
{
    int64_t day = now_ms / 86400000, quota = settings_get(settings, SET_DAILY_QUOTA);
    if (limits->day && day != limits->day)
        settings_set(settings, SET_QUOTA_USED, 0);
    limits->day = day;
    *ret_remaining = -1;
    int64_t used = settings_get(settings, SET_QUOTA_USED);
    if (quota && used >= quota)
        return LIMIT_DAILY;
    int64_t limit = settings_get(settings, SET_SEARCH_LIMIT_1S);
    if (search && limit && !take(&limits->search, 1000, limit, now_ms))
        return LIMIT_SECONDLY;
    limit = settings_get(settings, SET_RATE_LIMIT_10S);
    if (limit) {
        struct window *window = window_of(limits, who);
        bool free = take(window, 10000, limit, now_ms);
        *ret_remaining = limit - window->count;
        if (!free)
            return LIMIT_TEN_SECONDLY;
    }
    settings_set(settings, SET_QUOTA_USED, used + 1);
    return LIMIT_PASS;
}

int64_t limits_export(struct limits *limits, struct settings *settings, int64_t now_ms)
{
    int64_t limit = settings_get(settings, SET_EXPORT_LIMIT);
    int64_t window_ms = settings_get(settings, SET_EXPORT_WINDOW_MS);
    if (!limit || take(&limits->exports, window_ms, limit, now_ms))
        return 0;
    return limits->exports.start_ms + window_ms - now_ms;
}
