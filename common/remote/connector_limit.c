/*
 * connector_limit — the numbers of a system: what the connector file declares,
 * and what the system's group in the migration puts in their place.
 */
#include <string.h>

#include "remote/connector_internal.h"

#define LIMIT(field, low, high, text)                                                         \
    {                                                                                         \
        .name = #field, .type = CONF_INT, .offset = offsetof(struct connector_limits, field), \
        .min = (low), .max = (high), .help = (text)                                           \
    }
/* The defaults stand in LIMIT_DEFAULTS; the first seven rows are the system's own and only shrink. */
enum { LIMIT_COUNT = 17, LIMIT_OWN_COUNT = 7, DAY_MS = 24 * 3600 * 1000 };
static const struct conf_option LIMITS[LIMIT_COUNT + 1] = {
    LIMIT(page, 1, 100000, "records on a page"),
    LIMIT(read, 1, 10000, "ids in one read"),
    LIMIT(lookup, 1, 10000, "values in one read by a property"),
    LIMIT(write, 1, 10000, "items in one write"),
    LIMIT(history, 1, 10000, "ids in one read of histories"),
    LIMIT(link, 1, 10000, "associations in one write"),
    LIMIT(links, 1, 10000, "ids in one read of associations"),
    LIMIT(in_flight, 1, 32, "requests at once"),
    LIMIT(timeout_ms, 100, 600000, "of one request"),
    LIMIT(request_lifetime_ms, 1, DAY_MS, "after this a lost request is not executed any more"),
    LIMIT(index_lag_ms, 0, DAY_MS, "until a write is found by the system's search"),
    LIMIT(settle_ms, 0, DAY_MS, "incremental: how far its upper bound stays behind the clock"),
    LIMIT(overlap_ms, 0, DAY_MS, "incremental: how far it reads again"),
    LIMIT(deleted_log_ms, 0, 366LL * DAY_MS,
          "how long the log of deletions reaches back; 0: not said"),
    LIMIT(requests, 0, 1000000, "requests in window_ms; 0: what its headers say"),
    LIMIT(window_ms, 1, DAY_MS, "of requests"),
    LIMIT(reserve_percent, 0, 90, "of requests and of the daily quota, kept for people"),
    {0}};
static const struct connector_limits LIMIT_DEFAULTS = {.page = 100,
                                                       .read = 100,
                                                       .lookup = 100,
                                                       .write = 100,
                                                       .history = 50,
                                                       .link = 100,
                                                       .links = 100,
                                                       .in_flight = 4,
                                                       .timeout_ms = 30000,
                                                       .request_lifetime_ms = 60000,
                                                       .index_lag_ms = 0,
                                                       .settle_ms = 5000,
                                                       .overlap_ms = 60000,
                                                       .window_ms = 1000,
                                                       .reserve_percent = 10};

void connector_limits_read(struct connector *connector, const config_setting_t *own,
                           const config_setting_t *overrides, struct conf_report *report)
{
    struct conf_option options[LIMIT_COUNT + 1];
    memcpy(options, LIMITS, sizeof(options));
    connector->limits = LIMIT_DEFAULTS;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < LIMIT_COUNT; i++)
            memcpy(&options[i].default_int, (char *)&connector->limits + options[i].offset,
                   sizeof(options[i].default_int));
        (void)conf_read_group(round == 0 ? own : overrides, options, NULL, &connector->limits,
                              report);
        for (int i = 0; i < LIMIT_OWN_COUNT;
             i++) /* a migration cannot raise what the system sets */
            memcpy(&options[i].max, (char *)&connector->limits + options[i].offset,
                   sizeof(options[i].max));
    }
}
