/*
 * migration_inputs — fields that are made of others: the code of a currency,
 * what a jq expression receives. And the expressions themselves, compiled.
 */
#include <stdio.h>
#include <string.h>

#include "model/migration_internal.h"

enum { INPUTS_MAX = 50 };

/* The field of this name that can be an input, -1 with a mistake at `at`. */
static int find_input(struct migration *migration, const struct entity *entity, const char *name,
                      const config_setting_t *at, struct conf_report *report)
{
    int field = entity_field(entity, span_of(name));
    if (field >= 0 && (entity->fields[field].jq || !entity->fields[field].old_name)) {
        conf_mistake(report, at, "old = \"…\"; a field without \"new\" is read and not written",
                     "the field \"%s\" does not come from the old system itself", name);
        return -1;
    }
    if (field >= 0)
        return field;
    const char **names = arena_new(&migration->arena, const char *, entity->field_count + 1);
    for (int i = 0; i < entity->field_count; i++)
        names[i] = entity->fields[i].name;
    const char *nearest = conf_nearest(name, names);
    char advice[128];
    (void)snprintf(advice, sizeof(advice), "did you mean \"%s\"?", nearest ? nearest : "");
    conf_mistake(report, at, nearest ? advice : NULL, "there is no field \"%s\"", name);
    return -1;
}

static void read_code_field(struct migration *migration, const struct entity *entity,
                            const struct migration_field *read, struct field *field,
                            struct conf_report *report)
{
    const config_setting_t *at = migration_at(read->group, "code_field");
    int *inputs = arena_new(&migration->arena, int, 1);
    inputs[0] = find_input(migration, entity, read->code_field, at, report);
    if (inputs[0] < 0)
        return;
    const struct field *code = &entity->fields[inputs[0]];
    if (code->rules.type != VALUE_STRING && code->rules.type != VALUE_ENUM)
        conf_mistake(report, at, "its type is to be \"string\" or \"enum\"",
                     "the field \"%s\" cannot hold a currency code", code->name);
    else if (field->new_name && !code->new_name)
        conf_mistake(report, at, "give it a name there: new = \"…\";",
                     "the amount \"%s\" is in the new system, its code \"%s\" is not", field->name,
                     code->name);
    field->inputs = inputs;
    field->input_count = 1;
}

static void read_from(struct migration *migration, const struct entity *entity,
                      const config_setting_t *list, struct field *field, struct conf_report *report)
{
    int length = config_setting_length(list);
    if (config_setting_type(list) == CONFIG_TYPE_GROUP || length > INPUTS_MAX) {
        conf_mistake(report, list, "from = [\"first_name\", \"last_name\"];",
                     "\"from\" must be a list of at most %d fields", INPUTS_MAX);
        return;
    }
    int *inputs = arena_new(&migration->arena, int, length);
    for (int i = 0; i < length; i++) {
        const config_setting_t *at = config_setting_get_elem(list, (unsigned)i);
        const char *name = config_setting_get_string(at);
        int input = name ? find_input(migration, entity, name, at, report) : -1;
        if (!name)
            conf_mistake(report, at, "from = [\"first_name\", \"last_name\"];",
                         "\"from\" names fields, in quotes");
        if (input >= 0)
            inputs[field->input_count++] = input;
    }
    field->inputs = inputs;
}

static void read_expression(struct migration *migration, const struct entity *entity,
                            const struct migration_field *read, struct field *field,
                            struct conf_report *report)
{
    const config_setting_t *at = migration_at(read->group, "jq");
    char buffer[128];
    const char *objection = expression_objection(read->jq, buffer, sizeof(buffer));
    if (objection)
        conf_mistake(report, at, "it receives the fields of \"from\" and nothing else",
                     "the expression %s", objection);
    if (read->old_name)
        conf_mistake(report, migration_at(read->group, "old"),
                     "read it as a field of its own and name that one in \"from\"",
                     "the field \"%s\" has its value from an expression, not from \"%s\"",
                     field->name, read->old_name);
    if (read->code_field)
        conf_mistake(report, migration_at(read->group, "code_field"), "code = \"USD\";",
                     "an expression gives the amount with its code, \"12.5 USD\"");
    if (read->from)
        read_from(migration, entity, read->from, field, report);
}

void migration_read_inputs(struct migration *migration, const struct entity *entity,
                           const struct migration_field *read, struct field *field,
                           struct conf_report *report)
{
    if (read->jq)
        read_expression(migration, entity, read, field, report);
    else if (read->from)
        conf_mistake(report, read->from, "jq = \".first_name + \\\" \\\" + .last_name\";",
                     "\"from\" names what an expression receives, and there is none");
    else if (read->code_field && field->rules.type == VALUE_CURRENCY)
        read_code_field(migration, entity, read, field, report);
}

/* ---- compiling ---- */

int migration_add_expression(struct expression_list *list, const char *text,
                             const config_setting_t *at, struct conf_report *report)
{
    if (list->count == EXPRESSIONS_MAX) {
        conf_mistake(report, at, NULL, "more than %d expressions", EXPRESSIONS_MAX);
        return -1;
    }
    list->texts[list->count] = text;
    list->at[list->count] = at;
    return list->count++;
}

static void gather(struct expression_list *list, const struct entity *entity,
                   const config_setting_t *entities, struct conf_report *report)
{
    /* The fields are this migration's own: only those who use them must not change them. */
    struct field *fields = (struct field *)(uintptr_t)entity->fields;
    for (int i = 0; i < entity->computed_count; i++) {
        struct field *field = &fields[entity->computed[i]];
        if (!field->jq)
            continue;
        const config_setting_t *at =
            migration_at(migration_entity_field(entities, entity->name, field->name), "jq");
        int index = migration_add_expression(list, field->jq, at, report);
        if (index < 0)
            return;
        field->expression = index;
    }
}

void migration_open_expressions(struct migration *migration, const config_setting_t *entities,
                                struct conf_report *report)
{
    struct expression_list *list = arena_new(&migration->arena, struct expression_list, 1);
    struct err err = ERR_INIT;
    int before = report->count + report->dropped;
    for (int i = 0; i < migration->entity_count; i++)
        gather(list, &migration->entities[i], entities, report);
    migration_gather_webhooks(migration, list, report);
    if (list->count == 0 || report->count + report->dropped != before)
        return;
    migration->expressions = expressions_open(list->texts, list->count, list->whys, &err);
    if (err.kind != ERR_NONE)
        conf_mistake(report, entities, NULL, "expressions cannot be run: %s", err.text);
    for (int i = 0; i < list->count; i++)
        if (list->whys[i].kind != ERR_NONE)
            conf_mistake(report, list->at[i], "it must be a program of jq 1.6",
                         "the expression does not compile: %s", list->whys[i].text);
    for (int i = 0; i < migration->entity_count; i++)
        migration->entities[i].expressions = migration->expressions;
}
