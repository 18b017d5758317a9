/*
 * association — one request a field and a thousand records.
 */
#include "consumers/verify/association.h"

#include <string.h>

bool association_is(const struct entity *entity, int field)
{
    const struct value_reference *reference = entity->fields[field].rules.reference;
    return reference && reference->association_type != 0;
}

void association_init(struct association *association, struct side *side)
{
    const struct entity *entity = side->entity;
    association->side = side;
    association->max = rest_max(side->rest, REST_LINKS, entity->new_object, NULL);
    arena_init(&association->arena);
    rest_op_init(&association->op);
    for (int i = 0; association->max > 0 && i < entity->field_count; i++) {
        if (association_is(entity, i))
            association->fields[association->field_count++] = i;
    }
}

void association_clear(struct association *association)
{
    if (!association->side)
        return;
    arena_clear(&association->arena);
    rest_op_clear(&association->op);
}

static const char *object_of(const struct migration *migration, const char *name)
{
    for (int i = 0; i < migration->entity_count; i++) {
        if (strcmp(migration->entities[i].name, name) == 0)
            return migration->entities[i].new_object;
    }
    return name;
}

static int take(struct association *association, int field, struct err *err)
{
    const struct side *side = association->side;
    const struct value_reference *reference = side->entity->fields[field].rules.reference;
    struct span type =
        span_of(arena_printf(&association->arena, "%s:%lld", reference->association_category,
                             (long long)reference->association_type));
    for (int i = 0; i < association->op.record_count; i++) {
        const struct rest_record *record = &association->op.records[i];
        for (int l = 0; l < record->link_count; l++) {
            if (span_equal(record->links[l].type, type) &&
                table_put_link(side->table, record->id, field, record->links[l].to, err) != 0)
                return -1;
        }
        if (record->links_more &&
            table_put_link(side->table, record->id, field, span_of(LINK_MORE), err) != 0)
            return -1;
    }
    return 0;
}

/* At most max ids. */
static int read_some(struct association *association, const struct span *ids, int count,
                     struct err *err)
{
    struct side *side = association->side;
    struct rest_op *op = &association->op;
    for (int i = 0; i < association->field_count; i++) {
        int field = association->fields[i];
        rest_op_reset(op);
        op->kind = REST_LINKS;
        op->object = side->entity->new_object;
        op->to_object = object_of(side->migration, side->entity->fields[field].rules.reference->to);
        op->ids = ids;
        op->id_count = count;
        if (side_run(side, op, err) != 0 || take(association, field, err) != 0)
            return -1;
    }
    return 0;
}

int association_read_all(struct association *association, struct meter *meter, struct err *err)
{
    const struct side *side = association->side;
    int64_t place = 0, records = 0;
    int count = association->field_count ? association->max : 0;
    int full = count;
    while (count > 0 && count == full) {
        arena_reset(&association->arena);
        struct span *ids = arena_new(&association->arena, struct span, (size_t)full);
        for (count = 0; count < full; count++) {
            if (table_next_new(side->table, &place, &association->arena, &ids[count], err) != 0)
                return -1;
            if (!ids[count].len)
                break;
        }
        if (count && read_some(association, ids, count, err) != 0)
            return -1;
        records += count;
        meter_say(meter, side->entity->name, records, "records' associations");
    }
    return 0;
}

int association_read(struct association *association, const struct span *ids, int count,
                     struct err *err)
{
    if (!association->field_count)
        return 0;
    for (int i = 0; i < count; i++) {
        if (table_remove_links(association->side->table, ids[i], err) != 0)
            return -1;
    }
    /* Each once: an id named twice would put its links twice. They are in order. */
    arena_reset(&association->arena);
    struct span *some = arena_new(&association->arena, struct span, (size_t)count + 1);
    int left = 0;
    for (int i = 0; i < count; i++) {
        if (i == 0 || !span_equal(ids[i], ids[i - 1]))
            some[left++] = ids[i];
    }
    for (int at = 0; at < left; at += association->max) {
        int most = left - at < association->max ? left - at : association->max;
        if (read_some(association, some + at, most, err) != 0)
            return -1;
    }
    return 0;
}
