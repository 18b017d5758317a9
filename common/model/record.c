/*
 * record — values side by side, their hash and their JSON. See record.h.
 * This is the hot path: one pass, no allocation but the values themselves.
 */
#include "model/record.h"

#include <string.h>

enum { CHUNK_BYTES = 2048 };

struct record record_new(const struct entity *entity, struct arena *arena)
{
    _Static_assert(VALUE_MISSING == 0, "zeroed memory is a record of missing values");
    return (struct record){entity, arena_new(arena, struct value, entity->field_count)};
}

/* Small pieces are gathered: a call of the hash costs more than the bytes. */
struct gather {
    size_t len;
    char bytes[CHUNK_BYTES];
};

static void gather_flush(struct gather *gather)
{
    hash_put(gather->bytes, gather->len);
    gather->len = 0;
}

static void gather_put(struct gather *gather, const void *data, size_t len)
{
    if (len > CHUNK_BYTES - gather->len) {
        gather_flush(gather);
        if (len > CHUNK_BYTES) {
            hash_put(data, len);
            return;
        }
    }
    if (len)
        memcpy(gather->bytes + gather->len, data, len);
    gather->len += len;
}

/* The length as 4 big-endian bytes, then the bytes. */
static void gather_sized(struct gather *gather, const char *data, size_t len)
{
    unsigned char size[4] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16),
                             (unsigned char)(len >> 8), (unsigned char)len};
    gather_put(gather, size, sizeof(size));
    gather_put(gather, data, len);
}

void record_hash(const struct record *record, char ret_hex[HASH_HEX_BYTES])
{
    const struct entity *entity = record->entity;
    struct gather gather;
    gather.len = 0;
    hash_start();
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[entity->sorted[i]];
        const struct value *value = &record->values[entity->sorted[i]];
        if (value->kind == VALUE_MISSING || field->is_volatile)
            continue;
        const char *type = value_type_name(field->rules.type);
        gather_sized(&gather, field->name, strlen(field->name));
        gather_sized(&gather, type, strlen(type));
        gather_put(&gather, value->kind == VALUE_SET ? "s" : "b", 1);
        gather_sized(&gather, value->text.data, value->kind == VALUE_SET ? value->text.len : 0);
    }
    gather_flush(&gather);
    hash_hex(ret_hex);
}

void record_put_json(struct buf *out, const struct record *record)
{
    char separator = '{';
    for (int i = 0; i < record->entity->field_count; i++) {
        const struct field *field = &record->entity->fields[i];
        if (record->values[i].kind == VALUE_MISSING)
            continue;
        buf_putc(out, separator);
        buf_put_json_name(out, field->name);
        value_put_json(out, field->rules.type, record->values[i]);
        separator = ',';
    }
    if (separator == '{')
        buf_putc(out, '{');
    buf_putc(out, '}');
}

int record_from_json(const struct entity *entity, const struct json_tape *tape, uint32_t at,
                     struct arena *arena, struct record *ret_record, struct err *err)
{
    if (tape->tokens[at].type != JSON_OBJECT_)
        return err_set(err, ERR_REJECT, "a record must be an object");
    struct raw_value *raw = arena_new(arena, struct raw_value, entity->field_count);
    int next = 0; /* records are written in the order of the configuration */
    for (uint32_t k = json_first(tape, at); k < json_end(tape, at); k = tape->tokens[k + 1].next) {
        struct span name = json_text(tape, k);
        while (next < entity->field_count && !span_is(name, entity->fields[next].name))
            next++;
        int field = next < entity->field_count ? next++ : entity_field(entity, name);
        if (field < 0)
            return err_set(err, ERR_REJECT, "field %.*s is not in the mapping",
                           (int)(name.len < 64 ? name.len : 64), name.data);
        raw[field] =
            (struct raw_value){(enum json_type)tape->tokens[k + 1].type, json_text(tape, k + 1)};
    }
    return mapping_read(entity, SIDE_CANONICAL, raw, arena, ret_record, NULL, err);
}
