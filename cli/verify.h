/*
 * verify — what tandem-verify has to say, as JSON. The command line never
 * includes a consumer; it asks the program beside it.
 */
#ifndef TANDEM_CLI_VERIFY_H
#define TANDEM_CLI_VERIFY_H

#include <jansson.h>

#include "base/err.h"

/*
 * Run tandem-verify --config config with further arguments (NULL-terminated, at most 8) and parse
 * its line (consumers/verify/output.h). Returns an object (owned: json_decref), or NULL with err.
 */
json_t *verify_ask(const char *config, const char *const *arguments, struct err *err);

/* The entity's object of such an answer; NULL. Borrowed. */
json_t *verify_entity(const json_t *answer, const char *entity);

/* The sum of an object of counts. */
json_int_t verify_sum(json_t *counts);

/* "conflict 3, first-meeting 12"; "" for nothing. */
void verify_put_counts(json_t *counts, char *ret_text, size_t size);

#endif
