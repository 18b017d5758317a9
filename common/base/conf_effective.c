/*
 * conf_effective — the defaults of a table as settings of the group that left them out, so that a configuration can be shown as it
 * works (`tandem config dump`). Each carries a hook, which tells it from what somebody wrote.
 */
#include <stdio.h>
#include <string.h>

#include "base/conf_internal.h"

static char is_default; /* its address is the mark */

bool conf_is_default(const config_setting_t *setting)
{
    return config_setting_get_hook(setting) == &is_default;
}

/* A default that the option would refuse means "not set": it is nothing to show. */
static bool in_range(const struct conf_option *option)
{
    return (option->min == 0 && option->max == 0) ||
           (option->default_int >= option->min && option->default_int <= option->max);
}

static config_setting_t *add(config_setting_t *group, const struct conf_option *option, int type)
{
    config_setting_t *setting = config_setting_add(group, option->name, type);
    if (setting)
        config_setting_set_hook(setting, &is_default);
    return setting;
}

void conf_add_default(config_setting_t *group, const struct conf_option *option)
{
    bool wide = option->default_int > INT32_MAX || option->default_int < INT32_MIN;
    config_setting_t *setting;
    switch (option->type) {
    case CONF_STRING:
        if (option->default_text && (setting = add(group, option, CONFIG_TYPE_STRING)))
            (void)config_setting_set_string(setting, option->default_text);
        break;
    case CONF_INT:
        if (in_range(option) &&
            (setting = add(group, option, wide ? CONFIG_TYPE_INT64 : CONFIG_TYPE_INT)))
            (void)config_setting_set_int64(setting, option->default_int);
        break;
    case CONF_BOOL:
        if ((setting = add(group, option, CONFIG_TYPE_BOOL)))
            (void)config_setting_set_bool(setting, option->default_int != 0);
        break;
    case CONF_FLOAT:
        if ((setting = add(group, option, CONFIG_TYPE_FLOAT)))
            (void)config_setting_set_float(setting, option->default_float);
        break;
    case CONF_SECRET:
    case CONF_FILE:
    case CONF_GROUP:
    case CONF_TYPE_COUNT:
        break;
    }
}

void conf_put_text(struct buf *out, const char *text)
{
    buf_putc(out, '"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            buf_printf(out, "\\%c", *c);
        else if (*c == '\n')
            buf_puts(out, "\\n");
        else if (*c < 0x20 || *c == 0x7f)
            buf_printf(out, "\\x%02x", *c);
        else
            buf_putc(out, (char)*c);
    }
    buf_putc(out, '"');
}

/* A float is told from an integer by its point. */
static void put_float(struct buf *out, double number)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%.15g", number);
    buf_puts(out, text);
    if (!strpbrk(text, ".en"))
        buf_puts(out, ".0");
}

void conf_put_scalar(struct buf *out, const config_setting_t *setting)
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_STRING:
        conf_put_text(out, config_setting_get_string(setting));
        break;
    case CONFIG_TYPE_BOOL:
        buf_puts(out, config_setting_get_bool(setting) ? "true" : "false");
        break;
    case CONFIG_TYPE_FLOAT:
        put_float(out, config_setting_get_float(setting));
        break;
    case CONFIG_TYPE_INT64:
        buf_put_int(out, config_setting_get_int64(setting));
        buf_putc(out, 'L');
        break;
    default:
        buf_put_int(out, config_setting_get_int64(setting));
        break;
    }
}

void conf_put_defaults(struct buf *out, const config_setting_t *group)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        if (!conf_is_default(setting))
            continue;
        buf_printf(out, "%s = ", config_setting_name(setting));
        conf_put_scalar(out, setting);
        buf_puts(out, ";\n");
    }
}
