/*
 * watcher — one thread, one lock, a progress a second. apply finishes events by the thousand: rates look five to ten seconds back.
 */
#include "cli/watcher.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { EVERY_S = 1, SPAN_MS = 5000, BACKLOG_MESSAGES = 100, PATH_BYTES = 4096 };

struct watcher {
    struct progress_gatherer *gatherer;
    struct progress now, between, earlier; /* between: what earlier becomes when it is old enough */
    struct progress next;                  /* the thread's own */
    int taken;                             /* how many, of two */
    bool fresh, stop, started;
    char path[PATH_BYTES];
    struct rates rates;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static void rates_path(const struct migration *migration, char *ret_path)
{
    (void)snprintf(ret_path, PATH_BYTES, "%s/rates.json", migration->run_dir);
}

bool rates_read(const struct migration *migration, struct rates *ret_rates)
{
    char path[PATH_BYTES];
    rates_path(migration, path);
    json_t *root = json_load_file(path, 0, NULL);
    if (!root)
        return false;
    ret_rates->applied = json_integer_value(json_object_get(root, "applied"));
    ret_rates->busy_ms = json_integer_value(json_object_get(root, "busy_ms"));
    ret_rates->peak_per_s = json_integer_value(json_object_get(root, "peak_per_s"));
    json_decref(root);
    return true;
}

static void rates_write(const struct watcher *watcher)
{
    char part[PATH_BYTES + 8];
    (void)snprintf(part, sizeof(part), "%s.part", watcher->path);
    FILE *file = fopen(part, "we");
    if (!file)
        return; /* a figure less in the report */
    (void)fprintf(file,
                  "{\"v\":1,\"applied\":%" PRId64 ",\"busy_ms\":%" PRId64 ",\"peak_per_s\":%" PRId64
                  "}\n",
                  watcher->rates.applied, watcher->rates.busy_ms, watcher->rates.peak_per_s);
    if (fclose(file) == 0)
        (void)rename(part, watcher->path);
}

/* Was there enough to do that the pace is apply's own, and not that of the people in the old system? */
static bool had_backlog(const struct progress *progress)
{
    for (int i = 0; i < progress->entity_count; i++) {
        if (progress->entities[i].lag_messages >= BACKLOG_MESSAGES)
            return true;
    }
    return false;
}

/* Span by span. A process that began anew counts from zero: that span is left out, as is one in which nothing was done. */
static void sum_up(struct watcher *watcher)
{
    int64_t events = watcher->now.applied - watcher->between.applied;
    int64_t ms = watcher->now.taken_ms - watcher->between.taken_ms;
    if (watcher->between.applied < 0 || events <= 0 || ms <= 0 ||
        (!had_backlog(&watcher->between) && !had_backlog(&watcher->now)))
        return;
    watcher->rates.applied += events;
    watcher->rates.busy_ms += ms;
    if (events * 1000 / ms > watcher->rates.peak_per_s)
        watcher->rates.peak_per_s = events * 1000 / ms;
    rates_write(watcher);
}

static void take_over(struct watcher *watcher)
{
    watcher->now = watcher->next;
    watcher->fresh = true;
    if (!watcher->taken)
        watcher->between = watcher->earlier = watcher->now;
    watcher->taken += watcher->taken < 2;
    if (watcher->now.taken_ms - watcher->between.taken_ms >= SPAN_MS) {
        sum_up(watcher);
        watcher->earlier = watcher->between;
        watcher->between = watcher->now;
    }
}

static void wait_a_second(struct watcher *watcher)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += EVERY_S;
    while (!watcher->stop &&
           pthread_cond_timedwait(&watcher->wake, &watcher->lock, &until) != ETIMEDOUT) {
    }
}

static void *watch(void *self)
{
    struct watcher *watcher = self;
    (void)pthread_mutex_lock(&watcher->lock);
    while (!watcher->stop) {
        (void)pthread_mutex_unlock(&watcher->lock);
        progress_take(watcher->gatherer, &watcher->next);
        (void)pthread_mutex_lock(&watcher->lock);
        take_over(watcher);
        wait_a_second(watcher);
    }
    sum_up(watcher);
    (void)pthread_mutex_unlock(&watcher->lock);
    return NULL;
}

struct watcher *watcher_open(const struct migration *migration, struct err *err)
{
    struct watcher *watcher = calloc(1, sizeof(*watcher));
    if (!watcher) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    (void)pthread_mutex_init(&watcher->lock, NULL);
    (void)pthread_cond_init(&watcher->wake, NULL);
    rates_path(migration, watcher->path);
    (void)rates_read(migration, &watcher->rates);
    watcher->gatherer = progress_open(migration, err);
    if (!watcher->gatherer)
        goto fail;
    /* Signals are the main thread's. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&watcher->thread, NULL, watch, watcher);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        err_exit(err, EX_OSERR, "a thread: %s", strerror(failed));
        goto fail;
    }
    watcher->started = true;
    return watcher;
fail:
    watcher_close(watcher);
    return NULL;
}

void watcher_close(struct watcher *watcher)
{
    if (!watcher)
        return;
    if (watcher->started) {
        (void)pthread_mutex_lock(&watcher->lock);
        watcher->stop = true;
        (void)pthread_cond_signal(&watcher->wake);
        (void)pthread_mutex_unlock(&watcher->lock);
        (void)pthread_join(watcher->thread, NULL);
    }
    progress_close(watcher->gatherer);
    (void)pthread_cond_destroy(&watcher->wake);
    (void)pthread_mutex_destroy(&watcher->lock);
    free(watcher);
}

bool watcher_line(struct watcher *watcher, int width, struct buf *out)
{
    (void)pthread_mutex_lock(&watcher->lock);
    bool fresh = watcher->fresh;
    watcher->fresh = false;
    if (fresh)
        progress_line(&watcher->now, watcher->taken > 1 ? &watcher->earlier : NULL, width, out);
    (void)pthread_mutex_unlock(&watcher->lock);
    return fresh;
}
