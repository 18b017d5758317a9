/*
 * connector — the connector group as a whole. Operations, errors and
 * templates are read in connector_*.c.
 */
#include "remote/connector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/connector_internal.h"

static const char *const ID_FORMS[] = {"text", "digits", "salesforce", NULL};
_Static_assert(sizeof(ID_FORMS) / sizeof(ID_FORMS[0]) == ID_FORM_COUNT + 1, "");
static const char *const TIME_FORMS[] = {"rfc3339", "epoch_ms", "epoch_s", NULL};
_Static_assert(sizeof(TIME_FORMS) / sizeof(TIME_FORMS[0]) == TIME_FORM_COUNT + 1, "");

struct written {
    const char *name, *about, *id_form, *time;
    bool conditional_writes;
    const config_setting_t *auth, *constants, *objects, *record, *result, *failure, *error, *errors,
        *quota, *rate, *people, *limits, *operations;
};
#define AT(field) .offset = offsetof(struct written, field)
static const struct conf_option OPTIONS[] = {
    {.name = "name",
     .type = CONF_STRING,
     AT(name),
     .required = true,
     .help = "the system's name, for people"},
    {.name = "about", .type = CONF_STRING, AT(about), .help = "what this file was checked against"},
    {.name = "auth", .type = CONF_GROUP, AT(auth), .required = true, .help = "how to sign in"},
    {.name = "constants",
     .type = CONF_GROUP,
     AT(constants),
     .help = "placeholders of this file: name = \"text\""},
    {.name = "objects",
     .type = CONF_GROUP,
     AT(objects),
     .help = "other constants for one object: object = { name = \"text\"; }"},
    {.name = "id_form",
     .type = CONF_STRING,
     AT(id_form),
     .default_text = "text",
     .choices = ID_FORMS,
     .help = "what an id looks like"},
    {.name = "time",
     .type = CONF_STRING,
     AT(time),
     .default_text = "rfc3339",
     .choices = TIME_FORMS,
     .help = "how times are written"},
    {.name = "conditional_writes",
     .type = CONF_BOOL,
     AT(conditional_writes),
     .help = "a write may carry the version it expects (tier T1)"},
    {.name = "record",
     .type = CONF_GROUP,
     AT(record),
     .required = true,
     .help = "where a record holds its id, its modified time, its properties"},
    {.name = "result",
     .type = CONF_GROUP,
     AT(result),
     .help = "where the result of one written item holds what"},
    {.name = "failure",
     .type = CONF_GROUP,
     AT(failure),
     .help = "where the error of one written item says which item it means"},
    {.name = "error",
     .type = CONF_GROUP,
     AT(error),
     .required = true,
     .help = "where an error holds its code and its message"},
    {.name = "errors", .type = CONF_GROUP, AT(errors), .help = "what each error means"},
    {.name = "quota",
     .type = CONF_GROUP,
     AT(quota),
     .help = "the header that says how much of the day's requests is used"},
    {.name = "rate",
     .type = CONF_GROUP,
     AT(rate),
     .help = "the headers that say how many requests a window of time takes"},
    {.name = "people",
     .type = CONF_GROUP,
     AT(people),
     .help = "the list of the people who work in it, found by e-mail"},
    {.name = "limits",
     .type = CONF_GROUP,
     AT(limits),
     .required = true,
     .help = "the system's own numbers"},
    {.name = "operations",
     .type = CONF_GROUP,
     AT(operations),
     .required = true,
     .help = "what can be asked of it, and how"},
    {0}};
#undef AT

int connector_choice(const char *text, const char *const *choices)
{
    for (int i = 0; choices[i]; i++)
        if (text && strcmp(text, choices[i]) == 0)
            return i;
    return 0;
}

int connector_texts(const config_setting_t *list, int max, const char **ret_texts,
                    struct conf_report *report)
{
    int count = config_setting_length(list);
    if (count > max) {
        conf_mistake(report, list, NULL, "more than %d texts", max);
        count = max;
    }
    for (int i = 0; i < count; i++) {
        ret_texts[i] = config_setting_get_string_elem(list, i);
        if (ret_texts[i])
            continue;
        conf_mistake(report, list, "write [\"one\", \"two\"]", "\"%s\" must be a list of texts",
                     config_setting_name(list));
        return i;
    }
    return count;
}

