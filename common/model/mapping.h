/*
 * mapping — an entity and its fields as the configuration declares them, and
 * the two conversions: what a system says → canonical record, canonical value →
 * what a system wants. Pure; no I/O.
 */
#ifndef TANDEM_MODEL_MAPPING_H
#define TANDEM_MODEL_MAPPING_H

#include <stdbool.h>

#include "model/value.h"

enum {
    ENTITY_FIELDS_MAX = 250,
    ENTITY_MATCH_MAX =
        8 /* fields with match: each is a claim, a lookup and an index name of every record */
};

/* An enum whose new names are the new system's own pipelines or stages: `tandem check --connect` compares them. */
enum field_role { FIELD_PLAIN, FIELD_PIPELINE, FIELD_STAGE, FIELD_ROLE_COUNT };

/* What becomes of the twin when the old record was deleted and the twin was not edited since (design §6). */
enum delete_policy { DELETES_REVIEW, DELETES_ARCHIVE, DELETES_DELETE, DELETES_KEEP, DELETES_COUNT };
const char *delete_policy_name(
    enum delete_policy policy);                 /* "review", "archive", "delete", "keep" */
extern const char *const DELETE_POLICY_NAMES[]; /* NULL-terminated, for suggestions */

struct field {
    const char *name;     /* canonical: [a-z][a-z0-9_]* */
    const char *old_name; /* NULL: the field is not in the old system */
    const char *new_name;
    struct value_rules rules;
    bool match;         /* identifies the person or thing: looked up, claimed */
    bool unique_in_new; /* the new system itself refuses a second record with this value */
    bool is_volatile;   /* stays out of the content hash */
    bool pii;           /* masked in logs, CLI and error texts */
    enum field_role role;
    /*
     * The fields whose values this one is made of when a system is read: the code of a currency without one of its own, what a
     * jq expression receives. They come from the system itself, never from an expression.
     */
    const int *inputs;
    int input_count;
    const char *
        jq; /* NULL: the value comes from old_name. Else from this expression, and old_name is NULL */
    int expression; /* its index in entity->expressions */
};

/* Is the field to be found on this side: as a property, or (a reference) as an association of the new system? */
bool field_is_on(const struct field *field, enum value_side side);

struct entity {
    const char *name;                    /* "contact": [a-z][a-z0-9-]* */
    const char *old_object, *new_object; /* "Contact", "contacts" */
    const char *external_id; /* property of the new system that holds our source id; unique there */
    const char *marker;      /* property of the new system that holds our last operation's id */
    const struct field *fields;
    int field_count;
    const int *sorted; /* field indexes by canonical name */
    char hash[65]; /* of the mapping: hex SHA-256 over everything that changes a canonical record */
    int64_t generation;             /* of this mapping, from <ns>.control; 0 = not yet known */
    const struct truth_rule *truth; /* model/truth.h; not part of hash: a rule changes no record */
    int truth_count;
    int64_t clock_skew_ms; /* truth "newest": by how much the two systems' clocks may differ */
    enum delete_policy deletes;
    const int *computed; /* indexes of the fields that have inputs or an expression */
    int computed_count;
    struct expressions
        *expressions; /* base/expression.h; of the migration; NULL: no field has one */
};

struct record;

/* Index of the field with this canonical name, -1 if none. */
int entity_field(const struct entity *entity, struct span name);

/* One raw value as a system said it; name index = field index. type JSON_NONE_ = the system did not say. */
struct raw_value {
    enum json_type type;
    struct span text;
};

/*
 * raw (entity->field_count, by field index) → record. A field without a name on that side is MISSING.
 * On the old side a field with an expression gets its value from the values of its inputs: one of them MISSING, so is the value.
 * Returns 0, or -1 with ERR_REJECT: "field birth_date: \"2026-02-30\" is not a date that exists" (value masked as *** when pii),
 * ret_field (may be NULL) = the index of the first bad field.
 */
int mapping_read(const struct entity *entity, enum value_side side, const struct raw_value *raw,
                 struct arena *arena, struct record *ret_record, int *ret_field, struct err *err);

/* One property of it; an amount stands without its code. */
struct value mapping_twin_value(const struct field *field, const struct raw_value *raw,
                                struct arena *arena);

/*
 * What the new system's record says, where nothing can be refused: a property that it does not say is BLANK; a text that is no
 * value of its field is kept as it is: it equals nothing and is never lost. A field without a new name is MISSING (an
 * association is not in raw).
 */
void mapping_read_twin(const struct entity *entity, const struct raw_value *raw,
                       struct arena *arena, struct record *ret_record);

#endif
