/*
 * json_internal — one parse, shared by json.c (structure) and json_scalar.c (strings, numbers, words).
 */
#ifndef TANDEM_BASE_JSON_INTERNAL_H
#define TANDEM_BASE_JSON_INTERNAL_H

#include "base/json.h"

struct json_reader {
    struct json_tape *tape;
    const char *text, *at, *end;
    const char *refusal; /* why `at` cannot be read */
    int depth;
    uint32_t open[JSON_DEPTH_MAX]; /* tokens of the containers around `at` */
};

/* False, for a caller to return; the first one wins. */
bool json_refuse(struct json_reader *reader, const char *why);
bool json_grow(struct json_reader *reader);

static inline bool json_add(struct json_reader *reader, enum json_type type, const char *data,
                            size_t len)
{
    struct json_tape *tape = reader->tape;
    if (tape->count == tape->cap && !json_grow(reader))
        return false;
    uint32_t index = tape->count++;
    tape->tokens[index] = (struct json_token){{data, len}, index + 1, (uint8_t)type};
    return true;
}

/* Each reads the scalar that begins at `at`, moves `at` behind it and adds its token. */
bool json_read_string(struct json_reader *reader);
bool json_read_number(struct json_reader *reader);
bool json_read_word(struct json_reader *reader, const char *word, enum json_type type);

#endif
