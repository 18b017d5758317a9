/*
 * page — is a page what was asked for? A source (or a proxy in front of it)
 * that answers with an older page, an unsorted one or the same one again would
 * make keyset paging skip records or turn in circles. Pure functions.
 */
#ifndef TANDEM_POLL_PAGE_H
#define TANDEM_POLL_PAGE_H

#include "base/err.h"
#include "remote/rest.h"
#include "stream/cursor.h"

/* A place between records: behind (ms, id). Key-ordered reads leave ms 0; id "" = nothing is done yet. */
struct keyset {
    int64_t ms;
    char id[CURSOR_ID_BYTES];
};

/*
 * Every record must lie behind the one before it, the first one behind `behind`. Ids must ascend in one order that fits them all:
 * as numbers, as bytes, or as bytes regardless of case (which of them a system sorts by is not asked; a mixed-up page fits none).
 * REST_INCREMENTAL: modified-at must not descend nor leave [behind.ms, to_ms]; ids count among equal modified-at only.
 * Where the system itself says how it goes on (page.next_cursor) ids have no order, and that is the place; of a page that is unordered
 * only the times are looked at, and they are no place.
 * Returns 0 with the place behind the last record in *ret_behind (unchanged for an empty page), or -1 with ERR_RETRY:
 * the words say what is wrong with it.
 */
int page_check(const struct keyset *behind, int64_t to_ms, const struct rest_op *page,
               struct keyset *ret_behind, struct err *err);

#endif
