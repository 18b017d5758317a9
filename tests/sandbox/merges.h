/*
 * merges — records that became one: the loser's row stays, points to the
 * winner, and its id leads there. Inside store_begin/store_end.
 */
#ifndef TANDEM_SANDBOX_MERGES_H
#define TANDEM_SANDBOX_MERGES_H

#include "tests/sandbox/write.h"

struct merge {
    const char *object, *winner, *loser; /* ids */
    const char *who;
    struct span patch;   /* what the winner gets besides; SPAN_NONE: nothing */
    int64_t modstamp_ms; /* 0: now */
    int64_t request_id;
    bool late;
};

/* Whose id this one leads to now; false: it was never merged away. */
bool merges_winner(struct store *store, const char *object, const char *id, char ret_id[ID_BYTES]);

/* The loser's end: archived, with winner as where it went; patch (or SPAN_NONE) stays in its row. */
enum write_outcome merges_lose(struct store *store, const struct merge *merge, const char *loser,
                               const char *winner, struct span patch);

/*
 * HubSpot: the winner's values, blanks filled from the loser, associations of
 * both. With the setting merge_new_id the result is a third record, to which
 * both ids lead. WRITE_ABSENT: one of them is not there, or they are the same.
 */
enum write_outcome hs_merge_records(struct store *store, const struct merge *merge,
                                    struct record *ret_record);

/* Salesforce: the loser is deleted with its MasterRecordId, what referred to it refers to the winner. */
enum write_outcome sf_merge_records(struct store *store, const struct merge *merge,
                                    struct record *ret_record);

#endif
