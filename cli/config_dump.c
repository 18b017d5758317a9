/*
 * config_dump — see config_dump.h. Small groups stand on one line, like the fields of an entity.
 */
#include "cli/config_dump.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/conf.h"

enum { INDENT = 2, LINE_BYTES = 110 };

struct dump {
    struct buf *out;
    config_dump_more *more;
    void *self;
};

/* ---- what must not be seen ---- */

/* Of librdkafka's CONFIGURATION.md, and of HTTP headers. */
static bool is_secret(const char *name, size_t len)
{
    static const char *const words[] = {"password",   "secret",  "token", "key",
                                        "credential", "cookie",  "jaas",  "oauthbearer.config",
                                        "authoriz",   "ssl.key", NULL};
    static const char *const fine[] = {"ssl.key.location", "sasl.oauthbearer.token.endpoint.url",
                                       NULL};
    for (int i = 0; fine[i]; i++)
        if (strlen(fine[i]) == len && strncasecmp(name, fine[i], len) == 0)
            return false;
    for (int i = 0; words[i]; i++)
        for (size_t at = 0; at + strlen(words[i]) <= len; at++)
            if (strncasecmp(name + at, words[i], strlen(words[i])) == 0)
                return true;
    return false;
}

/* "scheme://user:password@host": all of what stands before the @. */
static bool put_url(const char *text, struct buf *out)
{
    const char *start = strstr(text, "://");
    if (!start)
        return false;
    start += 3;
    size_t authority = strcspn(start, "/?#");
    const char *at = memchr(start, '@', authority);
    if (!at)
        return false;
    buf_put(out, text, (size_t)(start - text));
    buf_puts(out, "***");
    buf_puts(out, at);
    return true;
}

void config_dump_redacted(const char *text, struct buf *out)
{
    size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (name && (text[name] == '=' || text[name] == ':') && text[name + 1] != '/' &&
        is_secret(text, name)) {
        buf_put(out, text, name + 1);
        buf_puts(out, text[name] == ':' ? " ***" : "***");
    } else if (!put_url(text, out)) {
        buf_puts(out, text);
    }
}

/* ---- the text ---- */

static bool is_scalar(const config_setting_t *setting)
{
    return config_setting_is_scalar(setting) != CONFIG_FALSE;
}

static void put_scalar(struct buf *out, const config_setting_t *setting)
{
    struct buf text;
    if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
        conf_put_scalar(out, setting);
        return;
    }
    buf_init(&text, 0);
    config_dump_redacted(config_setting_get_string(setting), &text);
    conf_put_text(out, text.data ? text.data : "");
    buf_clear(&text);
}

static bool is_pii(const config_setting_t *group)
{
    const config_setting_t *pii = config_setting_get_member(group, "pii");
    return pii && config_setting_get_bool(pii);
}

/* Its members on one line; the limit is the caller's to look at. */
static void put_flat(struct buf *out, const config_setting_t *setting)
{
    bool group = config_setting_is_group(setting), defaults = false;
    buf_puts(out, group ? "{ " : config_setting_is_array(setting) ? "[" : "(");
    for (int i = 0; i < config_setting_length(setting); i++) {
        const config_setting_t *element = config_setting_get_elem(setting, (unsigned)i);
        if (group && !defaults && conf_is_default(element)) {
            defaults = true;
            buf_puts(out, "/* default: */ ");
        }
        if (group)
            buf_printf(out, "%s = ", config_setting_name(element));
        else if (i)
            buf_puts(out, ", ");
        put_scalar(out, element);
        if (group)
            buf_puts(out, "; ");
    }
    buf_puts(out, group ? "}" : config_setting_is_array(setting) ? "]" : ")");
}

static bool fits_on_a_line(const struct dump *dump, const config_setting_t *setting, int depth)
{
    struct buf line;
    for (int i = 0; i < config_setting_length(setting); i++)
        if (!is_scalar(config_setting_get_elem(setting, (unsigned)i)))
            return false;
    buf_init(&line, 0);
    if (dump->more && config_setting_is_group(setting))
        dump->more(dump->self, setting, &line); /* something more: not flat */
    bool flat = line.len == 0;
    put_flat(&line, setting);
    flat = flat && line.len + (size_t)(depth * INDENT) <= LINE_BYTES;
    buf_clear(&line);
    return flat;
}

static void put_value(const struct dump *dump, const config_setting_t *setting, int depth);

static void put_indent(struct buf *out, int depth)
{
    for (int i = 0; i < depth * INDENT; i++)
        buf_putc(out, ' ');
}

static void put_member(const struct dump *dump, const config_setting_t *setting, int depth)
{
    put_indent(dump->out, depth);
    if (config_setting_name(setting))
        buf_printf(dump->out, "%s = ", config_setting_name(setting));
    put_value(dump, setting, depth);
}

static void put_more(const struct dump *dump, const config_setting_t *group, int depth)
{
    struct buf text;
    buf_init(&text, 0);
    if (dump->more)
        dump->more(dump->self, group, &text);
    for (const char *line = text.len ? text.data : NULL; line && *line;) {
        size_t len = strcspn(line, "\n");
        put_indent(dump->out, depth);
        buf_printf(dump->out, "%.*s  // default\n", (int)len, line);
        line += len + (line[len] ? 1 : 0);
    }
    buf_clear(&text);
}

static void put_members(const struct dump *dump, const config_setting_t *setting, int depth)
{
    bool list = !config_setting_is_group(setting);
    int length = config_setting_length(setting);
    for (int i = 0; i < length; i++) {
        const config_setting_t *element = config_setting_get_elem(setting, (unsigned)i);
        put_member(dump, element, depth);
        buf_puts(dump->out, !list ? ";" : i + 1 < length ? "," : "");
        if (!list && conf_is_default(element))
            buf_puts(dump->out, "  // default");
        buf_putc(dump->out, '\n');
    }
    if (!list)
        put_more(dump, setting, depth);
}

static void put_value(const struct dump *dump, const config_setting_t *setting, int depth)
{
    if (is_scalar(setting)) {
        put_scalar(dump->out, setting);
        return;
    }
    bool group = config_setting_is_group(setting), pii = group && is_pii(setting);
    if (!pii && fits_on_a_line(dump, setting, depth)) {
        put_flat(dump->out, setting);
        return;
    }
    buf_puts(dump->out, pii                                ? "{  // pii\n"
                        : group                            ? "{\n"
                        : config_setting_is_array(setting) ? "[\n"
                                                           : "(\n");
    put_members(dump, setting, depth + 1);
    put_indent(dump->out, depth);
    buf_putc(dump->out, group ? '}' : config_setting_is_array(setting) ? ']' : ')');
}

void config_dump(const config_setting_t *root, config_dump_more *more, void *self, struct buf *out)
{
    const struct dump dump = {out, more, self};
    put_members(&dump, root, 0);
}
