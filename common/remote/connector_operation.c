/*
 * connector_operation — the group operations of a connector file: for each
 * thing that can be asked of a system, its request and where the answer holds what.
 */
#include <stdio.h>
#include <string.h>

#include "remote/connector_internal.h"

/* One operation as written. */
struct written {
    const char *method, *path, *body, *each, *separator;
    const char *records, *next, *total, *results, *errors, *unique, *read_only, *histories;
    bool keyset;
    const config_setting_t *query, *record, *headers, *entry;
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
    {.name = "read_only",
     .type = CONF_STRING,
     AT(read_only),
     .help = "properties: path to the boolean that says that no value can be written"},
    {.name = "histories",
     .type = CONF_STRING,
     AT(histories),
     .help = "history: path in a record to the object: property name → list of entries"},
    {.name = "entry", .type = CONF_GROUP, AT(entry), .help = "history: where an entry holds what"},
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

struct written_entry {
    const char *value, *at, *source, *source_id;
    const config_setting_t *own_sources;
};
#define AT(field) .offset = offsetof(struct written_entry, field)
static const struct conf_option ENTRY_OPTIONS[] = {
    {.name = "value",
     .type = CONF_STRING,
     AT(value),
     .required = true,
     .help = "path to the value"},
    {.name = "at", .type = CONF_STRING, AT(at), .required = true, .help = "path to its time"},
    {.name = "source",
     .type = CONF_STRING,
     AT(source),
     .required = true,
     .help = "path to the kind of writer"},
    {.name = "source_id", .type = CONF_STRING, AT(source_id), .help = "path to which of that kind"},
    {.name = "own_sources",
     .type = CONF_GROUP,
     AT(own_sources),
     .required = true,
     .help = "the kinds of writer that we can be: [\"INTEGRATION\"]"},
    {0}};
#undef AT

static void read_entry(struct connector_operation *operation, const struct written *written,
                       struct conf_report *report)
{
    struct written_entry entry;
    memset(&entry, 0, sizeof(entry));
    if (!written->entry ||
        conf_read_group(written->entry, ENTRY_OPTIONS, NULL, &entry, report) != 0)
        return;
    operation->history = (struct history_paths){.list = written->histories,
                                                .value = entry.value,
                                                .at = entry.at,
                                                .source = entry.source,
                                                .source_id = entry.source_id};
    if (connector_texts(entry.own_sources, HISTORY_SOURCES_MAX, operation->history.own_sources,
                        report) == 0)
        conf_mistake(report, entry.own_sources, NULL, "\"own_sources\" names no kind of writer");
}

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
    const struct operation_rule *rule = &OPERATION_RULES[kind];
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
    operation->read_only = written.read_only;
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
    need(group, "histories", written.histories, rule->entry, report);
    need(group, "entry", written.entry, rule->entry, report);
    read_entry(operation, &written, report);
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
