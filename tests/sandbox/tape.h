/*
 * tape — a strict JSON reader without a DOM for the bodies of batches, where
 * a DOM would cost more than the database: values lie one behind the other,
 * each says where the next one begins. The product's reader is not used here
 * on purpose: what it misreads the sandbox must not misread as well.
 */
#ifndef TANDEM_SANDBOX_TAPE_H
#define TANDEM_SANDBOX_TAPE_H

#include <stdbool.h>

#include "base/buf.h"

enum tape_type { TAPE_NULL, TAPE_BOOL, TAPE_NUMBER, TAPE_STRING, TAPE_ARRAY, TAPE_OBJECT };

enum { TAPE_DEPTH_MAX = 32 };

struct tape_item {
    enum tape_type type;
    int next;         /* index behind this value and all it holds */
    struct span text; /* string: unescaped content; else as written */
    size_t unescaped; /* private: where in the tape's buffer, plus 1; 0: not there */
};

/* An object holds key, value, key, value …, keys being strings. */
struct tape {
    struct tape_item *items; /* owned */
    int count, cap;
    struct buf unescaped; /* strings that had escapes */
};

void tape_init(struct tape *tape);
void tape_clear(struct tape *tape);

/* One whole JSON text, which stays borrowed (RFC 8259; UTF-8 is checked). The root is item 0. */
bool tape_parse(struct tape *tape, struct span text);

/* The value of a member of the object at index at, or 0 when it has none. */
int tape_get(const struct tape *tape, int at, const char *key);

/* Copy a member that is a string, or a number's text. False: absent, another type, or longer than size - 1. */
bool tape_text(const struct tape *tape, int at, const char *key, char *ret_text, size_t size);

/* for (int i = tape_first(at); i < tape_end(t, at); i = t->items[i].next) over elements;
 * for (int k = …; k < …; k = t->items[k + 1].next) over members: key k, value k + 1. */
static inline int tape_first(int at)
{
    return at + 1;
}
static inline int tape_end(const struct tape *tape, int at)
{
    return tape->items[at].next;
}

#endif
