/*
 * json_get — finding values on a tape. See json.h.
 */
#include "base/json.h"

#include <string.h>

static uint32_t member(const struct json_tape *tape, uint32_t at, const char *key, size_t len)
{
    uint32_t end = json_end(tape, at);
    for (uint32_t k = json_first(tape, at); k < end; k = tape->tokens[k + 1].next) {
        struct span name = tape->tokens[k].text;
        if (name.len == len && memcmp(name.data, key, len) == 0)
            return k + 1;
    }
    return 0;
}

static uint32_t element(const struct json_tape *tape, uint32_t at, const char *key, size_t len)
{
    uint32_t wanted = 0;
    if (len == 2 && memcmp(key, "-1", 2) == 0) { /* the last one */
        uint32_t last = 0, over = json_end(tape, at);
        for (uint32_t i = json_first(tape, at); i < over; i = tape->tokens[i].next)
            last = i;
        return last;
    }
    for (size_t i = 0; i < len; i++) {
        if (key[i] < '0' || key[i] > '9' || wanted > JSON_TOKENS_MAX)
            return 0;
        wanted = wanted * 10 + (uint32_t)(key[i] - '0');
    }
    uint32_t end = json_end(tape, at);
    for (uint32_t i = json_first(tape, at); i < end && len > 0; i = tape->tokens[i].next)
        if (wanted-- == 0)
            return i;
    return 0;
}

static uint32_t step(const struct json_tape *tape, uint32_t at, const char *key, size_t len)
{
    if (tape->tokens[at].type == JSON_OBJECT_)
        return member(tape, at, key, len);
    if (tape->tokens[at].type == JSON_ARRAY_)
        return element(tape, at, key, len);
    return 0;
}

uint32_t json_get(const struct json_tape *tape, uint32_t at, const char *key)
{
    return tape->tokens[at].type == JSON_OBJECT_ ? member(tape, at, key, strlen(key)) : 0;
}

/* False: absent. Unlike json_path it tells the root from nothing. */
static bool walk(const struct json_tape *tape, uint32_t at, const char *path, uint32_t *ret_at)
{
    while (*path) {
        size_t len = strcspn(path, ".");
        at = step(tape, at, path, len);
        if (at == 0)
            return false;
        path += len + (path[len] == '.');
    }
    *ret_at = at;
    return true;
}

uint32_t json_path(const struct json_tape *tape, uint32_t at, const char *path)
{
    uint32_t found = 0;
    return walk(tape, at, path, &found) ? found : 0;
}

static bool scalar(const struct json_tape *tape, uint32_t at, const char *path, enum json_type type,
                   struct span *ret_text)
{
    uint32_t found;
    if (!walk(tape, at, path, &found) || tape->tokens[found].type != type)
        return false;
    *ret_text = tape->tokens[found].text;
    return true;
}

static bool parse_int(struct span text, int64_t *ret_value)
{
    bool negative = text.data[0] == '-';
    int64_t value = 0;
    for (size_t i = negative; i < text.len; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *ret_value = negative ? value : -value;
    return true;
}

bool json_int_at(const struct json_tape *tape, uint32_t at, const char *path, int64_t *ret_value)
{
    struct span text;
    return scalar(tape, at, path, JSON_NUMBER_, &text) && parse_int(text, ret_value);
}

bool json_string_at(const struct json_tape *tape, uint32_t at, const char *path,
                    struct span *ret_text)
{
    return scalar(tape, at, path, JSON_STRING_, ret_text);
}

bool json_bool_at(const struct json_tape *tape, uint32_t at, const char *path, bool *ret_value)
{
    struct span text;
    if (!scalar(tape, at, path, JSON_BOOL_, &text))
        return false;
    *ret_value = text.len == 4;
    return true;
}
