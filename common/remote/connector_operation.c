/*
 * connector_operation — the group operations of a connector file: for each
 * thing that can be asked of a system, its request and where the answer holds what.
 */
#include <stdio.h>
#include <string.h>

#include "remote/connector_internal.h"
#include "remote/rest.h"

_Static_assert((int)OPERATION_BACKFILL == (int)REST_BACKFILL &&
                   (int)OPERATION_CREATE_PROPERTY == (int)REST_CREATE_PROPERTY &&
                   (int)OPERATION_CREATE_IF_ABSENT == (int)REST_KIND_COUNT,
               "in the order of enum rest_kind");

const char *const OPERATION_NAMES[] = {
    "backfill",         "incremental", "read",   "list",       "count",
    "upsert",           "create",      "update", "properties", "create_property",
    "create_if_absent", NULL};
_Static_assert(sizeof(OPERATION_NAMES) / sizeof(OPERATION_NAMES[0]) == OPERATION_KIND_COUNT + 1,
               "a name per operation");

#define FIELDS (PH_BIT(PH_FIELDS) | PH_BIT(PH_FIELDS_JSON))
#define ITEM                                                                          \
    (PH_BIT(PH_ID) | PH_BIT(PH_EXTERNAL_ID) | PH_BIT(PH_VERSION) | PH_BIT(PH_TRACE) | \
     PH_BIT(PH_PROPERTIES))

/* What may and what must stand in the templates of each operation, and which paths it needs. */
struct rule {
    uint32_t allowed, required;
    uint32_t each; /* allowed in each; 0: the operation has none */
    bool records, total, results;
};
static const struct rule RULES[OPERATION_KIND_COUNT] = {
    [OPERATION_BACKFILL] = {.allowed = FIELDS | PH_BIT(PH_PAGE) | PH_BIT(PH_AFTER_ID),
                            .required = PH_BIT(PH_AFTER_ID),
                            .records = true},
    [OPERATION_INCREMENTAL] = {.allowed = FIELDS | PH_BIT(PH_PAGE) | PH_BIT(PH_AFTER_ID) |
                                          PH_BIT(PH_FROM) | PH_BIT(PH_TO),
                               .required = PH_BIT(PH_AFTER_ID) | PH_BIT(PH_FROM) | PH_BIT(PH_TO),
                               .records = true},
    [OPERATION_READ] = {.allowed = FIELDS | PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                        .required = PH_BIT(PH_EACH),
                        .each = PH_BIT(PH_ID) | PH_BIT(PH_ID_PROPERTY),
                        .records = true},
    [OPERATION_LIST] = {.allowed = FIELDS | PH_BIT(PH_PAGE) | PH_BIT(PH_CURSOR),
                        .required = PH_BIT(PH_CURSOR),
                        .records = true},
    [OPERATION_COUNT] = {.total = true},
    [OPERATION_UPSERT] = {.allowed = PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                          .required = PH_BIT(PH_EACH),
                          .each = ITEM | PH_BIT(PH_ID_PROPERTY),
                          .results = true},
    [OPERATION_CREATE] = {.allowed = PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                          .required = PH_BIT(PH_EACH),
                          .each = ITEM | PH_BIT(PH_ID_PROPERTY),
                          .results = true},
    [OPERATION_UPDATE] = {.allowed = PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                          .required = PH_BIT(PH_EACH),
                          .each = ITEM | PH_BIT(PH_ID_PROPERTY),
                          .results = true},
    [OPERATION_PROPERTIES] = {.records = true},
    [OPERATION_CREATE_PROPERTY] = {.allowed = PH_BIT(PH_PROPERTY_NAME) | PH_BIT(PH_PROPERTY_UNIQUE),
                                   .required = PH_BIT(PH_PROPERTY_NAME)},
    [OPERATION_CREATE_IF_ABSENT] = {.allowed = PH_BIT(PH_ID_PROPERTY) | PH_BIT(PH_EACH),
                                    .required = PH_BIT(PH_EACH),
                                    .each = ITEM | PH_BIT(PH_ID_PROPERTY),
                                    .results = true},
};

