/*
 * json — JSON text as a flat tape of tokens: no node is allocated, the tape
 * is reused from text to text, scalars are spans of the text itself. This is
 * the reader of the hot path (pages, events, rows, batch replies); jansson
 * serves everything else.
 */
#ifndef TANDEM_BASE_JSON_H
#define TANDEM_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum json_type {
    JSON_NONE_,
    JSON_NULL_,
    JSON_BOOL_,
    JSON_NUMBER_,
    JSON_STRING_,
    JSON_ARRAY_,
    JSON_OBJECT_
};

/*
 * text: string – its content, unescaped; number, bool, null – the literal as
 * written; array, object – the raw text from brace to brace.
 * next: index of the token after this value (skips its content).
 * An object's content is key, value, key, value …; a key is a JSON_STRING_.
 * Half a surrogate pair ("\ud800" alone) is no character and reads as U+FFFD.
 */
struct json_token {
    struct span text;
    uint32_t next;
    uint8_t type;
};

struct json_tape {
    struct json_token *tokens;
    uint32_t count, cap;
    struct buf unescaped; /* strings that had escapes */
    struct arena *
        keep; /* NULL, or where they go instead: then they outlive the next parse, like the text itself */
};

enum { JSON_DEPTH_MAX = 64, JSON_TOKENS_MAX = 8 * 1024 * 1024 };

void json_tape_init(struct json_tape *tape);
void json_tape_clear(struct json_tape *tape);

/*
 * Parse one complete JSON text (RFC 8259; invalid UTF-8, trailing bytes and
 * nesting beyond JSON_DEPTH_MAX are refused). Tokens borrow text and the tape until the next parse.
 * Returns 0 with the root at index 0, or -1 with ERR_REJECT and the byte offset.
 */
int json_parse(struct json_tape *tape, struct span text, struct err *err);

/* The value of a key of the object at index at, or 0 (never a value's index) when absent or not an
 * object. */
uint32_t json_get(const struct json_tape *tape, uint32_t at, const char *key);
/* The same along a path "paging.next.after"; array elements by number: "0.errorCode". at itself for
 * "". */
uint32_t json_path(const struct json_tape *tape, uint32_t at, const char *path);

/* Iterate: for (i = json_first(t, at); i < json_end(t, at); i = t->tokens[i].next) – over array
 * elements. */
static inline uint32_t json_first(const struct json_tape *tape, uint32_t at)
{
    (void)tape;
    return at + 1;
}
static inline uint32_t json_end(const struct json_tape *tape, uint32_t at)
{
    return tape->tokens[at].next;
}
/* How many elements the array at index at has. */
static inline int json_count(const struct json_tape *tape, uint32_t at)
{
    int count = 0;
    for (uint32_t i = json_first(tape, at); i < json_end(tape, at); i = tape->tokens[i].next)
        count++;
    return count;
}
/* Over members: for (k = json_first(t, at); k < json_end(t, at); k = t->tokens[k + 1].next) { key
 * k, value k + 1 } */

static inline struct span json_text(const struct json_tape *tape, uint32_t at)
{
    return tape->tokens[at].text;
}
/* Scalars of the wanted type at a path below at; false (ret untouched) when absent or of another
 * type. */
bool json_int_at(const struct json_tape *tape, uint32_t at, const char *path, int64_t *ret_value);
bool json_string_at(const struct json_tape *tape, uint32_t at, const char *path,
                    struct span *ret_text);
bool json_bool_at(const struct json_tape *tape, uint32_t at, const char *path, bool *ret_value);

#endif
