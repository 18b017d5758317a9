/*
 * latest — open addressing, grown by half full.
 */
#include "cli/latest.h"

#include <stdlib.h>

enum { CAP_FIRST = 1024 };

void latest_init(struct latest *latest)
{
    *latest = (struct latest){NULL, 0, 0};
}

void latest_clear(struct latest *latest)
{
    free(latest->entries);
    latest_init(latest);
}

/* FNV-1a (draft-eastlake-fnv), and a last mixing for the low bits. */
uint64_t latest_hash(struct span text)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3U;
    hash ^= hash >> 32;
    return hash ? hash : 1;
}

static struct latest_entry *slot(struct latest_entry *entries, size_t cap, uint64_t key)
{
    size_t at = key & (cap - 1);
    while (entries[at].key && entries[at].key != key)
        at = (at + 1) & (cap - 1);
    return &entries[at];
}

struct latest_entry *latest_get(const struct latest *latest, struct span key)
{
    if (!latest->cap)
        return NULL;
    struct latest_entry *entry = slot(latest->entries, latest->cap, latest_hash(key));
    return entry->key ? entry : NULL;
}

static int grow(struct latest *latest, struct err *err)
{
    size_t cap = latest->cap ? 2 * latest->cap : CAP_FIRST;
    struct latest_entry *entries = calloc(cap, sizeof(*entries));
    if (!entries)
        return err_set(err, ERR_RETRY, "out of memory for %zu keys", latest->count);
    for (size_t i = 0; i < latest->cap; i++)
        if (latest->entries[i].key)
            *slot(entries, cap, latest->entries[i].key) = latest->entries[i];
    free(latest->entries);
    latest->entries = entries;
    latest->cap = cap;
    return 0;
}

struct latest_entry *latest_put(struct latest *latest, struct span key, struct err *err)
{
    if (2 * (latest->count + 1) > latest->cap && grow(latest, err) < 0)
        return NULL;
    struct latest_entry *entry = slot(latest->entries, latest->cap, latest_hash(key));
    if (!entry->key) {
        *entry = (struct latest_entry){.key = latest_hash(key), .offset = LATEST_NOTHING};
        latest->count++;
    }
    return entry;
}
