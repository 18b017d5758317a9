/*
 * status — what `tandem status` knows, and how it is printed.
 */
#ifndef TANDEM_CLI_STATUS_H
#define TANDEM_CLI_STATUS_H

#include <jansson.h>

#include "cli/budgets.h"
#include "cli/progress.h"
#include "stream/brake.h"
#include "stream/control.h"
#include "stream/pause.h"

struct status {
    struct control control;
    struct pauses pauses;
    json_t *silent[PAUSE_ENTITIES_MAX]; /* silent.h, as the migration's entities; NULL unknown */
    struct brake brakes[PAUSE_ENTITIES_MAX]; /* as the migration's entities */
    char why[512];                           /* why control could not be read; "" */
    struct progress now, earlier;
    bool has_earlier;
    json_t *rows; /* tandem-verify --rows; NULL unknown */
    struct budgets budgets;
};

/* clear_first: from the top of the terminal. */
void status_print(const struct status *status, const struct migration *migration, bool as_json,
                  bool clear_first);

#endif
