/*
 * fields — walking and merging flat JSON objects.
 */
#include "tests/sandbox/fields.h"

#include <stdlib.h>
#include <string.h>

/* The end of a JSON string that starts at text[at] == '"': the index behind its closing quote. */
static size_t string_end(struct span text, size_t at)
{
    for (at++; at < text.len;) {
        const char *quote = memchr(text.data + at, '"', text.len - at);
        if (!quote)
            return text.len;
        const char *before = quote;
        while (before > text.data + at && before[-1] == '\\')
            before--;
        at = (size_t)(quote - text.data) + 1;
        if ((quote - before) % 2 == 0)
            return at;
    }
    return text.len;
}

static size_t value_end(struct span text, size_t at)
{
    if (text.data[at] == '"')
        return string_end(text, at);
    while (at < text.len && text.data[at] != ',' && text.data[at] != '}')
        at++;
    return at;
}

void fields_parse(struct fields *fields, struct span text)
{
    fields->count = 0;
    size_t at = 1;
    while (at < text.len && text.data[at] == '"' && fields->count < FIELDS_MAX) {
        size_t name_end = string_end(text, at);
        if (name_end + 1 >= text.len)
            return;
        struct field *field = &fields->items[fields->count++];
        field->name = (struct span){text.data + at + 1, name_end - at - 2};
        size_t end = value_end(text, name_end + 1);
        field->json = (struct span){text.data + name_end + 1, end - name_end - 1};
        at = end + 1;
    }
}

void fields_copy(struct fields *to, const struct fields *from)
{
    to->count = from->count;
    memcpy(to->items, from->items, (size_t)from->count * sizeof *from->items);
}

static int find(const struct fields *fields, struct span name)
{
    for (int i = 0; i < fields->count; i++)
        if (fields->items[i].name.len == name.len &&
            memcmp(fields->items[i].name.data, name.data, name.len) == 0)
            return i;
    return -1;
}

struct span fields_get(const struct fields *fields, struct span name, int *hint)
{
    if (hint && *hint < fields->count && span_equal(fields->items[*hint].name, name))
        return fields->items[*hint].json;
    int i = find(fields, name);
    if (i < 0)
        return SPAN_NONE;
    if (hint)
        *hint = i;
    return fields->items[i].json;
}

bool fields_merge(struct fields *fields, const struct fields *patch)
{
    for (int i = 0; i < patch->count; i++) {
        const struct field *change = &patch->items[i];
        int at = find(fields, change->name);
        if (span_is(change->json, "null")) {
            if (at >= 0) {
                memmove(&fields->items[at], &fields->items[at + 1],
                        (size_t)(fields->count - at - 1) * sizeof *fields->items);
                fields->count--;
            }
        } else if (at >= 0) {
            fields->items[at].json = change->json;
        } else if (fields->count == FIELDS_MAX) {
            return false;
        } else {
            fields->items[fields->count++] = *change;
        }
    }
    return true;
}

void fields_render(const struct fields *fields, struct buf *ret_text)
{
    buf_putc(ret_text, '{');
    for (int i = 0; i < fields->count; i++) {
        if (i)
            buf_putc(ret_text, ',');
        buf_putc(ret_text, '"');
        buf_put_span(ret_text, fields->items[i].name);
        buf_put(ret_text, "\":", 2);
        buf_put_span(ret_text, fields->items[i].json);
    }
    buf_putc(ret_text, '}');
}

static void put_name(struct buf *object, const char *name)
{
    if (object->len && object->data[object->len - 1] != '{')
        buf_putc(object, ',');
    buf_put_json_string(object, span_of(name));
    buf_putc(object, ':');
}

void fields_put_text(struct buf *object, const char *name, struct span value)
{
    put_name(object, name);
    if (value.len)
        buf_put_json_string(object, value);
    else
        buf_puts(object, "null");
}

void fields_put(struct buf *object, const char *name, json_t *value)
{
    if (json_is_string(value)) {
        fields_put_text(object, name,
                        (struct span){json_string_value(value), json_string_length(value)});
        return;
    }
    put_name(object, name);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
    buf_puts(object, text ? text : "null");
    free(text);
}

bool fields_text(struct span json, struct buf *ret_text)
{
    if (!json.data || span_is(json, "null"))
        return false;
    if (json.data[0] != '"') {
        buf_put_span(ret_text, json);
        return true;
    }
    if (!memchr(json.data, '\\', json.len)) {
        buf_put(ret_text, json.data + 1, json.len - 2);
        return true;
    }
    json_t *value = json_loadb(json.data, json.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (json_is_string(value))
        buf_put(ret_text, json_string_value(value), json_string_length(value));
    json_decref(value);
    return true;
}
