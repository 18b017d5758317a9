/*
 * pass — one entity compared once: both systems listed, rows, dead letters and the audit trail read, everything judged; then what was
 * not the same looked at again and again for as long as it may settle.
 */
#ifndef TANDEM_VERIFY_PASS_H
#define TANDEM_VERIFY_PASS_H

#include "consumers/verify/meter.h"
#include "consumers/verify/output.h"
#include "consumers/verify/rows.h"
#include "consumers/verify/scan.h"
#include "consumers/verify/trail.h"

struct pass_options {
    int64_t settle_ms; /* how long a difference may take to go away */
    int examples;
    bool rows_only; /* count rows and dead letters; ask neither system */
};

/* One entity's reading, kept over the passes of --every. */
struct pass {
    const struct pass_options *options;
    struct meter *meter;
    struct table *table;
    struct rows *rows;
    struct scan *scan;
    struct compare *compare;
    struct result result;
};

/* All borrowed. Signs in to neither system yet. A pass that failed to open wants to be closed too. */
int pass_open(struct pass *pass, const struct migration *migration, const struct entity *entity,
              struct table *table, const struct relations *relations,
              const struct pass_options *options, struct meter *meter, struct err *err);
void pass_close(struct pass *pass);

/* List both systems and read the rows; for every entity before the first is compared: they refer to each other. */
int pass_read(struct pass *pass, struct err *err);

/* Compare, and put the entity's part of the answer. trail: NULL with rows_only. all: those whose rows a second look brings up to date. */
int pass_run(struct pass *pass, struct pass *all, int count, struct trail *trail, struct buf *out,
             struct err *err);

#endif
