/*
 * arena — memory that is given back all at once: what one page, one message
 * or one batch needs. Pointers stay valid until the reset.
 */
#ifndef TANDEM_BASE_ARENA_H
#define TANDEM_BASE_ARENA_H

#include <stddef.h>

#include "base/buf.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *first, *current;
    size_t used_bytes; /* in all chunks since the last reset */
    size_t keep_bytes; /* what a reset may keep; 0 = one chunk of at most 1 MiB */
};

void arena_init(struct arena *arena);
void arena_clear(struct arena *arena); /* frees everything */
void arena_reset(struct arena *arena); /* forgets the content, keeps chunks of keep_bytes in all */

/* Zeroed, 16-byte aligned. Never NULL: a failed malloc aborts the process (crash-safe by design
 * §4). */
void *arena_alloc(struct arena *arena, size_t bytes);
#define arena_new(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (size_t)(count)))

/* A NUL-terminated copy. */
struct span arena_copy(struct arena *arena, struct span text);
/* The texts one after the other, with a NUL: what printf would do, several times as fast. */
struct span arena_join(struct arena *arena, const struct span *parts, int n);
#define ARENA_JOIN(arena, ...)                              \
    arena_join((arena), (const struct span[]){__VA_ARGS__}, \
               (int)(sizeof((const struct span[]){__VA_ARGS__}) / sizeof(struct span)))
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
