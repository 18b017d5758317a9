/*
 * migration_entities — what is migrated, and how it is called on each side.
 */
#include <string.h>

#include "model/migration_internal.h"

enum { NAME_MAX_BYTES = 40 };

struct entity_group {
    const char *name;
    config_setting_t *old_group, *new_group, *fields, *truth;
    const char *deletes;
};

static const struct conf_option ENTITY[] = {
    {.name = "name",
     .type = CONF_STRING,
     .offset = offsetof(struct entity_group, name),
     .required = true,
     .help = "name = \"contact\";"},
    {.name = "old",
     .type = CONF_GROUP,
     .offset = offsetof(struct entity_group, old_group),
     .required = true,
     .help = "old = { object = \"Contact\"; };"},
    {.name = "new",
     .type = CONF_GROUP,
     .offset = offsetof(struct entity_group, new_group),
     .required = true,
     .help = "new = { object = \"contacts\"; external_id = \"…\"; marker = \"…\"; };"},
    {.name = "fields",
     .type = CONF_GROUP,
     .offset = offsetof(struct entity_group, fields),
     .required = true,
     .help = "fields = ( { name = \"email\"; type = \"email\"; old = \"…\"; new = \"…\"; } );"},
    {.name = "truth",
     .type = CONF_GROUP,
     .offset = offsetof(struct entity_group, truth),
     .help = "truth = ( { field = \"*\"; rule = \"old\"; } );"},
    {.name = "deletes",
     .type = CONF_STRING,
     .offset = offsetof(struct entity_group, deletes),
     .default_text = "review",
     .choices = DELETE_POLICY_NAMES,
     .help = "what becomes of the twin of a deleted record"},
    {0},
};

static const struct conf_option OLD_SIDE[] = {
    {.name = "object",
     .type = CONF_STRING,
     .offset = offsetof(struct entity, old_object),
     .required = true,
     .help = "what the old system calls it"},
    {0},
};

static const struct conf_option NEW_SIDE[] = {
    {.name = "object",
     .type = CONF_STRING,
     .offset = offsetof(struct entity, new_object),
     .required = true,
     .help = "what the new system calls it"},
    {.name = "external_id",
     .type = CONF_STRING,
     .offset = offsetof(struct entity, external_id),
     .required = true,
     .help = "the property of the new system that holds the old id"},
    {.name = "marker",
     .type = CONF_STRING,
     .offset = offsetof(struct entity, marker),
     .required = true,
     .help = "the property of the new system that holds our last operation"},
    {0},
};

static void check_properties(const config_setting_t *group, const struct entity *entity,
                             struct conf_report *report)
{
    if (entity->external_id && entity->marker && strcmp(entity->external_id, entity->marker) == 0)
        conf_mistake(report, migration_at(group, "marker"), "give the marker a property of its own",
                     "\"external_id\" and \"marker\" are the same property");
    for (int i = 0; i < entity->field_count; i++) {
        const char *name = entity->fields[i].new_name;
        if (name && ((entity->external_id && strcmp(name, entity->external_id) == 0) ||
                     (entity->marker && strcmp(name, entity->marker) == 0)))
            conf_mistake(report, group, "leave it to Tandem",
                         "field \"%s\" writes \"%s\", which is the external id or the marker",
                         entity->fields[i].name, name);
    }
}

/* Claims and index names are "<field>=<value>": "id=…" is the target's id, "<external id>=…" ours. */
static void check_match_name(const config_setting_t *at, const struct entity *entity,
                             const struct field *field, struct conf_report *report)
{
    if (strcmp(field->name, "id") == 0)
        conf_mistake(report, at, "name it otherwise, such as \"number\"",
                     "a matched field cannot be named \"id\": that is the record's own id");
    else if (entity->external_id && strcmp(field->name, entity->external_id) == 0)
        conf_mistake(report, at, "name it otherwise, such as \"number\"",
                     "a matched field cannot be named as the external id, \"%s\"", field->name);
}

