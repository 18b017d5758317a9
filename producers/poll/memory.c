/*
 * memory — see memory.h. One table of 64-byte entries with linear probing; it
 * grows by doubling until its bound, and only memory_forget_before() removes,
 * by building the table anew, so that no tombstones are needed.
 */
#include "producers/poll/memory.h"

#include <string.h>

#include "producers/poll/hash.h"

enum { MEMORY_FIRST_CAPACITY = 1024 };

_Static_assert(sizeof(struct memory_entry) == 64, "an entry is a cache line");

void memory_init(struct memory *memory, size_t max)
{
    *memory = (struct memory){.max = max, .not_before_ms = INT64_MIN, .floor_ms = INT64_MAX};
}

void memory_clear(struct memory *memory)
{
    if (!memory)
        return;
    free(memory->entries);
    memory_init(memory, memory->max);
}

static uint8_t nibble(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void digest_of(uint8_t digest[MEMORY_DIGEST_BYTES], const char *event_id)
{
    for (int i = 0; i < MEMORY_DIGEST_BYTES; i++)
        digest[i] = (uint8_t)(nibble(event_id[2 * i]) << 4 | nibble(event_id[2 * i + 1]));
}

bool memory_entry_of(struct memory_entry *ret_entry, struct span id, int64_t modified_ms,
                     int64_t observed_from_ms, const char *event_id)
{
    *ret_entry =
        (struct memory_entry){.modified_ms = modified_ms, .observed_from_ms = observed_from_ms};
    if (id.len == 0 || id.len > MEMORY_ID_BYTES)
        return false;
    memcpy(ret_entry->id, id.data, id.len);
    ret_entry->id_len = (uint8_t)id.len;
    if (event_id)
        digest_of(ret_entry->digest, event_id);
    return true;
}

/* The place of this id: its entry, or the free place where it would go. */
static struct memory_entry *place_of(struct memory_entry *entries, size_t capacity, const char *id,
                                     size_t len)
{
    size_t at = hash_id((struct span){id, len}) & (capacity - 1);
    while (entries[at].id_len != 0 &&
           (entries[at].id_len != len || memcmp(entries[at].id, id, len) != 0))
        at = (at + 1) & (capacity - 1);
    return &entries[at];
}

const struct memory_entry *memory_find(const struct memory *memory, struct span id)
{
    if (memory->count == 0 || id.len == 0 || id.len > MEMORY_ID_BYTES)
        return NULL;
    const struct memory_entry *entry = place_of(memory->entries, memory->capacity, id.data, id.len);
    return entry->id_len ? entry : NULL;
}

bool memory_is(const struct memory_entry *entry, const char *event_id)
{
    uint8_t digest[MEMORY_DIGEST_BYTES];
    if (!entry)
        return false;
    digest_of(digest, event_id);
    return memcmp(entry->digest, digest, sizeof(digest)) == 0;
}

/* A new table of this capacity with the entries that were modified at or after from_ms. */
static bool rebuild(struct memory *memory, size_t capacity, int64_t from_ms)
{
    struct memory_entry *entries = calloc(capacity, sizeof(*entries));
    if (!entries)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < memory->capacity; i++) {
        const struct memory_entry *entry = &memory->entries[i];
        if (entry->id_len == 0 || entry->modified_ms < from_ms)
            continue;
        *place_of(entries, capacity, entry->id, entry->id_len) = *entry;
        count++;
    }
    free(memory->entries);
    memory->entries = entries;
    memory->capacity = capacity;
    memory->count = count;
    return true;
}

/* Room for one more; false when the bound is reached or memory is short. */
static bool make_room(struct memory *memory)
{
    if (memory->count >= memory->max)
        return false;
    if (memory->capacity == 0)
        return rebuild(memory, MEMORY_FIRST_CAPACITY, INT64_MIN);
    if (memory->count < memory->capacity / 8 * 7)
        return true;
    return rebuild(memory, memory->capacity * 2, INT64_MIN);
}

void memory_note(struct memory *memory, const struct memory_entry *entry)
{
    if (entry->id_len == 0)
        return;
    if (memory->count > 0) {
        struct memory_entry *known =
            place_of(memory->entries, memory->capacity, entry->id, entry->id_len);
        if (known->id_len != 0) {
            if (entry->observed_from_ms >= known->observed_from_ms)
                *known = *entry;
            return;
        }
    }
    if (entry->observed_from_ms < memory->not_before_ms)
        return;
    if (make_room(memory)) {
        *place_of(memory->entries, memory->capacity, entry->id, entry->id_len) = *entry;
        memory->count++;
    } else if (entry->observed_from_ms < INT64_MAX) {
        memory->not_before_ms = entry->observed_from_ms + 1;
    }
}

void memory_forget_before(struct memory *memory, int64_t modified_ms)
{
    memory->floor_ms = modified_ms;
    size_t stay = 0, capacity = MEMORY_FIRST_CAPACITY;
    for (size_t i = 0; i < memory->capacity; i++)
        stay += memory->entries[i].id_len != 0 && memory->entries[i].modified_ms >= modified_ms;
    if (stay == memory->count)
        return;
    while (capacity / 8 * 7 <= stay)
        capacity *= 2;
    if (!rebuild(memory, capacity, modified_ms))
        memory_forget_all(memory, memory->not_before_ms);
}

void memory_forget_all(struct memory *memory, int64_t not_before_ms)
{
    free(memory->entries);
    memory->entries = NULL;
    memory->capacity = memory->count = 0;
    if (not_before_ms > memory->not_before_ms)
        memory->not_before_ms = not_before_ms;
}
