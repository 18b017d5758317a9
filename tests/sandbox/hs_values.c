/*
 * hs_values — what may be written into a HubSpot property, and the text it is
 * stored as: all values are strings, a blank is "".
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/hs_normalise.h"
#include "tests/sandbox/hs_pipelines.h"

bool hs_fail(struct hs_failure *failure, int status, const char *category, const char *format, ...)
{
    failure->status = status;
    failure->category = category;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(failure->message, sizeof failure->message, format, args);
    va_end(args);
    return false;
}

static struct span trim(struct span text)
{
    while (text.len && isspace((unsigned char)text.data[0]))
        text.data++, text.len--;
    while (text.len && isspace((unsigned char)text.data[text.len - 1]))
        text.len--;
    return text;
}

void hs_put_email(struct span text, struct buf *ret_email)
{
    text = trim(text);
    for (size_t i = 0; i < text.len; i++)
        buf_putc(ret_email, (char)tolower((unsigned char)text.data[i]));
}

static bool is_number(const char *text)
{
    char *end;
    (void)strtod(text, &end);
    return *text && !*end && strspn(text, "0123456789+-.eE") == strlen(text);
}

/* Milliseconds or ISO text. */
static bool moment(const char *text, int64_t *ret_ms)
{
    if (strspn(text, "-0123456789") == strlen(text) && !strchr(text + 1, '-')) {
        *ret_ms = strtoll(text, NULL, 10);
        return true;
    }
    if (timestamp_parse(text, strlen(text), ret_ms))
        return true;
    int year, month, day, end = 0;
    /* NOLINTNEXTLINE(cert-err34-c): the fields have two and four digits, and end says whether all was read */
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end != 10 || text[10] ||
        !date_valid(year, month, day))
        return false;
    *ret_ms = date_days(year, month, day) * 86400000;
    return true;
}

/* Milliseconds are left out where they are zero. */
static void put_moment(struct buf *patch, const struct property *property, int64_t ms)
{
    char text[TIMESTAMP_BYTES + 1];
    timestamp_format(ms, text);
    if (property->type == FT_DATE)
        text[10] = '\0';
    else if (ms % 1000 == 0)
        (void)snprintf(text + 19, sizeof text - 19, "Z");
    fields_put_text(patch, property->name, span_of(text));
}

static bool is_of_pipelines(const struct property *property)
{
    return strcmp(property->object, "deals") == 0 &&
           (strcmp(property->name, "dealstage") == 0 || strcmp(property->name, "pipeline") == 0);
}

/* "a;b": each is one of the options. */
static bool options_fit(const struct property *property, const char *text)
{
    while (*text) {
        char option[128];
        size_t len = strcspn(text, ";");
        (void)snprintf(option, sizeof option, "%.*s", (int)len, text);
        if (!schema_has_option(property, option))
            return false;
        text += len + (text[len] == ';');
    }
    return true;
}

static struct span rounded(struct store *store, const struct property *property, struct span value)
{
    int places = (int)settings_get(store->settings, SET_NORMALIZE_DECIMALS);
    if (!places || property->type == FT_INT)
        return value;
    buf_reset(&store->value);
    hs_normalise_decimal(value, places, &store->value);
    return buf_span(&store->value);
}