static void check_match(config_setting_t *fields, const struct entity *entity,
                        struct conf_report *report)
{
    int matched = 0;
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[i];
        if (!field->match)
            continue;
        const config_setting_t *at = migration_field_group(fields, field->name);
        check_match_name(migration_at(at, "name"), entity, field, report);
        if (++matched == ENTITY_MATCH_MAX + 1)
            conf_mistake(
                report, migration_at(at, "match"), "keep those that identify a record best",
                "\"%s\" is matched, but at most %d fields can be", field->name, ENTITY_MATCH_MAX);
    }
    if (entity->field_count && matched == 0)
        conf_mistake(report, fields, "mark one that identifies a record: match = true;",
                     "no field of \"%s\" is matched", entity->name ? entity->name : "");
}

/* What two entities write to one object must not be one property: each would take the other's records for its own. */
static void check_shared(const struct migration *migration, const config_setting_t *group,
                         const struct entity *entity, struct conf_report *report)
{
    for (int i = 0; i < migration->entity_count; i++) {
        const struct entity *other = &migration->entities[i];
        if (!entity->name || !entity->new_object || !other->new_object || !entity->external_id ||
            !other->external_id || strcmp(entity->name, other->name) == 0 ||
            strcmp(entity->new_object, other->new_object) != 0 ||
            strcmp(entity->external_id, other->external_id) != 0)
            continue;
        conf_mistake(report, migration_at(group, "external_id"),
                     "give each an external id of its own",
                     "\"%s\" and \"%s\" both write the external id \"%s\" of \"%s\"", other->name,
                     entity->name, entity->external_id, entity->new_object);
    }
}

static enum delete_policy read_deletes(const char *name)
{
    for (int i = 0; i < DELETES_COUNT; i++)
        if (name && strcmp(name, DELETE_POLICY_NAMES[i]) == 0)
            return (enum delete_policy)i;
    return DELETES_REVIEW; /* a mistake, told already */
}

static void read_entity(struct migration *migration, config_setting_t *group,
                        struct conf_report *report)
{
    struct entity_group read = {0};
    struct entity entity = {0};
    (void)conf_read_group(group, ENTITY, NULL, &read, report);
    entity.name = read.name;
    if (read.name && migration_name(group, "name", read.name, '-', NAME_MAX_BYTES, report) &&
        migration_entity(migration, read.name))
        conf_mistake(report, migration_at(group, "name"), "put their fields into one",
                     "there are two entities named \"%s\"", read.name);
    if (read.old_group)
        (void)conf_read_group(read.old_group, OLD_SIDE, NULL, &entity, report);
    if (read.new_group)
        (void)conf_read_group(read.new_group, NEW_SIDE, NULL, &entity, report);
    if (read.fields)
        migration_read_fields(migration, &entity, read.fields, report);
    if (read.new_group) {
        check_properties(read.new_group, &entity, report);
        check_shared(migration, read.new_group, &entity, report);
    }
    if (read.fields)
        check_match(read.fields, &entity, report);
    if (read.fields && read.truth)
        migration_read_truth(migration, &entity, read.truth, report);
    entity.clock_skew_ms = migration->clock_skew_ms;
    entity.deletes = read_deletes(read.deletes);
    if (entity.name)
        migration->entities[migration->entity_count++] = entity;
}

void migration_read_entities(struct migration *migration, const struct migration_groups *groups,
                             struct conf_report *report)
{
    int length = migration_list(groups->entities, "entities",
                                "entities = ( { name = \"contact\"; … } );", report);
    int before = report->count + report->dropped;
    migration->entities = arena_new(&migration->arena, struct entity, length);
    for (int i = 0; i < length; i++)
        read_entity(migration, config_setting_get_elem(groups->entities, (unsigned)i), report);
    if (length)
        migration_check_references(migration, groups->entities, report);
    if (report->count + report->dropped != before)
        return;
    for (int i = 0; i < migration->entity_count; i++)
        migration_hash_mapping(migration, &migration->entities[i]);
}
