/*
 * replay — which signed bytes were here before. A bounded table of this process before one in Redis that all share. Only
 * what is on Kafka counts as received; what is on its way is leased for a short time, so that a crash loses nothing.
 * Without Redis the local table is all there is: then more gets through, and apply absorbs it (design §4.3).
 */
#ifndef TANDEM_WEBHOOK_REPLAY_H
#define TANDEM_WEBHOOK_REPLAY_H

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "model/migration.h"

struct replay;

enum replay_answer {
    REPLAY_NEW,      /* leased to us: say replay_done() or replay_failed() */
    REPLAY_DONE,     /* its first copy is on Kafka */
    REPLAY_IN_FLIGHT /* somebody has it */
};

struct replay_settings {
    const struct migration *migration;
    const struct clock *clock;
    int64_t max;     /* entries of the local table */
    int64_t keep_ms; /* how long what is done is known: twice the widest time window */
    int64_t lease_ms;
};

struct replay *replay_open(const struct replay_settings *settings, struct err *err);
void replay_close(struct replay *replay);

/*
 * Ask for each name (count of them, HASH_HEX_BYTES texts); names of one call that are equal: the second is in flight. Takes what was
 * said done since to Redis by the way. Never fails: Redis away is counted (tandem_webhook_unchecked_total).
 */
void replay_claim(struct replay *replay, const char *const *names, int count,
                  enum replay_answer *ret_answers);
/* It is on Kafka. */
void replay_done(struct replay *replay, const char *name);
/* It may or may not be: whoever comes again is let through. */
void replay_failed(struct replay *replay, const char *name);
/* Tell Redis what is done, when there is nothing better to do. */
void replay_flush(struct replay *replay);

#endif
