/*
 * schema — finding fields by name.
 */
#include "tests/sandbox/schema.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const TYPE_NAMES[] = {
    "id",     "string",   "email", "phone",    "textarea", "boolean",       "int",
    "double", "currency", "date",  "datetime", "picklist", "multipicklist", "reference"};
_Static_assert(sizeof TYPE_NAMES / sizeof TYPE_NAMES[0] == FIELD_TYPE_COUNT, "a name per type");

const char *field_type_name(enum field_type type)
{
    return TYPE_NAMES[type];
}

bool field_type_find(const char *name, enum field_type *ret_type)
{
    for (int i = 0; i < FIELD_TYPE_COUNT; i++)
        if (strcmp(TYPE_NAMES[i], name) == 0) {
            *ret_type = (enum field_type)i;
            return true;
        }
    return false;
}

static uint32_t hash(const char *object, const char *name)
{
    uint32_t h = 2166136261u;
    h ^= (unsigned char)object[0] | 0x20u; /* few objects: the first letter will do, case ignored */
    for (; *name; name++)
        h = (h ^ ((unsigned char)*name | 0x20u)) * 16777619u;
    return h;
}

static bool same(const struct schema *schema, const char *a, const char *b)
{
    return (schema->crm == CRM_SALESFORCE ? strcasecmp(a, b) : strcmp(a, b)) == 0;
}

const struct property *schema_find(const struct schema *schema, const char *object,
                                   const char *name)
{
    enum { SLOTS = sizeof schema->table / sizeof schema->table[0] };
    for (uint32_t slot = hash(object, name) % SLOTS; schema->table[slot];
         slot = (slot + 1) % SLOTS) {
        const struct property *property = &schema->items[schema->table[slot] - 1];
        if (same(schema, property->name, name) && same(schema, property->object, object))
            return property->hidden ? NULL : property;
    }
    return NULL;
}

bool schema_hide(struct schema *schema, const char *object, const char *name, bool hidden)
{
    for (int i = 0; i < schema->count; i++) {
        struct property *property = &schema->items[i];
        if (!same(schema, property->name, name) || !same(schema, property->object, object))
            continue;
        property->hidden = hidden;
        return true;
    }
    return false;
}

bool schema_add(struct schema *schema, const struct property *property)
{
    enum { SLOTS = sizeof schema->table / sizeof schema->table[0] };
    if (schema->count == SCHEMA_MAX || schema_find(schema, property->object, property->name))
        return false;
    uint32_t slot = hash(property->object, property->name) % SLOTS;
    while (schema->table[slot])
        slot = (slot + 1) % SLOTS;
    schema->items[schema->count++] = *property;
    schema->table[slot] = (int16_t)schema->count;
    return true;
}

const char *schema_alias(const char *name)
{
    static const struct {
        const char *also, *name;
    } NAMES[] = {{"0-1", "contacts"},     {"0-2", "companies"},     {"0-3", "deals"},
                 {"contact", "contacts"}, {"company", "companies"}, {"deal", "deals"}};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (strcmp(name, NAMES[i].also) == 0)
            return NAMES[i].name;
    return name;
}

const char *schema_object(const struct schema *schema, const char *name)
{
    if (schema->crm == CRM_HUBSPOT)
        name = schema_alias(name);
    for (int i = 0; i < schema->count; i++)
        if (same(schema, schema->items[i].object, name))
            return schema->items[i].object;
    return NULL;
}

const struct property *schema_at(const struct schema *schema, const char *object, int i)
{
    for (int at = 0; at < schema->count; at++)
        if (strcmp(schema->items[at].object, object) == 0 && !schema->items[at].hidden && i-- == 0)
            return &schema->items[at];
    return NULL;
}

bool schema_has_option(const struct property *property, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = property->options; *at;) {
        size_t option = strcspn(at, ";");
        if (option == len && memcmp(at, value, len) == 0)
            return true;
        at += option + (at[option] == ';');
    }
    return !property->options[0];
}
