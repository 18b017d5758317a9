/*
 * watcher — a thread that takes the progress every second, so that a broker
 * that does not answer holds up neither signals nor log lines. It also sums up how fast events were
 * applied, in run_dir/rates.json, for `tandem report`.
 */
#ifndef TANDEM_CLI_WATCHER_H
#define TANDEM_CLI_WATCHER_H

#include "cli/progress.h"

struct watcher;

struct watcher *watcher_open(const struct migration *migration, struct err *err);
void watcher_close(struct watcher *watcher); /* waits for the question under way */

/* The newest line, at most width columns (0 = any). False: none that is newer than the last. */
bool watcher_line(struct watcher *watcher, int width, struct buf *out);

/* What rates.json says. False: nothing yet. */
struct rates {
    int64_t applied, busy_ms, peak_per_s; /* events and time while there was a backlog */
};
bool rates_read(const struct migration *migration, struct rates *ret_rates);

#endif
