/*
 * hs_properties — reading and making property definitions.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/hs_pipelines.h"

enum { UNIQUE_MAX = 10 };

static const struct {
    const char *name;
    enum field_type type;
} TYPES[] = {{"string", FT_STRING},     {"number", FT_DOUBLE},        {"date", FT_DATE},
             {"datetime", FT_DATETIME}, {"enumeration", FT_PICKLIST}, {"bool", FT_BOOLEAN},
             {"phone_number", FT_PHONE}};

static const char *type_name(enum field_type type)
{
    if (type == FT_INT || type == FT_CURRENCY)
        return "number";
    if (type == FT_MULTIPICKLIST)
        return "enumeration";
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (TYPES[i].type == type)
            return TYPES[i].name;
    return "string";
}

static json_t *options_of(const struct store *store, const struct property *property)
{
    if (strcmp(property->object, "deals") == 0 &&
        (strcmp(property->name, "dealstage") == 0 || strcmp(property->name, "pipeline") == 0))
        return hs_pipelines_options(store, property->name);
    json_t *options = json_array();
    for (const char *at = property->options; *at;) {
        char value[128];
        size_t len = strcspn(at, ";");
        (void)snprintf(value, sizeof value, "%.*s", (int)len, at);
        json_array_append_new(
            options, json_pack("{s:s,s:s,s:b}", "label", value, "value", value, "hidden", 0));
        at += len + (at[len] == ';');
    }
    return options;
}

static const char *group_of(const char *object)
{
    return strcmp(object, "companies") == 0 ? "companyinformation"
           : strcmp(object, "deals") == 0   ? "dealinformation"
                                            : "contactinformation";
}

static const char *field_type_of(enum field_type type)
{
    return type == FT_PICKLIST ? "select" : type == FT_MULTIPICKLIST ? "checkbox" : "text";
}

static json_t *describe(const struct store *store, const struct property *property)
{
    char created[TIMESTAMP_BYTES];
    timestamp_format(property->created_ms, created);
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:b,s:b,s:b,s:s,s:s,s:{s:b,s:b}}", "name",
                     property->name, "label", property->label, "type", type_name(property->type),
                     "fieldType", field_type_of(property->type), "groupName",
                     group_of(property->object), "description", "", "options",
                     options_of(store, property), "hasUniqueValue", property->unique,
                     "hubspotDefined", !property->custom, "archived", 0, "createdAt", created,
                     "updatedAt", created, "modificationMetadata", "readOnlyValue",
                     property->read_only, "readOnlyDefinition", !property->custom);
}

static bool good_name(const char *name)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    return name[0] >= 'a' && name[0] <= 'z' && strspn(name, LETTERS) == strlen(name) &&
           strlen(name) < NAME_BYTES;
}

static int unique_count(const struct store *store, const char *object)
{
    int count = 0;
    const struct property *property;
    for (int i = 0; (property = schema_at(&store->schema, object, i)); i++)
        count += property->unique && property->custom;
    return count;
}

static void read_options(json_t *options, char *ret_options, size_t size)
{
    size_t i, at = 0;
    json_t *option;
    json_array_foreach(options, i, option)
    {
        const char *value = json_string_value(json_object_get(option, "value"));
        if (value && at < size)
            at += (size_t)snprintf(ret_options + at, size - at, "%s%s", at ? ";" : "", value);
    }
}

static const char *text_at(json_t *body, const char *key)
{
    const char *text = json_string_value(json_object_get(body, key));
    return text ? text : "";
}

static void create(struct sandbox *sandbox, const struct request *request, const char *object,
                   json_t *body, struct reply *reply)
{
    const char *name = text_at(body, "name");
    struct property property = {.custom = true, .place = AT_JSON};
    size_t type = 0;
    while (type < sizeof TYPES / sizeof *TYPES &&
           strcmp(TYPES[type].name, text_at(body, "type")) != 0)
        type++;
    property.unique = json_is_true(json_object_get(body, "hasUniqueValue"));
    if (!good_name(name) || !text_at(body, "label")[0] || type == sizeof TYPES / sizeof *TYPES ||
        !text_at(body, "fieldType")[0] || !text_at(body, "groupName")[0]) {
        hs_error(reply, request->id, 400, "VALIDATION_ERROR",
                 "Invalid input JSON: name, label, type, fieldType and groupName are required");
        return;
    }
    if (schema_find(&sandbox->store.schema, object, name)) {
        hs_error(reply, request->id, 409, "OBJECT_ALREADY_EXISTS",
                 "Property with name '%.60s' already exists.", name);
        return;
    }
    if (property.unique && unique_count(&sandbox->store, object) >= UNIQUE_MAX) {
        hs_error(reply, request->id, 400, "VALIDATION_ERROR",
                 "at most %d properties with unique values", UNIQUE_MAX);
        return;
    }
    property.type = TYPES[type].type;
    if (property.type == FT_PICKLIST && strcmp(text_at(body, "fieldType"), "checkbox") == 0)
        property.type = FT_MULTIPICKLIST;
    property.created_ms = store_now_ms(&sandbox->store);
    (void)snprintf(property.object, sizeof property.object, "%s", object);
    (void)snprintf(property.name, sizeof property.name, "%s", name);
    (void)snprintf(property.label, sizeof property.label, "%s", text_at(body, "label"));
    read_options(json_object_get(body, "options"), property.options, sizeof property.options);
    store_add_property(&sandbox->store, &property);
    reply_json(reply, 201, describe(&sandbox->store, &property));
}

static void list(struct sandbox *sandbox, const char *object, struct reply *reply)
{
    json_t *results = json_array();
    const struct property *property;
    for (int i = 0; (property = schema_at(&sandbox->store.schema, object, i)); i++)
        json_array_append_new(results, describe(&sandbox->store, property));
    reply_json(reply, 200, json_pack("{s:o}", "results", results));
}

void hs_properties(struct sandbox *sandbox, const struct request *request, const char *object,
                   struct reply *reply)
{
    if (request->part_count == 4 && request_is(request, "GET"))
        list(sandbox, object, reply);
    else if (request->part_count == 4 && request_is(request, "POST")) {
        json_t *body = request_json(request);
        create(sandbox, request, object, body, reply);
        json_decref(body);
    } else if (request->part_count == 5 && request_is(request, "GET")) {
        const struct property *property =
            schema_find(&sandbox->store.schema, object, request_part(request, 4));
        if (property)
            reply_json(reply, 200, describe(&sandbox->store, property));
        else
            hs_error(reply, request->id, 404, "OBJECT_NOT_FOUND", "Property '%.60s' does not exist",
                     request_part(request, 4));
    } else
        hs_plain_error(reply, 405, request->id);
}
