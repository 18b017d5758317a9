/*
 * rest_match — whom of a batch's items an entry of the answer means: by the id of this very request and item that the system gives back, by the
 * target's id, or by the external id. Private to rest_write.
 */
#ifndef TANDEM_REMOTE_REST_MATCH_H
#define TANDEM_REMOTE_REST_MATCH_H

#include "remote/rest_internal.h"

struct rest_match {
    struct rest_call *call;
    struct map ids, external_ids; /* → item; UPDATE by target id, else by external id */
    bool *named;                  /* an entry named this item already */
};

/* In the op's arena. */
void rest_match_init(struct rest_match *match, struct rest_call *call);

/* "<nonce>-<index>" of this very request: the item's index; −1: not ours. */
int rest_match_trace(const struct rest_call *call, struct span trace);

/* By target id, else by external id; NULL: none of ours. */
struct rest_item *rest_match_id(const struct rest_match *match, struct span id);

/* The item of one result, at a place in the op's tape; NULL: none of ours. */
struct rest_item *rest_match_result(const struct rest_match *match, uint32_t at);

#endif
