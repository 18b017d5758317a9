/*
 * hs_search — what the two halves of a search share.
 */
#ifndef TANDEM_SANDBOX_HS_SEARCH_H
#define TANDEM_SANDBOX_HS_SEARCH_H

#include "tests/sandbox/filter.h"
#include "tests/sandbox/hs.h"

struct search {
    struct store *store;
    const char *object;
    struct filter where;
    char error[256];
};

/* Keep what is wrong; always false. name may be NULL. */
bool hs_search_fail(struct search *search, const char *what, const char *name);

/* filterGroups into the search's where. */
bool hs_search_groups(struct search *search, json_t *groups, struct bounds *ret_bounds);

#endif
