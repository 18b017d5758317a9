/*
 * side — one of the two systems as verify reads it: its properties, and its
 * records on their way into the table.
 */
#ifndef TANDEM_VERIFY_SIDE_H
#define TANDEM_VERIFY_SIDE_H

#include "consumers/verify/table.h"
#include "remote/rest.h"

struct side {
    enum value_side side;
    const struct migration *migration;
    const struct entity *entity;
    struct table *table;
    struct rest *rest;
    const char *
        properties[ENTITY_FIELDS_MAX + 2]; /* the mapped ones; in new external id and marker last */
    int field_of[ENTITY_FIELDS_MAX + 2];   /* −1: not a field's */
    int property_count;
    int matches[ENTITY_MATCH_MAX], match_count; /* the match fields */
    struct arena arena;
    struct buf text, writers;
};

int side_open(struct side *side, enum value_side which, const struct migration *migration,
              const struct entity *entity, struct table *table, struct err *err);
void side_close(struct side *side);

const char *side_object(const struct side *side);

/* An op of this kind for the side's object and properties. */
void side_op(const struct side *side, struct rest_op *op, enum rest_kind kind);

/* Run op to its end, waiting where the system asks for it. Returns 0 or -1. */
int side_run(struct side *side, struct rest_op *op, struct err *err);

/* Put the op's records into the table; of a REST_HISTORY with who wrote what stands there. */
int side_take(struct side *side, const struct rest_op *op, struct err *err);

/* The name under which a record is found by one of its match fields; 0: the field is empty. */
uint64_t side_name(const struct entity *entity, int field, struct value value, struct arena *arena);

#endif
