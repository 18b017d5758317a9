/*
 * late — requests that are executed after their client has lost its
 * connection: what a proxy or an overloaded server does to a request whose
 * client has given up.
 */
#ifndef TANDEM_SANDBOX_LATE_H
#define TANDEM_SANDBOX_LATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/sandbox/exchange.h"

enum { LATE_MAX = 4096 };

struct late_item {
    int64_t due_ms; /* monotonic */
    struct request *request;
};

struct late {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool started, stopping;
    struct late_item items[LATE_MAX];
    int count;
    void (*execute)(void *self, struct request *request); /* in late's own thread */
    void *self;
};

int late_start(struct late *late, void (*execute)(void *self, struct request *request), void *self);
void late_stop(struct late *late); /* what is still pending is forgotten */

/* Takes request. */
void late_add(struct late *late, struct request *request, int64_t delay_ms);
int late_pending(struct late *late);

#endif