/* The error code of a value that does not fit, or NULL with the value in patch. */
static const char *put_value(struct store *store, struct buf *patch,
                             const struct property *property, struct span value)
{
    struct buf *scratch = &store->scratch;
    buf_reset(scratch);
    buf_put_span(scratch, trim(value));
    buf_puts(scratch, "");
    const char *text = scratch->data ? scratch->data : "";
    int64_t ms;
    switch (property->type) {
    case FT_EMAIL:
        buf_reset(scratch);
        hs_put_email(value, scratch);
        if (scratch->len &&
            (!memchr(scratch->data, '@', scratch->len) || strchr(scratch->data, ' ')))
            return "INVALID_EMAIL";
        value = buf_span(scratch);
        break;
    case FT_INT:
    case FT_DOUBLE:
    case FT_CURRENCY:
        if (!is_number(text))
            return property->type == FT_INT ? "INVALID_INTEGER" : "INVALID_DOUBLE";
        value = rounded(store, property, buf_span(scratch));
        break;
    case FT_DATE:
    case FT_DATETIME:
        if (!moment(text, &ms) || (property->type == FT_DATE && ms % 86400000))
            return property->type == FT_DATE ? "INVALID_DATE" : "INVALID_LONG";
        put_moment(patch, property, ms);
        return NULL;
    case FT_BOOLEAN:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return "INVALID_OPTION";
        break;
    case FT_PICKLIST:
        if (is_of_pipelines(property) ? !hs_pipelines_know(store, property->name, text)
                                      : !schema_has_option(property, text))
            return "INVALID_OPTION";
        break;
    case FT_MULTIPICKLIST:
        if (!options_fit(property, text))
            return "INVALID_OPTION";
        value = buf_span(scratch);
        break;
    case FT_REFERENCE:
        if (strcmp(property->name, "hubspot_owner_id") == 0 && !hs_owner_exists(store, text))
            return "INVALID_OWNER_ID";
        break;
    case FT_PHONE:
        if (settings_get(store->settings, SET_NORMALIZE_PHONES)) {
            buf_reset(&store->value);
            hs_normalise_phone(trim(value), &store->value);
            value = buf_span(&store->value);
        }
        break;
    case FT_STRING:
    case FT_TEXTAREA:
        if (settings_get(store->settings, SET_NORMALIZE_TEXT))
            value = trim(value);
        break;
    case FT_ID:
    case FIELD_TYPE_COUNT:
        break;
    }
    if (value.len > 65536)
        return "PROPERTY_VALUE_TOO_LONG";
    fields_put_text(patch, property->name, value);
    return NULL;
}

static void add_invalid(json_t *list, struct span name, const char *code, struct span shown)
{
    char message[256], property[NAME_BYTES], text[81];
    (void)snprintf(property, sizeof property, "%.*s", (int)(name.len < 63 ? name.len : 63),
                   name.data);
    (void)snprintf(text, sizeof text, "%.*s", (int)(shown.len < 80 ? shown.len : 80), shown.data);
    if (strcmp(code, "PROPERTY_DOESNT_EXIST") == 0)
        (void)snprintf(message, sizeof message, "Property \"%s\" does not exist", property);
    else if (strcmp(code, "INVALID_EMAIL") == 0)
        (void)snprintf(message, sizeof message, "Email address %s is invalid", text);
    else
        (void)snprintf(message, sizeof message, "%s was not a valid value for %s.", text, property);
    json_t *invalid = json_pack("{s:b,s:s*,s:s,s:s*,s:s*}", "isValid", 0, "message", message,
                                "error", code, "name", property, "localizedErrorMessage", message);
    json_array_append_new(list, invalid ? invalid : json_object());
}

/* One property into the patch; an error code when it may not be. */
static const char *put_property(struct store *store, const char *object, struct span name,
                                const struct tape_item *value, struct buf *patch)
{
    char key[NAME_BYTES];
    if (name.len >= sizeof key)
        return "PROPERTY_DOESNT_EXIST";
    memcpy(key, name.data, name.len);
    key[name.len] = '\0';
    const struct property *property = schema_find(&store->schema, object, key);
    if (!property)
        return "PROPERTY_DOESNT_EXIST";
    if (property->read_only)
        return "READ_ONLY_VALUE";
    if (value->type == TAPE_ARRAY || value->type == TAPE_OBJECT)
        return "INVALID_STRING";
    if (value->type == TAPE_NULL || value->text.len == 0) {
        fields_put_text(patch, property->name, SPAN_NONE);
        return NULL;
    }
    return put_value(store, patch, property, value->text);
}

bool hs_put_properties(struct store *store, const char *object, const struct tape *tape,
                       int properties, struct buf *patch, struct hs_failure *failure)
{
    json_t *invalid = NULL;
    buf_putc(patch, '{');
    for (int k = tape_first(properties); properties && k < tape_end(tape, properties);
         k = tape->items[k + 1].next) {
        const struct tape_item *value = &tape->items[k + 1];
        struct span name = tape->items[k].text;
        const char *code = put_property(store, object, name, value, patch);
        if (code) {
            invalid = invalid ? invalid : json_array();
            add_invalid(invalid, name, code, value->text);
        }
    }
    buf_putc(patch, '}');
    if (!invalid)
        return true;
    char *list = json_dumps(invalid, JSON_COMPACT);
    hs_fail(failure, 400, "VALIDATION_ERROR", "Property values were not valid: %s",
            list ? list : "[]");
    free(list);
    json_decref(invalid);
    return false;
}
