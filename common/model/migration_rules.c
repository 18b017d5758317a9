/*
 * migration_rules — what the values of a field are: tables of values, the code
 * of a currency, where a reference leads.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/migration_internal.h"

enum { CHOICES_MAX = 1000, CODE_BYTES = 3 };

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

static const char VALUES_MODEL[] =
    "values = ( { name = \"web\"; old = \"Web\"; new = \"WEB\"; } );";

/* A multi's values stand in one text. */
static void check_separator(const config_setting_t *group, const char *key, const char *text,
                            struct conf_report *report)
{
    if (text && strchr(text, ';'))
        conf_mistake(report, migration_at(group, key), "name it otherwise",
                     "\"%s\" holds a semicolon, which stands between values", text);
}

static void check_multi(const config_setting_t *list, const struct value_rules *rules,
                        struct conf_report *report)
{
    for (int i = 0; i < rules->choice_count; i++) {
        const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
        check_separator(group, "name", rules->choices[i].name, report);
        check_separator(group, "old", rules->choices[i].old_name, report);
        check_separator(group, "new", rules->choices[i].new_name, report);
    }
}

static void read_table(struct migration *migration, const struct migration_field *read,
                       struct value_rules *rules, struct conf_report *report)
{
    if (read->values && (rules->type == VALUE_ENUM || rules->type == VALUE_MULTI))
        read_choices(migration, read->values, rules, report);
    else if (rules->type == VALUE_ENUM)
        conf_mistake(report, read->group, VALUES_MODEL, "the enum \"%s\" has no table of values",
                     read->name ? read->name : "");
    else if (read->values)
        conf_mistake(report, read->values, "type = \"enum\"; or type = \"multi\";",
                     "only an enum or a multi has a table of values");
    if (read->values && rules->type == VALUE_MULTI)
        check_multi(read->values, rules, report);
}

/* ---- currency ---- */

static bool is_code(const char *text)
{
    return strlen(text) == CODE_BYTES && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == CODE_BYTES;
}

static void check_code(const config_setting_t *at, const char *code, struct conf_report *report)
{
    char upper[CODE_BYTES + 1] = "", advice[64] = "ISO 4217, such as \"USD\"";
    if (is_code(code))
        return;
    for (size_t i = 0; code[i] && i < CODE_BYTES; i++)
        upper[i] = (char)toupper((unsigned char)code[i]);
    if (strlen(code) == CODE_BYTES && is_code(upper))
        (void)snprintf(advice, sizeof(advice), "write \"%s\"", upper);
    conf_mistake(report, at, advice, "\"%s\" is no currency code", code);
}

static void read_currency(const struct migration_field *read, struct value_rules *rules,
                          struct conf_report *report)
{
    if (rules->type != VALUE_CURRENCY) {
        const char *key = read->code ? "code" : "code_field";
        if (read->code || read->code_field)
            conf_mistake(report, migration_at(read->group, key), "type = \"currency\";",
                         "only a currency has a code");
        return;
    }
    rules->currency = read->code;
    if (read->code)
        check_code(migration_at(read->group, "code"), read->code, report);
    if (!read->code == !read->code_field)
        conf_mistake(report, migration_at(read->group, "code"),
                     "code = \"USD\"; or code_field = \"the field that holds it\";",
                     read->code ? "the code of \"%s\" is said twice"
                                : "the currency \"%s\" has no code",
                     read->name ? read->name : "");
}

/* ---- references ---- */

static const char HUBSPOT_CATEGORY[] = "HUBSPOT_DEFINED";

/* "279", or "USER_DEFINED:36". */
static void read_association(struct migration *migration, const struct migration_field *read,
                             struct value_reference *reference, struct conf_report *report)
{
    const char *colon = strchr(read->association, ':');
    const char *number = colon ? colon + 1 : read->association;
    size_t digits = strspn(number, "0123456789");
    reference->association_category =
        colon ? arena_printf(&migration->arena, "%.*s", (int)(colon - read->association),
                             read->association)
              : HUBSPOT_CATEGORY;
    reference->association_type = digits < 10 ? strtoll(number, NULL, 10) : 0;
    if (reference->association_type == 0 || number[digits] != '\0' || colon == read->association)
        conf_mistake(report, migration_at(read->group, "association"),
                     "its number, such as \"279\", or with its category, \"USER_DEFINED:36\"",
                     "\"%s\" is no type of association", read->association);
}

