/*
 * people — who in the new system is the person that a record of the old one belongs to: her id there → her e-mail, read from the old system →
 * the one with this e-mail in the new system. Asked seldom: what was found is remembered for apply.reference_retry_ms, what was not found for
 * half of that, 8,192 answers at most.
 */
#ifndef TANDEM_APPLY_PEOPLE_H
#define TANDEM_APPLY_PEOPLE_H

#include "apply.h"

struct people;

/* Both systems' connectors have to say where their people are. NULL with ERR_FATAL. */
struct people *people_open(struct apply *apply, struct err *err);
void people_close(struct people *people); /* NULL is fine */

struct person {
    struct span text;  /* "salesforce:005…", or an e-mail */
    struct span email; /* out, of the chunk's arena; empty: the old system does not tell it now */
    struct span id;    /* out, likewise, the new system's; empty: nobody there has this e-mail */
};
/* Returns 0, or -1 with ERR_RETRY: the new system cannot be asked. The old one being away only leaves e-mails empty. */
int people_find(struct apply *apply, struct person *persons, int n, int64_t *ret_retry_after_ms,
                struct err *err);

#endif
