/*
 * flow — one request from its last byte to its reply: latency, holds and
 * faults around the execution.
 */
#ifndef TANDEM_SANDBOX_FLOW_H
#define TANDEM_SANDBOX_FLOW_H

#include "tests/sandbox/sandbox.h"

enum flow_end {
    FLOW_SEND,     /* send the reply */
    FLOW_CLOSE,    /* close without a reply */
    FLOW_RESET,    /* TCP reset */
    FLOW_TRUNCATE, /* announce the whole body, send half, close */
};

/* May block (latency, holds) until the sandbox stops. */
enum flow_end flow_run(struct sandbox *sandbox, struct request *request, struct reply *reply);

/* Execute a request now, in its own transaction. fault: what the ledger says of it; sent: whether its reply goes out. */
void flow_execute(struct sandbox *sandbox, const struct request *request, struct reply *reply,
                  const char *fault, bool sent);

#endif
