/*
 * json — from text to tape: the structure; scalars are read in json_scalar.c,
 * the look-ups are in json_get.c. See json.h.
 *
 * A reader of our own, because it is the hot path: yajl, which stood here, took 28 % (creates) to 41 % (updates) of what apply's thread executes
 * (tests/bench/README.md). It stays the yardstick that tests/unit/test_json_yajl.c compares with.
 */
#include "base/json.h"

#include <stdlib.h>

#include "base/json_internal.h"
#include "base/utf8.h"

enum { TOKENS_FIRST = 256 };

void json_tape_init(struct json_tape *tape)
{
    *tape = (struct json_tape){0};
    buf_init(&tape->unescaped, SIZE_MAX - 1);
}

void json_tape_clear(struct json_tape *tape)
{
    if (!tape)
        return;
    free(tape->tokens);
    buf_clear(&tape->unescaped);
    json_tape_init(tape);
}

bool json_refuse(struct json_reader *reader, const char *why)
{
    if (!reader->refusal)
        reader->refusal = why;
    return false;
}

bool json_grow(struct json_reader *reader)
{
    struct json_tape *tape = reader->tape;
    if (tape->count == JSON_TOKENS_MAX)
        return json_refuse(reader, "too many values");
    uint32_t cap = tape->cap ? tape->cap * 2 : TOKENS_FIRST;
    struct json_token *tokens = realloc(tape->tokens, cap * sizeof(*tokens));
    if (!tokens)
        return json_refuse(reader, "out of memory");
    tape->tokens = tokens;
    tape->cap = cap;
    return true;
}

/* The next byte that is no blank, 0 at the end; a NUL is no JSON either. */
static inline char next_byte(struct json_reader *reader)
{
    const char *at = reader->at;
    while (at < reader->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    reader->at = at;
    return (char)(at < reader->end ? *at : 0);
}

static bool unexpected(struct json_reader *reader)
{
    return json_refuse(reader,
                       reader->at == reader->end ? "the text ends too early" : "invalid character");
}

static bool open_container(struct json_reader *reader, enum json_type type)
{
    if (reader->depth == JSON_DEPTH_MAX)
        return json_refuse(reader, "nested too deeply");
    reader->open[reader->depth++] = reader->tape->count;
    return json_add(reader, type, reader->at++, 1);
}

static void close_container(struct json_reader *reader)
{
    struct json_token *token = &reader->tape->tokens[reader->open[--reader->depth]];
    reader->at++;
    token->text.len = (size_t)(reader->at - token->text.data);
    token->next = reader->tape->count;
}

/* A member's name and its colon. */
static bool read_name(struct json_reader *reader)
{
    if (next_byte(reader) != '"')
        return unexpected(reader);
    if (!json_read_string(reader))
        return false;
    if (next_byte(reader) != ':')
        return unexpected(reader);
    reader->at++;
    return true;
}

static bool read_scalar(struct json_reader *reader, char first)
{
    switch (first) {
    case '"':
        return json_read_string(reader);
    case 't':
        return json_read_word(reader, "true", JSON_BOOL_);
    case 'f':
        return json_read_word(reader, "false", JSON_BOOL_);
    case 'n':
        return json_read_word(reader, "null", JSON_NULL_);
    default:
        if (first != '-' && (first < '0' || first > '9'))
            return unexpected(reader);
        return json_read_number(reader);
    }
}

/* One value: a scalar, an empty container, or the first one inside containers that are opened here. */
static bool read_value(struct json_reader *reader)
{
    for (;;) {
        char first = next_byte(reader);
        if (first != '{' && first != '[')
            return read_scalar(reader, first);
        bool object = first == '{';
        if (!open_container(reader, object ? JSON_OBJECT_ : JSON_ARRAY_))
            return false;
        if (next_byte(reader) == (object ? '}' : ']')) {
            close_container(reader);
            return true;
        }
        if (object && !read_name(reader))
            return false;
    }
}

/* Behind a value: close what ends here, and go to the next value. *ret_whole: the text's value is complete. */
static bool read_on(struct json_reader *reader, bool *ret_whole)
{
    while (reader->depth > 0) {
        bool object =
            reader->tape->tokens[reader->open[reader->depth - 1]].type == (uint8_t)JSON_OBJECT_;
        char next = next_byte(reader);
        if (next == ',') {
            reader->at++;
            return !object || read_name(reader);
        }
        if (next != (object ? '}' : ']'))
            return unexpected(reader);
        close_container(reader);
    }
    *ret_whole = true;
    return true;
}

static bool read_text(struct json_reader *reader)
{
    bool whole = false;
    while (!whole)
        if (!read_value(reader) || !read_on(reader, &whole))
            return false;
    (void)next_byte(reader);
    return reader->at == reader->end || json_refuse(reader, "more than one value");
}

int json_parse(struct json_tape *tape, struct span text, struct err *err)
{
    tape->count = 0;
    tape->unescaped.len = 0;
    size_t valid = utf8_valid_bytes(text);
    if (valid < text.len)
        return err_set(err, ERR_REJECT, "JSON, byte %zu: invalid UTF-8", valid);
    const char *data = text.data ? text.data : "";
    struct json_reader reader = {
        .tape = tape, .text = data, .at = data, .end = data + (text.data ? text.len : 0)};
    if (read_text(&reader))
        return 0;
    return err_set(err, ERR_REJECT, "JSON, byte %zu: %s", (size_t)(reader.at - data),
                   reader.refusal);
}
