/*
 * map — texts to pointers for the time of a batch: open addressing, arena memory, a capacity fixed at the start.
 */
#ifndef TANDEM_BASE_MAP_H
#define TANDEM_BASE_MAP_H

#include "base/arena.h"

struct map_entry {
    struct span key; /* borrowed */
    void *value;
};

struct map {
    struct map_entry *entries;
    size_t mask, count, max;
};

/* For at most max keys. */
void map_init(struct map *map, size_t max, struct arena *arena);

/* The value of key, or NULL. */
void *map_get(const struct map *map, struct span key);

/* Set it; value not NULL. False (nothing changed) when max keys are in. A key that is there gets the new value. */
bool map_put(struct map *map, struct span key, void *value);

#endif
