/*
 * record — one canonical record: the values of an entity's fields, in the
 * order of its configuration, and the hash that names its content.
 */
#ifndef TANDEM_MODEL_RECORD_H
#define TANDEM_MODEL_RECORD_H

#include "base/hash.h"
#include "model/mapping.h"
#include "model/value.h"

struct record {
    const struct entity *entity; /* borrowed */
    struct value *values;        /* entity->field_count of them, arena memory */
};

/* All MISSING. */
struct record record_new(const struct entity *entity, struct arena *arena);

/*
 * SHA-256 over the typed canonical values, fields sorted by name, each as
 * name, type name, "s" (set) or "b" (blank), text; names and texts behind their length in 4 big-endian bytes.
 * MISSING and volatile fields stay out.
 * ret_hex: lower case, NUL-terminated.
 */
void record_hash(const struct record *record, char ret_hex[HASH_HEX_BYTES]);

/* {"email":"…", …}: MISSING fields are left out, BLANK is null. */
void record_put_json(struct buf *out, const struct record *record);

/* From the object at index at of a parsed tape, canonical names (side canonical) – unknown names are refused.
 * Values borrow the tape's text or the arena. Returns 0, or -1 with ERR_REJECT naming the field. */
int record_from_json(const struct entity *entity, const struct json_tape *tape, uint32_t at,
                     struct arena *arena, struct record *ret_record, struct err *err);

#endif
