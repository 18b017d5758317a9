/*
 * budgets — see budgets.h.
 */
#include "cli/budgets.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool has(const struct budgets *budgets, const char *account)
{
    for (int i = 0; i < budgets->count; i++)
        if (strcmp(budgets->items[i].account, account) == 0)
            return true;
    return false;
}

static void take(const struct migration *migration, const char *account, struct budgets *budgets)
{
    static const struct budget_terms TERMS = {0};
    struct err err = ERR_INIT;
    struct budget_state *state = &budgets->items[budgets->count].state;
    struct budget *budget =
        budget_open(&migration->redis, migration->ns, account, &TERMS, &CLOCK_SYSTEM, &err);
    if (!budget || budget_read(budget, state, &err) != 0)
        (void)snprintf(budgets->why, sizeof(budgets->why), "%.250s", err.text);
    else if (state->known)
        budgets->items[budgets->count++].account = account;
    budget_close(budget);
}

void budgets_take(const struct migration *migration, struct budgets *ret_budgets)
{
    *ret_budgets = (struct budgets){.count = 0};
    for (int i = 0; i < migration->system_count && ret_budgets->count < BUDGETS_MAX; i++)
        if (!has(ret_budgets, migration->systems[i].account) && !*ret_budgets->why)
            take(migration, migration->systems[i].account, ret_budgets);
}

/* "  salesforce    1,204 of the day's 100,000 requests; 12 of 171 in 10,000 ms" */
void budgets_print(const struct budgets *budgets)
{
    if (budgets->count)
        printf("\nrequests\n");
    for (int i = 0; i < budgets->count; i++) {
        const struct budget_state *state = &budgets->items[i].state;
        const char *join = "";
        printf("  %-13s ", budgets->items[i].account);
        if (state->max > 0) {
            printf("%" PRId64 " of the day's %" PRId64, state->used, state->max);
            join = "; ";
        }
        if (state->requests > 0)
            printf("%s%" PRId64 " of %" PRId64 " in %" PRId64 " ms", join, state->places,
                   state->requests, state->window_ms);
        else if (state->places > 0)
            printf("%s%" PRId64 " in the window", join, state->places);
        printf("\n");
        for (int u = 0; u < state->user_count; u++)
            printf("    %-32s %" PRId64 " today\n", state->users[u].who, state->users[u].requests);
        if (state->wait_ms > 0)
            printf("    all wait %.1f s: %s\n", (double)state->wait_ms / 1000.0, state->why);
    }
    if (*budgets->why)
        printf("\nrequests: %s\n", budgets->why);
}

json_t *budgets_json(const struct budgets *budgets)
{
    json_t *list = json_array();
    for (int i = 0; i < budgets->count; i++) {
        const struct budget_state *state = &budgets->items[i].state;
        json_t *users = json_object();
        for (int u = 0; u < state->user_count; u++)
            (void)json_object_set_new(users, state->users[u].who,
                                      json_integer((json_int_t)state->users[u].requests));
        (void)json_array_append_new(
            list,
            json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:o}", "account", budgets->items[i].account,
                      "requests", (json_int_t)state->requests, "window_ms",
                      (json_int_t)state->window_ms, "places", (json_int_t)state->places, "day_used",
                      (json_int_t)state->used, "day_max", (json_int_t)state->max, "wait_ms",
                      (json_int_t)state->wait_ms, "why", state->why, "today", users));
    }
    return list;
}
