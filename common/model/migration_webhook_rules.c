/*
 * migration_webhook_rules — what becomes of an event that a webhook brings: which entity, which record, hint or whole record.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "model/migration_internal.h"

static const char EXAMPLE[] =
    "rules = ( { type = \"contact.*\"; entity = \"contact\"; id = \".objectId\"; } );";

struct events_group {
    const char *items, *type;
    config_setting_t *rules;
};

static const struct conf_option EVENTS[] = {
    {.name = "items",
     .type = CONF_STRING,
     .offset = offsetof(struct events_group, items),
     .default_text = "",
     .help = "where the events lie in the body: items = \".events\"; left out: the body"},
    {.name = "type",
     .type = CONF_STRING,
     .offset = offsetof(struct events_group, type),
     .help = "of an event: type = \".subscriptionType\";"},
    {.name = "rules",
     .type = CONF_GROUP,
     .offset = offsetof(struct events_group, rules),
     .required = true,
     .help = EXAMPLE},
    {0},
};
static const char *const ENDPOINT_KEYS[] = {
    "path",       "scheme", "secret_files", "public_url", "organization",
    "allow_weak", "replay", "unmapped",     "signature",  NULL};

struct rule_group {
    const char *type, *entity, *id, *record, *modified;
};

static const struct conf_option RULE[] = {
    {.name = "type",
     .type = CONF_STRING,
     .offset = offsetof(struct rule_group, type),
     .help = "the type of its events: \"contact.creation\", \"contact.*\"; left out: any"},
    {.name = "entity",
     .type = CONF_STRING,
     .offset = offsetof(struct rule_group, entity),
     .required = true,
     .help = "entity = \"contact\";"},
    {.name = "id",
     .type = CONF_STRING,
     .offset = offsetof(struct rule_group, id),
     .help = "the id of the record, or a list of ids: id = \".objectId\";"},
    {.name = "record",
     .type = CONF_STRING,
     .offset = offsetof(struct rule_group, record),
     .help = "where the whole record lies, named as the system's API names it; left out: it is "
             "read back"},
    {.name = "modified",
     .type = CONF_STRING,
     .offset = offsetof(struct rule_group, modified),
     .help = "when the record was modified, by the system's clock"},
    {0},
};

/* ".a.b" → "a.b", "." → "": a path that needs no jq; else NULL. */
static const char *plain_path(const char *text)
{
    if (text[0] != '.')
        return NULL;
    bool begin = true; /* of a name */
    for (const char *at = text + 1; *at; at++) {
        if (*at == '.' && !begin) {
            begin = true;
            continue;
        }
        if (!isalnum((unsigned char)*at) && *at != '_')
            return NULL;
        if (begin && isdigit((unsigned char)*at))
            return NULL;
        begin = false;
    }
    return begin && text[1] ? NULL : text + 1;
}

static struct webhook_expression read_expression(struct migration *migration,
                                                 const config_setting_t *group, const char *name,
                                                 const char *text, struct conf_report *report)
{
    struct webhook_expression expression = {.text = text, .index = -1};
    if (!text)
        return expression;
    expression.path = plain_path(text);
    if (expression.path)
        return expression;
    char buffer[128];
    const char *objection = expression_objection(text, buffer, sizeof(buffer));
    if (objection)
        conf_mistake(report, migration_at(group, name), "it receives the event and nothing else",
                     "the expression %s", objection);
    else
        expression.program = arena_printf(&migration->arena, "(%s) | tojson", text);
    return expression;
}

static void check_type(const config_setting_t *group, const char *type,
                       const struct webhook_endpoint *endpoint, struct conf_report *report)
{
    const char *star = type ? strchr(type, '*') : NULL;
    if (star && star[1])
        conf_mistake(report, migration_at(group, "type"), "\"contact.*\"",
                     "a '*' stands at the end of a type");
    for (int i = 0; i < endpoint->rule_count; i++) {
        const char *other = endpoint->rules[i].type;
        if ((!type && !other) || (type && other && strcmp(type, other) == 0))
            conf_mistake(report, migration_at(group, "type"), "an event has one rule",
                         "there are two rules for \"%s\"", type ? type : "any type");
    }
}

