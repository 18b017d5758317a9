/*
 * holds — requests that are parked until a test lets them go, so that a client
 * can be killed or frozen with a request in flight.
 */
#ifndef TANDEM_SANDBOX_HOLDS_H
#define TANDEM_SANDBOX_HOLDS_H

#include "tests/sandbox/faults.h"

enum { HOLDS_MAX = 32, HELD_MAX = 512 };
enum hold_when { HOLD_BEFORE, HOLD_AFTER };
enum hold_outcome { HOLD_NONE, HOLD_GO, HOLD_DROP };

struct hold {
    int64_t id, count, held;
    enum hold_when when;
    struct match match;
};

struct held {
    bool used, released, drop;
    int64_t hold, request_id, since_ms;
    enum hold_when when;
    char method[8], target[256], object[NAME_BYTES];
};

struct holds {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct hold rules[HOLDS_MAX];
    int rule_count;
    struct held held[HELD_MAX];
    int64_t next_id;
    bool stopping;
};

void holds_init(struct holds *holds);
void holds_clear(struct holds *holds);

/* Returns the new id, or -1 with a text. */
int64_t holds_add(struct holds *holds, json_t *rule, const char **ret_error);

/* Park this request if a rule says so; blocks until it is released. */
enum hold_outcome holds_wait(struct holds *holds, enum hold_when when,
                             const struct request *request, const char *object, const char *who);

/* {"id"?, "request_id"?, "action"?}: how many were woken. */
int holds_release(struct holds *holds, json_t *what);

/* From now on nothing is held, what is held is dropped. */
void holds_stop(struct holds *holds);

int holds_count(struct holds *holds);
bool holds_any(struct holds *holds);
json_t *holds_json(struct holds *holds);

#endif
