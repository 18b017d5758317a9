/*
 * expression_internal — what the two ends of the socket say to each other. See
 * expression.h.
 */
#ifndef TANDEM_BASE_EXPRESSION_INTERNAL_H
#define TANDEM_BASE_EXPRESSION_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/expression.h"

enum expression_status {
    EXPRESSION_OK,      /* bytes: the scalar, its type in type */
    EXPRESSION_REFUSED, /* bytes: why */
    EXPRESSION_QUOTES,  /* the same; the reason may quote the input */
    EXPRESSION_ENDLESS, /* the worker used up its processor time */
    EXPRESSION_STOPPED  /* it died otherwise */
};

/* Before the bytes, in both directions. */
struct expression_header {
    uint64_t sequence; /* of the request; 0: the helper's answer to the texts, one for each */
    uint32_t index;    /* request: which expression */
    uint32_t status, type;
    uint32_t bytes;
};

/*
 * Whole or not at all: -1 when the other end is gone, or a socket's own timeout is over. Header and bytes go in one piece: the
 * other end is woken once.
 */
int expression_send(int socket, const struct expression_header *header, const void *bytes);
int expression_receive(int socket, void *data, size_t bytes);

/* The helper: never returns. */
_Noreturn void expression_helper(int socket, const char *const *texts, int count);

#endif
