/*
 * settings — the sandbox's numbers that a command line or an admin call may
 * set: one table is the CLI, POST /admin/settings and the documentation.
 */
#ifndef TANDEM_SANDBOX_SETTINGS_H
#define TANDEM_SANDBOX_SETTINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum crm { CRM_SALESFORCE, CRM_HUBSPOT, CRM_ZENDESK, CRM_STRIPE, CRM_COUNT };
extern const char *const CRM_NAMES[CRM_COUNT];

enum setting {
    SET_INDEX_LAG_MS,
    SET_VISIBILITY_LAG_MS,
    SET_RATE_LIMIT_10S,
    SET_SEARCH_LIMIT_1S,
    SET_DAILY_QUOTA,
    SET_QUOTA_USED,
    SET_TOKEN_LIFETIME_S,
    SET_TOKEN_USES,
    SET_ROTATE_REFRESH,
    SET_CLOCK_OFFSET_MS,
    SET_TIMESTAMP_PRECISION_MS,
    SET_CONDITIONAL_WRITES,
    SET_SHUFFLE_RESULTS,
    SET_MERGE_NEW_ID,
    SET_REPLICATION_STEP_MS,
    SET_NORMALIZE_PHONES,
    SET_NORMALIZE_TEXT,
    SET_NORMALIZE_DECIMALS,
    SET_LEDGER_REQUESTS,
    SET_EXPORT_LIMIT,
    SET_EXPORT_WINDOW_MS,
    SET_EXPORT_LAG_MS,
    SETTING_COUNT
};

struct settings {
    _Atomic int64_t values[SETTING_COUNT];
};

/* Fill with the defaults of this CRM. */
void settings_init(struct settings *settings, enum crm crm);

/* "index_lag_ms"; dashes count as underscores. -1: no such setting. */
int settings_find(const char *name);
const char *settings_name(enum setting which);

/* False: out of the setting's range. */
bool settings_set(struct settings *settings, enum setting which, int64_t value);

static inline int64_t settings_get(struct settings *settings, enum setting which)
{
    return atomic_load_explicit(&settings->values[which], memory_order_relaxed);
}

#endif
