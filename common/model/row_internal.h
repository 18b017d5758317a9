/*
 * row_internal — a row on its way back from JSON, shared by row_decode.c
 * (its members) and row_parts.c (what is nested in them).
 */
#ifndef TANDEM_MODEL_ROW_INTERNAL_H
#define TANDEM_MODEL_ROW_INTERNAL_H

#include "model/state.h"

struct row_reader {
    const struct entity *entity;
    const struct json_tape *tape;
    struct arena *arena;
    struct span text; /* the whole row */
    struct row row;
    struct err *err;
};

/* "not a row: <what>"; -1. */
int row_refuse(const struct row_reader *reader, const char *what);
/* One side of a base, as it stands in a row: a value, or {"sha256":…,"bytes":…}. */
void row_put_side(struct buf *out, enum value_type type, struct base_side side);
/* A token's text for as long as the row lives. */
struct span row_keep(const struct row_reader *reader, uint32_t at);

/* Each takes the value at a token into the member of reader->row at slot. 0, or -1 with an error. */
typedef int row_taker(struct row_reader *reader, uint32_t at, void *slot);
row_taker row_take_version, row_take_hash, row_take_base, row_take_sent, row_take_held,
    row_take_awaits;

#endif
