/*
 * progress — where a migration stands, gathered from Kafka (end and committed
 * offsets) and from the /readyz and /metrics of its processes. What does not answer is unknown, and
 * said to be.
 */
#ifndef TANDEM_CLI_PROGRESS_H
#define TANDEM_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/migration.h"

enum { PROGRESS_PROCESSES_MAX = 64, PROGRESS_ENTITIES_MAX = 32, UNKNOWN = -1 };

struct progress_process {
    char name[80], state[16], address[64], log[512];
    int pid, restarts, exit_code;
    bool answers, ready;
    char why[256]; /* of not being ready */
};

struct progress_entity {
    const char *name;
    int64_t backfill_done, backfill_total; /* records; UNKNOWN. From poll, else from its cursor */
    bool backfill_finished;
    int64_t events;       /* on <ns>.changes.<entity>, ever */
    int64_t lag_messages; /* of apply behind their end; UNKNOWN */
    double source_lag_s;  /* captured up to so long ago; < 0 unknown */
    char vanished[256];   /* properties that the old system does not have any more: "Phone, Fax" */
    char fresh[256];      /* those that appeared, and no field is mapped to them */
    char stalled[64];     /* passes that do not go on: "incremental" */
};

struct progress {
    int64_t taken_ms; /* monotonic */
    bool running;     /* processes.json names a `tandem run` that is alive */
    struct progress_process processes[PROGRESS_PROCESSES_MAX];
    int process_count;
    struct progress_entity entities[PROGRESS_ENTITIES_MAX];
    int entity_count;
    int64_t applied;      /* events that left apply since its processes began; UNKNOWN */
    int64_t dead_letters; /* messages on <ns>.dlq; UNKNOWN */
    char kafka_why[512];  /* why offsets are unknown; "" */
};

struct progress_gatherer;

/* migration is borrowed. Returns NULL with ERR_FATAL. */
struct progress_gatherer *progress_open(const struct migration *migration, struct err *err);
void progress_close(struct progress_gatherer *gatherer);

/* Takes a few seconds at most, also when nothing answers. */
void progress_take(struct progress_gatherer *gatherer, struct progress *ret_progress);

/*
 * The one line: "contact 4200/10000 (42 %), 812/s, ETA 7 s; lag 330; apply/1 waits: …".
 * earlier: a progress taken before, for the rates; NULL = none. The text fits a terminal line of
 * width columns (0 = no limit).
 */
void progress_line(const struct progress *now, const struct progress *earlier, int width,
                   struct buf *out);

/* Records a second that the backfill made between the two, and seconds to its end; UNKNOWN. */
int64_t progress_rate(const struct progress *now, const struct progress *earlier, int entity);
int64_t progress_eta_s(const struct progress *now, const struct progress *earlier, int entity);

/* Events a second that apply finished between the two; UNKNOWN. */
int64_t progress_applied_rate(const struct progress *now, const struct progress *earlier);

#endif
