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
    const char *records, *next, *total, *earliest, *covered, *results, *errors, *unique, *read_only,
        *histories, *by, *label, *stages, *after, *last;
    bool keyset, unordered;
    int64_t max;
    const config_setting_t *query, *record, *headers, *entry, *link;
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
    {.name = "after",
     .type = CONF_STRING,
     AT(after),
     .help = "backfill, incremental: path to the next page's {after_id}, where that is no id"},
    {.name = "last",
     .type = CONF_STRING,
     AT(last),
     .help = "path to a boolean that is true on the last page"},
    {.name = "unordered",
     .type = CONF_BOOL,
     AT(unordered),
     .help = "backfill, incremental: records come in whatever order"},
    {.name = "total", .type = CONF_STRING, AT(total), .help = "path to the number of records"},
    {.name = "earliest",
     .type = CONF_STRING,
     AT(earliest),
     .help = "deleted: path to the time at which the log begins"},
    {.name = "covered",
     .type = CONF_STRING,
     AT(covered),
     .help = "deleted: path to the time up to which nothing is missing"},
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
    {.name = "link",
     .type = CONF_GROUP,
     AT(link),
     .help = "link, unlink, links: where an answer holds the two ends and the type"},
    {.name = "label", .type = CONF_STRING, AT(label), .help = "pipelines: path to the name"},
    {.name = "stages", .type = CONF_STRING, AT(stages), .help = "pipelines: path to the stages"},
    {.name = "by",
     .type = CONF_STRING,
     AT(by),
     .help = "read: the only property by which it can look up"},
    {.name = "max",
     .type = CONF_INT,
     AT(max),
     .min = 0,
     .max = 10000,
     .help = "ids, values or items in one request, where these are fewer than limits says"},
    {.name = "record", .type = CONF_GROUP, AT(record), .help = "as connector.record, for this one"},
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
static void check_used(struct connector_operation *operation, const config_setting_t *group,
                       uint32_t required, struct conf_report *report)
{
    uint32_t used = operation->path.used | operation->body.used;
    for (int i = 0; i < operation->query_count; i++)
        used |= operation->query[i].value.used;
    if (operation->after && !operation->unordered && (required & PH_BIT(PH_TO))) {
        operation->open_ended = !(used & PH_BIT(PH_TO));
        required &= ~PH_BIT(PH_TO);
    }
    for (int i = 0; i < PLACEHOLDER_COUNT; i++)
        if ((required & PH_BIT(i)) && !(used & PH_BIT(i)))
            conf_mistake(report, group, NULL, "operation %s must use {%s}",
                         config_setting_name(group), PLACEHOLDER_NAMES[i]);
}

static void read_operation(struct connector *connector, const config_setting_t *group,
                           enum connector_operation_kind kind,
                           struct connector_operation *operation, struct conf_report *report)
{
    const struct operation_rule *rule = &OPERATION_RULES[kind];
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
    operation->earliest = written.earliest;
    operation->covered = written.covered;
    operation->results = written.results;
    operation->errors = written.errors;
    operation->unique = written.unique;
    operation->read_only = written.read_only;
    operation->keyset = written.keyset;
    operation->after = written.after;
    operation->last = written.last;
    operation->unordered = written.unordered;
    operation->by = written.by;
    operation->max = (int)written.max;
    operation->label = written.label;
    operation->stages = written.stages;
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
    need(group, "link", written.link, rule->link, report);
    need(group, "label", written.label, rule->stages, report);
    need(group, "stages", written.stages, rule->stages, report);
    if (written.entry)
        connector_entry_read(&operation->history, written.entry, written.histories, report);
    if (written.link)
        connector_link_read(&operation->link, written.link, kind, report);
    if (kind == OPERATION_LIST && !written.keyset)
        need(group, "next", written.next, true, report);
    if (report->count + report->dropped == before)
        check_used(operation, group, rule->required, report);
}

void connector_operations_read(struct connector *connector, const config_setting_t *group,
                               struct connector_operation *operations, struct conf_report *report)
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
            read_operation(connector, groups[i], (enum connector_operation_kind)i, &operations[i],
                           report);
}
