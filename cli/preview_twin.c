/*
 * preview_twin — read, merge, and show; nothing is sent that writes.
 */
#include "cli/preview_twin.h"

#include <string.h>

#include "model/truth.h"

struct names {
    const char *properties[ENTITY_FIELDS_MAX + 1];
    int field_of[ENTITY_FIELDS_MAX + 1]; /* -1: the external id */
    int count;
};

static void names_of(const struct entity *entity, struct names *names)
{
    names->count = 0;
    for (int i = 0; i < entity->field_count; i++) {
        if (!entity->fields[i].new_name)
            continue;
        names->properties[names->count] = entity->fields[i].new_name;
        names->field_of[names->count++] = i;
    }
    names->properties[names->count] = entity->external_id;
    names->field_of[names->count++] = -1;
}

static void take(const struct entity *entity, const struct names *names,
                 const struct rest_record *record, struct arena *arena, struct preview_twin *twin)
{
    twin->found = true;
    twin->id = arena_copy(arena, record->id);
    twin->version = arena_copy(arena, record->version);
    for (int i = 0; i < names->count; i++) {
        const struct raw_value *raw = &record->values[i];
        struct span text = arena_copy(arena, raw->text);
        struct err bad = ERR_INIT;
        if (names->field_of[i] < 0) {
            twin->external_id = raw->type == JSON_STRING_ ? text : SPAN_NONE;
            continue;
        }
        struct value *value = &twin->values[names->field_of[i]];
        value->kind = VALUE_BLANK;
        if (raw->type != JSON_NONE_ &&
            value_parse(&entity->fields[names->field_of[i]].rules, SIDE_NEW, raw->type, text, arena,
                        value, &bad) != 0)
            *value = (struct value){VALUE_SET, text};
    }
}

/* Ask for one id; how many there are. */
static int ask(struct rest *rest, const struct entity *entity, const char *id_property,
               struct span id, struct arena *arena, struct preview_twin *twin, struct err *err)
{
    struct names names;
    struct rest_op op;
    int64_t retry_after_ms = 0;
    names_of(entity, &names);
    rest_op_init(&op);
    op.kind = REST_READ;
    op.object = entity->new_object;
    op.properties = names.properties;
    op.property_count = names.count;
    op.id_property = id_property;
    op.ids = &id;
    op.id_count = 1;
    int count = -1;
    if (rest_start(rest, &op, err) == 0 &&
        rest_finish(rest, &op, &retry_after_ms, err) == REST_DONE) {
        count = op.record_count;
        if (count == 1)
            take(entity, &names, &op.records[0], arena, twin);
    }
    rest_op_clear(&op);
    return count;
}

static int ask_match_fields(struct rest *rest, const struct entity *entity,
                            const struct record *record, struct arena *arena,
                            struct preview_twin *twin, struct err *err)
{
    for (int i = 0; i < entity->field_count && !twin->candidates; i++) {
        const struct field *field = &entity->fields[i];
        struct value value = record->values[i];
        if (!field->match || !field->unique_in_new || !field->new_name || value.kind != VALUE_SET)
            continue;
        int count = ask(rest, entity, field->new_name,
                        value_write(&field->rules, SIDE_NEW, value, arena), arena, twin, err);
        if (count < 0)
            return -1;
        twin->candidates = count;
        twin->how = field->name;
    }
    return 0;
}

int preview_find_twin(struct rest *rest, const struct entity *entity, const struct record *record,
                      struct span source_id, const struct row *row, bool by_external_id,
                      struct arena *arena, struct preview_twin *ret_twin, struct err *err)
{
    struct preview_twin twin = {
        .values = arena_new(arena, struct value, (size_t)entity->field_count + 1)};
    int count = 0;
    if (row && row->twin.len) {
        twin.how = "row";
        count = ask(rest, entity, NULL, row->twin, arena, &twin, err);
    }
    if (count == 0 && by_external_id) {
        twin.how = "external id";
        count = ask(rest, entity, entity->external_id, source_id, arena, &twin, err);
    }
    if (count < 0)
        return -1;
    twin.candidates = count;
    if (count == 0 && ask_match_fields(rest, entity, record, arena, &twin, err) != 0)
        return -1;
    *ret_twin = twin;
    return 0;
}

int preview_merge(const struct entity *entity, const struct record *record, int64_t modified_ms,
                  const struct row *row, const struct preview_twin *twin,
                  enum merge_verdict *verdicts)
{
    struct truth_facts facts = {.old_time = truth_time_between(INT64_MIN, modified_ms)};
    static const struct base_pair never = {.known = false};
    int writes = 0;
    for (int i = 0; i < entity->field_count; i++) {
        verdicts[i] = MERGE_NOTHING;
        if (!entity->fields[i].new_name || (!entity->fields[i].old_name && !entity->fields[i].jq))
            continue;
        struct value new_now =
            twin->found ? twin->values[i] : (struct value){VALUE_MISSING, SPAN_NONE};
        verdicts[i] = merge_field(row ? &row->base[i] : &never, record->values[i], new_now);
        if (!twin->found && record->values[i].kind != VALUE_SET)
            verdicts[i] = MERGE_NOTHING; /* a new record needs no blanks */
        verdicts[i] = truth_decide(entity, i, verdicts[i], &facts);
        writes += merge_writes(verdicts[i]);
    }
    return writes;
}

int preview_request(struct rest *rest, const struct entity *entity, const struct record *record,
                    struct span source_id, const struct preview_twin *twin,
                    const enum merge_verdict *verdicts, bool mask, struct arena *arena,
                    struct buf *out, struct err *err)
{
    struct span names[ENTITY_FIELDS_MAX + 2], values[ENTITY_FIELDS_MAX + 2];
    struct rest_item item = {.names = names, .values = values, .external_id = source_id};
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[i];
        if (!merge_writes(verdicts[i]))
            continue;
        struct span text = value_write(&field->rules, SIDE_NEW, record->values[i], arena);
        names[item.count] = span_of(field->new_name);
        values[item.count++] = mask && field->pii && text.len ? span_of("***") : text;
    }
    bool adopt = twin->found && !twin->external_id.len;
    if (!item.count && twin->found && !adopt)
        return 0;
    if (!twin->found || adopt) {
        names[item.count] = span_of(entity->external_id);
        values[item.count++] = source_id;
    }
    names[item.count] = span_of(entity->marker);
    values[item.count++] = span_of("<partition.epoch.number>");
    item.id = twin->id;
    item.version = twin->version;
    struct rest_op op;
    rest_op_init(&op);
    bool exact = rest_traits(rest)->tier == REST_TIER_T1;
    op.kind = twin->found ? REST_UPDATE : exact ? REST_CREATE : REST_UPSERT;
    op.object = entity->new_object;
    op.external_id_property = entity->external_id;
    op.items = &item;
    op.item_count = 1;
    int failed = rest_show(rest, &op, out, err);
    rest_op_clear(&op);
    return failed;
}
