/*
 * map — see map.h. FNV-1a, linear probing at a load of at most one half.
 */
#include "base/map.h"

static uint64_t hash_of(struct span key)
{
    uint64_t hash = 1469598103934665603ULL;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.data[i]) * 1099511628211ULL;
    return hash ^ (hash >> 29);
}

void map_init(struct map *map, size_t max, struct arena *arena)
{
    size_t cap = 16;
    while (cap < 2 * max)
        cap *= 2;
    map->entries = arena_new(arena, struct map_entry, cap);
    map->mask = cap - 1;
    map->count = 0;
    map->max = max;
}

static struct map_entry *find(const struct map *map, struct span key)
{
    size_t at = (size_t)hash_of(key) & map->mask;
    while (map->entries[at].value && !span_equal(map->entries[at].key, key))
        at = (at + 1) & map->mask;
    return &map->entries[at];
}

void *map_get(const struct map *map, struct span key)
{
    return find(map, key)->value;
}

bool map_put(struct map *map, struct span key, void *value)
{
    struct map_entry *entry = find(map, key);
    if (!entry->value) {
        if (map->count == map->max)
            return false;
        map->count++;
        entry->key = key;
    }
    entry->value = value;
    return true;
}
