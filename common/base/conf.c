/*
 * conf — one group read through its table of options. See conf.h; files are
 * read in conf_file.c, mistakes collected in conf_report.c.
 */
#include "base/conf_internal.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_MAX = 128 };

static const char *const TYPE_WORDS[] = {"a text in quotes",
                                         "an integer",
                                         "true or false",
                                         "a number",
                                         "the path of a file, in quotes",
                                         "the path of a file, in quotes",
                                         "a group, list or array"};
_Static_assert(sizeof(TYPE_WORDS) / sizeof(TYPE_WORDS[0]) == CONF_TYPE_COUNT, "words per type");

/* Where an option's value goes. */
static void *slot(void *self, const struct conf_option *option)
{
    return (char *)self + option->offset;
}

static void set_default(const struct conf_option *option, void *self)
{
    switch (option->type) {
    case CONF_STRING:
    case CONF_SECRET:
    case CONF_FILE:
        *(const char **)slot(self, option) = option->default_text;
        break;
    case CONF_INT:
        *(int64_t *)slot(self, option) = option->default_int;
        break;
    case CONF_BOOL:
        *(bool *)slot(self, option) = option->default_int != 0;
        break;
    case CONF_FLOAT:
        *(double *)slot(self, option) = option->default_float;
        break;
    case CONF_GROUP:
        *(config_setting_t **)slot(self, option) = NULL;
        break;
    case CONF_TYPE_COUNT:
        break;
    }
}

static bool is_integer(const config_setting_t *setting)
{
    int type = config_setting_type(setting);
    return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static bool type_fits(const struct conf_option *option, const config_setting_t *setting)
{
    int type = config_setting_type(setting);
    switch (option->type) {
    case CONF_STRING:
    case CONF_SECRET:
    case CONF_FILE:
        return type == CONFIG_TYPE_STRING;
    case CONF_INT:
        return is_integer(setting);
    case CONF_BOOL:
        return type == CONFIG_TYPE_BOOL;
    case CONF_FLOAT:
        return type == CONFIG_TYPE_FLOAT || is_integer(setting);
    case CONF_GROUP:
        return type == CONFIG_TYPE_GROUP || type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY;
    case CONF_TYPE_COUNT:
        break;
    }
    return false;
}

/* Whether the text would be the right literal, were it not in quotes. */
static bool fits_unquoted(enum conf_type type, const char *text)
{
    if (type == CONF_BOOL)
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    return (type == CONF_INT || type == CONF_FLOAT) && text[0] &&
           strspn(text, type == CONF_INT ? "0123456789" : "0123456789.") == strlen(text);
}

static void report_type(const struct conf_option *option, const config_setting_t *setting,
                        struct conf_report *report)
{
    char advice[256] = "";
    const char *text = config_setting_get_string(setting); /* NULL for other types */
    if (text && fits_unquoted(option->type, text))
        (void)snprintf(advice, sizeof(advice), "write %s without quotes", text);
    else if (option->type == CONF_STRING && is_integer(setting))
        (void)snprintf(advice, sizeof(advice), "write \"%lld\"",
                       (long long)config_setting_get_int64(setting));
    const char *want = option->type < CONF_TYPE_COUNT ? TYPE_WORDS[option->type] : "something else";
    conf_mistake(report, setting, advice, "\"%s\" must be %s", option->name, want);
}

static void read_string(const struct conf_option *option, const config_setting_t *setting,
                        void *self, struct conf_report *report)
{
    const char *text = config_setting_get_string(setting);
    *(const char **)slot(self, option) = text;
    if (!option->choices)
        return;
    struct buf choices;
    buf_init(&choices, 512);
    for (const char *const *choice = option->choices; *choice; choice++) {
        if (strcmp(*choice, text) == 0) {
            buf_clear(&choices);
            return;
        }
        buf_printf(&choices, "%s%s", choices.len ? ", " : "", *choice);
    }
    const char *nearest = conf_nearest(text, option->choices);
    char advice[256];
    if (nearest)
        (void)snprintf(advice, sizeof(advice), "did you mean \"%s\"?", nearest);
    else
        (void)snprintf(advice, sizeof(advice), "one of %s", buf_span(&choices).data);
    conf_mistake(report, setting, advice, "\"%s\" cannot be \"%s\"", option->name, text);
    buf_clear(&choices);
}

static void read_number(const struct conf_option *option, const config_setting_t *setting,
                        void *self, struct conf_report *report)
{
    bool is_float = config_setting_type(setting) == CONFIG_TYPE_FLOAT;
    int64_t integer = is_float ? 0 : config_setting_get_int64(setting);
    double number = is_float ? config_setting_get_float(setting) : (double)integer;
    if (option->type == CONF_INT)
        *(int64_t *)slot(self, option) = integer;
    else
        *(double *)slot(self, option) = number;
    if (option->min == 0 && option->max == 0)
        return;
    bool low = is_float ? number < (double)option->min : integer < option->min;
    bool high = is_float ? number > (double)option->max : integer > option->max;
    if (low || high)
        conf_mistake(report, setting, NULL, "\"%s\" must be between %lld and %lld, not %.15g",
                     option->name, (long long)option->min, (long long)option->max, number);
}

void conf_check_secret(const config_setting_t *at, const char *name, const char *path,
                       struct conf_report *report)
{
    const char *objection = secret_objection(path);
    if (!objection)
        return;
    char advice[256];
    (void)snprintf(advice, sizeof(advice), "it must be a file with mode 600: %s", path);
    conf_mistake(report, at, advice, "the secret file \"%s\" %s", name, objection);
}

/*
 * The resolved path replaces the text in the config_t, which then owns it; it
 * is absolute, so that reading a group twice changes nothing.
 */
const char *conf_file_path(config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);
    char found[PATH_MAX];
    const char *file = conf_setting_file(setting, found);
    char here[PATH_MAX], real[PATH_MAX], path[2 * PATH_MAX];
    (void)snprintf(here, sizeof(here), "%s", file ? file : "./x");
    if (text[0] != '/' && realpath(dirname(here), real)) {
        (void)snprintf(path, sizeof(path), "%s/%s", real, text);
        config_setting_set_string(setting, path);
        text = config_setting_get_string(setting);
    }
    return text;
}

