/*
 * latest — which message of a compacted topic is the last one of its key, in 32 bytes a key: a first reading notes where it stands, a
 * second one meets it again. Keys are known by 64 bits of a hash.
 */
#ifndef TANDEM_CLI_LATEST_H
#define TANDEM_CLI_LATEST_H

#include "base/buf.h"
#include "base/err.h"

enum { LATEST_NOTHING = -1 }; /* the key is there, and says nothing (null) */

struct latest_entry {
    uint64_t key;     /* 0 = free */
    int64_t offset;   /* or LATEST_NOTHING */
    uint64_t content; /* the caller's: hash of a value; 0 = none */
    bool seen;        /* the caller's */
};

struct latest {
    struct latest_entry *entries;
    size_t cap, count;
};

void latest_init(struct latest *latest);
void latest_clear(struct latest *latest);

uint64_t latest_hash(struct span text); /* never 0 */

/* The entry of a key, NULL: none. Valid until the next latest_put. */
struct latest_entry *latest_get(const struct latest *latest, struct span key);
/* The same, made (offset LATEST_NOTHING) when there is none. NULL with ERR_RETRY: out of memory. */
struct latest_entry *latest_put(struct latest *latest, struct span key, struct err *err);

#endif
