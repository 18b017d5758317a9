/*
 * known — what a singer source has delivered of each record: an SQLite file, so that memory is bounded however many there are. It says what
 * need not be published again, and which records a whole reading of the stream did not bring any more. Kafka is the truth: a file that is
 * lost or damaged is filled from <ns>.changes (known_fill.c), and then it knows no contents: everything is published once more.
 *
 * Everything between known_begin and known_commit is there or is not. It is committed only after the delivery reports of what it says.
 */
#ifndef TANDEM_SINGER_KNOWN_H
#define TANDEM_SINGER_KNOWN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"

struct known;

enum { KNOWN_ID_BYTES = 513 };

struct known_row {
    char digest[HASH_HEX_BYTES]; /* of what was delivered last; "" unknown */
    int64_t modified_ms;
    int64_t version; /* Singer's, of the record that was seen last; 0 none */
    int64_t run;     /* whole runs that had ended when it was seen, + 1 */
    bool gone;       /* delivered as deleted */
};

/* A record that a whole run did not bring. */
struct known_missing {
    char id[KNOWN_ID_BYTES];
    int64_t modified_ms;
};

/*
 * What counts as missing: not gone, run < below_run, and where below_version is not 0, version < below_version. unversioned: those of which no
 * version is known (the file was filled, the tap says none) count too.
 */
struct known_bound {
    int64_t below_version, below_run;
    bool unversioned;
};

/*
 * In the directory dir, which is made. name: whose file it is; another's is replaced. *ret_fresh: it knows nothing. -1: ERR_FATAL (another
 * process has it open, the directory cannot be written).
 */
struct known *known_open(const char *dir, const char *name, bool *ret_fresh, struct err *err);
void known_close(struct known *known); /* rolls back */

/* Each -1: ERR_RETRY (the disk is full) or ERR_FATAL. */
int known_begin(struct known *known, struct err *err); /* fine when begun already */
int known_commit(struct known *known, struct err *err);
void known_rollback(struct known *known);

/* *ret_found false: never seen. */
int known_find(struct known *known, const char *stream, struct span id, struct known_row *ret_row,
               bool *ret_found, struct err *err);
int known_put(struct known *known, const char *stream, struct span id, const struct known_row *row,
              struct err *err);
/* Forget what is known, before everything is read anew. */
int known_forget(struct known *known, struct err *err);

/* Records of a stream that are not gone; the latest time of modification; how many of them are missing. */
struct known_count {
    int64_t alive, missing, newest_ms;
};
int known_count(struct known *known, const char *stream, struct known_bound bound,
                struct known_count *ret_count, struct err *err);
/* The next of them, at most max; returns how many, or -1. As they are put as gone they are not missing any more. */
int known_take_missing(struct known *known, const char *stream, struct known_bound bound,
                       struct known_missing *ret_missing, int max, struct err *err);

/* How many whole runs of it have ended: a number that is kept beside the rows. */
int known_runs(struct known *known, int64_t *ret_runs, struct err *err);
int known_set_runs(struct known *known, int64_t runs, struct err *err);
/* The version of a stream that a whole run has activated last; 0 none. */
int known_activated(struct known *known, const char *stream, int64_t *ret_version, struct err *err);
int known_set_activated(struct known *known, const char *stream, int64_t version, struct err *err);

#endif
