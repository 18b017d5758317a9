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
#include "tests/sandbox/hs.h"

bool hs_fail(struct hs_failure *failure, int status, const char *category, const char *format, ...)
{
    failure->status = status;
    failure->category = category;
    va_list args;
    va_start(args, format);
    vsnprintf(failure->message, sizeof failure->message, format, args);
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
    strtod(text, &end);
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
        snprintf(text + 19, sizeof text - 19, "Z");
    fields_put_text(patch, property->name, span_of(text));
}

/* The error code of a value that does not fit, or NULL with the value in patch. */
static const char *put_value(struct buf *patch, const struct property *property, struct span value,
                             struct buf *scratch)
{
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
        value = buf_span(scratch);
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
        if (!schema_has_option(property, text))
            return "INVALID_OPTION";
        break;
    case FT_ID:
    case FT_STRING:
    case FT_PHONE:
    case FT_TEXTAREA:
    case FT_REFERENCE:
    case FIELD_TYPE_COUNT:
        break;
    }
    if (value.len > 65536)
        return "PROPERTY_VALUE_TOO_LONG";
    fields_put_text(patch, property->name, value);
    return NULL;
}

static struct span text_of(json_t *value, char number[64])
{
    if (json_is_string(value))
        return (struct span){json_string_value(value), json_string_length(value)};
    if (json_is_boolean(value))
        return span_of(json_is_true(value) ? "true" : "false");
    if (json_is_integer(value))
        snprintf(number, 64, "%lld", (long long)json_integer_value(value));
    else
        snprintf(number, 64, "%.15g", json_number_value(value));
    return json_is_number(value) ? span_of(number) : span_of("");
}

static void add_invalid(json_t *list, const char *name, const char *code, const char *shown)
{
    char message[256];
    if (strcmp(code, "PROPERTY_DOESNT_EXIST") == 0)
        snprintf(message, sizeof message, "Property \"%.80s\" does not exist", name);
    else if (strcmp(code, "INVALID_EMAIL") == 0)
        snprintf(message, sizeof message, "Email address %.80s is invalid", shown);
    else
        snprintf(message, sizeof message, "%.80s was not a valid value for %.80s.", shown, name);
    json_array_append_new(list,
                          json_pack("{s:b,s:s,s:s,s:s,s:s}", "isValid", 0, "message", message,
                                    "error", code, "name", name, "localizedErrorMessage", message));
}

bool hs_put_properties(struct store *store, const char *object, json_t *properties,
                       struct buf *patch, struct hs_failure *failure)
{
    const char *name;
    json_t *value, *invalid = NULL;
    struct buf scratch;
    buf_init(&scratch, 0);
    buf_putc(patch, '{');
    json_object_foreach(properties, name, value)
    {
        char number[64];
        struct span text = text_of(value, number);
        const struct property *property = schema_find(&store->schema, object, name);
        const char *code = !property                                       ? "PROPERTY_DOESNT_EXIST"
                           : property->read_only                           ? "READ_ONLY_VALUE"
                           : json_is_object(value) || json_is_array(value) ? "INVALID_STRING"
                                                                           : NULL;
        if (!code && !text.len)
            fields_put_text(patch, name, text);
        else if (!code)
            code = put_value(patch, property, text, &scratch);
        if (code) {
            invalid = invalid ? invalid : json_array();
            char shown[100];
            snprintf(shown, sizeof shown, "%.*s", (int)(text.len < 99 ? text.len : 99), text.data);
            add_invalid(invalid, name, code, shown);
        }
    }
    buf_putc(patch, '}');
    buf_clear(&scratch);
    if (!invalid)
        return true;
    char *list = json_dumps(invalid, JSON_COMPACT);
    hs_fail(failure, 400, "VALIDATION_ERROR", "Property values were not valid: %s",
            list ? list : "[]");
    free(list);
    json_decref(invalid);
    return false;
}
