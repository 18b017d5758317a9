/*
 * migration_hash — the name of a mapping: what does not change a canonical
 * record, such as the order of the file or what is masked, does not change it.
 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "model/migration_internal.h"

static void put_text(const char *text)
{
    hash_put(text ? "+" : "-", 1);
    hash_put_sized(span_of(text));
}

static void put_number(int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld", (long long)number);
    put_text(text);
}

static void put_choices(struct migration *migration, const struct value_rules *rules)
{
    const struct value_choice **sorted =
        arena_new(&migration->arena, const struct value_choice *, rules->choice_count);
    for (int i = 0; i < rules->choice_count; i++) {
        int at = i;
        for (; at > 0 && strcmp(sorted[at - 1]->name, rules->choices[i].name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &rules->choices[i];
    }
    for (int i = 0; i < rules->choice_count; i++) {
        put_text(sorted[i]->name);
        put_text(sorted[i]->old_name);
        put_text(sorted[i]->new_name);
    }
}

/* What only some fields have. "=" begins no name: what follows is none. A mapping without any of it keeps its hash. */
static void put_conversion(const struct entity *entity, const struct field *field)
{
    const struct value_reference *reference = field->rules.reference;
    if (field->rules.currency) {
        put_text("=code");
        put_text(field->rules.currency);
    }
    if (reference) {
        put_text(reference->by_email ? "=person" : "=record");
        put_text(reference->to);
        put_text(reference->systems[SIDE_OLD]);
        put_text(value_id_form_name(reference->id_forms[SIDE_OLD]));
        put_text(reference->association_category);
        put_number(reference->association_type);
    }
    if (field->jq) {
        put_text("=jq");
        put_text(field->jq);
    }
    for (int i = 0; i < field->input_count; i++) {
        put_text("=from");
        put_text(entity->fields[field->inputs[i]].name);
    }
}

void migration_hash_mapping(struct migration *migration, struct entity *entity)
{
    hash_start();
    put_text("1"); /* of this list */
    put_text(entity->name);
    put_text(entity->old_object);
    put_text(entity->new_object);
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[entity->sorted[i]];
        put_text(field->name);
        put_text(value_type_name(field->rules.type));
        put_text(field->old_name);
        put_text(field->new_name);
        put_text(field->is_volatile ? "volatile" : NULL);
        put_text(field->rules.zone ? migration->time_zone : NULL);
        put_choices(migration, &field->rules);
        put_conversion(entity, field);
    }
    hash_hex(entity->hash);
}
