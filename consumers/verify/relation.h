/*
 * relation — references in terms of the new system: what the old record refers to, by the twin of that record; and whether what the new
 * one refers to is there. Only references that are properties: associations are not read yet.
 */
#ifndef TANDEM_VERIFY_RELATION_H
#define TANDEM_VERIFY_RELATION_H

#include "consumers/verify/table.h"
#include "model/migration.h"

/* Where every entity's rows and records are; tables[i] is of migration->entities[i]. All borrowed. */
struct relations {
    const struct migration *migration;
    struct table *const *tables;
};

/* What relation_resolve found, for struct judge_facts; NULL: the entity refers to nothing. */
struct relation_facts {
    struct value *said;
    bool *dangling;
};

/* Puts twins into old_record's references. new_record may be NULL. */
int relation_resolve(const struct relations *relations, const struct entity *entity,
                     struct record *old_record, const struct record *new_record,
                     struct arena *arena, struct relation_facts *ret_facts, struct err *err);

#endif
