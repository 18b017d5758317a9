/*
 * marker — see marker.h.
 */
#include "model/marker.h"

#include <stdlib.h>
#include <string.h>

/* Of the content of a delete: SHA-256 of nothing. By it alone the markers of an older Tandem tell one. */
static const char DELETED_HASH[] = "e3b0c44298fc1c14";

static char *put_int(char *at, int64_t value)
{
    char text[INT_TEXT_BYTES];
    struct span digits = int_text(value, text);
    memcpy(at, digits.data, digits.len);
    return at + digits.len;
}

static char *put_hex(char *at, int64_t value)
{
    uint64_t rest = (uint64_t)value;
    int digits = 1;
    while (digits < 16 && rest >> (4 * digits))
        digits++;
    for (int i = digits - 1; i >= 0; i--, rest >>= 4)
        at[i] = "0123456789abcdef"[rest & 15];
    return at + digits;
}

/* By hand: one is made for each record that is written, and printf takes five times as long. */
size_t marker_print(const struct marker *marker, const char *hash, char *ret_text)
{
    const struct version *version = &marker->version;
    char *at = put_int(ret_text, marker->partition);
    *at++ = '.';
    at = put_int(at, marker->epoch);
    *at++ = '.';
    at = put_int(at, marker->number);
    *at++ = '.';
    *at++ = marker->deletes ? 'd' : 'u';
    if (marker->has_version) {
        at = put_hex(at, version->modified_ms);
        *at++ = '-';
        at = put_hex(at, version->observed_from_ms);
        *at++ = '-';
        if (version->observed_to_ms != INT64_MAX)
            at = put_hex(at, version->observed_to_ms - version->observed_from_ms);
        *at++ = '-';
        at = put_hex(at, version->generation);
    }
    *at++ = '.';
    for (int i = 0; i < MARKER_HASH_DIGITS && hash[i]; i++)
        *at++ = hash[i];
    *at = '\0';
    return (size_t)(at - ret_text);
}

/* "<modified>-<from>-<width>-<generation>", wholly. */
static bool version_parse(const char *text, struct version *ret_version)
{
    char *end = NULL;
    struct version version = {.observed_to_ms = INT64_MAX};
    version.modified_ms = (int64_t)strtoull(text, &end, 16);
    if (end == text || *end != '-')
        return false;
    const char *from = end + 1;
    version.observed_from_ms = (int64_t)strtoull(from, &end, 16);
    if (end == from || *end != '-')
        return false;
    const char *width = end + 1;
    if (*width != '-')
        version.observed_to_ms = version.observed_from_ms + (int64_t)strtoull(width, &end, 16);
    else
        end++;
    if (*end != '-')
        return false;
    const char *generation = end + 1;
    version.generation = (int64_t)strtoull(generation, &end, 16);
    if (end == generation || *end != '\0')
        return false;
    *ret_version = version;
    return true;
}

bool marker_parse(struct span text, struct marker *ret_marker)
{
    char copy[MARKER_BYTES];
    struct marker marker = {0};
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    char *dot = NULL;
    marker.partition = (int32_t)strtol(copy, &dot, 10);
    if (dot == copy || *dot != '.')
        return false;
    const char *epoch = dot + 1;
    marker.epoch = strtoll(epoch, &dot, 10);
    if (dot == epoch || *dot != '.')
        return false;
    marker.number = strtoll(dot + 1, &dot, 10);
    char *last = strrchr(copy, '.');
    if (strlen(last + 1) == MARKER_HASH_DIGITS && last >= dot)
        marker.content =
            (struct span){text.data + text.len - MARKER_HASH_DIGITS, MARKER_HASH_DIGITS};
    marker.deletes = marker.content.len && strcmp(last + 1, DELETED_HASH) == 0;
    if (marker.content.len && last > dot && (dot[1] == 'u' || dot[1] == 'd')) {
        *last = '\0';
        marker.deletes = dot[1] == 'd';
        marker.has_version = version_parse(dot + 2, &marker.version);
    }
    *ret_marker = marker;
    return true;
}

bool marker_later(const struct marker *a, const struct marker *b)
{
    return a->epoch > b->epoch || (a->epoch == b->epoch && a->number > b->number);
}

/* The digits of the content: no parsing, this is asked of each event. */
static struct span content_of(struct span marker)
{
    const char *last = marker.len ? memrchr(marker.data, '.', marker.len) : NULL;
    size_t len = last ? (size_t)(marker.data + marker.len - (last + 1)) : 0;
    return len == MARKER_HASH_DIGITS ? (struct span){last + 1, len} : SPAN_NONE;
}

bool marker_names(struct span text, const char *hash)
{
    struct span content = content_of(text);
    return content.len > 0 && strncmp(content.data, hash, content.len) == 0;
}

bool marker_same_content(struct span a, struct span b)
{
    return content_of(a).len > 0 && span_equal(content_of(a), content_of(b));
}

enum version_order marker_order(const struct marker *marker, const struct version *version,
                                const char *hash)
{
    bool same =
        marker->content.len > 0 && strncmp(marker->content.data, hash, marker->content.len) == 0;
    return marker->has_version ? version_compare(&marker->version, version, same) : VERSION_NEWER;
}
