/*
 * write — the one way a record changes, whoever changes it: merge, version,
 * modstamp, uniqueness, visibility lag and ledger happen here and only here.
 * Inside store_begin/store_end.
 */
#ifndef TANDEM_SANDBOX_WRITE_H
#define TANDEM_SANDBOX_WRITE_H

#include "tests/sandbox/store.h"

struct write {
    const char *object;
    const char *id;     /* NULL: create */
    const char *new_id; /* of a create: this id, not the next one; NULL otherwise */
    struct span patch;  /* flat JSON object; null blanks. SPAN_NONE: none */
    const char *who;
    const char *op; /* NULL: create, update or archive as it is */
    const char *trace_id;
    int64_t modstamp_ms; /* 0: now */
    bool silent;         /* no date moves */
    bool automation;     /* only the modstamp moves */
    bool archive;
    bool restore;            /* of an archived record; patch is ignored */
    const char *merged_into; /* archive: the record that it became; NULL otherwise */
    bool no_lag;             /* visible at once */
    int64_t request_id;
    bool late;
};

enum write_outcome { WRITE_DONE, WRITE_ABSENT, WRITE_CONFLICT, WRITE_TOO_MANY_FIELDS };

struct conflict {
    char property[NAME_BYTES];
    char id[ID_BYTES]; /* who holds the value */
};

/* ret_record: the state after it. ret_conflict (may be NULL) is filled on WRITE_CONFLICT; then nothing is written. */
enum write_outcome store_write(struct store *store, const struct write *write,
                               struct record *ret_record, struct conflict *ret_conflict);

#endif
