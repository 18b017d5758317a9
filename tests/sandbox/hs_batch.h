/*
 * hs_batch — one batch request on its way to its answer.
 */
#ifndef TANDEM_SANDBOX_HS_BATCH_H
#define TANDEM_SANDBOX_HS_BATCH_H

#include "tests/sandbox/hs.h"

struct batch {
    struct sandbox *sandbox;
    const struct request *request;
    const char *object;
    struct reply *reply;
    struct tape tape;
    int inputs;  /* the list's index; 0: there is none */
    bool traced; /* every input has an objectWriteTraceId of its own */
    int64_t start_ms;
    struct buf results, errors;
    size_t ends[HS_BATCH_MAX]; /* where each result ends in results */
    int result_count, error_count;
    struct record record;
    struct hs_want want;
};

/* What was rendered into results since the last call is one result. */
void hs_batch_end_result(struct batch *batch);
/* The whole answer; 207 instead of status when there are errors. */
void hs_batch_put_response(struct batch *batch, int status);

/* create, update and upsert */
void hs_batch_write(struct batch *batch, enum hs_verb verb);

#endif
