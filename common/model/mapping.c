/*
 * mapping — raw values of one side become a canonical record. See mapping.h.
 */
#include "model/mapping.h"

#include <string.h>

#include "base/expression.h"
#include "model/record.h"
#include "model/value_internal.h"

enum { SHOWN_BYTES = 120 };

const char *const DELETE_POLICY_NAMES[] = {"review", "archive", "delete", "keep", NULL};
_Static_assert(sizeof(DELETE_POLICY_NAMES) / sizeof(DELETE_POLICY_NAMES[0]) == DELETES_COUNT + 1,
               "a name per policy");

const char *delete_policy_name(enum delete_policy policy)
{
    return policy < DELETES_COUNT ? DELETE_POLICY_NAMES[policy] : "?";
}

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

static int refuse(const struct field *field, bool personal, const struct raw_value *raw,
                  const struct err *why, struct err *err)
{
    if (personal)
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

bool field_is_on(const struct field *field, enum value_side side)
{
    const struct value_reference *reference = field->rules.reference;
    return name_on(field, side) ||
           (side == SIDE_NEW && reference && reference->association_type != 0);
}

/* ---- fields that are made of others ---- */

/* False: an input is missing, so the field is. */
static bool inputs_known(const struct field *field, const struct record *record)
{
    for (int i = 0; i < field->input_count; i++)
        if (record->values[field->inputs[i]].kind == VALUE_MISSING)
            return false;
    return true;
}

/* Its amount has been read: the code is its input. */
static int add_code(const struct field *field, struct record *record, struct arena *arena,
                    struct value *value, struct err *err)
{
    const struct value *code = &record->values[field->inputs[0]];
    if (value->kind != VALUE_SET)
        return 0;
    if (code->kind == VALUE_BLANK)
        return err_set(err, ERR_REJECT, "field %s: the amount has no currency code (%s)",
                       field->name, record->entity->fields[field->inputs[0]].name);
    const char *refusal = value_currency_put(value->text, code->text, arena, &value->text);
    if (!refusal)
        return 0;
    return err_set(err, ERR_REJECT, "field %s: the code %.*s %s", field->name,
                   shown_bytes(code->text), code->text.data, refusal);
}

static bool is_personal(const struct entity *entity, const struct field *field)
{
    bool personal = field->pii;
    for (int i = 0; i < field->input_count; i++)
        personal |= entity->fields[field->inputs[i]].pii;
    return personal;
}

static void put_inputs(struct buf *out, const struct field *field, const struct record *record)
{
    buf_putc(out, '{');
    for (int i = 0; i < field->input_count; i++) {
        const struct field *input = &record->entity->fields[field->inputs[i]];
        if (i)
            buf_putc(out, ',');
        buf_put_json_name(out, input->name);
        value_put_json(out, input->rules.type, record->values[field->inputs[i]]);
    }
    buf_putc(out, '}');
}

static int evaluate(const struct field *field, struct record *record, struct arena *arena,
                    struct value *ret_value, struct err *err)
{
    const struct entity *entity = record->entity;
    struct expression_result result;
    struct err why = ERR_INIT;
    struct buf input;
    buf_init(&input, 0);
    put_inputs(&input, field, record);
    int failed = expressions_run(entity->expressions, field->expression, buf_span(&input), arena,
                                 &result, &why);
    buf_clear(&input);
    if (failed) /* what the interpreter says quotes the values */
        return err_set(err, why.kind, "field %s: its expression %s", field->name,
                       is_personal(entity, field) && result.quotes ? "fails" : why.text);
    const struct raw_value raw = {result.type, result.text};
    if (value_parse(&field->rules, SIDE_CANONICAL, raw.type, raw.text, arena, ret_value, &why) == 0)
        return 0;
    return refuse(field, is_personal(entity, field), &raw, &why, err);
}

/* The fields that the first pass could not read, or not wholly. */
static int read_computed(const struct entity *entity, enum value_side side, struct record *record,
                         struct arena *arena, int *ret_field, struct err *err)
{
    for (int i = 0; i < entity->computed_count; i++) {
        int index = entity->computed[i];
        const struct field *field = &entity->fields[index];
        struct value *value = &record->values[index];
        if (field->jq && side != SIDE_OLD)
            continue;
        int failed = 0;
        if (!inputs_known(field, record))
            *value = (struct value){VALUE_MISSING, SPAN_NONE};
        else if (field->jq)
            failed = evaluate(field, record, arena, value, err);
        else
            failed = add_code(field, record, arena, value, err);
        if (!failed)
            continue;
        if (ret_field)
            *ret_field = index;
        return -1;
    }
    return 0;
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
        return refuse(field, field->pii, &raw[i], &why, err);
    }
    if (side != SIDE_CANONICAL && read_computed(entity, side, &record, arena, ret_field, err) != 0)
        return -1;
    *ret_record = record;
    return 0;
}

struct value mapping_twin_value(const struct field *field, const struct raw_value *raw,
                                struct arena *arena)
{
    struct value value = {VALUE_BLANK, SPAN_NONE};
    struct err ignored = ERR_INIT;
    if (raw->type != JSON_NONE_ &&
        value_parse(&field->rules, SIDE_NEW, raw->type, raw->text, arena, &value, &ignored) != 0)
        return (struct value){VALUE_SET, raw->text};
    return value;
}

void mapping_read_twin(const struct entity *entity, const struct raw_value *raw,
                       struct arena *arena, struct record *ret_record)
{
    struct record record = record_new(entity, arena);
    for (int i = 0; i < entity->field_count; i++) {
        if (entity->fields[i].new_name)
            record.values[i] = mapping_twin_value(&entity->fields[i], &raw[i], arena);
    }
    for (int i = 0; i < entity->computed_count; i++) {
        const struct field *field = &entity->fields[entity->computed[i]];
        struct value *value = &record.values[entity->computed[i]];
        struct err ignored = ERR_INIT;
        /* An amount without a code that fits equals no amount with one. */
        if (!field->jq && value->kind == VALUE_SET && inputs_known(field, &record))
            (void)add_code(field, &record, arena, value, &ignored);
    }
    *ret_record = record;
}
