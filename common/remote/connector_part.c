/*
 * connector_part — the groups inside an operation of a connector file: where
 * a record, an entry of a history, an association holds what.
 */
#include <stddef.h>
#include <string.h>

#include "remote/connector_internal.h"

#define AT(field) .offset = offsetof(struct record_paths, field)
const struct conf_option CONNECTOR_RECORD_OPTIONS[] = {
    {.name = "id", .type = CONF_STRING, AT(id), .required = true, .help = "path to the id"},
    {.name = "modified", .type = CONF_STRING, AT(modified), .help = "path to the modified time"},
    {.name = "version",
     .type = CONF_STRING,
     AT(version),
     .help = "path to what a conditional write compares"},
    {.name = "writer", .type = CONF_STRING, AT(writer), .help = "path to who modified it last"},
    {.name = "into",
     .type = CONF_STRING,
     AT(into),
     .help = "ended: path to the id of the record that it was merged into"},
    {.name = "merged",
     .type = CONF_STRING,
     AT(merged),
     .help = "path to the ids of the records that were merged into this one, \";\" between them"},
    {.name = "gone",
     .type = CONF_STRING,
     AT(gone),
     .help = "path to a boolean that is true when there is no such record any more"},
    {.name = "dated",
     .type = CONF_BOOL,
     AT(dated),
     .help = "records carry no time of modification: it is when they were read"},
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

void connector_entry_read(struct history_paths *ret_paths, const config_setting_t *group,
                          const char *list, struct conf_report *report)
{
    struct written_entry entry;
    memset(&entry, 0, sizeof(entry));
    if (conf_read_group(group, ENTRY_OPTIONS, NULL, &entry, report) != 0)
        return;
    *ret_paths = (struct history_paths){.list = list,
                                        .value = entry.value,
                                        .at = entry.at,
                                        .source = entry.source,
                                        .source_id = entry.source_id};
    if (connector_texts(entry.own_sources, HISTORY_SOURCES_MAX, ret_paths->own_sources, report) ==
        0)
        conf_mistake(report, entry.own_sources, NULL, "\"own_sources\" names no kind of writer");
}

#define AT(field) .offset = offsetof(struct link_paths, field)
static const struct conf_option LINK_OPTIONS[] = {
    {.name = "from", .type = CONF_STRING, AT(from), .help = "link: path in a result to one end"},
    {.name = "to", .type = CONF_STRING, AT(to), .help = "path to the other end"},
    {.name = "failure_from",
     .type = CONF_STRING,
     AT(failure_from),
     .help = "path in an error to one end, a text or a list of texts"},
    {.name = "failure_to",
     .type = CONF_STRING,
     AT(failure_to),
     .help = "path in an error to the other end, a text or a list of texts"},
    {.name = "list",
     .type = CONF_STRING,
     AT(list),
     .help = "links: path in a record to what it is associated with"},
    {.name = "types",
     .type = CONF_STRING,
     AT(types),
     .default_text = "",
     .help = "links: path in one of these to its types; \"\": there is one, in it"},
    {.name = "type", .type = CONF_STRING, AT(type), .help = "links: path to the type's name"},
    {.name = "category", .type = CONF_STRING, AT(category), .help = "links: path to its category"},
    {.name = "more",
     .type = CONF_STRING,
     AT(more),
     .help = "links: path in a record to what says that it has more of them"},
    {0}};
#undef AT

void connector_link_read(struct link_paths *ret_paths, const config_setting_t *group,
                         enum connector_operation_kind kind, struct conf_report *report)
{
    if (conf_read_group(group, LINK_OPTIONS, NULL, ret_paths, report) != 0)
        return;
    bool read = kind == OPERATION_LINKS;
    const char *missing = kind == OPERATION_LINK && !ret_paths->from   ? "from"
                          : kind != OPERATION_UNLINK && !ret_paths->to ? "to"
                          : read && !ret_paths->list                   ? "list"
                          : read && !ret_paths->type                   ? "type"
                                                                       : NULL;
    if (missing)
        conf_mistake(report, group, "see deploy/connectors/README.md", "\"%s\" is missing",
                     missing);
}
