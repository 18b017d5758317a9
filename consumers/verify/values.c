/*
 * values — to the table and back.
 */
#include "consumers/verify/values.h"

void values_put(struct buf *out, const struct record *record)
{
    buf_putc(out, '[');
    for (int i = 0; i < record->entity->field_count; i++) {
        const struct value *value = &record->values[i];
        if (i)
            buf_putc(out, ',');
        if (value->kind == VALUE_MISSING)
            buf_puts(out, "null");
        else
            buf_put_json_string(out, value->kind == VALUE_SET ? value->text : span_of(""));
    }
    buf_putc(out, ']');
}

int values_read(struct span text, const struct entity *entity, struct json_tape *tape,
                struct arena *arena, struct record *ret_record, struct err *err)
{
    if (json_parse(tape, text, err) != 0)
        return -1;
    struct record record = record_new(entity, arena);
    int field = 0;
    for (uint32_t i = json_first(tape, 0); i < json_end(tape, 0); i = tape->tokens[i].next) {
        if (field == entity->field_count)
            break;
        struct value *value = &record.values[field++];
        if (tape->tokens[i].type != JSON_STRING_)
            continue;
        value->kind = json_text(tape, i).len ? VALUE_SET : VALUE_BLANK;
        if (value->kind == VALUE_SET)
            value->text = arena_copy(arena, json_text(tape, i));
    }
    if (field != entity->field_count)
        return err_set(err, ERR_FATAL, "a record of the table has %d values", field);
    *ret_record = record;
    return 0;
}
