/*
 * migration_form — the forms of a form source. See form.h.
 */
#include "model/form.h"

#include <stdio.h>
#include <string.h>

#include "model/migration_internal.h"

enum { PATH_MAX_BYTES = 200, NAME_MAX_BYTES = 60 };

const char *const FORM_VISITOR_NAMES[] = {"none", "truncated", "hashed", "whole", NULL};
_Static_assert(sizeof(FORM_VISITOR_NAMES) / sizeof(FORM_VISITOR_NAMES[0]) == FORM_VISITOR_COUNT + 1,
               "a name each");

static const char EXAMPLE[] =
    "forms = ( { name = \"contact-us\"; path = \"/forms/contact\"; … } );";
static const char INPUTS_EXAMPLE[] = "inputs = ( { name = \"email\"; field = \"email\"; } );";

struct form_group {
    const char *name, *path, *entity, *thank_you, *return_input, *honeypot, *visitor, *forward_url;
    config_setting_t *return_urls, *inputs, *consent, *origins;
};

#define TEXT(member) \
    .name = #member, .type = CONF_STRING, .offset = offsetof(struct form_group, member)
#define LIST(member) \
    .name = #member, .type = CONF_GROUP, .offset = offsetof(struct form_group, member)

static const struct conf_option FORM[] = {
    {TEXT(name), .required = true, .help = "name = \"contact-us\"; it is in the records' keys"},
    {TEXT(path), .required = true, .help = "path = \"/forms/contact\";"},
    {TEXT(entity), .required = true, .help = "what a post becomes: entity = \"contact\";"},
    {TEXT(thank_you), .required = true, .help = "where the visitor goes afterwards, an address"},
    {TEXT(return_input), .default_text = "retURL", .help = "an input that names another address"},
    {LIST(return_urls), .help = "what that may begin with: return_urls = [\"https://acme.com/\"];"},
    {LIST(inputs), .required = true, .help = INPUTS_EXAMPLE},
    {LIST(consent), .help = "inputs that go with the event as they came: consent = [\"optIn\"];"},
    {LIST(origins), .help = "whose pages may post: origins = [\"https://www.acme.com\"];"},
    {TEXT(honeypot), .help = "an input that people do not see; whoever fills it in is a bot"},
    {TEXT(visitor), .default_text = "none", .choices = FORM_VISITOR_NAMES,
     .help = "what is kept of the visitor's address"},
    {TEXT(forward_url), .help = "the old address, which gets each post as well"},
    {0},
};

struct input_group {
    const char *name, *field;
};

static const struct conf_option INPUT[] = {
    {.name = "name",
     .type = CONF_STRING,
     .offset = offsetof(struct input_group, name),
     .required = true,
     .help = "as the form posts it"},
    {.name = "field",
     .type = CONF_STRING,
     .offset = offsetof(struct input_group, field),
     .required = true,
     .help = "the field of the entity"},
    {0},
};

/* An address with a host and, behind it, nothing or a path. */
static bool is_address(const char *url)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    for (const char *at = url; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f || *at == '\\')
            return false;
    return scheme && url[scheme] && url[scheme] != '/';
}

static void check_address(const config_setting_t *at, const char *url, struct conf_report *report)
{
    if (url && !is_address(url))
        conf_mistake(report, at, "https://www.acme.com/thanks", "\"%.150s\" is no address", url);
}

/* A list of texts; each is one for which good() is true. */
static struct form_texts read_texts(struct migration *migration, const config_setting_t *list,
                                    const char *name, bool (*good)(const char *text),
                                    const char *advice, struct conf_report *report)
{
    struct form_texts texts = {0};
    int length = list ? config_setting_length(list) : 0;
    if (list && (config_setting_type(list) == CONFIG_TYPE_GROUP || length > FORM_TEXTS_MAX)) {
        conf_mistake(report, list, advice, "\"%s\" must be a list of at most %d texts", name,
                     FORM_TEXTS_MAX);
        return texts;
    }
    texts.texts = arena_new(&migration->arena, const char *, length + 1);
    for (int i = 0; i < length; i++) {
        const config_setting_t *at = config_setting_get_elem(list, (unsigned)i);
        const char *text = config_setting_get_string(at);
        if (text && good(text))
            texts.texts[texts.count++] = text;
        else
            conf_mistake(report, at, advice, "\"%.150s\" cannot stand in \"%s\"", text ? text : "?",
                         name);
    }
    return texts;
}

/* A host without an end is the beginning of any other: "https://acme.com" of "https://acme.com.evil.org". */
static bool good_return(const char *url)
{
    const char *host = strstr(url, "://");
    return is_address(url) && strchr(host + 3, '/');
}

static bool good_origin(const char *origin)
{
    return strcmp(origin, "null") == 0 ||
           (is_address(origin) && !strchr(strstr(origin, "://") + 3, '/'));
}

static bool good_name(const char *name)
{
    return name[0] != '\0';
}

