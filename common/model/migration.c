/*
 * migration — the root of the configuration, and what its parts share. See
 * migration.h; the parts are in migration_*.c.
 */
#include "model/migration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/migration_internal.h"
#include "model/value_internal.h"

enum { NS_MAX_BYTES = 31 };

static const char *const LOG_LEVELS[] = {"debug", "info", "warn", "error", NULL};

struct root {
    const char *ns, *time_zone, *kill_date, *log_level, *run_dir, *health_listen;
    int64_t clock_skew_ms;
    struct migration_groups groups;
};

static const struct conf_option ROOT[] = {
    {.name = "migration",
     .type = CONF_STRING,
     .offset = offsetof(struct root, ns),
     .required = true,
     .help = "its name, the prefix of every topic: migration = \"acme\";"},
    {.name = "time_zone",
     .type = CONF_STRING,
     .offset = offsetof(struct root, time_zone),
     .required = true,
     .help = "an IANA name: time_zone = \"America/New_York\";"},
    {.name = "kill_date",
     .type = CONF_STRING,
     .offset = offsetof(struct root, kill_date),
     .required = true,
     .help = "the day the old system is switched off: kill_date = \"2027-03-01\";"},
    {.name = "old",
     .type = CONF_STRING,
     .offset = offsetof(struct root, groups.old_name),
     .required = true,
     .help = "the name of the system that is left: old = \"salesforce\";"},
    {.name = "new",
     .type = CONF_STRING,
     .offset = offsetof(struct root, groups.new_name),
     .required = true,
     .help = "the name of the system that is entered: new = \"hubspot\";"},
    {.name = "kafka",
     .type = CONF_GROUP,
     .offset = offsetof(struct root, groups.kafka),
     .required = true,
     .help = "kafka = { properties = [\"bootstrap.servers=host:9092\"]; };"},
    {.name = "redis",
     .type = CONF_GROUP,
     .offset = offsetof(struct root, groups.redis),
     .required = true,
     .help = "redis = { address = \"host:6379\"; };"},
    {.name = "systems",
     .type = CONF_GROUP,
     .offset = offsetof(struct root, groups.systems),
     .required = true,
     .help = "systems = { salesforce = { … }; hubspot = { … }; };"},
    {.name = "entities",
     .type = CONF_GROUP,
     .offset = offsetof(struct root, groups.entities),
     .required = true,
     .help = "entities = ( { name = \"contact\"; … } );"},
    {.name = "sources",
     .type = CONF_GROUP,
     .offset = offsetof(struct root, groups.sources),
     .help = "sources = ( { name = \"crm-poll\"; type = \"poll\"; system = \"salesforce\"; } );"},
    {.name = "apply",
     .type = CONF_GROUP,
     .offset = offsetof(struct root, groups.apply),
     .help = "apply = { instances = 1; };"},
    {.name = "clock_skew_ms",
     .type = CONF_INT,
     .offset = offsetof(struct root, clock_skew_ms),
     .default_int = 5000,
     .min = 0,
     .max = 24 * 60 * 60 * 1000,
     .help = "truth \"newest\" decides only what is further apart"},
    {.name = "log_level",
     .type = CONF_STRING,
     .offset = offsetof(struct root, log_level),
     .default_text = "info",
     .choices = LOG_LEVELS,
     .help = "what is logged"},
    {.name = "run_dir",
     .type = CONF_STRING,
     .offset = offsetof(struct root, run_dir),
     .default_text = "run",
     .help = "where `tandem run` keeps logs, pid and lock files"},
    {.name = "health_listen",
     .type = CONF_STRING,
     .offset = offsetof(struct root, health_listen),
     .help = "host:port of /livez, /readyz, /metrics; port 0: any"},
    {0},
};

/* Groups that belong to other processes, which check them themselves. */
static const char *const ALSO_KNOWN[] = {"verify", "audit", "console", NULL};

