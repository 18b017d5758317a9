/*
 * budget_alone — what a process does while Redis is away: a quarter of the window's limit, as there may be others that know nothing of it.
 */
#include "remote/budget_internal.h"

enum { DIVISOR = 4, LOOK_MS = 60 * 1000 };

/* 0: no limit is known. */
static int places(const struct budget *budget, int64_t *ret_window_ms)
{
    const struct budget_terms *terms = &budget->terms;
    int64_t requests = budget->known.requests, window_ms = budget->known.window_ms;
    if (terms->requests > 0 &&
        (requests == 0 || terms->requests * window_ms < requests * terms->window_ms)) {
        requests = terms->requests;
        window_ms = terms->window_ms;
    }
    *ret_window_ms = window_ms;
    if (requests == 0)
        return 0;
    int64_t count = requests * (100 - terms->reserve_percent) / 100 / DIVISOR;
    return count < 1 ? 1 : count > BUDGET_ALONE_MAX ? BUDGET_ALONE_MAX : (int)count;
}

void budget_alone_begin(struct budget *budget)
{
    int64_t window_ms = 0;
    (void)places(budget, &window_ms);
    budget->alone.on = true;
    budget->alone.closed_ms = clock_mono_ms(budget->clock) + window_ms;
}

/* The day: the reserve is left alone; what was said a minute ago may be over, which one request sees. */
static int64_t wait_for_day(struct budget *budget, int64_t now_ms)
{
    const struct budget_news *known = &budget->known;
    if (known->max <= 0 ||
        known->used < known->max - known->max * budget->terms.reserve_percent / 100)
        return 0;
    if (budget->day_ms + LOOK_MS > now_ms)
        return budget->day_ms + LOOK_MS - now_ms;
    budget->day_ms = now_ms;
    return 0;
}

int64_t budget_alone_take(struct budget *budget, uint64_t ticket, char why[BUDGET_WHY_BYTES])
{
    int64_t now_ms = clock_mono_ms(budget->clock), window_ms = 0, first_ms = INT64_MAX;
    int count = places(budget, &window_ms);
    if (budget->alone.closed_ms > now_ms) {
        budget_explain(budget, BUDGET_HOLD_GATE, 0, 0,
                       "Redis is away: what others use is not known", why);
        return budget->alone.closed_ms - now_ms;
    }
    int64_t wait_ms = wait_for_day(budget, now_ms);
    if (wait_ms > 0) {
        budget_explain(budget, BUDGET_HOLD_DAY, budget->known.used, budget->known.max, "", why);
        return wait_ms;
    }
    for (int i = 0; i < count; i++) {
        if (budget->alone.free_ms[i] <= now_ms) {
            budget->alone.free_ms[i] = now_ms + budget->terms.request_ms + window_ms;
            budget->alone.ticket[i] = ticket;
            return 0;
        }
        if (budget->alone.free_ms[i] < first_ms)
            first_ms = budget->alone.free_ms[i];
    }
    if (count == 0)
        return 0;
    budget_explain(budget, BUDGET_HOLD_WINDOW, count, window_ms, "", why);
    return first_ms - now_ms < window_ms ? first_ms - now_ms : window_ms;
}

void budget_alone_give(struct budget *budget, uint64_t ticket)
{
    int64_t window_ms = 0;
    int count = places(budget, &window_ms);
    for (int i = 0; ticket && i < count; i++)
        if (budget->alone.ticket[i] == ticket) {
            budget->alone.free_ms[i] = clock_mono_ms(budget->clock) + window_ms;
            budget->alone.ticket[i] = 0;
        }
}
