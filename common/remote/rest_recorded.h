/*
 * rest_recorded — what a connector file makes of an answer that was recorded: the request that
 * would be sent, and the answer, understood exactly as one that has just arrived. Nothing is
 * sent, to nobody, and no secret is read. For `tandem connector test` and `tandem preview`.
 */
#ifndef TANDEM_REMOTE_REST_RECORDED_H
#define TANDEM_REMOTE_REST_RECORDED_H

#include "remote/rest.h"

struct recorded_answer {
    int status;
    const char *const *headers; /* "Name: value" */
    int header_count;           /* ≤ HTTP_HEADERS_MAX */
    struct span body;
};

/*
 * A system without account, for rest_show and rest_play only. settings: name and connector are
 * used; borrowed, as clock is. NULL with ERR_FATAL.
 */
struct rest *rest_open_recorded(const struct system_settings *settings, const struct clock *clock,
                                struct err *err);

/*
 * rest_start and rest_finish of an op that is answered so; what would be tried again is not.
 * Outcome and err as rest_finish says; REST_REFUSED with err when it cannot be asked at all.
 */
enum rest_outcome rest_play(struct rest *rest, struct rest_op *op,
                            const struct recorded_answer *answer, int64_t *ret_retry_after_ms,
                            struct err *err);

/* The names of the kinds as connector files write them; -1: there is no such kind. */
const char *rest_kind_name(enum rest_kind kind);
int rest_kind_parse(const char *name);

/* Does the connector know this operation for the object? */
bool rest_knows(const struct rest *rest, enum rest_kind kind, const char *object);

#endif