static bool is_by_email(const struct migration_field *read)
{
    return read->by && strcmp(read->by, "email") == 0;
}

static void check_reference(const struct migration_field *read, struct conf_report *report)
{
    if (!read->to)
        conf_mistake(report, read->group, "to = \"company\";",
                     "the reference \"%s\" does not say where it leads to",
                     read->name ? read->name : "");
    if (read->association && read->new_name)
        conf_mistake(report, migration_at(read->group, "association"),
                     "leave out \"new\", or \"association\"",
                     "a reference is kept in a property or as an association, not both");
    if (read->association && is_by_email(read))
        conf_mistake(report, migration_at(read->group, "association"),
                     "new = \"the property that holds the person's id\";",
                     "people are no records: there is no association with them");
    if (read->match || read->unique)
        conf_mistake(report, migration_at(read->group, read->match ? "match" : "unique"),
                     "match what the record itself says, such as its e-mail",
                     "a reference identifies another record, not this one");
}

static void read_reference(struct migration *migration, const struct migration_field *read,
                           struct value_rules *rules, struct conf_report *report)
{
    if (rules->type != VALUE_REFERENCE) {
        const char *key = read->to ? "to" : read->association ? "association" : "by";
        if (read->to || read->association || is_by_email(read))
            conf_mistake(report, migration_at(read->group, key), "type = \"reference\";",
                         "only a reference leads to another record");
        return;
    }
    struct value_reference *reference = arena_new(&migration->arena, struct value_reference, 1);
    const struct system_settings *systems[] = {migration->old_system, migration->new_system};
    *reference = (struct value_reference){.to = read->to, .by_email = is_by_email(read)};
    for (int side = 0; side < 2; side++) {
        reference->systems[side] = systems[side] ? systems[side]->name : "";
        reference->id_forms[side] = systems[side] ? systems[side]->id_form : VALUE_ID_TEXT;
    }
    check_reference(read, report);
    if (read->association)
        read_association(migration, read, reference, report);
    rules->reference = reference;
}

void migration_read_rules(struct migration *migration, const struct migration_field *read,
                          struct field *field, struct conf_report *report)
{
    struct value_rules *rules = &field->rules;
    rules->max_bytes = (size_t)read->max_bytes;
    rules->zone = rules->type == VALUE_TIMESTAMP ? migration->zone : NULL;
    read_table(migration, read, rules, report);
    read_currency(read, rules, report);
    read_reference(migration, read, rules, report);
    if (field->role != FIELD_PLAIN && rules->type != VALUE_ENUM)
        conf_mistake(report, migration_at(read->group, "role"), "type = \"enum\";",
                     "only an enum can be a %s", read->role);
}

/* ---- what needs all entities ---- */

static void check_target(const struct migration *migration, const config_setting_t *entities,
                         const struct entity *entity, const struct field *field,
                         struct conf_report *report)
{
    const struct value_reference *reference = field->rules.reference;
    if (!reference || !reference->to || reference->by_email)
        return;
    const char **names = (const char **)calloc((size_t)migration->entity_count + 1, sizeof(*names));
    bool found = false;
    for (int i = 0; names && i < migration->entity_count; i++) {
        names[i] = migration->entities[i].name;
        found |= strcmp(names[i], reference->to) == 0;
    }
    char advice[200];
    if (names && !found)
        conf_mistake(
            report, migration_at(migration_entity_field(entities, entity->name, field->name), "to"),
            migration_suggest(reference->to, names, advice, sizeof(advice)),
            "there is no entity \"%s\"", reference->to);
    free((void *)names);
}

void migration_check_references(const struct migration *migration, const config_setting_t *entities,
                                struct conf_report *report)
{
    for (int i = 0; i < migration->entity_count; i++)
        for (int f = 0; f < migration->entities[i].field_count; f++)
            check_target(migration, entities, &migration->entities[i],
                         &migration->entities[i].fields[f], report);
}
