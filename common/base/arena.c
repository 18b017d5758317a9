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

/* The largest first chunk of at most KEPT_BYTES, for an arena that says no more. */
static struct arena_chunk *keep_one(struct arena_chunk *chunk)
{
    struct arena_chunk *kept = NULL, *next;
    for (; chunk; chunk = next) {
        next = chunk->next;
        bool better = chunk->cap <= KEPT_BYTES && (!kept || chunk->cap > kept->cap);
        free(better ? kept : chunk);
        if (better)
            kept = chunk;
    }
    if (kept)
        kept->next = NULL;
    return kept;
}

/* Those that fit into keep_bytes, in their order. */
static struct arena_chunk *keep_some(struct arena_chunk *chunk, size_t keep_bytes)
{
    struct arena_chunk *kept = NULL, **tail = &kept, *next;
    for (; chunk; chunk = next) {
        next = chunk->next;
        if (chunk->cap > keep_bytes) {
            free(chunk);
            continue;
        }
        keep_bytes -= chunk->cap;
        *tail = chunk;
        tail = &chunk->next;
        chunk->next = NULL;
    }
    return kept;
}

void arena_reset(struct arena *arena)
{
    size_t keep_bytes = arena->keep_bytes;
    struct arena_chunk *kept =
        keep_bytes ? keep_some(arena->first, keep_bytes) : keep_one(arena->first);
    arena_init(arena);
    arena->keep_bytes = keep_bytes;
    arena->first = arena->current = kept;
    if (kept)
        kept->used = 0;
}

/* The next chunk with room: one that a reset kept, or a new one. */
static struct arena_chunk *add_chunk(struct arena *arena, size_t bytes)
{
    struct arena_chunk *current = arena->current, *kept = current ? current->next : NULL;
    if (kept && kept->cap >= bytes) {
        kept->used = 0;
        return arena->current = kept;
    }
    size_t cap = current ? current->cap * 2 : FIRST_BYTES;
    if (cap > KEPT_BYTES)
        cap = KEPT_BYTES;
    if (cap < bytes)
        cap = bytes;
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + cap);
    if (!chunk)
        abort();
    *chunk = (struct arena_chunk){.cap = cap, .next = kept};
    if (current)
        current->next = chunk;
    else
        arena->first = chunk;
    return arena->current = chunk;
}

static void *take(struct arena *arena, size_t bytes)
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
    return memory;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    return memset(take(arena, bytes), 0, bytes);
}

struct span arena_copy(struct arena *arena, struct span text)
{
    if (!text.data)
        return SPAN_NONE;
    char *copy = take(arena, text.len + 1);
    if (text.len)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return (struct span){copy, text.len};
}

struct span arena_join(struct arena *arena, const struct span *parts, int n)
{
    size_t len = 0;
    for (int i = 0; i < n; i++)
        len += parts[i].len;
    char *text = take(arena, len + 1), *at = text;
    for (int i = 0; i < n; i++) {
        if (parts[i].len)
            memcpy(at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    *at = '\0';
    return (struct span){text, len};
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