/* One operation as written. */
struct written {
    const char *method, *path, *body, *each, *separator;
    const char *records, *next, *total, *results, *errors, *unique;
    bool keyset;
    const config_setting_t *query, *record, *headers;
};
static const char *const METHODS[] = {"GET", "POST", "PUT", "PATCH", NULL};
#define AT(field) .offset = offsetof(struct written, field)
static const struct conf_option OPTIONS[] = {
    {.name = "method",
     .type = CONF_STRING,
     AT(method),
     .default_text = "GET",
     .choices = METHODS,
     .help = "HTTP method"},
    {.name = "path",
     .type = CONF_STRING,
     AT(path),
     .required = true,
     .help = "template: what follows the system's url, from the first /"},
    {.name = "query",
     .type = CONF_GROUP,
     AT(query),
     .help = "name = template; an empty one is left out"},
    {.name = "body", .type = CONF_STRING, AT(body), .help = "template: JSON, ' stands for \""},
    {.name = "each",
     .type = CONF_STRING,
     AT(each),
     .help = "template of one id or item; all of them, joined, are {each}"},
    {.name = "separator",
     .type = CONF_STRING,
     AT(separator),
     .default_text = ",",
     .help = "between two of them"},
    {.name = "headers", .type = CONF_GROUP, AT(headers), .help = "list of \"Name: value\""},
    {.name = "records", .type = CONF_STRING, AT(records), .help = "path to the list of records"},
    {.name = "next",
     .type = CONF_STRING,
     AT(next),
     .help = "path to what says that another page follows: its cursor"},
    {.name = "keyset", .type = CONF_BOOL, AT(keyset), .help = "list: the cursor is the last id"},
    {.name = "total", .type = CONF_STRING, AT(total), .help = "path to the number of records"},
    {.name = "results", .type = CONF_STRING, AT(results), .help = "path to the items' results"},
    {.name = "errors", .type = CONF_STRING, AT(errors), .help = "path to the items' errors"},
    {.name = "unique",
     .type = CONF_STRING,
     AT(unique),
     .help = "properties: path to the boolean that says unique"},
    {.name = "record", .type = CONF_GROUP, AT(record), .help = "as connector.record, for this one"},
    {0}};
#undef AT

#define AT(field) .offset = offsetof(struct record_paths, field)
const struct conf_option CONNECTOR_RECORD_OPTIONS[] = {
    {.name = "id", .type = CONF_STRING, AT(id), .required = true, .help = "path to the id"},
    {.name = "modified", .type = CONF_STRING, AT(modified), .help = "path to the modified time"},
    {.name = "version",
     .type = CONF_STRING,
     AT(version),
     .help = "path to what a conditional write compares"},
    {.name = "writer", .type = CONF_STRING, AT(writer), .help = "path to who modified it last"},
    {.name = "values",
     .type = CONF_STRING,
     AT(values),
     .default_text = "",
     .help = "path to the object with the properties; \"\": the record itself"},
    {0}};
#undef AT

static void need(const config_setting_t *group, const char *key, const void *value, bool needed,
                 struct conf_report *report)
{
    if (needed && !value)
        conf_mistake(report, group, "see deploy/connectors/README.md", "operation %s needs \"%s\"",
                     config_setting_name(group), key);
}

static void read_query(struct connector *connector, struct connector_operation *operation,
                       const config_setting_t *query, uint32_t allowed, struct conf_report *report)
{
    int count = query ? config_setting_length(query) : 0;
    for (int i = 0; i < count; i++) {
        const config_setting_t *setting = config_setting_get_elem(query, (unsigned)i);
        const char *text = config_setting_get_string(setting), *name = config_setting_name(setting);
        if (!text || !name) {
            conf_mistake(report, setting, "query = { name = \"template\"; }",
                         "a query parameter is a name and a text");
            continue;
        }
        if (operation->query_count == OPERATION_QUERY_MAX) {
            conf_mistake(report, setting, NULL, "more than %d query parameters",
                         OPERATION_QUERY_MAX);
            return;
        }
        operation->query[operation->query_count].name = name;
        (void)connector_template_read(connector, setting, text, TEMPLATE_QUERY, allowed, report,
                                      &operation->query[operation->query_count++].value);
    }
}

static void read_headers(struct connector_operation *operation, const config_setting_t *list,
                         struct conf_report *report)
{
    if (!list)
        return;
    int count = connector_texts(list, OPERATION_HEADERS_MAX, operation->headers, report);
    for (int i = 0; i < count; i++)
        if (!strstr(operation->headers[i], ": ") || strpbrk(operation->headers[i], "\r\n"))
            conf_mistake(report, list, "write \"Name: value\"", "\"%s\" is not a header",
                         operation->headers[i]);
}

