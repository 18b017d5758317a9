/*
 * sf_values — what may be written into a Salesforce field, and the form in
 * which it is stored.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "tests/sandbox/sf.h"

static bool bad(struct reply *reply, const struct property *property, json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    sf_error(reply, 400, "JSON_PARSER_ERROR", NULL,
             "Cannot deserialize instance of %s from value %.100s for field %s",
             sf_type_name(property->type), text ? text : "?", property->name);
    free(text);
    return false;
}

static bool put_datetime(struct buf *patch, const struct property *property, const char *text)
{
    int64_t ms;
    char stored[SF_DATETIME_BYTES];
    if (!timestamp_parse(text, strlen(text), &ms))
        return false;
    sf_datetime(ms - ms % 1000, stored);
    fields_put_text(patch, property->name, span_of(stored));
    return true;
}

static bool is_date(const char *text)
{
    int year, month, day, end = 0;
    /* NOLINTNEXTLINE(cert-err34-c): the fields have two and four digits, and end says whether all was read */
    return sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) == 3 && end == 10 &&
           !text[10] && date_valid(year, month, day);
}

/* A text field's value without the white space around it, as Salesforce stores it. */
static struct span trimmed(json_t *value)
{
    struct span text = {json_string_value(value), json_string_length(value)};
    while (text.len && strchr(" \t\r\n", text.data[0]))
        text.data++, text.len--;
    while (text.len && strchr(" \t\r\n", text.data[text.len - 1]))
        text.len--;
    return text;
}

static bool put_text(struct buf *patch, const struct property *property, json_t *value,
                     struct reply *reply)
{
    if (!json_is_string(value) && !json_is_number(value))
        return bad(reply, property, value);
    if (json_is_number(value)) {
        char number[64];
        (void)snprintf(number, sizeof number, json_is_integer(value) ? "%.0f" : "%.15g",
                       json_number_value(value));
        fields_put_text(patch, property->name, span_of(number));
        return true;
    }
    struct span text = trimmed(value);
    if (property->type == FT_EMAIL && text.len &&
        (!memchr(text.data, '@', text.len) || memchr(text.data, ' ', text.len))) {
        sf_error(reply, 400, "INVALID_EMAIL_ADDRESS", property->name,
                 "%s: invalid email address: %.*s", property->label, (int)text.len, text.data);
        return false;
    }
    fields_put_text(patch, property->name, text);
    return true;
}

/* References are kept in the 18-character form, whichever came. */
static bool put_reference(struct buf *patch, const struct property *property, json_t *value,
                          struct reply *reply)
{
    char id[SF_ID_BYTES];
    const char *text = json_string_value(value);
    if (!text || !sf_id_normalise(text, id)) {
        sf_error(reply, 400, "MALFORMED_ID", property->name,
                 "%s: id value of incorrect type: %.40s", property->label, text ? text : "");
        return false;
    }
    fields_put_text(patch, property->name, span_of(id));
    return true;
}

bool sf_put_value(struct buf *patch, const struct property *property, json_t *value,
                  struct reply *reply)
{
    if (json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0)) {
        fields_put(patch, property->name, json_null());
        return true;
    }
    const char *text = json_string_value(value);
    switch (property->type) {
    case FT_BOOLEAN:
        if (!json_is_boolean(value))
            return bad(reply, property, value);
        fields_put(patch, property->name, value);
        return true;
    case FT_INT:
    case FT_DOUBLE:
    case FT_CURRENCY:
        if (!json_is_number(value) || (property->type == FT_INT &&
                                       floor(json_number_value(value)) != json_number_value(value)))
            return bad(reply, property, value);
        fields_put(patch, property->name, value);
        return true;
    case FT_DATE:
        if (!text || !is_date(text))
            return bad(reply, property, value);
        fields_put(patch, property->name, value);
        return true;
    case FT_DATETIME:
        return (text && put_datetime(patch, property, text)) || bad(reply, property, value);
    case FT_REFERENCE:
        return put_reference(patch, property, value, reply);
    case FT_ID:
    case FT_STRING:
    case FT_EMAIL:
    case FT_PHONE:
    case FT_TEXTAREA:
    case FT_PICKLIST:
    case FT_MULTIPICKLIST:
    case FIELD_TYPE_COUNT:
        break;
    }
    return put_text(patch, property, value, reply);
}

static const struct {
    const char *object, *fields[4];
} REQUIRED[] = {{"Contact", {"LastName"}},
                {"Lead", {"LastName"}},
                {"User", {"LastName", "Email"}},
                {"Account", {"Name"}},
                {"Opportunity", {"Name", "StageName", "CloseDate"}},
                {"OpportunityContactRole", {"OpportunityId", "ContactId"}}};

static bool is_blank(json_t *value)
{
    return !value || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

/* The value of a field, whatever the case of its name; NULL: it is not there. */
static json_t *value_of(json_t *fields, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach(fields, key, value)
    {
        if (strcasecmp(key, name) == 0)
            return value;
    }
    return NULL;
}

/* What a record must have is there, and a change does not blank it. */
static bool required_there(const char *object, json_t *fields, bool create, struct reply *reply)
{
    char missing[128] = "";
    json_t *names = json_array();
    for (size_t i = 0; i < sizeof REQUIRED / sizeof *REQUIRED; i++)
        for (int k = 0; strcmp(REQUIRED[i].object, object) == 0 && REQUIRED[i].fields[k]; k++) {
            json_t *value = value_of(fields, REQUIRED[i].fields[k]);
            if (!is_blank(value) || (!value && !create))
                continue;
            size_t at = strlen(missing);
            (void)snprintf(missing + at, sizeof missing - at, "%s%s", at ? ", " : "",
                           REQUIRED[i].fields[k]);
            json_array_append_new(names, json_string(REQUIRED[i].fields[k]));
        }
    if (missing[0]) {
        char message[192];
        (void)snprintf(message, sizeof message, "Required fields are missing: [%s]", missing);
        reply_json(reply, 400,
                   json_pack("[{s:s,s:s,s:O}]", "message", message, "errorCode",
                             "REQUIRED_FIELD_MISSING", "fields", names));
        reply->rollback = true;
    }
    json_decref(names);
    return !missing[0];
}

bool sf_put_fields(struct store *store, const char *object, json_t *fields, bool create,
                   struct buf *patch, struct reply *reply)
{
    const char *key;
    json_t *value;
    buf_putc(patch, '{');
    json_object_foreach(fields, key, value)
    {
        if (strcmp(key, "attributes") == 0)
            continue;
        const struct property *property = schema_find(&store->schema, object, key);
        if (!property) {
            sf_error(reply, 400, "INVALID_FIELD", "", "No such column '%s' on sobject of type %s",
                     key, object);
            return false;
        }
        if (property->read_only) {
            sf_error(
                reply, 400, "INVALID_FIELD_FOR_INSERT_UPDATE", property->name,
                "Unable to create/update fields: %s. Please check the security settings of this "
                "field and verify that it is read/write for your profile or permission set.",
                property->name);
            return false;
        }
        if (!sf_put_value(patch, property, value, reply))
            return false;
    }
    buf_putc(patch, '}');
    return required_there(object, fields, create, reply);
}
