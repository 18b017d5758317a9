/*
 * hs_format — records as HubSpot writes them.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/hs.h"

static bool wanted(const struct hs_want *want, const struct property *property)
{
    for (int i = 0; i < want->count; i++)
        if (want->items[i] == property)
            return true;
    return false;
}

void hs_want_add(struct hs_want *want, const struct store *store, const char *object,
                 const char *name)
{
    const struct property *property = schema_find(&store->schema, object, name);
    if (property && want->count < HS_PROPERTIES_MAX && !wanted(want, property))
        want->items[want->count++] = property;
}

void hs_want_system(struct hs_want *want, const struct store *store, const char *object)
{
    want->count = want->history_count = 0;
    memset(want->hints, 0, sizeof want->hints);
    hs_want_add(want, store, object, "hs_object_id");
    hs_want_add(want, store, object, "createdate");
    hs_want_add(want, store, object, "lastmodifieddate");
    hs_want_add(want, store, object, "hs_lastmodifieddate");
}

void hs_want_defaults(struct hs_want *want, const struct store *store, const char *object)
{
    static const char *const NAMES[] = {"email",    "firstname", "lastname", "name",   "domain",
                                        "dealname", "dealstage", "pipeline", "amount", "closedate"};
    hs_want_system(want, store, object);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        hs_want_add(want, store, object, NAMES[i]);
}

static void put_quoted(struct buf *body, const char *text)
{
    buf_putc(body, '"');
    buf_puts(body, text);
    buf_putc(body, '"');
}

static void put_time(struct buf *body, int64_t ms)
{
    char text[TIMESTAMP_BYTES];
    timestamp_format(ms, text);
    put_quoted(body, text);
}

static void put_property(struct buf *body, const struct record *record,
                         const struct property *property, const struct fields *fields, int *hint)
{
    put_quoted(body, property->name);
    buf_putc(body, ':');
    struct span json;
    switch (property->place) {
    case AT_ID:
        put_quoted(body, record->id);
        return;
    case AT_CREATED:
        put_time(body, record->created_ms);
        return;
    case AT_MODIFIED:
    case AT_MODSTAMP:
        put_time(body, record->modstamp_ms);
        return;
    case AT_DELETED:
    case AT_MODIFIED_BY:
    case AT_JSON:
    case AT_EMAIL:
        break;
    }
    json = fields_get(fields, span_of(property->name), hint);
    if (json.data)
        buf_put_span(body, json);
    else
        buf_puts(body, "null");
}

void hs_put_record(struct sandbox *sandbox, struct buf *body, const char *object,
                   const struct record *record, struct hs_want *want, const struct hs_extra *extra)
{
    struct fields fields;
    fields_parse(&fields, buf_span(&record->fields));
    buf_puts(body, "{\"id\":");
    put_quoted(body, record->id);
    buf_puts(body, ",\"properties\":{");
    for (int i = 0; i < want->count; i++) {
        if (i)
            buf_putc(body, ',');
        put_property(body, record, want->items[i], &fields, &want->hints[i]);
    }
    buf_putc(body, '}');
    if (want->history_count)
        hs_put_history(&sandbox->store, body, object, record->id, want);
    buf_puts(body, ",\"createdAt\":");
    put_time(body, record->created_ms);
    buf_puts(body, ",\"updatedAt\":");
    put_time(body, record->modstamp_ms);
    buf_puts(body, record->deleted ? ",\"archived\":true,\"archivedAt\":" : ",\"archived\":false");
    if (record->deleted)
        put_time(body, record->modstamp_ms);
    if (extra && extra->has_new)
        buf_puts(body, extra->is_new ? ",\"new\":true" : ",\"new\":false");
    if (extra && extra->trace_id) {
        buf_puts(body, ",\"objectWriteTraceId\":");
        buf_put_json_string(body, span_of(extra->trace_id));
    }
    if (settings_get(&sandbox->settings, SET_CONDITIONAL_WRITES)) {
        buf_puts(body, ",\"version\":");
        buf_put_int(body, record->version);
    }
    buf_putc(body, '}');
}
