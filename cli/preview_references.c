/*
 * preview_references — by the rows, and by asking for people.
 */
#include "cli/preview_references.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "cli/preview_rows.h"
#include "model/state.h"

struct looking {
    const struct preview_systems *systems;
    struct arena *arena;
    struct map known; /* key → struct span *, of one field */
};

static struct span key_of(const struct looking *looking, struct span id)
{
    const char *system = looking->systems->migration->new_system->name;
    return id.len ? span_of(arena_printf(looking->arena, "%s:%.*s", system, (int)id.len, id.data))
                  : SPAN_NONE;
}

static bool refers(const struct entity *entity, const struct record *record, int field)
{
    return entity->fields[field].rules.type == VALUE_REFERENCE && record->values &&
           record->values[field].kind == VALUE_SET;
}

/* ---- records ---- */

static int find_records(struct looking *looking, const struct entity *to, const struct span *keys,
                        struct span *twins, int count, struct err *err)
{
    const struct preview_systems *systems = looking->systems;
    struct span *rows = arena_new(looking->arena, struct span, (size_t)count + 1);
    struct json_tape tape;
    int failed = 0;
    if (!systems->prepared)
        return 0;
    if (preview_rows(systems->migration, to, keys, count, looking->arena, rows, err) != 0)
        return -1;
    json_tape_init(&tape);
    for (int i = 0; i < count && !failed; i++) {
        struct row row;
        if (!rows[i].data)
            continue;
        failed = row_decode(to, rows[i], &tape, looking->arena, &row, err);
        if (!failed && !row.deleted && row.twin.len)
            twins[i] = key_of(looking, row.twin);
    }
    json_tape_clear(&tape);
    return failed;
}

/* ---- people ---- */

/* One person: the e-mail address by the id, or (by_email) the id by the address. */
static int ask(struct rest *rest, struct span id, bool by_email, struct arena *arena,
               struct span *ret_text, struct err *err)
{
    const struct rest_traits *traits = rest_traits(rest);
    const char *const properties[] = {traits->people_email};
    struct rest_op op;
    int64_t retry_after_ms = 0;
    if (!traits->people_email)
        return 0;
    rest_op_init(&op);
    op.kind = REST_READ;
    op.object = traits->people_object;
    op.properties = properties;
    op.property_count = by_email ? 0 : 1;
    op.id_property = by_email ? traits->people_email : NULL;
    op.ids = &id;
    op.id_count = 1;
    int failed = rest_start(rest, &op, err) != 0 ||
                 rest_finish(rest, &op, &retry_after_ms, err) != REST_DONE;
    if (!failed && op.record_count)
        *ret_text = arena_copy(arena, by_email ? op.records[0].id : op.records[0].values[0].text);
    rest_op_clear(&op);
    return failed ? -1 : 0;
}

static int find_people(struct looking *looking, const struct span *keys, struct span *twins,
                       int count, struct err *err)
{
    for (int i = 0; i < count; i++) {
        const char *colon = memchr(keys[i].data, ':', keys[i].len);
        struct span email = keys[i], id = SPAN_NONE;
        if (!memchr(keys[i].data, '@', keys[i].len)) {
            struct span user =
                colon ? (struct span){colon + 1, keys[i].len - (size_t)(colon + 1 - keys[i].data)}
                      : keys[i];
            email = SPAN_NONE;
            if (ask(looking->systems->old_rest, user, false, looking->arena, &email, err) != 0)
                return -1;
        }
        if (email.len &&
            ask(looking->systems->new_rest, email, true, looking->arena, &id, err) != 0)
            return -1;
        twins[i] = key_of(looking, id);
    }
    return 0;
}

/* ---- both ---- */

static const struct entity *entity_of(const struct migration *migration, const char *name)
{
    for (int i = 0; i < migration->entity_count; i++) {
        if (strcmp(migration->entities[i].name, name) == 0)
            return &migration->entities[i];
    }
    return NULL;
}

static int read_field(struct looking *looking, const struct entity *entity, int field,
                      const struct record *records, int count, struct span **twins, struct err *err)
{
    const struct value_reference *reference = entity->fields[field].rules.reference;
    const struct entity *to = entity_of(looking->systems->migration, reference->to);
    struct span *keys = arena_new(looking->arena, struct span, (size_t)count + 1);
    struct span *found = arena_new(looking->arena, struct span, (size_t)count + 1);
    int distinct = 0, failed = 0;
    map_init(&looking->known, (size_t)count + 1, looking->arena);
    for (int i = 0; i < count; i++) {
        if (!refers(entity, &records[i], field) ||
            map_get(&looking->known, records[i].values[field].text))
            continue;
        keys[distinct] = records[i].values[field].text;
        (void)map_put(&looking->known, keys[distinct], &found[distinct]);
        distinct++;
    }
    if (distinct && reference->by_email)
        failed = find_people(looking, keys, found, distinct, err);
    else if (distinct && to)
        failed = find_records(looking, to, keys, found, distinct, err);
    for (int i = 0; i < count && !failed; i++) {
        if (refers(entity, &records[i], field))
            twins[i][field] =
                *(struct span *)map_get(&looking->known, records[i].values[field].text);
    }
    return failed;
}

int preview_references_read(const struct preview_systems *systems, const struct entity *entity,
                            const struct record *records, int count, struct arena *arena,
                            struct span **ret_twins, struct err *err)
{
    struct looking looking = {.systems = systems, .arena = arena};
    for (int i = 0; i < count; i++)
        ret_twins[i] = arena_new(arena, struct span, (size_t)entity->field_count + 1);
    for (int i = 0; i < entity->field_count; i++) {
        if (entity->fields[i].rules.type == VALUE_REFERENCE &&
            read_field(&looking, entity, i, records, count, ret_twins, err) != 0)
            return -1;
    }
    return 0;
}

void preview_references_print(const struct entity *entity, const struct record *record,
                              const struct span *twins)
{
    bool first = true;
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[i];
        const struct value_reference *reference = field->rules.reference;
        if (!refers(entity, record, i))
            continue;
        if (first)
            printf("  references\n");
        first = false;
        struct span text = record->values[i].text;
        printf("    %-24s %.*s ", field->name, (int)text.len, text.data);
        if (!twins[i].len && reference->by_email)
            printf("nobody in the new system has that e-mail address: a question\n");
        else if (!twins[i].len)
            printf("waits: that %s has no twin yet\n", reference->to);
        else if (reference->association_type)
            printf("is linked to %.*s (%s:%lld)\n", (int)twins[i].len, twins[i].data,
                   reference->association_category, (long long)reference->association_type);
        else
            printf("is %.*s\n", (int)twins[i].len, twins[i].data);
    }
}

void preview_references_put(const struct entity *entity, struct record *record,
                            const struct span *twins)
{
    for (int i = 0; i < entity->field_count; i++) {
        if (refers(entity, record, i))
            record->values[i] = twins[i].len ? (struct value){VALUE_SET, twins[i]}
                                             : (struct value){VALUE_MISSING, SPAN_NONE};
    }
}
