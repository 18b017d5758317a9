/*
 * settings — the table of the sandbox's numbers.
 */
#include "tests/sandbox/settings.h"

const char *const CRM_NAMES[CRM_COUNT] = {"salesforce", "hubspot", "zendesk", "stripe"};

static const struct {
    const char *name;
    int64_t salesforce, hubspot, min, max;
} TABLE[] = {
    [SET_INDEX_LAG_MS] = {"index_lag_ms", 0, 2000, 0, 3600000},
    [SET_VISIBILITY_LAG_MS] = {"visibility_lag_ms", 300, 0, 0, 3600000},
    [SET_RATE_LIMIT_10S] = {"rate_limit_10s", 0, 190, 0, 100000000},
    [SET_SEARCH_LIMIT_1S] = {"search_limit_1s", 0, 5, 0, 100000000},
    [SET_DAILY_QUOTA] = {"daily_quota", 100000, 250000, 0, 1000000000000},
    [SET_QUOTA_USED] = {"quota_used", 0, 0, 0, 1000000000000},
    [SET_TOKEN_LIFETIME_S] = {"token_lifetime_s", 7200, 1800, 0, 31536000},
    [SET_TOKEN_USES] = {"token_uses", 0, 0, 0, 1000000000},
    [SET_ROTATE_REFRESH] = {"rotate_refresh", 0, 0, 0, 1},
    [SET_CLOCK_OFFSET_MS] = {"clock_offset_ms", 0, 0, -34560000000, 34560000000},
    [SET_TIMESTAMP_PRECISION_MS] = {"timestamp_precision_ms", 1000, 1, 1, 86400000},
    [SET_CONDITIONAL_WRITES] = {"conditional_writes", 0, 0, 0, 1},
    [SET_SHUFFLE_RESULTS] = {"shuffle_results", 0, 1, 0, 1},
    [SET_MERGE_NEW_ID] = {"merge_new_id", 0, 1, 0, 1},
    [SET_REPLICATION_STEP_MS] = {"replication_step_ms", 60000, 60000, 1, 86400000},
    [SET_NORMALIZE_PHONES] = {"normalize_phones", 0, 0, 0, 1},
    [SET_NORMALIZE_TEXT] = {"normalize_text", 0, 0, 0, 1},
    [SET_NORMALIZE_DECIMALS] = {"normalize_decimals", 0, 0, 0, 15},
    [SET_LEDGER_REQUESTS] = {"ledger_requests", 1, 1, 0, 1},
    [SET_EXPORT_LIMIT] = {"export_limit", 10, 0, 0, 1000000},
    [SET_EXPORT_WINDOW_MS] = {"export_window_ms", 60000, 60000, 1, 86400000},
    [SET_EXPORT_LAG_MS] = {"export_lag_ms", 60000, 60000, 0, 86400000},
};
_Static_assert(sizeof TABLE / sizeof TABLE[0] == SETTING_COUNT, "every setting has a row");

void settings_init(struct settings *settings, enum crm crm)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        settings->values[i] = crm == CRM_HUBSPOT ? TABLE[i].hubspot : TABLE[i].salesforce;
}

static bool same_name(const char *name, const char *given)
{
    for (; *name && *given; name++, given++)
        if (*name != (*given == '-' ? '_' : *given))
            return false;
    return *name == *given;
}

int settings_find(const char *name)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        if (same_name(TABLE[i].name, name))
            return i;
    return -1;
}

const char *settings_name(enum setting which)
{
    return TABLE[which].name;
}

bool settings_set(struct settings *settings, enum setting which, int64_t value)
{
    if (value < TABLE[which].min || value > TABLE[which].max)
        return false;
    settings->values[which] = value;
    return true;
}
