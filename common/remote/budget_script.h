/*
 * budget_script — what budget does in Redis, atomically. Keys and rules: budget.h.
 */
#ifndef TANDEM_REMOTE_BUDGET_SCRIPT_H
#define TANDEM_REMOTE_BUDGET_SCRIPT_H

#include "remote/redis.h"

/* Why a request waits. */
enum budget_hold {
    BUDGET_HOLD_NONE,
    BUDGET_HOLD_GATE,  /* words */
    BUDGET_HOLD_DAY,   /* used, max */
    BUDGET_HOLD_WINDOW /* places that may be taken, window */
};

/*
 * KEYS: budget, places. ARGV: member, who, share of the places (%), the day's share at once (%), longest request (ms), declared requests, declared
 * window (ms), reserve (%). → {wait in ms, enum budget_hold, a number, a number, words}
 */
extern struct redis_script BUDGET_TAKE;
/*
 * KEYS: as above. ARGV: member ("" none), requests, window, remaining, used, max (budget_news), gate (ms), why, declared window, reserve (%).
 */
extern struct redis_script BUDGET_GIVE;

#endif
