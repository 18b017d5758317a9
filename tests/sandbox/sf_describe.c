/*
 * sf_describe — which objects there are, and what fields they have.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sandbox/sf.h"

void sf_list_objects(struct sandbox *sandbox, struct reply *reply)
{
    const struct schema *schema = &sandbox->store.schema;
    json_t *objects = json_array();
    for (int i = 0; i < schema->count; i++)
        if (i == 0 || strcmp(schema->items[i].object, schema->items[i - 1].object) != 0)
            json_array_append_new(objects, json_pack("{s:s}", "name", schema->items[i].object));
    reply_json(
        reply, 200,
        json_pack("{s:s,s:i,s:o}", "encoding", "UTF-8", "maxBatchSize", 200, "sobjects", objects));
}

static const char *reference_to(const struct property *property)
{
    return property->options[0] ? property->options : "User";
}

static json_t *describe_field(const struct property *property)
{
    bool text = property->type == FT_STRING || property->type == FT_EMAIL ||
                property->type == FT_PHONE || property->type == FT_TEXTAREA;
    json_t *field = json_pack(
        "{s:s,s:s,s:s,s:b,s:b,s:b,s:b,s:b,s:b,s:i,s:[]}", "name", property->name, "label",
        property->label, "type", field_type_name(property->type), "custom", property->custom,
        "nillable", property->place == AT_JSON || property->place == AT_EMAIL, "createable",
        !property->read_only, "updateable", !property->read_only, "externalId", property->unique,
        "unique", property->unique, "length", text ? 255 : 0, "picklistValues");
    bool reference = property->type == FT_REFERENCE;
    json_object_set_new(field, "referenceTo",
                        reference ? json_pack("[s]", reference_to(property)) : json_array());
    for (const char *at = reference ? "" : property->options; *at;) {
        char option[128];
        size_t len = strcspn(at, ";");
        (void)snprintf(option, sizeof option, "%.*s", (int)len, at);
        json_array_append_new(
            json_object_get(field, "picklistValues"),
            json_pack("{s:s,s:s,s:b}", "value", option, "label", option, "active", 1));
        at += len + (at[len] == ';');
    }
    return field;
}

void sf_describe(struct sandbox *sandbox, const char *object, struct reply *reply)
{
    json_t *fields = json_array();
    const struct property *property;
    for (int i = 0; (property = schema_at(&sandbox->store.schema, object, i)); i++)
        json_array_append_new(fields, describe_field(property));
    char prefix[SF_ID_BYTES];
    sf_id_make(object, 0, prefix);
    prefix[3] = '\0';
    reply_json(reply, 200,
               json_pack("{s:s,s:s,s:s,s:b,s:b,s:b,s:b,s:o}", "name", object, "label", object,
                         "keyPrefix", prefix, "queryable", 1, "createable", 1, "updateable", 1,
                         "deletable", 1, "fields", fields));
}
