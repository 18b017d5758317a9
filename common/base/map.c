/*
 * map — see map.h. Linear probing at a load of at most one half.
 */
#include "base/map.h"

#include "base/swar.h"

/*
 * Eight bytes at a time; the last ones overlap. The multiplier is the golden ratio's. A product's low bits know nothing of its factors' high ones, and
 * what ids differ in, their last characters, is high there: that is brought down twice.
 */
static uint64_t hash_of(struct span key)
{
    const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t hash = key.len * odd;
    size_t at = 0;
    for (; key.len - at >= sizeof(uint64_t); at += sizeof(uint64_t))
        hash = (hash ^ (hash >> 32) ^ swar_load(key.data + at)) * odd;
    if (at < key.len && key.len >= sizeof(uint64_t))
        hash = (hash ^ (hash >> 32) ^ swar_load(key.data + key.len - sizeof(uint64_t))) * odd;
    for (; key.len < sizeof(uint64_t) && at < key.len; at++)
        hash = (hash ^ (hash >> 32) ^ (unsigned char)key.data[at]) * odd;
    hash = (hash ^ (hash >> 32)) * odd;
    return hash ^ (hash >> 32);
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
