/*
 * late — one thread and a short list of due times.
 */
#include "tests/sandbox/late.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static void drop(struct request *request)
{
    request_clear(request);
    free(request);
}

/* Index of the item that is due first; the list is not empty. */
static int first(const struct late *late)
{
    int best = 0;
    for (int i = 1; i < late->count; i++)
        if (late->items[i].due_ms < late->items[best].due_ms)
            best = i;
    return best;
}

static void *run(void *arg)
{
    struct late *late = arg;
    pthread_mutex_lock(&late->mutex);
    while (!late->stopping) {
        if (!late->count) {
            pthread_cond_wait(&late->changed, &late->mutex);
            continue;
        }
        int at = first(late);
        int64_t due_ms = late->items[at].due_ms;
        if (due_ms > clock_mono_ms(&CLOCK_SYSTEM)) {
            struct timespec until = {due_ms / 1000, (due_ms % 1000) * 1000000};
            pthread_cond_timedwait(&late->changed, &late->mutex, &until);
            continue;
        }
        struct request *request = late->items[at].request;
        pthread_mutex_unlock(&late->mutex);
        late->execute(late->self, request);
        pthread_mutex_lock(&late->mutex);
        /* only now gone from the list: "nothing pending" means "all executed" */
        for (at = 0; late->items[at].request != request; at++)
            ;
        late->items[at] = late->items[--late->count];
        drop(request);
    }
    pthread_mutex_unlock(&late->mutex);
    return NULL;
}

int late_start(struct late *late, void (*execute)(void *self, struct request *request), void *self)
{
    memset(late, 0, sizeof *late);
    late->execute = execute;
    late->self = self;
    pthread_mutex_init(&late->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&late->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    late->started = pthread_create(&late->thread, NULL, run, late) == 0;
    return late->started ? 0 : -1;
}

void late_stop(struct late *late)
{
    if (!late->started)
        return;
    pthread_mutex_lock(&late->mutex);
    late->stopping = true;
    pthread_cond_broadcast(&late->changed);
    pthread_mutex_unlock(&late->mutex);
    pthread_join(late->thread, NULL);
    for (int i = 0; i < late->count; i++)
        drop(late->items[i].request);
    pthread_cond_destroy(&late->changed);
    pthread_mutex_destroy(&late->mutex);
    late->started = false;
}

void late_add(struct late *late, struct request *request, int64_t delay_ms)
{
    pthread_mutex_lock(&late->mutex);
    if (late->count == LATE_MAX) {
        drop(request);
    } else {
        late->items[late->count++] =
            (struct late_item){clock_mono_ms(&CLOCK_SYSTEM) + delay_ms, request};
        pthread_cond_broadcast(&late->changed);
    }
    pthread_mutex_unlock(&late->mutex);
}

int late_pending(struct late *late)
{
    pthread_mutex_lock(&late->mutex);
    int count = late->count;
    pthread_mutex_unlock(&late->mutex);
    return count;
}
