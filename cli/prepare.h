/*
 * prepare — what stands before the first process of a migration may start:
 * topics, Tandem's own properties in the new system, the first facts of the control topic.
 */
#ifndef TANDEM_CLI_PREPARE_H
#define TANDEM_CLI_PREPARE_H

#include <stdbool.h>

#include "model/migration.h"

enum { PREPARE_WORDS_BYTES = 512 };

/*
 * go: create the properties that are missing and let apply start. Without it, and while the
 * migration has never been told to go, ret_words says what is still to be done ("" = nothing).
 * A migration that goes on: records with a question that another truth rule holds for now are asked for (cli/truth.h), and ret_words
 * says how many.
 * -1: ERR_FATAL with the command that mends it, or ERR_RETRY.
 */
int prepare(struct migration *migration, bool go, char ret_words[PREPARE_WORDS_BYTES],
            struct err *err);

#endif