/* Templates that must be used, or the same page would come for ever. */
static void check_used(const struct connector_operation *operation, const config_setting_t *group,
                       uint32_t required, struct conf_report *report)
{
    uint32_t used = operation->path.used | operation->body.used;
    for (int i = 0; i < operation->query_count; i++)
        used |= operation->query[i].value.used;
    for (int i = 0; i < PLACEHOLDER_COUNT; i++)
        if ((required & PH_BIT(i)) && !(used & PH_BIT(i)))
            conf_mistake(report, group, NULL, "operation %s must use {%s}",
                         config_setting_name(group), PLACEHOLDER_NAMES[i]);
}

static void read_operation(struct connector *connector, const config_setting_t *group,
                           enum connector_operation_kind kind, struct conf_report *report)
{
    const struct rule *rule = &RULES[kind];
    struct connector_operation *operation = &connector->operations[kind];
    struct written written;
    memset(&written, 0, sizeof(written));
    int before = report->count + report->dropped;
    if (conf_read_group(group, OPTIONS, NULL, &written, report) != 0 && !written.path)
        return;
    operation->present = true;
    operation->method = written.method;
    operation->separator = written.separator;
    operation->records = written.records;
    operation->next = written.next;
    operation->total = written.total;
    operation->results = written.results;
    operation->errors = written.errors;
    operation->unique = written.unique;
    operation->keyset = written.keyset;
    operation->has_body = written.body != NULL;
    operation->has_each = written.each != NULL;
    operation->record = connector->record;
    if (written.record)
        (void)conf_read_group(written.record, CONNECTOR_RECORD_OPTIONS, NULL, &operation->record,
                              report);

    uint32_t allowed = rule->allowed | PH_BIT(PH_OBJECT);
    (void)connector_template_read(connector, config_setting_get_member(group, "path"), written.path,
                                  TEMPLATE_PATH, allowed, report, &operation->path);
    if (written.path[0] != '/' && written.path[0] != '{') /* a constant may begin with it */
        conf_mistake(report, config_setting_get_member(group, "path"), NULL,
                     "\"path\" must begin with /");
    read_query(connector, operation, written.query, allowed, report);
    read_headers(operation, written.headers, report);
    if (written.body)
        (void)connector_template_read(connector, config_setting_get_member(group, "body"),
                                      written.body, TEMPLATE_JSON, allowed, report,
                                      &operation->body);
    if (written.body && strcmp(written.method, "GET") == 0)
        conf_mistake(report, group, "write method = \"POST\"", "a GET has no body");
    if (written.each && !rule->each)
        conf_mistake(report, config_setting_get_member(group, "each"), NULL,
                     "operation %s has no items", config_setting_name(group));
    else if (written.each)
        (void)connector_template_read(connector, config_setting_get_member(group, "each"),
                                      written.each, written.body ? TEMPLATE_JSON : TEMPLATE_QUERY,
                                      rule->each | PH_BIT(PH_OBJECT), report, &operation->each);
    need(group, "each", written.each, rule->each != 0, report);
    need(group, "records", written.records, rule->records, report);
    need(group, "total", written.total, rule->total, report);
    need(group, "results", written.results, rule->results, report);
    if (kind == OPERATION_LIST && !written.keyset)
        need(group, "next", written.next, true, report);
    if (report->count + report->dropped == before)
        check_used(operation, group, rule->required, report);
}

void connector_operations_read(struct connector *connector, const config_setting_t *group,
                               struct conf_report *report)
{
    struct conf_option options[OPERATION_KIND_COUNT + 1];
    const config_setting_t *groups[OPERATION_KIND_COUNT];
    memset(options, 0, sizeof(options));
    for (size_t i = 0; i < OPERATION_KIND_COUNT; i++)
        options[i] = (struct conf_option){
            .name = OPERATION_NAMES[i],
            .type = CONF_GROUP,
            .offset = (size_t)((const char *)&groups[i] - (const char *)groups)};
    (void)conf_read_group(group, options, NULL, groups, report);
    for (int i = 0; i < OPERATION_KIND_COUNT; i++)
        if (groups[i])
            read_operation(connector, groups[i], (enum connector_operation_kind)i, report);
}