static void read_inputs(struct migration *migration, const config_setting_t *list,
                        struct form *form, struct conf_report *report)
{
    int length = migration_list(list, "inputs", INPUTS_EXAMPLE, report);
    if (length > FORM_INPUTS_MAX) {
        conf_mistake(report, list, NULL, "more than %d inputs", FORM_INPUTS_MAX);
        return;
    }
    struct form_input *inputs = arena_new(&migration->arena, struct form_input, length);
    form->inputs = inputs;
    for (int i = 0; i < length; i++) {
        const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
        struct input_group read = {0};
        (void)conf_read_group(group, INPUT, NULL, &read, report);
        if (!read.name || !read.field || !form->entity)
            continue;
        int field = entity_field(form->entity, span_of(read.field));
        if (field < 0 || !form->entity->fields[field].old_name ||
            form->entity->fields[field].rules.type == VALUE_REFERENCE) {
            conf_mistake(report, migration_at(group, "field"), NULL,
                         field < 0 ? "entity %s has no field \"%s\""
                                   : "a form cannot say field %s.%s: it is not read as one text "
                                     "of the old system",
                         form->entity->name, read.field);
            continue;
        }
        for (int k = 0; k < form->input_count; k++)
            if (inputs[k].field == field || strcmp(inputs[k].name, read.name) == 0)
                conf_mistake(report, group, NULL, "input \"%s\" or its field stands there twice",
                             read.name);
        inputs[form->input_count++] = (struct form_input){read.name, field};
    }
}

static void check_names(const config_setting_t *group, const struct form_group *read,
                        const struct migration *migration, const struct form_settings *settings,
                        struct conf_report *report)
{
    if (read->name)
        (void)migration_name(group, "name", read->name, '-', NAME_MAX_BYTES, report);
    for (int i = 0; read->name && i < migration->system_count; i++)
        if (strcmp(migration->systems[i].name, read->name) == 0)
            conf_mistake(report, migration_at(group, "name"), "name = \"contact-us\";",
                         "\"%s\" is the name of a system: their records would be one", read->name);
    const char *path = read->path;
    if (path && (path[0] != '/' || strlen(path) > PATH_MAX_BYTES || strpbrk(path, "?#% \\")))
        conf_mistake(report, migration_at(group, "path"),
                     "path = \"/forms/contact\"; without blanks, '?', '#' or '%'",
                     "\"%.100s\" is no path of a form", path);
    for (int i = 0; path && read->name && i < settings->form_count; i++)
        if (strcmp(settings->forms[i].path, path) == 0 ||
            strcmp(settings->forms[i].name, read->name) == 0)
            conf_mistake(report, group, "give each form a name and a path of its own",
                         "there are two forms \"%s\" or two at \"%.100s\"", read->name, path);
}

static void read_form(struct migration *migration, const config_setting_t *group,
                      struct form_settings *settings, struct form *form, struct conf_report *report)
{
    struct form_group read = {0};
    (void)conf_read_group(group, FORM, NULL, &read, report);
    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return;
    *form = (struct form){.name = read.name,
                          .path = read.path,
                          .thank_you = read.thank_you,
                          .return_input = read.return_input,
                          .honeypot = read.honeypot,
                          .forward_url = read.forward_url};
    check_names(group, &read, migration, settings, report);
    check_address(migration_at(group, "thank_you"), read.thank_you, report);
    check_address(migration_at(group, "forward_url"), read.forward_url, report);
    for (int i = 0; read.visitor && i < FORM_VISITOR_COUNT; i++)
        if (strcmp(read.visitor, FORM_VISITOR_NAMES[i]) == 0)
            form->visitor = (enum form_visitor)i;
    form->return_urls = read_texts(migration, read.return_urls, "return_urls", good_return,
                                   "https://www.acme.com/ with the '/' behind the host", report);
    form->origins = read_texts(migration, read.origins, "origins", good_origin,
                               "https://www.acme.com without a path", report);
    form->consent =
        read_texts(migration, read.consent, "consent", good_name, "consent = [\"optIn\"];", report);
    if (read.entity)
        form->entity = migration_entity_named(migration, group, read.entity, report);
    if (read.inputs)
        read_inputs(migration, read.inputs, form, report);
}

struct form_settings *migration_read_forms(struct migration *migration,
                                           const config_setting_t *group,
                                           struct conf_report *report)
{
    struct form_settings *settings = arena_new(&migration->arena, struct form_settings, 1);
    const config_setting_t *list =
        config_setting_get_member((config_setting_t *)(uintptr_t)group, "forms");
    int length = migration_list(list, "forms", EXAMPLE, report);
    if (!list && config_setting_type(group) == CONFIG_TYPE_GROUP)
        conf_mistake(report, group, EXAMPLE, "\"forms\" is missing");
    if (length > FORMS_MAX) {
        conf_mistake(report, list, "make two sources of it", "more than %d forms", FORMS_MAX);
        length = 0;
    }
    const char *spool_dir = NULL;
    (void)config_setting_lookup_string(group, "spool_dir", &spool_dir);
    settings->spool_dir = migration_path(migration, group, spool_dir);
    struct form *forms = arena_new(&migration->arena, struct form, length);
    settings->forms = forms;
    for (int i = 0; i < length; i++) {
        struct form *form = &forms[settings->form_count];
        *form = (struct form){0};
        read_form(migration, config_setting_get_elem(list, (unsigned)i), settings, form, report);
        if (form->path && form->name)
            settings->form_count++;
    }
    return settings;
}
