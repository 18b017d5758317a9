/*
 * example — who, what, and the fields in question.
 */
#include "consumers/verify/example.h"

/* As text, whatever the type: in the new system it may be one that does not fit. */
static void put_value(struct buf *out, const struct field *field, struct value value)
{
    if (value.kind != VALUE_SET)
        buf_puts(out, "null");
    else
        buf_put_json_string(out, field->pii ? span_of("***") : value.text);
}

static void put_text(struct buf *out, const char *name, struct span text)
{
    buf_putc(out, ',');
    buf_put_json_name(out, name);
    buf_put_json_string(out, text);
}

static void put_field(struct buf *out, const struct field *field, const struct judge_facts *facts,
                      int at, enum judge_class class_)
{
    buf_puts(out, "{\"field\":");
    buf_put_json_string(out, span_of(field->name));
    put_text(out, "class", span_of(judge_class_name(class_)));
    buf_puts(out, ",\"old\":");
    put_value(out, field, facts->old_record->values[at]);
    buf_puts(out, ",\"new\":");
    put_value(out, field, facts->new_record->values[at]);
    buf_putc(out, '}');
}

void example_pair(struct buf *out, const struct entity *entity, const struct table_pair *pair,
                  const struct judge_facts *facts, enum judge_class class_,
                  const enum judge_class *fields)
{
    if (out->len)
        buf_putc(out, ',');
    buf_puts(out, "{\"record\":");
    buf_put_json_string(out, pair->old_record.key);
    if (pair->row_twin.len)
        put_text(out, "twin", pair->row_twin);
    put_text(out, "class", span_of(judge_class_name(class_)));
    buf_printf(out, ",\"explained\":%s", judge_explained(class_) ? "true" : "false");
    if (facts->row && facts->row->why.len)
        put_text(out, "why", facts->row->why);
    buf_puts(out, ",\"fields\":[");
    bool first = true;
    for (int i = 0; facts->old_record && facts->new_record && i < entity->field_count; i++) {
        if (fields[i] == JUDGE_IDENTICAL)
            continue;
        if (!first)
            buf_putc(out, ',');
        first = false;
        put_field(out, &entity->fields[i], facts, i, fields[i]);
    }
    buf_puts(out, "]}");
}

void example_orphan(struct buf *out, const struct table_orphan *orphan, const char *class_,
                    bool explained)
{
    if (out->len)
        buf_putc(out, ',');
    buf_puts(out, "{\"twin\":");
    buf_put_json_string(out, orphan->id);
    if (orphan->row_key.data)
        put_text(out, "record", orphan->row_key);
    put_text(out, "class", span_of(class_));
    buf_printf(out, ",\"explained\":%s,\"fields\":[]}", explained ? "true" : "false");
}
