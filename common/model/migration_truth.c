/*
 * migration_truth — the dated rules of an entity: which side is right where
 * both changed. What model/truth.h takes for granted is checked here.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/migration_internal.h"
#include "model/truth.h"

enum { RULES_MAX = 500 };

static const char ENFORCE[] = "enforce", EVERY[] = "*";
static const char *const RULES[] = {"old", "new", "newest", "review", ENFORCE, NULL};

struct rule_group {
    const char *field, *rule, *from;
};

static const struct conf_option RULE[] = {
    {.name = "field",
     .type = CONF_STRING,
     .offset = offsetof(struct rule_group, field),
     .required = true,
     .help = "a field, or all that have no rule of their own: field = \"*\";"},
    {.name = "rule",
     .type = CONF_STRING,
     .offset = offsetof(struct rule_group, rule),
     .required = true,
     .choices = RULES,
     .help = "rule = \"old\";"},
    {.name = "from",
     .type = CONF_STRING,
     .offset = offsetof(struct rule_group, from),
     .help = "from = \"2027-03-01\"; the first rule has none"},
    {0},
};

/* The field's index or TRUTH_EVERY_FIELD. False: a mistake. */
static bool find_scope(struct migration *migration, const struct entity *entity,
                       const config_setting_t *group, const char *name, int *ret_field,
                       struct conf_report *report)
{
    const config_setting_t *at = migration_at(group, "field");
    *ret_field = TRUTH_EVERY_FIELD;
    if (strcmp(name, EVERY) == 0)
        return true;
    *ret_field = entity_field(entity, span_of(name));
    if (*ret_field < 0) {
        const char **names = arena_new(&migration->arena, const char *, entity->field_count + 2);
        for (int i = 0; i < entity->field_count; i++)
            names[i] = entity->fields[i].name;
        names[entity->field_count] = EVERY;
        const char *nearest = conf_nearest(name, names);
        char advice[128] = "\"*\" stands for all that have no rule of their own";
        if (nearest && strcmp(nearest, EVERY) != 0)
            (void)snprintf(advice, sizeof(advice), "did you mean \"%s\"?", nearest);
        conf_mistake(report, at, advice, "there is no field \"%s\"", name);
        return false;
    }
    const struct field *field = &entity->fields[*ret_field];
    if (field_is_on(field, SIDE_NEW) && (field->jq || field_is_on(field, SIDE_OLD)))
        return true;
    conf_mistake(report, at, "leave the rule out",
                 "the field \"%s\" is in one system only: nobody can disagree", name);
    return false;
}

static bool read_start(const struct migration *migration, const config_setting_t *group,
                       const char *from, int64_t *ret_from_ms, struct conf_report *report)
{
    const struct value_rules rules = {.type = VALUE_TIMESTAMP, .zone = migration->zone};
    struct value value;
    struct err why = ERR_INIT;
    struct arena arena;
    if (!migration->zone)
        return false; /* told already */
    arena_init(&arena);
    bool good = value_parse(&rules, SIDE_CANONICAL, JSON_STRING_, span_of(from), &arena, &value,
                            &why) == 0 &&
                value.kind == VALUE_SET &&
                timestamp_parse(value.text.data, value.text.len, ret_from_ms);
    arena_clear(&arena);
    if (!good)
        conf_mistake(report, migration_at(group, "from"), "write it as \"2027-03-01\"",
                     "the start \"%s\" %s", from, why.kind != ERR_NONE ? why.text : "is empty");
    return good;
}

/* The last rule of the same scope before this one; NULL: none. */
static const struct truth_rule *before(const struct truth_rule *rules, int count, int field)
{
    while (count > 0)
        if (rules[--count].field == field)
            return &rules[count];
    return NULL;
}

static void check_order(const config_setting_t *group, const struct rule_group *read,
                        const struct truth_rule *last, const struct truth_rule *rule,
                        struct conf_report *report)
{
    const config_setting_t *at = migration_at(group, "from");
    if (!last && read->from)
        conf_mistake(report, at, "leave out its \"from\", or put a rule without one before it",
                     "the first rule of \"%s\" has a start date", read->field);
    else if (last && !read->from)
        conf_mistake(report, at, "from = \"2027-03-01\";",
                     "a later rule of \"%s\" needs a start date", read->field);
    else if (last && last->from_ms != TRUTH_ALWAYS && rule->from_ms <= last->from_ms)
        conf_mistake(report, at, "put them in the order of their dates",
                     "this rule of \"%s\" does not start after the one before it", read->field);
}

void migration_read_truth(struct migration *migration, struct entity *entity,
                          config_setting_t *list, struct conf_report *report)
{
    int length =
        migration_list(list, "truth", "truth = ( { field = \"*\"; rule = \"old\"; } );", report);
    if (length > RULES_MAX) {
        conf_mistake(report, list, NULL, "more than %d rules", RULES_MAX);
        return;
    }
    struct truth_rule *rules = arena_new(&migration->arena, struct truth_rule, length);
    for (int i = 0; i < length; i++) {
        config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
        struct rule_group read = {0};
        struct truth_rule rule = {.from_ms = TRUTH_ALWAYS};
        if (conf_read_group(group, RULE, NULL, &read, report) != 0 ||
            !find_scope(migration, entity, group, read.field, &rule.field, report) ||
            (read.from && !read_start(migration, group, read.from, &rule.from_ms, report)))
            continue;
        rule.enforce = strcmp(read.rule, ENFORCE) == 0;
        rule.choice = rule.enforce ? TRUTH_OLD : (enum truth_choice)truth_choice_parse(read.rule);
        check_order(group, &read, before(rules, entity->truth_count, rule.field), &rule, report);
        rules[entity->truth_count++] = rule;
    }
    entity->truth = rules;
}
