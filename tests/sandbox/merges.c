/*
 * merges — the log of merges, and the loser's end.
 */
#include "tests/sandbox/merges.h"

#include <stdio.h>
#include <string.h>

enum { CHAIN_MAX = 64 };

bool merges_winner(struct store *store, const char *object, const char *id, char ret_id[ID_BYTES])
{
    bool found = false;
    char at[ID_BYTES];
    (void)snprintf(at, sizeof at, "%s", id);
    for (int i = 0; store->merged && i < CHAIN_MAX; i++) {
        sqlite3_stmt *get = store_statement(store, ST_MERGE_GET);
        bind_text(get, 1, object);
        bind_text(get, 2, at);
        if (!store_row(store, get))
            break;
        (void)snprintf(at, sizeof at, "%s", (const char *)sqlite3_column_text(get, 0));
        sqlite3_reset(get);
        found = true;
    }
    if (found)
        memcpy(ret_id, at, sizeof at);
    return found;
}

enum write_outcome merges_lose(struct store *store, const struct merge *merge, const char *loser,
                               const char *winner, struct span patch)
{
    struct record record;
    record_init(&record);
    struct write write = {.object = merge->object,
                          .id = loser,
                          .patch = patch,
                          .who = merge->who,
                          .op = "merged",
                          .merged_into = winner,
                          .modstamp_ms = merge->modstamp_ms,
                          .archive = true,
                          .request_id = merge->request_id,
                          .late = merge->late};
    enum write_outcome outcome = store_write(store, &write, &record, NULL);
    record_clear(&record);
    if (outcome == WRITE_DONE) {
        sqlite3_stmt *put = store_statement(store, ST_MERGE_PUT);
        bind_text(put, 1, merge->object);
        bind_text(put, 2, loser);
        bind_text(put, 3, winner);
        store_run(store, put);
        store->merged = true;
    }
    return outcome;
}
