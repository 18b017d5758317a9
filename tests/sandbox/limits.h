/*
 * limits — how many requests a token and an account may make. Windows are
 * fixed, not sliding: at their edge twice the limit passes, as with the real ones.
 */
#ifndef TANDEM_SANDBOX_LIMITS_H
#define TANDEM_SANDBOX_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sandbox/exchange.h"
#include "tests/sandbox/settings.h"

enum { LIMIT_TOKENS_MAX = 64 };

struct window {
    char who[WHO_BYTES];
    int64_t start_ms, count;
};

struct limits {
    struct window tokens[LIMIT_TOKENS_MAX];
    struct window search, exports;
    int64_t day; /* of the server's clock, UTC */
};

enum limit_verdict { LIMIT_PASS, LIMIT_TEN_SECONDLY, LIMIT_SECONDLY, LIMIT_DAILY };

/* Count one request. ret_remaining: of the ten-second window; -1 without one. */
enum limit_verdict limits_count(struct limits *limits, struct settings *settings, const char *who,
                                bool search, int64_t now_ms, int64_t *ret_remaining);

/* One export of the window that the settings say. 0, or the milliseconds until the next one is allowed. */
int64_t limits_export(struct limits *limits, struct settings *settings, int64_t now_ms);

#endif
