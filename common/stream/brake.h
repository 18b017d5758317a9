/*
 * brake — what a sweep has to say to people, and what they answer, in <ns>.control:
 *   "sweep:<entity>"  {"v":1,"by":"log","braked":true,"approved":false,"found":N,"known":N,"gap_ms":…,"since_ms":…,"who":""}   null: nothing
 * Poll writes it when a sweep stops (design §5); `tandem sweep approve` answers.
 */
#ifndef TANDEM_STREAM_BRAKE_H
#define TANDEM_STREAM_BRAKE_H

#include "base/err.h"
#include "model/migration.h"
#include "stream/sink.h"

enum { BRAKE_FORMAT_VERSION = 1, BRAKE_RECORDS_MIN = 20, BRAKE_WHO_BYTES = 80 };

/* Who found them: the source's log of deletions, or a listing of everything (census) in which they are missing. */
enum brake_by { BRAKE_BY_LOG, BRAKE_BY_CENSUS, BRAKE_BY_COUNT };
const char *brake_by_name(enum brake_by by);

struct brake {
    enum brake_by by;     /* of braked and approved */
    bool braked;          /* a sweep found more than it may: none of them was asked for */
    bool approved;        /* a person said that as many as were found may go */
    int64_t found, known; /* deletions, records */
    int64_t
        gap_ms; /* the log did not reach back to here: deletions since may be missing; 0: it did */
    int64_t since_ms; /* wall clock: for people */
    char who[BRAKE_WHO_BYTES];
};

/*
 * How many deletions one sweep may bring by itself: max(BRAKE_RECORDS_MIN, percent of known), and what was approved of those that
 * it found. known < 0: unknown.
 */
int64_t brake_allows(const struct brake *brake, enum brake_by by, int64_t known, int64_t percent);
/* A person let the deletions through that this one found. */
bool brake_is_approved(const struct brake *brake, enum brake_by by);

/*
 * From where the log of deletions no longer tells all that ended since from_ms: it begins at earliest_ms (−1: it does not say), or reaches
 * log_ms back from now_ms (0: not declared). 0: it tells all.
 */
int64_t brake_gap_ms(int64_t from_ms, int64_t earliest_ms, int64_t now_ms, int64_t log_ms);

/* What holds now; zeroed where nothing was said. As log_reader_fold. */
int brake_read(const struct migration *migration, const char *entity, struct brake *ret_brake,
               struct err *err);

/* Queued as sink_put; durable after sink_settle. Neither braked nor a gap: null. */
int brake_put(struct sink *sink, const struct migration *migration, const char *entity,
              const struct brake *brake, struct err *err);

/* The answer of a person: it is braked no more; if it was not, the gap is known. Waits until Kafka has it. */
int brake_approve(const struct migration *migration, const char *entity, const struct brake *brake,
                  const char *who, struct err *err);

#endif
