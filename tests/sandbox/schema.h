/*
 * schema — which objects and fields a CRM knows: the built-in ones are a
 * table, custom ones live in the store and in memory.
 */
#ifndef TANDEM_SANDBOX_SCHEMA_H
#define TANDEM_SANDBOX_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/sandbox/exchange.h"
#include "tests/sandbox/settings.h"

enum field_type {
    FT_ID,
    FT_STRING,
    FT_EMAIL,
    FT_PHONE,
    FT_TEXTAREA,
    FT_BOOLEAN,
    FT_INT,
    FT_DOUBLE,
    FT_CURRENCY,
    FT_DATE,
    FT_DATETIME,
    FT_PICKLIST,
    FT_MULTIPICKLIST, /* "a;b" */
    FT_REFERENCE,
    FIELD_TYPE_COUNT
};

/* Where a field's value lives: in the record's JSON or in a column of its own. */
enum field_place {
    AT_JSON,
    AT_ID,
    AT_CREATED,
    AT_MODIFIED,
    AT_MODSTAMP,
    AT_DELETED,
    AT_MODIFIED_BY,
    AT_EMAIL /* in the JSON, with an indexed copy in a column */
};

struct property {
    char object[NAME_BYTES], name[NAME_BYTES], label[NAME_BYTES * 2];
    enum field_type type;
    enum field_place place;
    bool unique, custom, read_only, hidden;
    char
        options[512]; /* of a picklist: "a;b;c", empty: anything goes; of a reference: the object */
    int64_t created_ms;
};

enum { SCHEMA_MAX = 2048 };

struct schema {
    enum crm crm;
    struct property items[SCHEMA_MAX];
    int count;
    int16_t table[4 * SCHEMA_MAX]; /* open hash over object and name: index + 1 */
};

const char *field_type_name(enum field_type type);
bool field_type_find(const char *name, enum field_type *ret_type);

/* Fill in the built-in objects. */
void schema_init(struct schema *schema, enum crm crm);

/* HubSpot's other names of an object ("0-1", "contact") to the one that is used here; others as they are. */
const char *schema_alias(const char *name);
/* The object's own spelling ("Contact", "contacts" also for "0-1"), or NULL. Static or the schema's. */
const char *schema_object(const struct schema *schema, const char *name);

/* Salesforce names are matched without regard to case, HubSpot's exactly. NULL: there is none. */
const struct property *schema_find(const struct schema *schema, const char *object,
                                   const char *name);

/* Copies property. False when there is one of this name already or no room. */
bool schema_add(struct schema *schema, const struct property *property);

/* A field that nobody sees any more, or again; its values stay. Not kept over a restart. False: there is none. */
bool schema_hide(struct schema *schema, const char *object, const char *name, bool hidden);

/* The object's i-th field, NULL behind the last. */
const struct property *schema_at(const struct schema *schema, const char *object, int i);

bool schema_has_option(const struct property *property, const char *value);

#endif
