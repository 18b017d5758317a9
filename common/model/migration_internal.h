/*
 * migration_internal — the parts in which a configuration is read, one noun a
 * file. Each adds its mistakes to report and fills what it can.
 */
#ifndef TANDEM_MODEL_MIGRATION_INTERNAL_H
#define TANDEM_MODEL_MIGRATION_INTERNAL_H

#include "model/form.h"
#include "model/migration.h"
#include "model/singer.h"
#include "model/webhook.h"

/* The groups of the root that have a file of their own; NULL: not there. */
struct migration_groups {
    config_setting_t *kafka, *redis, *systems, *entities, *sources, *apply;
    const char *old_name, *new_name;
};

void migration_read_kafka(struct migration *migration, const struct migration_groups *groups,
                          struct conf_report *report);
void migration_read_systems(struct migration *migration, const struct migration_groups *groups,
                            struct conf_report *report);
void migration_read_entities(struct migration *migration, const struct migration_groups *groups,
                             struct conf_report *report);
void migration_read_sources(struct migration *migration, const struct migration_groups *groups,
                            struct conf_report *report);
/* The fields of one entity; list is its `fields`. What leads to other fields is found, what leads to other entities is not. */
void migration_read_fields(struct migration *migration, struct entity *entity,
                           config_setting_t *list, struct conf_report *report);
/* What the group of a field says, as it is written. */
struct migration_field {
    const config_setting_t *group;
    const char *name, *type, *old_name, *new_name, *role;
    bool match, unique, is_volatile, pii;
    int64_t max_bytes;
    config_setting_t *values, *from;
    const char *code, *code_field;     /* currency */
    const char *to, *by, *association; /* reference */
    const char *jq;
};
/* What its values are; field->rules.type and the names are there. */
void migration_read_rules(struct migration *migration, const struct migration_field *read,
                          struct field *field, struct conf_report *report);
/* The fields that it is made of: all fields of the entity are there. */
void migration_read_inputs(struct migration *migration, const struct entity *entity,
                           const struct migration_field *read, struct field *field,
                           struct conf_report *report);
/* The dated rules of an entity; list is its `truth`, may be NULL. */
void migration_read_truth(struct migration *migration, struct entity *entity,
                          config_setting_t *list, struct conf_report *report);
/* All entities are there: what their references lead to. */
void migration_check_references(const struct migration *migration, const config_setting_t *entities,
                                struct conf_report *report);
/*
 * The endpoints of a webhook source; group is the source's. system: NULL if that is a mistake already. Returns what it could
 * read, in the arena.
 */
struct webhook_settings *migration_read_webhook(struct migration *migration,
                                                const config_setting_t *group,
                                                const struct system_settings *system,
                                                struct conf_report *report);
/* The parts of an endpoint that say what becomes of its events: items, type, rules. soap: what they are in a Salesforce message. */
void migration_read_webhook_rules(struct migration *migration, const config_setting_t *group,
                                  bool soap, struct webhook_endpoint *endpoint,
                                  struct conf_report *report);
/* The scheme of its own that an endpoint describes; NULL with mistakes. */
const struct signature_scheme *migration_read_webhook_scheme(struct migration *migration,
                                                             const config_setting_t *group,
                                                             struct conf_report *report);
/* The forms of a form source; group is the source's. Returns what it could read, in the arena. */
struct form_settings *migration_read_forms(struct migration *migration,
                                           const config_setting_t *group,
                                           struct conf_report *report);
/* The child and the streams of a singer source, likewise. */
struct singer_settings *migration_read_singer(struct migration *migration,
                                              const config_setting_t *group,
                                              struct conf_report *report);
/* All jq expressions of the migration, for one compilation. */
struct expression_list {
    const char *texts[EXPRESSIONS_MAX];
    const config_setting_t *at[EXPRESSIONS_MAX];
    struct err whys[EXPRESSIONS_MAX];
    int count;
};
/* Its index, or -1 with a mistake: there are too many. */
int migration_add_expression(struct expression_list *list, const char *text,
                             const config_setting_t *at, struct conf_report *report);
/* Those of the webhook sources. */
void migration_gather_webhooks(struct migration *migration, struct expression_list *list,
                               struct conf_report *report);
/* Compile all expressions; nothing is wrong with the entities. */
void migration_open_expressions(struct migration *migration, const config_setting_t *entities,
                                struct conf_report *report);
/* Fill entity->hash. */
void migration_hash_mapping(struct migration *migration, struct entity *entity);

/* ---- what the parts share ---- */

/* The member of a group to point at, or the group itself where it has none. */
const config_setting_t *migration_at(const config_setting_t *group, const char *name);
/* Length of a list, after checking that it is one and not empty; 0 with a mistake. what: "a list of entities: ( { … } )". */
int migration_list(const config_setting_t *list, const char *name, const char *what,
                   struct conf_report *report);
/*
 * Is text a name: a lower-case letter, then lower-case letters, digits and `also` ('-' or '_'), at most max bytes? Else a mistake at
 * group's member `key`. A dot gets a mistake of its own: Kafka and libconfig give it a meaning.
 */
bool migration_name(const config_setting_t *group, const char *key, const char *text, char also,
                    size_t max, struct conf_report *report);
/* A relative path is relative to the file that says it. Owned by the arena; NULL stays NULL. */
const char *migration_path(struct migration *migration, const config_setting_t *at,
                           const char *path);
/* The group of this field in an entity's list of fields, or the list. */
config_setting_t *migration_field_group(config_setting_t *fields, const char *name);
/* The same by the list of entities. */
config_setting_t *migration_entity_field(const config_setting_t *entities, const char *entity,
                                         const char *field);
/* The entity that a group's member `entity` names; NULL and a mistake where there is none. */
const struct entity *migration_entity_named(struct migration *migration,
                                            const config_setting_t *group, const char *name,
                                            struct conf_report *report);
/* "did you mean \"x\"?", or, without a near one, "one of a, b, c"; in buffer. */
const char *migration_suggest(const char *word, const char *const *candidates, char *buffer,
                              size_t size);

#endif
