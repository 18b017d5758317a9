/*
 * review — the parts of `tandem review`: reading the open questions, showing them, and writing the projection again.
 */
#ifndef TANDEM_CLI_REVIEW_H
#define TANDEM_CLI_REVIEW_H

#include "model/migration.h"
#include "model/review.h"

struct review_options {
    const char *entity, *class_; /* NULL: all */
    const char *record;          /* show: "salesforce:003…" or "contact/salesforce:003…" */
    int64_t limit;               /* list: questions */
    bool as_json, unmask;
};

/* Print what is asked for on stdout. *ret_count: questions that were found, also beyond the limit. 0, or -1 with err. */
int review_read(struct migration *migration, const struct review_options *options,
                int64_t *ret_count, struct err *err);

/*
 * Fold `state` and write <ns>.review as it must be: what differs, what is missing, null for what is closed. apply must rest
 * (paused, or not there): it publishes too. *ret_written: messages that were not as they had to be.
 */
int review_rebuild(struct migration *migration, int64_t *ret_open, int64_t *ret_written,
                   struct err *err);

/* ---- review_print.c ---- */

void review_print_line(struct migration *migration, const struct review *review,
                       const struct review_question *question, bool unmask);
void review_print_whole(struct migration *migration, const struct review *review, bool unmask);
/* The message as one line of JSON, values of pii fields as "***". -1 with ERR_REJECT: no JSON. */
int review_print_json(struct migration *migration, const struct review *review, struct span text,
                      bool unmask, struct err *err);

#endif