const char *connector_constant(const struct connector *connector, int index, const char *object)
{
    const char *text = NULL;
    const config_setting_t *own =
        connector->objects && object ? config_setting_get_member(connector->objects, object) : NULL;
    if (own && config_setting_lookup_string(own, connector->constant_names[index], &text))
        return text;
    return connector->constants[index];
}

static void read_constants(struct connector *connector, const struct written *written,
                           struct conf_report *report)
{
    int count = written->constants ? config_setting_length(written->constants) : 0;
    for (int i = 0; i < count; i++) {
        const config_setting_t *setting = config_setting_get_elem(written->constants, (unsigned)i);
        const char *name = config_setting_name(setting), *text = config_setting_get_string(setting);
        bool taken = name && strcmp(name, "operations") == 0;
        for (int p = 0; name && p < PLACEHOLDER_COUNT; p++)
            taken = taken || strcmp(name, PLACEHOLDER_NAMES[p]) == 0;
        if (!name || !text || taken || connector->constant_count == CONNECTOR_CONSTANTS_MAX) {
            conf_mistake(report, setting, NULL,
                         taken ? "{%s} is a placeholder already" : "constant %s must be a text",
                         name ? name : "");
            continue;
        }
        connector->constant_names[connector->constant_count] = name;
        connector->constants[connector->constant_count++] = text;
    }
    connector->objects = written->objects;
    count = written->objects ? config_setting_length(written->objects) : 0;
    for (int i = 0; i < count; i++) {
        struct conf_option options[CONNECTOR_CONSTANTS_MAX + 2];
        const void *texts[CONNECTOR_CONSTANTS_MAX + 1];
        memset(options, 0, sizeof(options));
        options[connector->constant_count] =
            (struct conf_option){.name = "operations",
                                 .type = CONF_GROUP,
                                 .offset = sizeof(texts[0]) * CONNECTOR_CONSTANTS_MAX,
                                 .help = "what is asked of this object in another way"};
        for (int c = 0; c < connector->constant_count; c++)
            options[c] = (struct conf_option){.name = connector->constant_names[c],
                                              .type = CONF_STRING,
                                              .offset = sizeof(texts[0]) * (size_t)c};
        (void)conf_read_group(config_setting_get_elem(written->objects, (unsigned)i), options, NULL,
                              texts, report);
    }
}

/* objects = { owners = { operations = { read = { … }; }; }; }; */
static void read_own_operations(struct connector *connector, struct conf_report *report)
{
    int count = connector->objects ? config_setting_length(connector->objects) : 0;
    connector->own = arena_new(&connector->arena, struct connector_object, count + 1);
    for (int i = 0; i < count; i++) {
        const config_setting_t *object = config_setting_get_elem(connector->objects, (unsigned)i);
        const config_setting_t *group = config_setting_get_member(object, "operations");
        struct connector_object *own = &connector->own[connector->own_count];
        if (!group)
            continue;
        connector->own_count++;
        own->name = config_setting_name(object);
        connector_operations_read(connector, group, own->operations, report);
        for (int kind = 0; kind < OPERATION_KIND_COUNT; kind++)
            own->operations[kind].own = own->operations[kind].present;
    }
}

const struct connector_operation *connector_operation(const struct connector *connector,
                                                      enum connector_operation_kind kind,
                                                      const char *object)
{
    for (int i = 0; object && i < connector->own_count; i++)
        if (strcmp(connector->own[i].name, object) == 0 &&
            connector->own[i].operations[kind].present)
            return &connector->own[i].operations[kind];
    return connector->operations[kind].present ? &connector->operations[kind] : NULL;
}

bool connector_does(const struct connector *connector, const char *policy, const char *object)
{
    enum connector_operation_kind kind =
        strcmp(policy, "archive") == 0 ? OPERATION_ARCHIVE : OPERATION_DELETE;
    return (kind == OPERATION_DELETE && strcmp(policy, "delete") != 0) ||
           connector_operation(connector, kind, object);
}

