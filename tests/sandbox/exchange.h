/*
 * exchange — one request as it came and the reply that is being made, both
 * independent of the HTTP library, so that a request can be executed later
 * than its connection lives.
 */
#ifndef TANDEM_SANDBOX_EXCHANGE_H
#define TANDEM_SANDBOX_EXCHANGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    PARAMS_MAX = 64,
    PATH_PARTS_MAX = 12,
    REPLY_HEADERS_MAX = 12,
    NAME_BYTES = 64,
    WHO_BYTES = 96
};

struct param {
    char *name, *value; /* owned, decoded */
};

struct request {
    int64_t id;
    int64_t start_us; /* monotonic */
    char method[8];
    char *target; /* owned: path and query as logged */
    char *path;   /* owned: decoded, without the query; cut at the slashes into parts */
    char *parts[PATH_PARTS_MAX + 1];
    int part_count;
    struct param params[PARAMS_MAX];
    int param_count;
    char *authorization; /* owned or NULL */
    char *query_options; /* owned or NULL: Sforce-Query-Options */
    struct buf body;
    bool late;      /* executed after its client was answered, dropped or held */
    char host[128]; /* "127.0.0.1:1234" */
    bool tls;
};

/* Takes nothing: path and target are copied. */
void request_init(struct request *request, int64_t id, const char *method, const char *path);
void request_clear(struct request *request);
/* A whole copy, owned by the caller: request_clear and free. */
struct request *request_copy(const struct request *request);
void request_add_param(struct request *request, const char *name, const char *value);

/* The first value of a query parameter, borrowed, or NULL. */
const char *request_param(const struct request *request, const char *name);
/* Path part i, or "". */
const char *request_part(const struct request *request, int i);
bool request_is(const struct request *request, const char *method);

/* The body as a JSON object (new reference), or NULL when it is none. */
json_t *request_json(const struct request *request);

struct reply {
    int status;    /* 0: close without a reply */
    bool rollback; /* nothing of this request may stay in the store */
    bool page;     /* a page of records: duplicate_page applies */
    bool counted;  /* an API call: headers with limits */
    int items;
    struct buf body;
    const char *content_type; /* static */
    struct {
        char name[48], value[192];
    } headers[REPLY_HEADERS_MAX];
    int header_count;
    char object[NAME_BYTES];
    char who[WHO_BYTES];
};

void reply_init(struct reply *reply);
void reply_clear(struct reply *reply);
void reply_header(struct reply *reply, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Replace the body by this JSON value; steals the reference. */
void reply_json(struct reply *reply, int status, json_t *value);
/* {"error": text}: the admin API's error. */
void reply_error(struct reply *reply, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