static void read_zone(struct migration *migration, const config_setting_t *root,
                      struct conf_report *report)
{
    migration->zone = zone_open(migration->time_zone, NULL);
    if (migration->zone)
        return;
    char nearest[64], advice[128] = "an IANA name such as \"Europe/Berlin\"";
    if (zone_nearest(migration->time_zone, nearest, sizeof(nearest)))
        (void)snprintf(advice, sizeof(advice), "did you mean \"%s\"?", nearest);
    conf_mistake(report, migration_at(root, "time_zone"), advice, "there is no time zone \"%s\"",
                 migration->time_zone);
}

static void read_kill_date(struct migration *migration, const config_setting_t *root,
                           struct conf_report *report)
{
    int64_t days;
    const char *refusal = value_date_days(span_of(migration->kill_date), &days);
    if (refusal)
        conf_mistake(report, migration_at(root, "kill_date"), "write it as \"2027-03-01\"",
                     "the kill date \"%s\" %s", migration->kill_date, refusal);
    else if (migration->zone)
        migration->kill_ms = zone_midnight_ms(migration->zone, days);
}

static void read_root(struct migration *migration, struct conf_report *report)
{
    config_setting_t *group = config_root_setting(&migration->config);
    struct root root = {0};
    (void)conf_read_group(group, ROOT, ALSO_KNOWN, &root, report);
    migration->ns = root.ns;
    migration->time_zone = root.time_zone;
    migration->kill_date = root.kill_date;
    migration->log_level = root.log_level;
    migration->clock_skew_ms = root.clock_skew_ms;
    migration->health_listen = root.health_listen;
    migration->run_dir =
        migration_path(migration, config_setting_get_member(group, "run_dir"), root.run_dir);
    if (root.ns)
        (void)migration_name(group, "migration", root.ns, '-', NS_MAX_BYTES, report);
    if (root.time_zone)
        read_zone(migration, group, report);
    if (root.kill_date)
        read_kill_date(migration, group, report);
    migration_read_kafka(migration, &root.groups, report);
    migration_read_systems(migration, &root.groups, report);
    int before = report->count + report->dropped;
    migration_read_entities(migration, &root.groups, report);
    bool good = report->count + report->dropped == before;
    migration_read_sources(migration, &root.groups, report);
    if (good)
        migration_open_expressions(migration, root.groups.entities, report);
}

struct migration *migration_open(const char *path, struct conf_report *report)
{
    struct migration *migration = calloc(1, sizeof(*migration));
    if (!migration) {
        conf_mistake(report, NULL, NULL, "out of memory");
        return NULL;
    }
    int before = report->count + report->dropped;
    config_init(&migration->config);
    arena_init(&migration->arena);
    migration->path = arena_printf(&migration->arena, "%s", path);
    if (conf_read_file(&migration->config, path, report) == 0) {
        const config_setting_t *root = config_root_setting(&migration->config);
        if (config_setting_length(root) == 0)
            conf_mistake(report, root, "deploy/quickstart.cfg is a model", "nothing is configured");
        else
            read_root(migration, report);
    }
    if (report->count + report->dropped == before)
        return migration;
    migration_close(migration);
    return NULL;
}

void migration_close(struct migration *migration)
{
    if (!migration)
        return;
    expressions_close(migration->expressions);
    zone_close(migration->zone);
    config_destroy(&migration->config);
    arena_clear(&migration->arena);
    free(migration);
}

struct entity *migration_entity(struct migration *migration, const char *name)
{
    for (int i = 0; i < migration->entity_count; i++)
        if (strcmp(migration->entities[i].name, name) == 0)
            return &migration->entities[i];
    return NULL;
}

const struct source_settings *migration_source(const struct migration *migration, const char *name)
{
    for (int i = 0; i < migration->source_count; i++)
        if (strcmp(migration->sources[i].name, name) == 0)
            return &migration->sources[i];
    return NULL;
}
