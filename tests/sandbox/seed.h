/*
 * seed — a population of invented people: person i of seed s is the same in
 * both shapes and on every machine. Every 17th has no e-mail, some names are
 * not ASCII, phone numbers come as people type them.
 */
#ifndef TANDEM_SANDBOX_SEED_H
#define TANDEM_SANDBOX_SEED_H

#include "tests/sandbox/store.h"

struct seed_order {
    const char *object;
    int64_t count, seed, offset;
    int64_t modstamp_ms;   /* 0: each its own, in the past */
    int64_t drift_percent; /* so many have another job title than the person elsewhere */
    int64_t request_id;
};

/* Inside store_begin/store_end. Returns how many were put in; a person whose e-mail is taken is left out. */
int64_t seed_people(struct store *store, const struct seed_order *order);

/* The main object, in its own transaction, unless it has records. */
void seed_if_empty(struct store *store, const struct seed_order *order);

#endif
