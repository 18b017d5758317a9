/*
 * migration_fields — the mapping of one entity: its fields, and the tables of
 * values of those that have one.
 */
#include <stdio.h>
#include <string.h>

#include "model/migration_internal.h"

enum { NAME_MAX_BYTES = 60, CHOICES_MAX = 1000, TEXT_MAX_BYTES = 1024 * 1024 };

struct field_group {
    const char *name, *type, *old_name, *new_name;
    bool match, unique, is_volatile, pii;
    int64_t max_bytes;
    config_setting_t *values;
};

#define FLAG(text, member, words)                                                          \
    {                                                                                      \
        .name = (text), .type = CONF_BOOL, .offset = offsetof(struct field_group, member), \
        .help = (words)                                                                    \
    }

static const struct conf_option FIELD[] = {
    {.name = "name",
     .type = CONF_STRING,
     .offset = offsetof(struct field_group, name),
     .required = true,
     .help = "name = \"email\";"},
    {.name = "type",
     .type = CONF_STRING,
     .offset = offsetof(struct field_group, type),
     .required = true,
     .choices = VALUE_TYPE_NAMES,
     .help = "type = \"string\";"},
    {.name = "old",
     .type = CONF_STRING,
     .offset = offsetof(struct field_group, old_name),
     .help = "what the old system calls it"},
    {.name = "new",
     .type = CONF_STRING,
     .offset = offsetof(struct field_group, new_name),
     .help = "what the new system calls it"},
    FLAG("match", match, "identifies a record"),
    FLAG("unique", unique, "the new system itself refuses a second record with this value"),
    FLAG("volatile", is_volatile, "changes by itself: no change of the record"),
    FLAG("pii", pii, "personal: masked in logs and messages"),
    {.name = "max_bytes",
     .type = CONF_INT,
     .offset = offsetof(struct field_group, max_bytes),
     .default_int = 65536,
     .min = 1,
     .max = TEXT_MAX_BYTES,
     .help = "longer values are dead letters"},
    {.name = "values",
     .type = CONF_GROUP,
     .offset = offsetof(struct field_group, values),
     .help = "values = ( { name = \"web\"; old = \"Web\"; new = \"WEB\"; } );"},
    {0},
};

static const struct conf_option CHOICE[] = {
    {.name = "name",
     .type = CONF_STRING,
     .offset = offsetof(struct value_choice, name),
     .required = true,
     .help = "the canonical name: name = \"web\";"},
    {.name = "old",
     .type = CONF_STRING,
     .offset = offsetof(struct value_choice, old_name),
     .help = "what the old system calls it"},
    {.name = "new",
     .type = CONF_STRING,
     .offset = offsetof(struct value_choice, new_name),
     .help = "what the new system calls it"},
    {0},
};

/* One of a name, an old and a new value may stand in a table once: else reading it back would be a guess. */
static void check_twice(const config_setting_t *group, const char *key, const char *text,
                        const char *other, struct conf_report *report)
{
    if (text && other && strcmp(text, other) == 0)
        conf_mistake(report, migration_at(group, key), "each may stand there once",
                     "\"%s\" stands twice in the table of values as \"%s\"", text, key);
}

static void read_choices(struct migration *migration, config_setting_t *list,
                         struct value_rules *rules, struct conf_report *report)
{
    int length = migration_list(
        list, "values", "values = ( { name = \"web\"; old = \"Web\"; new = \"WEB\"; } );", report);
    if (length > CHOICES_MAX) {
        conf_mistake(report, list, NULL, "more than %d values", CHOICES_MAX);
        return;
    }
    struct value_choice *choices = arena_new(&migration->arena, struct value_choice, length);
    for (int i = 0; i < length; i++) {
        config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
        (void)conf_read_group(group, CHOICE, NULL, &choices[i], report);
        if (choices[i].name && choices[i].name[0] == '\0')
            conf_mistake(report, migration_at(group, "name"), NULL, "a value needs a name");
        for (int k = 0; k < i; k++) {
            check_twice(group, "name", choices[i].name, choices[k].name, report);
            check_twice(group, "old", choices[i].old_name, choices[k].old_name, report);
            check_twice(group, "new", choices[i].new_name, choices[k].new_name, report);
        }
    }
    rules->choices = choices;
    rules->choice_count = length;
}

static void read_rules(struct migration *migration, const config_setting_t *group,
                       const struct field_group *read, struct value_rules *rules,
                       struct conf_report *report)
{
    int type = read->type ? value_type_parse(read->type) : -1;
    if (type < 0)
        return;
    rules->type = (enum value_type)type;
    rules->max_bytes = (size_t)read->max_bytes;
    rules->zone = rules->type == VALUE_TIMESTAMP ? migration->zone : NULL;
    if (rules->type == VALUE_ENUM && read->values)
        read_choices(migration, read->values, rules, report);
    else if (rules->type == VALUE_ENUM)
        conf_mistake(report, group,
                     "values = ( { name = \"web\"; old = \"Web\"; new = \"WEB\"; } );",
                     "the enum \"%s\" has no table of values", read->name ? read->name : "");
    else if (read->values)
        conf_mistake(report, read->values, "type = \"enum\";",
                     "only an enum has a table of values");
}

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
    if (!field->old_name && !field->new_name)
        conf_mistake(report, group, "old = \"…\"; new = \"…\";",
                     "the field \"%s\" is in neither system", field->name);
    if (field->match && !field->new_name)
        conf_mistake(report, migration_at(group, "match"), "give it a name there: new = \"…\";",
                     "\"%s\" is matched but not in the new system", field->name);
    if (field->unique_in_new && !field->new_name)
        conf_mistake(report, migration_at(group, "unique"), "give it a name there: new = \"…\";",
                     "\"%s\" is unique but not in the new system", field->name);
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
    entity->fields = fields;
    for (int i = 0; i < length; i++) {
        config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
        struct field_group read = {0};
        (void)conf_read_group(group, FIELD, NULL, &read, report);
        struct field field = {.name = read.name,
                              .old_name = read.old_name,
                              .new_name = read.new_name,
                              .match = read.match,
                              .unique_in_new = read.unique,
                              .is_volatile = read.is_volatile,
                              .pii = read.pii};
        read_rules(migration, group, &read, &field.rules, report);
        if (!read.name)
            continue;
        if (migration_name(group, "name", read.name, '_', NAME_MAX_BYTES, report))
            check_field(group, entity, &field, report);
        fields[entity->field_count++] = field;
    }
    sort_fields(migration, entity);
}
