/*
 * ledger — what happened, for the oracle: every effect with the record before
 * and after it, and every request. Read from outside, straight from SQLite;
 * the tables are documented in README.md.
 */
#ifndef TANDEM_SANDBOX_LEDGER_H
#define TANDEM_SANDBOX_LEDGER_H

#include "tests/sandbox/exchange.h"
#include "tests/sandbox/write.h"

/* record: after the effect; the store's old_text/new_text and fields are those of this write. */
void ledger_effect(struct store *store, const struct write *write, const struct record *record);

/* fault: its kind, or NULL. sent: whether a reply went out. Its own transaction unless one is open. */
void ledger_request(struct store *store, const struct request *request, const struct reply *reply,
                    const char *fault, bool sent);

int64_t ledger_last_request(struct store *store);

#endif
