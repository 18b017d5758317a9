/*
 * relation — references in terms of the new system: what the old record refers to, by the twin of that record or by the e-mail of that
 * person; what the new one is linked to; and whether that is there.
 *
 * Of several associations of a field's type the one that the row's base agrees on counts, else the one that is wanted, else the first:
 * as in consumers/apply, one that a person added beside ours is no difference.
 */
#ifndef TANDEM_VERIFY_RELATION_H
#define TANDEM_VERIFY_RELATION_H

#include "consumers/verify/owners.h"
#include "consumers/verify/table.h"
#include "model/migration.h"

/* Where every entity's rows and records are; tables[i] is of migration->entities[i]. owners: NULL, nobody refers to people. All borrowed. */
struct relations {
    const struct migration *migration;
    struct table *const *tables;
    struct owners *owners;
};

/* The record in question: what is known of it. */
struct relation_pair {
    const struct entity *entity;
    struct table *table;   /* the entity's */
    const struct row *row; /* NULL: none */
    struct span twin;      /* new_record's id */
    struct record *old_record;
    struct record *new_record; /* NULL: not there */
};

/* What relation_resolve found, for struct judge_facts; NULL: the entity refers to nothing. */
struct relation_facts {
    struct value *said;
    bool *dangling;
    enum judge_link *links;
};

/*
 * Puts twins into old_record's references, and what new_record is linked to into its. Where something leads to a record that is not
 * there, that one becomes a suspect of its own table: it may have been made since its entity was read.
 */
int relation_resolve(const struct relations *relations, const struct relation_pair *pair,
                     struct arena *arena, struct relation_facts *ret_facts, struct err *err);

#endif
