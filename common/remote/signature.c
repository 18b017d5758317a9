/*
 * signature — what the headers of a request say, and whether it is so; see signature.h.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/decode.h"
#include "remote/signature_internal.h"

static const char *const VERDICT_NAMES[] = {"good", "missing", "malformed", "wrong", "expired"};
_Static_assert(sizeof(VERDICT_NAMES) / sizeof(VERDICT_NAMES[0]) == SIGNATURE_VERDICT_COUNT,
               "a name per verdict");

const char *signature_verdict_name(enum signature_verdict verdict)
{
    return verdict < SIGNATURE_VERDICT_COUNT ? VERDICT_NAMES[verdict] : "unknown";
}

static bool decode(const struct signature_scheme *scheme, struct span text, unsigned char *out,
                   size_t want)
{
    return scheme->encoding == SIGNATURE_HEX ? decode_hex(text, out, want)
                                             : decode_base64(text, out, want) == (ssize_t)want;
}

static bool one_header(const struct signature_request *request, const char *name,
                       struct span *ret_value)
{
    return request->header(request->self, name, ret_value) == 1 && ret_value->len > 0;
}

static bool begins(struct span text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

/* The next item of the header, which moves behind it. */
static struct span next_item(struct span *header, char separator)
{
    struct span item = *header;
    const char *end = separator ? memchr(item.data, separator, item.len) : NULL;
    if (end)
        item.len = (size_t)(end - item.data);
    size_t used = item.len + (end != NULL);
    *header = (struct span){header->data + used, header->len - used};
    return item;
}

static bool parse_digits(struct span text, int64_t *ret_value)
{
    int64_t value = 0;
    if (text.len == 0 || text.len > 15)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *ret_value = value;
    return true;
}

static bool parse_time(enum signature_time form, struct span text, int64_t *ret_ms)
{
    int64_t value = 0;
    switch (form) {
    case SIGNATURE_TIME_SECONDS:
        if (!parse_digits(text, &value))
            return false;
        *ret_ms = value * 1000;
        return true;
    case SIGNATURE_TIME_MILLISECONDS:
        return parse_digits(text, ret_ms);
    case SIGNATURE_TIME_RFC3339:
        return timestamp_parse(text.data, text.len, ret_ms);
    case SIGNATURE_TIME_NONE:
    case SIGNATURE_TIME_COUNT:
        break;
    }
    return false;
}

/* The time item of a signature header: there once, or it is not clear which one is meant. */
static bool find_time_item(const struct signature_scheme *scheme, struct span header,
                           struct span *ret_time)
{
    int found = 0;
    while (header.len) {
        struct span item = next_item(&header, scheme->separator);
        if (!begins(item, scheme->time_item))
            continue;
        size_t skip = strlen(scheme->time_item);
        *ret_time = (struct span){item.data + skip, item.len - skip};
        found++;
    }
    return found == 1;
}

static enum signature_verdict read_headers(const struct signature_scheme *scheme,
                                           const struct signature_request *request,
                                           struct span *ret_header, struct signature_parts *parts,
                                           int64_t *ret_time_ms)
{
    if (!one_header(request, scheme->header, ret_header) ||
        (scheme->id_header && !one_header(request, scheme->id_header, &parts->id)) ||
        (scheme->time_header && !one_header(request, scheme->time_header, &parts->time)))
        return SIGNATURE_MISSING;
    if (ret_header->len > SIGNATURE_HEADER_MAX || parts->id.len > SIGNATURE_ID_MAX ||
        (scheme->time_item && !find_time_item(scheme, *ret_header, &parts->time)) ||
        (scheme->time != SIGNATURE_TIME_NONE &&
         !parse_time(scheme->time, parts->time, ret_time_ms)))
        return SIGNATURE_MALFORMED;
    return SIGNATURE_GOOD;
}

/* Does any signature of the header equal this one? All are compared, each in constant time. */
static bool is_among(const struct signature_scheme *scheme, struct span header,
                     const unsigned char *ours, bool *ret_any)
{
    size_t bytes = signature_bytes(scheme->algorithm), skip = strlen(scheme->prefix);
    bool equal = false;
    for (int i = 0; header.len && i < SIGNATURE_ITEMS_MAX; i++) {
        unsigned char theirs[SIGNATURE_BYTES_MAX];
        struct span item = next_item(&header, scheme->separator);
        if (!begins(item, scheme->prefix) ||
            !decode(scheme, (struct span){item.data + skip, item.len - skip}, theirs, bytes))
            continue;
        *ret_any = true;
        equal |= CRYPTO_memcmp(theirs, ours, bytes) == 0;
    }
    return equal;
}

static enum signature_verdict compare(const struct signature_scheme *scheme,
                                      const struct signature_keys *keys, struct span header,
                                      const struct signature_parts *parts)
{
    bool good = false, any = false;
    for (int i = 0; i < keys->count; i++) {
        unsigned char ours[SIGNATURE_BYTES_MAX] = {0};
        if (signature_compute(scheme, parts, &keys->keys[i], ours))
            good |= is_among(scheme, header, ours, &any);
    }
    return good ? SIGNATURE_GOOD : any ? SIGNATURE_WRONG : SIGNATURE_MALFORMED;
}

enum signature_verdict signature_verify(const struct signature_scheme *scheme,
                                        const struct signature_keys *keys,
                                        const struct signature_request *request, int64_t now_ms,
                                        char ret_name[HASH_HEX_BYTES], int64_t *ret_time_ms)
{
    struct span header = SPAN_NONE;
    struct signature_parts parts = {.request = request};
    int64_t time_ms = now_ms;
    if (scheme->algorithm != SIGNATURE_NONE) {
        enum signature_verdict verdict = read_headers(scheme, request, &header, &parts, &time_ms);
        if (verdict == SIGNATURE_GOOD)
            verdict = compare(scheme, keys, header, &parts);
        if (verdict != SIGNATURE_GOOD)
            return verdict;
    }
    int64_t apart_ms = time_ms > now_ms ? time_ms - now_ms : now_ms - time_ms;
    if (scheme->time != SIGNATURE_TIME_NONE && apart_ms > scheme->window_s * 1000)
        return SIGNATURE_EXPIRED;
    if (ret_time_ms)
        *ret_time_ms = scheme->time == SIGNATURE_TIME_NONE ? -1 : time_ms;
    if (ret_name)
        signature_name(scheme, &parts, ret_name);
    return SIGNATURE_GOOD;
}