static void read_rule(struct migration *migration, const config_setting_t *group, bool soap,
                      struct webhook_endpoint *endpoint, struct webhook_rule *rule,
                      struct conf_report *report)
{
    struct rule_group read = {0};
    (void)conf_read_group(group, RULE, NULL, &read, report);
    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return;
    if (!read.id && soap)
        read.id = ".sObject.Id";
    check_type(group, read.type, endpoint, report);
    rule->type = read.type;
    rule->entity =
        read.entity ? migration_entity_named(migration, group, read.entity, report) : NULL;
    rule->id = read_expression(migration, group, "id", read.id, report);
    rule->record = read_expression(migration, group, "record", read.record, report);
    rule->modified = read_expression(migration, group, "modified", read.modified, report);
    if (!read.id)
        conf_mistake(report, group, "id = \".objectId\";", "\"id\" is missing");
    if ((read.record != NULL) != (read.modified != NULL))
        conf_mistake(report, group, "record = \".data\"; modified = \".data.updated_at\";",
                     "a whole record needs its time of modification, and the other way round");
    if (read.record && endpoint->scheme && endpoint->scheme->time == SIGNATURE_TIME_NONE)
        conf_mistake(
            report, migration_at(group, "record"),
            "remove \"record\" and \"modified\": poll reads it back",
            "without a signed time nobody knows which of two readings of a record is newer");
    if (read.type && !endpoint->type.text)
        conf_mistake(report, migration_at(group, "type"),
                     "type = \".subscriptionType\"; in the endpoint",
                     "the endpoint does not say where the type of an event stands");
}

void migration_read_webhook_rules(struct migration *migration, const config_setting_t *group,
                                  bool soap, struct webhook_endpoint *endpoint,
                                  struct conf_report *report)
{
    struct events_group read = {0};
    (void)conf_read_group(group, EVENTS, ENDPOINT_KEYS, &read, report);
    if (!read.type && soap)
        read.type = ".type";
    endpoint->items = read.items && read.items[0] ? plain_path(read.items) : "";
    if (!endpoint->items)
        conf_mistake(report, migration_at(group, "items"), "items = \".events\";",
                     "\"items\" is a path, not an expression");
    endpoint->type = read_expression(migration, group, "type", read.type, report);
    int length = migration_list(read.rules, "rules", EXAMPLE, report);
    if (length > WEBHOOK_RULES_MAX) {
        conf_mistake(report, read.rules, "\"contact.*\" takes several types", "more than %d rules",
                     WEBHOOK_RULES_MAX);
        return;
    }
    struct webhook_rule *rules = arena_new(&migration->arena, struct webhook_rule, length);
    endpoint->rules = rules;
    for (int i = 0; i < length; i++) {
        rules[endpoint->rule_count] = (struct webhook_rule){0};
        read_rule(migration, config_setting_get_elem(read.rules, (unsigned)i), soap, endpoint,
                  &rules[endpoint->rule_count], report);
        endpoint->rule_count++;
    }
}

/* ---- compiling ---- */

static void gather_one(struct expression_list *list, struct webhook_expression *expression,
                       const config_setting_t *at, struct conf_report *report)
{
    if (expression->program)
        expression->index = migration_add_expression(list, expression->program, at, report);
}

static void gather_endpoint(struct expression_list *list, const struct webhook_endpoint *endpoint,
                            config_setting_t *group, struct conf_report *report)
{
    /* The migration's own: only those who use them must not change them. */
    struct webhook_endpoint *own = (struct webhook_endpoint *)(uintptr_t)endpoint;
    gather_one(list, &own->type, migration_at(group, "type"), report);
    config_setting_t *rules = config_setting_get_member(group, "rules");
    for (int i = 0; rules && i < endpoint->rule_count; i++) {
        struct webhook_rule *rule = (struct webhook_rule *)(uintptr_t)&endpoint->rules[i];
        const config_setting_t *at = config_setting_get_elem(rules, (unsigned)i);
        gather_one(list, &rule->id, migration_at(at, "id"), report);
        gather_one(list, &rule->record, migration_at(at, "record"), report);
        gather_one(list, &rule->modified, migration_at(at, "modified"), report);
    }
}

void migration_gather_webhooks(struct migration *migration, struct expression_list *list,
                               struct conf_report *report)
{
    for (int i = 0; i < migration->source_count; i++) {
        const struct source_settings *source = &migration->sources[i];
        config_setting_t *groups =
            source->webhook ? config_setting_get_member(source->group, "endpoints") : NULL;
        for (int at = 0; groups && at < config_setting_length(groups); at++) {
            config_setting_t *group = config_setting_get_elem(groups, (unsigned)at);
            const char *path = NULL;
            (void)config_setting_lookup_string(group, "path", &path);
            for (int k = 0; path && k < source->webhook->endpoint_count; k++)
                if (source->webhook->endpoints[k].path == path)
                    gather_endpoint(list, &source->webhook->endpoints[k], group, report);
        }
    }
}
