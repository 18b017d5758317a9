/*
 * sf_format — records and dates on the wire.
 */
#include "tests/sandbox/sf_format.h"

#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/sf_id.h"

void sf_datetime(int64_t epoch_ms, char ret_text[SF_DATETIME_BYTES])
{
    char utc[TIMESTAMP_BYTES];
    timestamp_format(epoch_ms, utc);
    size_t len = strlen(utc) - 1; /* without its Z */
    memcpy(ret_text, utc, len);
    memcpy(ret_text + len, "+0000", 6);
}

const char *sf_type_name(enum field_type type)
{
    return type == FT_DATETIME ? "dateTime" : field_type_name(type);
}

static void put_datetime(struct buf *body, int64_t ms)
{
    char text[SF_DATETIME_BYTES];
    sf_datetime(ms, text);
    buf_putc(body, '"');
    buf_puts(body, text);
    buf_putc(body, '"');
}

static void put_value(struct buf *body, const struct record *record,
                      const struct property *property, const struct fields *fields, int *hint)
{
    char user[SF_ID_BYTES];
    struct span json;
    switch (property->place) {
    case AT_ID:
        buf_putc(body, '"');
        buf_puts(body, record->id);
        buf_putc(body, '"');
        return;
    case AT_CREATED:
        put_datetime(body, record->created_ms);
        return;
    case AT_MODIFIED:
        put_datetime(body, record->modified_ms);
        return;
    case AT_MODSTAMP:
        put_datetime(body, record->modstamp_ms);
        return;
    case AT_DELETED:
        buf_puts(body, record->deleted ? "true" : "false");
        return;
    case AT_MODIFIED_BY:
        sf_id_user(record->modified_by, user);
        buf_putc(body, '"');
        buf_puts(body, user);
        buf_putc(body, '"');
        return;
    case AT_JSON:
    case AT_EMAIL:
        json = fields_get(fields, span_of(property->name), hint);
        if (json.data)
            buf_put_span(body, json);
        else
            buf_puts(body, property->type == FT_BOOLEAN ? "false" : "null");
        return;
    }
}

void sf_put_record(struct buf *body, const char *version, const char *object,
                   const struct record *record, const struct property *const *wanted, int count,
                   int *hints)
{
    struct fields fields;
    fields_parse(&fields, buf_span(&record->fields));
    buf_puts(body, "{\"attributes\":{\"type\":\"");
    buf_puts(body, object);
    buf_puts(body, "\",\"url\":\"/services/data/");
    buf_puts(body, version);
    buf_puts(body, "/sobjects/");
    buf_puts(body, object);
    buf_putc(body, '/');
    buf_puts(body, record->id);
    buf_puts(body, "\"}");
    for (int i = 0; i < count; i++) {
        buf_puts(body, ",\"");
        buf_puts(body, wanted[i]->name);
        buf_puts(body, "\":");
        put_value(body, record, wanted[i], &fields, &hints[i]);
    }
    buf_putc(body, '}');
}