static void read_file(const struct conf_option *option, config_setting_t *setting, void *self,
                      struct conf_report *report)
{
    const char *path = conf_file_path(setting);
    *(const char **)slot(self, option) = path;
    if (option->type == CONF_SECRET)
        conf_check_secret(setting, option->name, path, report);
    else if (access(path, R_OK) != 0)
        conf_mistake(report, setting, NULL, "\"%s\" cannot be read: %s: %s", option->name, path,
                     strerror(errno));
}

static void read_option(const struct conf_option *option, const config_setting_t *group, void *self,
                        struct conf_report *report)
{
    set_default(option, self);
    config_setting_t *setting = group ? config_setting_get_member(group, option->name) : NULL;
    if (!setting) {
        if (option->required)
            conf_mistake(report, group, option->help, "\"%s\" is missing", option->name);
        else if (group && report->keep_defaults)
            conf_add_default((config_setting_t *)(uintptr_t)group, option);
        return;
    }
    if (!type_fits(option, setting)) {
        report_type(option, setting, report);
        return;
    }
    switch (option->type) {
    case CONF_STRING:
        read_string(option, setting, self, report);
        break;
    case CONF_SECRET:
    case CONF_FILE:
        read_file(option, setting, self, report);
        break;
    case CONF_INT:
    case CONF_FLOAT:
        read_number(option, setting, self, report);
        break;
    case CONF_BOOL:
        *(bool *)slot(self, option) = config_setting_get_bool(setting) != 0;
        break;
    case CONF_GROUP:
        *(config_setting_t **)slot(self, option) = setting;
        break;
    case CONF_TYPE_COUNT:
        break;
    }
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static void report_unknown_keys(const config_setting_t *group, const struct conf_option *options,
                                const char *const *also_known, struct conf_report *report)
{
    const char *known[NAMES_MAX + 1] = {NULL};
    int count = 0;
    for (const struct conf_option *option = options; option->name && count < NAMES_MAX; option++)
        known[count++] = option->name;
    for (; also_known && *also_known && count < NAMES_MAX; also_known++)
        known[count++] = *also_known;
    int length = config_setting_length(group);
    for (int i = 0; i < length; i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(setting);
        if (!name || is_one_of(name, known))
            continue;
        const char *nearest = conf_nearest(name, known);
        char advice[256] = "";
        if (nearest)
            (void)snprintf(advice, sizeof(advice), "did you mean \"%s\"?", nearest);
        conf_mistake(report, setting, advice, "unknown key \"%s\"", name);
    }
}

int conf_read_group(const config_setting_t *group, const struct conf_option *options,
                    const char *const *also_known, void *self, struct conf_report *report)
{
    int before = report->count + report->dropped;
    if (group && config_setting_type(group) != CONFIG_TYPE_GROUP) {
        conf_mistake(report, group, "write { name = value; }", "this must be a group");
        group = NULL;
        for (const struct conf_option *option = options; option->name; option++)
            set_default(option, self);
        return -1;
    }
    if (group)
        report_unknown_keys(group, options, also_known, report);
    for (const struct conf_option *option = options; option->name; option++)
        read_option(option, group, self, report);
    return report->count + report->dropped == before ? 0 : -1;
}
