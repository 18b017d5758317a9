/*
 * mapping — raw values of one side become a canonical record. See mapping.h.
 */
#include "model/mapping.h"

#include <string.h>

#include "model/record.h"

enum { SHOWN_BYTES = 120 };

static int compare_name(const char *name, struct span wanted)
{
    size_t len = strlen(name);
    int order = memcmp(name, wanted.data, len < wanted.len ? len : wanted.len);
    if (order != 0)
        return order;
    return len < wanted.len ? -1 : len > wanted.len;
}

int entity_field(const struct entity *entity, struct span name)
{
    int low = 0, high = entity->field_count;
    while (low < high && name.data) {
        int middle = low + (high - low) / 2;
        int field = entity->sorted[middle];
        int order = compare_name(entity->fields[field].name, name);
        if (order == 0)
            return field;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* The start of a text, not cut within a character. */
static int shown_bytes(struct span text)
{
    if (text.len <= SHOWN_BYTES)
        return (int)text.len;
    int bytes = SHOWN_BYTES;
    while (bytes > 0 && ((unsigned char)text.data[bytes] & 0xC0) == 0x80)
        bytes--;
    return bytes;
}

static int refuse(const struct field *field, const struct raw_value *raw, const struct err *why,
                  struct err *err)
{
    if (field->pii)
        return err_set(err, why->kind, "field %s: *** %s", field->name, why->text);
    int bytes = shown_bytes(raw->text);
    const char *more = (size_t)bytes < raw->text.len ? "…" : "";
    return err_set(err, why->kind, "field %s: \"%.*s%s\" %s", field->name, bytes, raw->text.data,
                   more, why->text);
}

static const char *name_on(const struct field *field, enum value_side side)
{
    switch (side) {
    case SIDE_OLD:
        return field->old_name;
    case SIDE_NEW:
        return field->new_name;
    case SIDE_CANONICAL:
        break;
    }
    return field->name;
}

int mapping_read(const struct entity *entity, enum value_side side, const struct raw_value *raw,
                 struct arena *arena, struct record *ret_record, int *ret_field, struct err *err)
{
    struct record record = record_new(entity, arena);
    struct err why = ERR_INIT;
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[i];
        if (!name_on(field, side) || value_parse(&field->rules, side, raw[i].type, raw[i].text,
                                                 arena, &record.values[i], &why) == 0)
            continue;
        if (ret_field)
            *ret_field = i;
        return refuse(field, &raw[i], &why, err);
    }
    *ret_record = record;
    return 0;
}
