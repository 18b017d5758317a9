/*
 * fields — a record's fields: one flat JSON object of scalars, as the store
 * keeps it and as it goes out on the wire. Walked without a DOM, because pages
 * of thousands of records are made of it.
 */
#ifndef TANDEM_SANDBOX_FIELDS_H
#define TANDEM_SANDBOX_FIELDS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

enum { FIELDS_MAX = 512 };

struct field {
    struct span name; /* unescaped: names need no escapes */
    struct span json; /* the value as JSON text; "null" is blank */
};

struct fields {
    struct field items[FIELDS_MAX];
    int count;
};

/* Read our own compact text, which is borrowed. Trusted input: anything else is cut at the first surprise. */
void fields_parse(struct fields *fields, struct span text);

void fields_copy(struct fields *to, const struct fields *from);

/* The value's JSON text, or SPAN_NONE. hint (may be NULL): where it was found last time, kept by the caller. */
struct span fields_get(const struct fields *fields, struct span name, int *hint);

/* Apply a patch over fields: values replace, null removes. Both stay borrowed. False: too many fields. */
bool fields_merge(struct fields *fields, const struct fields *patch);

void fields_render(const struct fields *fields, struct buf *ret_text);

/* Append one "name":value to an object under construction ('{' first, '}' by the caller). */
void fields_put(struct buf *object, const char *name, json_t *value);
void fields_put_text(struct buf *object, const char *name, struct span value);

/* A JSON string's content, unescaped; a number's or boolean's text as it is. False for blank. */
bool fields_text(struct span json, struct buf *ret_text);

#endif
