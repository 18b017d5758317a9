/*
 * migration_sources — where changes come from. A producer checks the keys of
 * its own type.
 */
#include <stdio.h>
#include <string.h>

#include "model/migration_internal.h"

enum { NAME_MAX_BYTES = 60, KEYS_MAX = 100 };

/* The types of this house. Others are taken as they are: whose program is not there `tandem check` and `tandem run` say. */
static const char *const SOURCE_TYPES[] = {"poll", "webhook", "form", "singer", NULL};

struct source_group {
    const char *name, *type, *system;
};

static const struct conf_option SOURCE[] = {
    {.name = "name",
     .type = CONF_STRING,
     .offset = offsetof(struct source_group, name),
     .required = true,
     .help = "name = \"salesforce-poll\";"},
    {.name = "type",
     .type = CONF_STRING,
     .offset = offsetof(struct source_group, type),
     .required = true,
     .help = "type = \"poll\";"},
    {.name = "system",
     .type = CONF_STRING,
     .offset = offsetof(struct source_group, system),
     .required = true,
     .help = "the name of a system: system = \"salesforce\";"},
    {0},
};

/* All keys of a group are known here: those that are not ours are the producer's. */
static void keys_of(const config_setting_t *group, const char *ret_keys[KEYS_MAX + 1])
{
    int length = config_setting_length(group), count = 0;
    for (int i = 0; i < length && count < KEYS_MAX; i++) {
        const char *name = config_setting_name(config_setting_get_elem(group, (unsigned)i));
        if (name)
            ret_keys[count++] = name;
    }
    ret_keys[count] = NULL;
}

static void check_type(const config_setting_t *group, const char *type, struct conf_report *report)
{
    const char *near = conf_nearest(type, SOURCE_TYPES);
    char advice[128];
    if (!migration_name(group, "type", type, '-', NAME_MAX_BYTES, report) || !near ||
        strcmp(near, type) == 0)
        return;
    (void)snprintf(advice, sizeof(advice), "did you mean \"%s\"?", near);
    conf_mistake(report, migration_at(group, "type"), advice, "\"type\" cannot be \"%s\"", type);
}

static void check_source(struct migration *migration, const config_setting_t *group,
                         const struct source_group *read, struct source_settings *source,
                         struct conf_report *report)
{
    if (read->name && migration_name(group, "name", read->name, '-', NAME_MAX_BYTES, report) &&
        migration_source(migration, read->name))
        conf_mistake(report, migration_at(group, "name"), "give each a name of its own",
                     "there are two sources named \"%s\"", read->name);
    if (read->type)
        check_type(group, read->type, report);
    for (int i = 0; read->system && i < migration->system_count; i++)
        if (strcmp(migration->systems[i].name, read->system) == 0)
            source->system = &migration->systems[i];
    char advice[200];
    if (read->system && !source->system && migration->system_count)
        conf_mistake(
            report, migration_at(group, "system"),
            migration_suggest(read->system, migration->system_names, advice, sizeof(advice)),
            "there is no system \"%s\"", read->system);
}

void migration_read_sources(struct migration *migration, const struct migration_groups *groups,
                            struct conf_report *report)
{
    int length =
        migration_list(groups->sources, "sources",
                       "sources = ( { name = \"…\"; type = \"poll\"; system = \"…\"; } );", report);
    migration->sources = arena_new(&migration->arena, struct source_settings, length);
    for (int i = 0; i < length; i++) {
        config_setting_t *group = config_setting_get_elem(groups->sources, (unsigned)i);
        struct source_group read = {0};
        const char *keys[KEYS_MAX + 1];
        keys_of(group, keys);
        (void)conf_read_group(group, SOURCE, keys, &read, report);
        struct source_settings source = {.name = read.name, .type = read.type, .group = group};
        check_source(migration, group, &read, &source, report);
        if (read.type && strcmp(read.type, "webhook") == 0)
            source.webhook = migration_read_webhook(migration, group, source.system, report);
        if (read.type && strcmp(read.type, "form") == 0)
            source.form = migration_read_forms(migration, group, report);
        if (read.type && strcmp(read.type, "singer") == 0)
            source.singer = migration_read_singer(migration, group, report);
        if (source.name)
            migration->sources[migration->source_count++] = source;
    }
}
