/*
 * relation — by the rows of the entity that is referred to.
 */
#include "consumers/verify/relation.h"

#include <string.h>

/* The id in "<system>:<id>"; SPAN_NONE: of another system. */
static struct span id_of(struct value value, const char *system)
{
    size_t len = system ? strlen(system) : 0;
    bool ours = value.kind == VALUE_SET && system && value.text.len > len + 1 &&
                memcmp(value.text.data, system, len) == 0 && value.text.data[len] == ':';
    return ours ? (struct span){value.text.data + len + 1, value.text.len - len - 1} : SPAN_NONE;
}

/* The table of the entity that it leads to; NULL: of a list, such as owners. */
static struct table *table_of(const struct relations *relations,
                              const struct value_reference *reference)
{
    for (int i = 0; i < relations->migration->entity_count; i++) {
        if (!reference->by_email &&
            strcmp(relations->migration->entities[i].name, reference->to) == 0)
            return relations->tables[i];
    }
    return NULL;
}

static int resolve_field(const struct relations *relations, const struct field *field,
                         struct value *old_now, const struct value *new_now, bool *ret_dangling,
                         struct arena *arena, struct err *err)
{
    const struct value_reference *reference = field->rules.reference;
    struct table *table = reference ? table_of(relations, reference) : NULL;
    struct span twin = SPAN_NONE;
    if (!table)
        return 0;
    struct span id = new_now ? id_of(*new_now, reference->systems[1]) : SPAN_NONE;
    bool there = true;
    if (id.len && table_has_new(table, id, &there, err) != 0)
        return -1;
    *ret_dangling = !there;
    if (!id_of(*old_now, reference->systems[0]).len)
        return 0;
    if (table_twin_of(table, old_now->text, arena, &twin, err) != 0)
        return -1;
    if (twin.len)
        old_now->text = span_of(
            arena_printf(arena, "%s:%.*s", reference->systems[1], (int)twin.len, twin.data));
    return 0;
}

int relation_resolve(const struct relations *relations, const struct entity *entity,
                     struct record *old_record, const struct record *new_record,
                     struct arena *arena, struct relation_facts *ret_facts, struct err *err)
{
    struct relation_facts facts = {0};
    for (int i = 0; i < entity->field_count; i++) {
        if (entity->fields[i].rules.type != VALUE_REFERENCE)
            continue;
        if (!facts.said) {
            facts.said = arena_new(arena, struct value, (size_t)entity->field_count);
            facts.dangling = arena_new(arena, bool, (size_t)entity->field_count);
            memcpy(facts.said, old_record->values,
                   sizeof(*facts.said) * (size_t)entity->field_count);
        }
        if (resolve_field(relations, &entity->fields[i], &old_record->values[i],
                          new_record ? &new_record->values[i] : NULL, &facts.dangling[i], arena,
                          err) != 0)
            return -1;
    }
    *ret_facts = facts;
    return 0;
}
