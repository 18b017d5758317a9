/*
 * migration_internal — the parts in which a configuration is read, one noun a
 * file. Each adds its mistakes to report and fills what it can.
 */
#ifndef TANDEM_MODEL_MIGRATION_INTERNAL_H
#define TANDEM_MODEL_MIGRATION_INTERNAL_H

#include "model/migration.h"

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
/* The fields of one entity; list is its `fields`. */
void migration_read_fields(struct migration *migration, struct entity *entity,
                           config_setting_t *list, struct conf_report *report);
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
/* "did you mean \"x\"?", or, without a near one, "one of a, b, c"; in buffer. */
const char *migration_suggest(const char *word, const char *const *candidates, char *buffer,
                              size_t size);

#endif
