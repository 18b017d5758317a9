/*
 * migration_parts — what the parts of a configuration share. See
 * migration_internal.h.
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/migration_internal.h"

const config_setting_t *migration_at(const config_setting_t *group, const char *name)
{
    const config_setting_t *member =
        config_setting_get_member((config_setting_t *)(uintptr_t)group, name);
    return member ? member : group;
}

int migration_list(const config_setting_t *list, const char *name, const char *what,
                   struct conf_report *report)
{
    if (!list)
        return 0;
    int length = config_setting_length(list);
    if (config_setting_type(list) != CONFIG_TYPE_LIST)
        conf_mistake(report, list, what, "\"%s\" must be a list", name);
    else if (length == 0)
        conf_mistake(report, list, what, "\"%s\" is empty", name);
    else
        return length;
    return 0;
}

config_setting_t *migration_field_group(config_setting_t *fields, const char *name)
{
    int length = config_setting_length(fields);
    for (int i = 0; i < length; i++) {
        config_setting_t *group = config_setting_get_elem(fields, (unsigned)i);
        const char *found = NULL;
        if (config_setting_lookup_string(group, "name", &found) && strcmp(found, name) == 0)
            return group;
    }
    return fields;
}

config_setting_t *migration_entity_field(const config_setting_t *entities, const char *entity,
                                         const char *field)
{
    config_setting_t *list = (config_setting_t *)(uintptr_t)entities;
    config_setting_t *group = migration_field_group(list, entity);
    config_setting_t *fields = config_setting_get_member(group, "fields");
    return fields ? migration_field_group(fields, field) : group;
}

static bool is_name(const char *text, char also, size_t max)
{
    size_t len = strlen(text);
    bool good = len > 0 && len <= max && text[0] >= 'a' && text[0] <= 'z';
    for (size_t i = 0; good && i < len; i++)
        good = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
               text[i] == also;
    return good;
}

bool migration_name(const config_setting_t *group, const char *key, const char *text, char also,
                    size_t max, struct conf_report *report)
{
    if (is_name(text, also, max))
        return true;
    const config_setting_t *at = migration_at(group, key);
    char advice[128], fixed[64];
    size_t len = (size_t)snprintf(fixed, sizeof(fixed), "%s", text);
    for (size_t i = 0; i < len && i < sizeof(fixed) - 1; i++) {
        char c = fixed[i];
        bool keep = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
        if (!keep)
            fixed[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : also;
    }
    if (is_name(fixed, also, max))
        (void)snprintf(advice, sizeof(advice), "write \"%s\"", fixed);
    else
        (void)snprintf(advice, sizeof(advice),
                       "a lower-case letter, then up to %zu more, digits or '%c'", max - 1, also);
    if (strchr(text, '.'))
        conf_mistake(report, at, advice, "the name \"%s\" holds a dot", text);
    else
        conf_mistake(report, at, advice, "\"%s\" is no name", text);
    return false;
}

const char *migration_path(struct migration *migration, const config_setting_t *at,
                           const char *path)
{
    if (!path || path[0] == '/')
        return path;
    char file[PATH_MAX], dir[PATH_MAX], found[PATH_MAX];
    const char *said_in = at ? conf_setting_file(at, found) : NULL;
    (void)snprintf(file, sizeof(file), "%s", said_in ? said_in : migration->path);
    return realpath(dirname(file), dir) ? arena_printf(&migration->arena, "%s/%s", dir, path)
                                        : path;
}

const char *migration_suggest(const char *word, const char *const *candidates, char *buffer,
                              size_t size)
{
    const char *nearest = conf_nearest(word, candidates);
    if (nearest) {
        (void)snprintf(buffer, size, "did you mean \"%s\"?", nearest);
        return buffer;
    }
    size_t at = 0;
    buffer[0] = '\0';
    for (int i = 0; candidates[i] && at < size; i++)
        at += (size_t)snprintf(buffer + at, size - at, "%s%s", i ? ", " : "one of ", candidates[i]);
    return buffer;
}

const struct entity *migration_entity_named(struct migration *migration,
                                            const config_setting_t *group, const char *name,
                                            struct conf_report *report)
{
    const struct entity *entity = migration_entity(migration, name);
    const char **names = arena_new(&migration->arena, const char *, migration->entity_count + 1);
    for (int i = 0; i < migration->entity_count; i++)
        names[i] = migration->entities[i].name;
    char advice[200];
    if (!entity && migration->entity_count)
        conf_mistake(report, migration_at(group, "entity"),
                     migration_suggest(name, names, advice, sizeof(advice)),
                     "there is no entity \"%s\"", name);
    return entity;
}
