/*
 * migration_fields — the mapping of one entity: its fields, by name and place. What
 * their values are is in migration_rules.c.
 */
#include <stdio.h>
#include <string.h>

#include "model/migration_internal.h"

enum { NAME_MAX_BYTES = 60, TEXT_MAX_BYTES = 1024 * 1024 };

#define FLAG(text, member, words)                                                              \
    {                                                                                          \
        .name = (text), .type = CONF_BOOL, .offset = offsetof(struct migration_field, member), \
        .help = (words)                                                                        \
    }

#define TEXT(text, member, words)                                                                \
    {                                                                                            \
        .name = (text), .type = CONF_STRING, .offset = offsetof(struct migration_field, member), \
        .help = (words)                                                                          \
    }

static const char *const FIELD_ROLES[] = {"plain", "pipeline", "stage", NULL};
_Static_assert(sizeof(FIELD_ROLES) / sizeof(FIELD_ROLES[0]) == FIELD_ROLE_COUNT + 1,
               "a name per role");
static const char *const REFERENCE_BY[] = {"id", "email", NULL};

static const struct conf_option FIELD[] = {
    {.name = "name",
     .type = CONF_STRING,
     .offset = offsetof(struct migration_field, name),
     .required = true,
     .help = "name = \"email\";"},
    {.name = "type",
     .type = CONF_STRING,
     .offset = offsetof(struct migration_field, type),
     .required = true,
     .choices = VALUE_TYPE_NAMES,
     .help = "type = \"string\";"},
    TEXT("old", old_name, "what the old system calls it"),
    TEXT("new", new_name, "what the new system calls it"),
    {.name = "role",
     .type = CONF_STRING,
     .offset = offsetof(struct migration_field, role),
     .choices = FIELD_ROLES,
     .help = "the new system's own pipelines or their stages"},
    FLAG("match", match, "identifies a record"),
    FLAG("unique", unique, "the new system itself refuses a second record with this value"),
    FLAG("volatile", is_volatile, "changes by itself: no change of the record"),
    FLAG("pii", pii, "personal: masked in logs and messages"),
    {.name = "max_bytes",
     .type = CONF_INT,
     .offset = offsetof(struct migration_field, max_bytes),
     .default_int = 65536,
     .min = 1,
     .max = TEXT_MAX_BYTES,
     .help = "longer values are dead letters"},
    {.name = "values",
     .type = CONF_GROUP,
     .offset = offsetof(struct migration_field, values),
     .help = "values = ( { name = \"web\"; old = \"Web\"; new = \"WEB\"; } );"},
    TEXT("code", code, "the code of all its amounts: code = \"USD\";"),
    TEXT("code_field", code_field, "the field that holds the code of an amount"),
    TEXT("to", to, "the entity that a reference leads to"),
    {.name = "by",
     .type = CONF_STRING,
     .offset = offsetof(struct migration_field, by),
     .default_text = "id",
     .choices = REFERENCE_BY,
     .help = "\"email\": people are found by their address"},
    TEXT("association", association, "the new system's type of association: \"279\""),
    TEXT("jq", jq, "an expression that gives the value"),
    {.name = "from",
     .type = CONF_GROUP,
     .offset = offsetof(struct migration_field, from),
     .help = "the fields that the expression receives: from = [\"first_name\", \"last_name\"];"},
    {0},
};

static void check_field(const config_setting_t *group, const struct entity *entity,
                        const struct field *field, struct conf_report *report)
{
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *other = &entity->fields[i];
        if (strcmp(field->name, other->name) == 0)
            conf_mistake(report, migration_at(group, "name"), "give each a name of its own",
                         "there are two fields named \"%s\"", field->name);
        else if (field->new_name && other->new_name &&
                 strcmp(field->new_name, other->new_name) == 0)
            conf_mistake(report, migration_at(group, "new"), "one property holds one field",
                         "the fields \"%s\" and \"%s\" both write \"%s\"", other->name, field->name,
                         field->new_name);
    }
    if (!field_is_on(field, SIDE_OLD) && !field_is_on(field, SIDE_NEW) && !field->jq)
        conf_mistake(report, group, "old = \"…\"; new = \"…\";",
                     "the field \"%s\" is in neither system", field->name);
    if (field->match && !field->new_name)
        conf_mistake(report, migration_at(group, "match"), "give it a name there: new = \"…\";",
                     "\"%s\" is matched but not in the new system", field->name);
    if (field->unique_in_new && !field->new_name)
        conf_mistake(report, migration_at(group, "unique"), "give it a name there: new = \"…\";",
                     "\"%s\" is unique but not in the new system", field->name);
}

static enum field_role role_of(const char *name)
{
    for (int i = 0; name && i < FIELD_ROLE_COUNT; i++)
        if (strcmp(name, FIELD_ROLES[i]) == 0)
            return (enum field_role)i;
    return FIELD_PLAIN;
}

static void sort_fields(struct migration *migration, struct entity *entity)
{
    int *sorted = arena_new(&migration->arena, int, entity->field_count);
    for (int i = 0; i < entity->field_count; i++) {
        int at = i;
        for (; at > 0 && strcmp(entity->fields[sorted[at - 1]].name, entity->fields[i].name) > 0;
             at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = i;
    }
    entity->sorted = sorted;
}

void migration_read_fields(struct migration *migration, struct entity *entity,
                           config_setting_t *list, struct conf_report *report)
{
    int length = migration_list(list, "fields",
                                "fields = ( { name = \"email\"; type = \"email\"; … } );", report);
    if (length > ENTITY_FIELDS_MAX) {
        conf_mistake(report, list, NULL, "more than %d fields", ENTITY_FIELDS_MAX);
        return;
    }
    struct field *fields = arena_new(&migration->arena, struct field, length);
    struct migration_field *written = arena_new(&migration->arena, struct migration_field, length);
    entity->fields = fields;
    for (int i = 0; i < length; i++) {
        config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
        struct migration_field read = {.group = group};
        (void)conf_read_group(group, FIELD, NULL, &read, report);
        struct field field = {.name = read.name,
                              .old_name = read.old_name,
                              .new_name = read.new_name,
                              .match = read.match,
                              .unique_in_new = read.unique,
                              .is_volatile = read.is_volatile,
                              .pii = read.pii,
                              .role = role_of(read.role),
                              .jq = read.jq};
        int type = read.type ? value_type_parse(read.type) : -1;
        if (type >= 0) {
            field.rules.type = (enum value_type)type;
            migration_read_rules(migration, &read, &field, report);
        }
        if (!read.name)
            continue;
        if (migration_name(group, "name", read.name, '_', NAME_MAX_BYTES, report))
            check_field(group, entity, &field, report);
        written[entity->field_count] = read;
        fields[entity->field_count++] = field;
    }
    sort_fields(migration, entity);
    int *computed = arena_new(&migration->arena, int, length);
    for (int i = 0; i < entity->field_count; i++) {
        migration_read_inputs(migration, entity, &written[i], &fields[i], report);
        if (fields[i].jq || fields[i].input_count)
            computed[entity->computed_count++] = i;
    }
    entity->computed = computed;
}
