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
    const char
        *properties[ENTITY_FIELDS_MAX + 1]; /* the mapped ones; in new the external id last */
    int field_of[ENTITY_FIELDS_MAX + 1];    /* -1: the external id */
    int property_count;
    struct arena arena;
    struct buf text;
};

int side_open(struct side *side, enum value_side which, const struct migration *migration,
              const struct entity *entity, struct table *table, struct err *err);
void side_close(struct side *side);

const char *side_object(const struct side *side);

/* An op of this kind for the side's object and properties. */
void side_op(const struct side *side, struct rest_op *op, enum rest_kind kind);

/* Run op to its end, waiting where the system asks for it. Returns 0 or -1. */
int side_run(struct side *side, struct rest_op *op, struct err *err);

/* Put the op's records into the table. */
int side_take(struct side *side, const struct rest_op *op, struct err *err);

#endif
