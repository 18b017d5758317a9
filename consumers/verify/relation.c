/*
 * relation — by the rows of the entity that is referred to.
 */
#include "consumers/verify/relation.h"

#include <string.h>

#include "consumers/verify/association.h"

/* One field of a pair. */
struct end {
    const struct value_reference *reference;
    struct table *table; /* of the entity that it leads to; NULL: of a list, such as owners */
    struct arena *arena;
    struct value wanted;          /* what old says, in the new system's terms */
    const struct base_pair *base; /* NULL: none */
    struct value first, chosen;
    bool same, more, dangling;
};

/* The id in "<system>:<id>"; SPAN_NONE: of another system. */
static struct span id_of(struct value value, const char *system)
{
    size_t len = system ? strlen(system) : 0;
    bool ours = value.kind == VALUE_SET && system && value.text.len > len + 1 &&
                memcmp(value.text.data, system, len) == 0 && value.text.data[len] == ':';
    return ours ? (struct span){value.text.data + len + 1, value.text.len - len - 1} : SPAN_NONE;
}

static struct value key_of(const struct end *end, struct span id)
{
    return (struct value){VALUE_SET,
                          span_of(arena_printf(end->arena, "%s:%.*s", end->reference->systems[1],
                                               (int)id.len, id.data))};
}

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

static int look_for(struct end *end, struct span id, struct err *err)
{
    bool there = true;
    if (!end->table || !id.len)
        return 0;
    if (table_has_new(end->table, id, &there, err) != 0)
        return -1;
    if (there)
        return 0;
    end->dangling = true;
    return table_suspect(end->table, SIDE_NEW, id, false, err);
}

static int take_link(void *self, struct span target, struct err *err)
{
    struct end *end = self;
    if (!target.len) {
        end->more = true;
        return 0;
    }
    struct value value = key_of(end, target);
    bool agreed = end->base && end->base->known && base_is(end->base->new_side, value);
    if (end->first.kind != VALUE_SET)
        end->first = value;
    if (agreed || (end->chosen.kind != VALUE_SET && value_equal(value, end->wanted)))
        end->chosen = value;
    return look_for(end, target, err);
}

/* What old refers to, by its twin. */
static int resolve_old(const struct relations *relations, struct end *end, struct value *old_now,
                       struct err *err)
{
    struct span twin = SPAN_NONE;
    int failed = 0;
    if (old_now->kind != VALUE_SET || id_of(*old_now, end->reference->systems[1]).len)
        return 0;
    if (end->reference->by_email && relations->owners)
        failed = owners_find(relations->owners, old_now->text, end->arena, &twin, err);
    else if (end->table)
        failed = table_twin_of(end->table, old_now->text, end->arena, &twin, err);
    if (!failed && twin.len)
        *old_now = key_of(end, twin);
    return failed;
}

static int resolve_field(const struct relations *relations, const struct relation_pair *pair,
                         int field, struct end *end, struct err *err)
{
    struct value *new_now = pair->new_record ? &pair->new_record->values[field] : NULL;
    if (resolve_old(relations, end, &pair->old_record->values[field], err) != 0)
        return -1;
    if (!new_now)
        return 0;
    if (!association_is(pair->entity, field))
        return look_for(end, id_of(*new_now, end->reference->systems[1]), err);
    end->wanted = pair->old_record->values[field];
    end->base = pair->row ? &pair->row->base[field] : NULL;
    if (table_each_link(pair->table, pair->twin, field, take_link, end, err) != 0)
        return -1;
    *new_now = end->chosen.kind == VALUE_SET ? end->chosen : end->first;
    return 0;
}

int relation_resolve(const struct relations *relations, const struct relation_pair *pair,
                     struct arena *arena, struct relation_facts *ret_facts, struct err *err)
{
    const struct entity *entity = pair->entity;
    size_t count = (size_t)entity->field_count;
    struct relation_facts facts = {0};
    for (int i = 0; i < entity->field_count; i++) {
        const struct value_reference *reference = entity->fields[i].rules.reference;
        if (entity->fields[i].rules.type != VALUE_REFERENCE || !reference)
            continue;
        if (!facts.said) {
            facts.said = arena_new(arena, struct value, count);
            facts.dangling = arena_new(arena, bool, count);
            facts.links = arena_new(arena, enum judge_link, count);
            memcpy(facts.said, pair->old_record->values, sizeof(*facts.said) * count);
        }
        const struct value blank = {VALUE_BLANK, SPAN_NONE};
        struct end end = {.reference = reference,
                          .table = table_of(relations, reference),
                          .arena = arena,
                          .first = blank,
                          .chosen = blank};
        if (resolve_field(relations, pair, i, &end, err) != 0)
            return -1;
        facts.dangling[i] = end.dangling;
        if (association_is(entity, i))
            facts.links[i] = end.more ? LINK_CUT : LINK_READ;
    }
    *ret_facts = facts;
    return 0;
}
