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

struct field {
    const char *name;     /* canonical: [a-z][a-z0-9_]* */
    const char *old_name; /* NULL: the field is not in the old system */
    const char *new_name;
    struct value_rules rules;
    bool match;         /* identifies the person or thing: looked up, claimed */
    bool unique_in_new; /* the new system itself refuses a second record with this value */
    bool is_volatile;   /* stays out of the content hash */
    bool pii;           /* masked in logs, CLI and error texts */
};

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
 * Returns 0, or -1 with ERR_REJECT: "field birth_date: \"2026-02-30\" is not a date that exists" (value masked as *** when pii),
 * ret_field (may be NULL) = the index of the first bad field.
 */
int mapping_read(const struct entity *entity, enum value_side side, const struct raw_value *raw,
                 struct arena *arena, struct record *ret_record, int *ret_field, struct err *err);

#endif
