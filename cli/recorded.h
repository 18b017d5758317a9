/*
 * recorded — one recorded page: what was asked, what the system answered, and what Tandem has to
 * find in it, in a text file that a person writes beside the vendor's pages.
 * deploy/connectors/README.md, "Recorded pages", says how it looks.
 */
#ifndef TANDEM_CLI_RECORDED_H
#define TANDEM_CLI_RECORDED_H

#include "remote/rest_recorded.h"

struct recorded_line {
    const char *text; /* without blanks around it */
    int line;         /* in the file, from 1 */
};

enum { RECORDED_LINES_MAX = 2000, RECORDED_FIELDS_MAX = 200, RECORDED_IDS_MAX = 100 };
struct recorded {
    char *path, *text; /* owned; text is cut into what follows */
    struct rest_op op; /* filled from "ask" */
    const char *properties[RECORDED_FIELDS_MAX];
    struct span ids[RECORDED_IDS_MAX];
    struct recorded_line request[2]; /* first line and body; text NULL: not said */
    struct recorded_answer answer;
    const char *headers[HTTP_HEADERS_MAX];
    struct recorded_line *expected; /* owned */
    int expected_count;
    bool judged; /* there is a section expect */
};

/* Returns 0, or -1 with words "file:line: …" in err. Clear it in either case. */
int recorded_read(struct recorded *self, const char *path, struct err *err);
void recorded_clear(struct recorded *self);

/*
 * Play it on a connector; what is wrong goes to stdout, a line each, "file:line: …". Returns the
 * number of these. ret_summary: what was found, in a few words.
 */
int recorded_judge(struct recorded *self, struct rest *rest, struct buf *ret_summary);

/* What an op found, in the words of a section expect. */
void recorded_put_found(struct buf *out, const struct rest_op *op, enum rest_outcome outcome,
                        int64_t retry_after_ms);

#endif
