/*
 * arena — chunks of doubling size, filled from the front. See arena.h.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_ALIGN = 16, FIRST_BYTES = 16 * 1024, KEPT_BYTES = 1024 * 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t cap, used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

static void free_chunks(struct arena_chunk *chunk)
{
    while (chunk) {
        struct arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void arena_clear(struct arena *arena)
{
    if (!arena)
        return;
    free_chunks(arena->first);
    arena_init(arena);
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *kept = NULL, *next;
    for (struct arena_chunk *chunk = arena->first; chunk; chunk = next) {
        next = chunk->next;
        bool better = chunk->cap <= KEPT_BYTES && (!kept || chunk->cap > kept->cap);
        free(better ? kept : chunk);
        if (better)
            kept = chunk;
    }
    arena_init(arena);
    if (!kept)
        return;
    kept->next = NULL;
    kept->used = 0;
    arena->first = arena->current = kept;
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t bytes)
{
    size_t cap = arena->current ? arena->current->cap * 2 : FIRST_BYTES;
    if (cap > KEPT_BYTES)
        cap = KEPT_BYTES;
    if (cap < bytes)
        cap = bytes;
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + cap);
    if (!chunk)
        abort();
    *chunk = (struct arena_chunk){.cap = cap};
    if (arena->current)
        arena->current->next = chunk;
    else
        arena->first = chunk;
    arena->current = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        abort();
    size_t rounded = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    struct arena_chunk *chunk = arena->current;
    if (!chunk || chunk->cap - chunk->used < rounded)
        chunk = add_chunk(arena, rounded);
    void *memory = chunk->bytes + chunk->used;
    chunk->used += rounded;
    arena->used_bytes += rounded;
    return memset(memory, 0, rounded);
}

struct span arena_copy(struct arena *arena, struct span text)
{
    if (!text.data)
        return SPAN_NONE;
    char *copy = arena_alloc(arena, text.len + 1);
    if (text.len)
        memcpy(copy, text.data, text.len);
    return (struct span){copy, text.len};
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        abort();
    char *text = arena_alloc(arena, (size_t)len + 1);
    (void)vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}
