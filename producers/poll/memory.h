/*
 * memory — what poll delivered within the overlap of its incremental pass, so
 * that re-reading the overlap does not publish it again. It answers "was
 * exactly this the last thing delivered of this record?", never "was this ever
 * delivered?": A→B→A is three changes (design §3).
 *
 * Bounded and dispensable: lost, full or in doubt means publish. An entry is
 * made only of what Kafka has acknowledged.
 */
#ifndef TANDEM_POLL_MEMORY_H
#define TANDEM_POLL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { MEMORY_ID_BYTES = 31, MEMORY_DIGEST_BYTES = 16 };

struct memory_entry {
    char id[MEMORY_ID_BYTES];
    uint8_t id_len; /* 0 = this place is free */
    int64_t modified_ms;
    int64_t observed_from_ms;
    /* First half of the event id: it covers key, modified-at, generation and content. All zero:
     * something was delivered by other means, publish whatever is read next. */
    uint8_t digest[MEMORY_DIGEST_BYTES];
};

struct memory {
    struct memory_entry *entries; /* open addressing, capacity a power of two */
    size_t capacity, count, max;
    /* Entries observed before this are not taken: while the memory was full, or was emptied,
     * something later may have been delivered that it does not know of. */
    int64_t not_before_ms;
    int64_t floor_ms; /* what was modified before this is not read again by any pass */
};

/* max: entries; 0 = remembers nothing. */
void memory_init(struct memory *memory, size_t max);
void memory_clear(struct memory *memory);

/*
 * Build an entry. event_id: 64 hex digits, or NULL for "delivered by other means". Returns false
 * (an entry that memory_note ignores) for an id that is empty or longer than MEMORY_ID_BYTES.
 */
bool memory_entry_of(struct memory_entry *ret_entry, struct span id, int64_t modified_ms,
                     int64_t observed_from_ms, const char *event_id);

/* The entry of this record, or NULL. */
const struct memory_entry *memory_find(const struct memory *memory, struct span id);
/* True if the entry (may be NULL) says that exactly this event was the last one delivered. */
bool memory_is(const struct memory_entry *entry, const char *event_id);

/* Remember a delivery; an entry observed later than this one stays. */
void memory_note(struct memory *memory, const struct memory_entry *entry);

/* Forget what was modified before this, and make it floor_ms: the next pass does not read it. */
void memory_forget_before(struct memory *memory, int64_t modified_ms);
/* Forget everything; what was observed before not_before_ms is not taken from now on. */
void memory_forget_all(struct memory *memory, int64_t not_before_ms);

#endif
