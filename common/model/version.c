/*
 * version — see version.h.
 */
#include "model/version.h"

enum { DATE_STEP_MS = 1000 /* an HTTP Date names whole seconds */, OPEN_WAIT_MS = 60000 };

static const char *const ORDER_NAMES[] = {"older", "same", "newer", "unordered"};
_Static_assert(sizeof(ORDER_NAMES) / sizeof(ORDER_NAMES[0]) == VERSION_ORDER_COUNT,
               "a name per order");

const char *version_order_name(enum version_order order)
{
    return order < VERSION_ORDER_COUNT ? ORDER_NAMES[order] : "?";
}

static enum version_order by_number(int64_t known, int64_t candidate)
{
    if (candidate == known)
        return VERSION_SAME;
    return candidate < known ? VERSION_OLDER : VERSION_NEWER;
}

static enum version_order by_interval(const struct version *known, const struct version *candidate,
                                      bool same_content)
{
    if (candidate->observed_from_ms > known->observed_to_ms)
        return VERSION_NEWER;
    if (candidate->observed_to_ms < known->observed_from_ms)
        return VERSION_OLDER;
    if (!same_content)
        return VERSION_UNORDERED;
    /* The same, seen again later: to know it is newer lets the row's version move on, and a delayed page stay behind. */
    bool later = candidate->observed_from_ms > known->observed_from_ms &&
                 candidate->observed_to_ms > known->observed_to_ms;
    return later ? VERSION_NEWER : VERSION_SAME;
}

enum version_order version_compare(const struct version *known, const struct version *candidate,
                                   bool same_content)
{
    enum version_order order = by_number(known->modified_ms, candidate->modified_ms);
    if (order == VERSION_SAME)
        order = by_number(known->generation, candidate->generation);
    if (order == VERSION_SAME)
        order = by_interval(known, candidate, same_content);
    return order;
}

struct version version_observed(int64_t modified_ms, int64_t date_ms, int64_t duration_ms,
                                int64_t generation)
{
    struct version version = {
        .modified_ms = modified_ms, .observed_to_ms = INT64_MAX, .generation = generation};
    if (date_ms < 0)
        return version;
    version.observed_from_ms = duration_ms < date_ms ? date_ms - duration_ms : 0;
    version.observed_to_ms = date_ms + DATE_STEP_MS;
    return version;
}

/* The last moment at which a sighting may have been made. An open end cannot be waited for. */
static int64_t last_ms(const struct version *version)
{
    if (version->observed_to_ms == INT64_MAX)
        return version->observed_from_ms + OPEN_WAIT_MS;
    return version->observed_to_ms;
}

int64_t version_read_again_ms(const struct version *a, const struct version *b, int64_t duration_ms)
{
    int64_t last = last_ms(a) > last_ms(b) ? last_ms(a) : last_ms(b);
    /* The new read's interval begins at its Date, cut to the second, less its duration. */
    return last + 1 + DATE_STEP_MS + duration_ms;
}
