/*
 * budget_internal — what the files of budget share.
 */
#ifndef TANDEM_REMOTE_BUDGET_INTERNAL_H
#define TANDEM_REMOTE_BUDGET_INTERNAL_H

#include "base/random.h"
#include "remote/budget.h"
#include "remote/budget_script.h"

enum { BUDGET_ALONE_MAX = 256 };

struct budget {
    struct redis *redis;
    const struct clock *clock;
    struct budget_terms terms;
    char key[128], places_key[136], who[80];
    char instance[RANDOM_HEX_BYTES];       /* tells our places from others' */
    uint64_t next;                         /* ticket */
    int64_t redis_after_ms;                /* monotonic, as all of these */
    int64_t told_ms;                       /* when Redis heard last what headers say */
    struct budget_news known;              /* as headers said last, */
    int64_t day_ms;                        /* which was then, of the day */
    int64_t free_until_ms;                 /* no limit was known: Redis is not asked before */
    int64_t untold[BUDGET_PRIORITY_COUNT]; /* requests that Redis has not counted yet */
    struct {                               /* without Redis */
        bool on;
        int64_t closed_ms;                 /* nothing before */
        int64_t free_ms[BUDGET_ALONE_MAX]; /* of the places */
        uint64_t ticket[BUDGET_ALONE_MAX];
    } alone;
};

void budget_explain(const struct budget *budget, enum budget_hold hold, int64_t first,
                    int64_t second, const char *words, char why[BUDGET_WHY_BYTES]);

/* budget_alone.c */
void budget_alone_begin(struct budget *budget); /* Redis has gone */
int64_t budget_alone_take(struct budget *budget, uint64_t ticket, char why[BUDGET_WHY_BYTES]);
void budget_alone_give(struct budget *budget, uint64_t ticket);

#endif
