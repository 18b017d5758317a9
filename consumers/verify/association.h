/*
 * association — what records of the new system are linked to, for the fields that it keeps as associations: read beside its records,
 * so many of them in one request as it allows, into the table.
 */
#ifndef TANDEM_VERIFY_ASSOCIATION_H
#define TANDEM_VERIFY_ASSOCIATION_H

#include "consumers/verify/meter.h"
#include "consumers/verify/side.h"

struct association {
    struct side *side;
    int fields[ENTITY_FIELDS_MAX];
    int field_count, max; /* max: records a request */
    struct arena arena;
    struct rest_op op;
};

/* side: the new system's, borrowed, open. Of a system without associations none are read: their fields are not compared. */
void association_init(struct association *association, struct side *side);
/* Also of one that is all zero. */
void association_clear(struct association *association);

/* Of every record that stands in the table; side_run says how long it waits. Inside a transaction of the table. */
int association_read_all(struct association *association, struct meter *meter, struct err *err);
/* Of these records again: what the table knew of them is forgotten. */
int association_read(struct association *association, const struct span *ids, int count,
                     struct err *err);

/* Does the new system keep this field as an association? */
bool association_is(const struct entity *entity, int field);

#endif
