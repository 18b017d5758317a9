/*
 * budget — how many requests a system takes, shared by all processes on all hosts that ask it: one budget per account, in Redis
 * (design §5). It keeps two limits: the requests of a window of time, and those of the day.
 *
 * A window's limit is kept exactly, whatever the network does to the requests: each takes one of `requests` places when it leaves
 * and gives it back one window after its answer came, so that two requests of one place are never closer than a window.
 * A request whose process died keeps its place for as long as it could have run, and a window. The numbers are those that the connector
 * declares, or the system's own headers, whichever is less. A share (reserve_percent) is left to the people who still
 * work in the system; of what is left backfill takes at most 70 %, refresh 85 %, so that live changes find a place.
 *
 * The day's limit is what the headers say: live changes may use all but the reserve; refresh and backfill are spread over the day
 * (UTC, by Redis' clock): 40 % or 20 % at once, the rest as the day passes.
 *
 * Where neither the connector nor any answer told a limit, a process asks Redis ten times a second instead of before each request: it
 * hears of another process' gate, or of a limit's first appearance, so much later.
 *
 * Without Redis a process keeps to a quarter of the window's limit by itself, after one window of silence; what is known of the day holds on.
 * When Redis has lost the counts, one window is waited out first.
 *
 * Keys: tandem:budget:<account>          hash  requests, window, used, max (as headers said at told), until, why (a gate for all), known
 *       tandem:budget:<account>:places   zset  "<ns> <program>#<random>-<n>" → ms at which the place is free again
 *       tandem:budget:<account>:<day>    hash  who → requests of that day (days since 1970, UTC); gone after two days
 */
#ifndef TANDEM_REMOTE_BUDGET_H
#define TANDEM_REMOTE_BUDGET_H

#include "base/clock.h"
#include "base/err.h"
#include "model/migration.h"

struct budget;

enum budget_priority {
    BUDGET_LIVE, /* changes, what waits for them, and what a person asks for */
    BUDGET_REFRESH,
    BUDGET_BACKFILL, /* and any other reading of everything */
    BUDGET_PRIORITY_COUNT
};

struct budget_terms {
    int64_t requests, window_ms; /* declared; 0: only the headers say */
    int64_t reserve_percent;
    int64_t request_ms; /* the longest that a request of ours can be under way */
};

/* What an answer's headers said; 0 or −1: nothing. */
struct budget_news {
    int64_t requests, window_ms; /* allowed in a window; 0 unknown */
    int64_t remaining;           /* of them; −1 unknown */
    int64_t used, max;           /* of the day; max 0 unknown */
};

/* settings (NULL: without Redis) and clock are borrowed. NULL: ERR_FATAL. Connects when first needed. */
struct budget *budget_open(const struct redis_settings *settings, const char *ns,
                           const char *account, const struct budget_terms *terms,
                           const struct clock *clock, struct err *err);
void budget_close(struct budget *budget); /* NULL is fine */

enum { BUDGET_WHY_BYTES = 160 };
/*
 * May a request leave now? 0: yes, and *ret_ticket is given back with budget_give when its answer came, or kept back when nobody knows whether
 * it still runs (then the place is free when it cannot any more). Else after how many ms to ask again, ≥ 1, and why.
 */
int64_t budget_take(struct budget *budget, enum budget_priority priority, uint64_t *ret_ticket,
                    char why[BUDGET_WHY_BYTES]);
/* The request is over. gate_ms > 0: the system refused it for so long (429, a quota): nobody asks before. */
void budget_give(struct budget *budget, uint64_t ticket, const struct budget_news *news,
                 int64_t gate_ms, const char *why);

/* For people: how a budget stands. */
struct budget_user {
    char who[96]; /* "<ns> <program> <priority>" */
    int64_t requests;
};
enum { BUDGET_USERS_MAX = 16 };
struct budget_state {
    bool known;                  /* somebody has asked this system since Redis knows it */
    int64_t requests, window_ms; /* as headers said; 0 unknown */
    int64_t places;              /* taken now */
    int64_t used, max;           /* of the day */
    int64_t wait_ms;             /* the gate for all; 0 open */
    char why[BUDGET_WHY_BYTES];
    struct budget_user users[BUDGET_USERS_MAX]; /* of today, the heaviest first */
    int user_count;
};
/* Returns 0, or -1 with ERR_RETRY: Redis does not answer. */
int budget_read(struct budget *budget, struct budget_state *ret_state, struct err *err);

#endif
