/*
 * sandbox — the instance: one CRM with its store, limits, faults and holds.
 */
#ifndef TANDEM_SANDBOX_SANDBOX_H
#define TANDEM_SANDBOX_SANDBOX_H

#include "tests/sandbox/faults.h"
#include "tests/sandbox/holds.h"
#include "tests/sandbox/late.h"
#include "tests/sandbox/limits.h"
#include "tests/sandbox/locators.h"
#include "tests/sandbox/settings.h"
#include "tests/sandbox/store.h"

struct sandbox {
    enum crm crm;
    struct settings settings;
    struct store store;
    struct limits limits; /* under the store's mutex, as are the locators */
    struct locators locators;
    struct faults faults;
    struct holds holds;
    struct late late;
    _Atomic int64_t request_id;
    _Atomic int in_flight;
    _Atomic bool stopping;
};

static inline const char *sandbox_name(const struct sandbox *sandbox)
{
    return CRM_NAMES[sandbox->crm];
}

/* The shapes and the admin API: fill reply from request; called inside store_begin/store_end, admin not. */
void sf_handle(struct sandbox *sandbox, const struct request *request, struct reply *reply);
void hs_handle(struct sandbox *sandbox, const struct request *request, struct reply *reply);
void zd_handle(struct sandbox *sandbox, const struct request *request, struct reply *reply);
void st_handle(struct sandbox *sandbox, const struct request *request, struct reply *reply);
void admin_handle(struct sandbox *sandbox, const struct request *request, struct reply *reply);

/* An error body of the shape for a status that no handler made. */
void sf_plain_error(struct reply *reply, int status);
void zd_plain_error(struct reply *reply, int status);
void st_plain_error(struct reply *reply, int status);
void hs_plain_error(struct reply *reply, int status, int64_t request_id);
void hs_too_many(struct reply *reply, const char *policy, int64_t request_id);

#endif
