/*
 * faults — rules that spoil chosen requests, set by the admin API. Matching
 * counts; what a fault does is flow's business.
 */
#ifndef TANDEM_SANDBOX_FAULTS_H
#define TANDEM_SANDBOX_FAULTS_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "tests/sandbox/exchange.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_LATENCY,
    FAULT_STATUS_429,
    FAULT_STATUS_5XX,
    FAULT_STATUS,
    FAULT_DROP,
    FAULT_RESET,
    FAULT_DROP_AFTER_EXECUTE,
    FAULT_EXECUTE_LATE,
    FAULT_GARBAGE_BODY,
    FAULT_TRUNCATE_BODY,
    FAULT_TRUNCATE_JSON,
    FAULT_DUPLICATE_PAGE,
    FAULT_KIND_COUNT
};

enum { FAULTS_MAX = 64, PAGES_MAX = 16, MATCH_BYTES = 256 };

/* Empty strings match everything. Shared with holds. */
struct match {
    char method[8], path_contains[MATCH_BYTES], object[NAME_BYTES], body_contains[MATCH_BYTES],
        who[WHO_BYTES];
};

/* From {"method": …}; false for a key that is none. NULL matches everything. */
bool match_read(json_t *json, struct match *ret_match);
json_t *match_json(const struct match *match);
/* object, who: what the request is about, already found out. */
bool match_fits(const struct match *match, const struct request *request, const char *object,
                const char *who);

struct fault {
    int64_t id;
    enum fault_kind kind;
    struct match match;
    int64_t count, skip, matched, hits;
    double probability;
    int64_t delay_ms, status, retry_after_s;
    char policy[NAME_BYTES];
};

struct faults {
    pthread_mutex_t mutex;
    struct fault items[FAULTS_MAX];
    int count;
    int64_t next_id;
    uint64_t random;
    struct {
        char object[NAME_BYTES];
        struct buf body;
    } pages[PAGES_MAX]; /* the last page of each object, kept while a duplicate_page rule stands */
};

const char *fault_kind_name(enum fault_kind kind);
void faults_init(struct faults *faults);
void faults_clear(struct faults *faults);

/* Returns the new id, or -1 with a text. */
int64_t faults_add(struct faults *faults, json_t *rule, const char **ret_error);
bool faults_remove(struct faults *faults, int64_t id); /* 0: all */
json_t *faults_json(struct faults *faults);

/* Whether any rule stands: else nothing needs to be asked. */
bool faults_any(struct faults *faults);

/* The faults for this request: one that acts (kind FAULT_NONE: none) and the latency besides. */
void faults_choose(struct faults *faults, const struct request *request, const char *object,
                   const char *who, struct fault *ret_fault, int64_t *ret_latency_ms);

void faults_remember_page(struct faults *faults, const char *object, struct span body);
/* Replace body by the object's remembered page, if there is one. */
void faults_repeat_page(struct faults *faults, const char *object, struct buf *body);

#endif