/* NOLINTBEGIN(bugprone-macro-parentheses): part.field names a member, which takes no parentheses */
#define TEXT(part, field, words)                                                               \
    {                                                                                          \
        .name = #field, .type = CONF_STRING, .offset = offsetof(struct connector, part.field), \
        .help = (words)                                                                        \
    }
static const struct conf_option RESULT_OPTIONS[] = {
    TEXT(result, id, "path to the id"),
    TEXT(result, trace, "path to the {trace} sent with the item"),
    TEXT(result, created, "path to the boolean that says new"),
    TEXT(result, version, "path to the version after the write"),
    TEXT(result, values, "path to the object with the properties as stored"),
    {0}};
static const struct conf_option FAILURE_OPTIONS[] = {
    TEXT(failure, trace, "path to the {trace}, a text or a list of texts"),
    TEXT(failure, ids, "path to the ids or external ids meant, a text or a list of texts"),
    {0}};
static const struct conf_option PEOPLE_OPTIONS[] = {
    TEXT(people, object, "the object that the list is"),
    TEXT(people, email, "the property that holds a person's e-mail"),
    {0}};
static const struct conf_option QUOTA_OPTIONS[] = {
    TEXT(quota, header, "header that holds used/limit"),
    TEXT(quota, usage_after, "the words in it before used/limit"),
    TEXT(quota, remaining_header, "header with the requests left today"),
    TEXT(quota, max_header, "header with the requests allowed a day"),
    {0}};
static const struct conf_option RATE_OPTIONS[] = {
    TEXT(rate, max_header, "header with the requests allowed in a window"),
    TEXT(rate, remaining_header, "header with those that are left in it"),
    TEXT(rate, interval_header, "header with the window's length in ms"),
    {0}};
/* NOLINTEND(bugprone-macro-parentheses) */

struct connector *connector_open(const config_setting_t *group, struct conf_report *report)
{
    int before = report->count + report->dropped;
    if (!group) {
        conf_mistake(report, NULL, "@include \"connectors/NAME.cfg\"", "a system has no connector");
        return NULL;
    }
    struct connector *connector = calloc(1, sizeof(*connector));
    if (!connector) {
        conf_mistake(report, group, NULL, "out of memory");
        return NULL;
    }
    arena_init(&connector->arena);
    struct written written;
    memset(&written, 0, sizeof(written));
    (void)conf_read_group(group, OPTIONS, NULL, &written, report);
    connector->name = written.name;
    connector->about = written.about;
    connector->conditional_writes = written.conditional_writes;
    connector->id_form = (enum id_form)connector_choice(written.id_form, ID_FORMS);
    connector->time_form = (enum time_form)connector_choice(written.time, TIME_FORMS);
    read_constants(connector, &written, report);
    if (written.auth)
        connector_auth_read(connector, written.auth, report);
    if (written.record)
        (void)conf_read_group(written.record, CONNECTOR_RECORD_OPTIONS, NULL, &connector->record,
                              report);
    (void)conf_read_group(written.result, RESULT_OPTIONS, NULL, connector, report);
    (void)conf_read_group(written.failure, FAILURE_OPTIONS, NULL, connector, report);
    (void)conf_read_group(written.quota, QUOTA_OPTIONS, NULL, connector, report);
    (void)conf_read_group(written.rate, RATE_OPTIONS, NULL, connector, report);
    (void)conf_read_group(written.people, PEOPLE_OPTIONS, NULL, connector, report);
    if (written.error)
        connector_errors_read(connector, written.error, written.errors, report);
    const config_setting_t *system = config_setting_parent(group);
    if (written.auth && report->count + report->dropped == before)
        connector_auth_check(connector, system, report);
    connector_limits_read(connector, written.limits,
                          system ? config_setting_get_member(system, "limits") : NULL, report);
    if (written.operations)
        connector_operations_read(connector, written.operations, connector->operations, report);
    read_own_operations(connector, report);
    if (report->count + report->dropped == before)
        return connector;
    connector_close(connector);
    return NULL;
}

void connector_close(struct connector *connector)
{
    if (!connector)
        return;
    arena_clear(&connector->arena);
    free(connector);
}
