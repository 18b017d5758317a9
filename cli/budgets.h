/*
 * budgets — how much of what the systems allow is used, by whom, and who has to wait (remote/budget.h).
 */
#ifndef TANDEM_CLI_BUDGETS_H
#define TANDEM_CLI_BUDGETS_H

#include <jansson.h>

#include "remote/budget.h"

enum { BUDGETS_MAX = 8 };
struct budgets {
    struct {
        const char *account; /* borrowed from the migration */
        struct budget_state state;
    } items[BUDGETS_MAX]; /* of the accounts that somebody has asked */
    int count;
    char why[256]; /* why nothing is known; "" */
};

/* Asks Redis, at most half a second a system. */
void budgets_take(const struct migration *migration, struct budgets *ret_budgets);
void budgets_print(const struct budgets *budgets);
json_t *budgets_json(const struct budgets *budgets); /* an array; owned by the caller */

#endif
