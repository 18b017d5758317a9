/*
 * migration_webhook_scheme — a signature that the configuration describes itself, in the words of the table in webhook_scheme.c.
 */
#include <stdio.h>
#include <string.h>

#include "model/migration_internal.h"

enum { WINDOW_MAX_S = 24 * 3600, TEMPLATE_MAX_BYTES = 200 };

struct scheme_group {
    const char *header, *algorithm, *encoding, *prefix, *separator, *id_header, *time_header,
        *time_item, *time, *secret_prefix, *template;
    int64_t window_s;
};

static const struct conf_option SCHEME[] = {
    {.name = "header",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, header),
     .required = true,
     .help = "header = \"X-Signature\";"},
    {.name = "algorithm",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, algorithm),
     .default_text = "hmac-sha256",
     .choices = SIGNATURE_ALGORITHM_NAMES,
     .help = "of the signature"},
    {.name = "encoding",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, encoding),
     .default_text = "hex",
     .choices = SIGNATURE_ENCODING_NAMES,
     .help = "of the signature"},
    {.name = "prefix",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, prefix),
     .default_text = "",
     .help = "before a signature in the header: \"sha256=\""},
    {.name = "separator",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, separator),
     .default_text = "",
     .help = "between several signatures in the header: one character"},
    {.name = "id_header",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, id_header),
     .help = "whose value is {id}"},
    {.name = "time_header",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, time_header),
     .help = "whose value is {time}"},
    {.name = "time_item",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, time_item),
     .help = "before the time where it stands in the header of the signature: \"t=\""},
    {.name = "time",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, time),
     .default_text = "none",
     .choices = SIGNATURE_TIME_NAMES,
     .help = "how {time} is written"},
    {.name = "window_s",
     .type = CONF_INT,
     .offset = offsetof(struct scheme_group, window_s),
     .default_int = 300,
     .min = 1,
     .max = WINDOW_MAX_S,
     .help = "how far {time} may lie from now, both ways"},
    {.name = "secret_prefix",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, secret_prefix),
     .help = "what follows it in a secret is base64: \"whsec_\""},
    {.name = "signed",
     .type = CONF_STRING,
     .offset = offsetof(struct scheme_group, template),
     .required = true,
     .help = "the signed bytes: signed = \"{time}.{body}\";"},
    {0},
};

static int index_of(const char *name, const char *const *names)
{
    for (int i = 0; name && names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 0;
}

/* The {names} of a template, each known. */
static void check_template(const config_setting_t *at, const char *template,
                           struct conf_report *report)
{
    static const char *const NAMES[] = {"id", "time", "method", "url", "body", NULL};
    static const char ADVICE[] = "of {id} {time} {method} {url} {body}, and text between them";
    if (strlen(template) > TEMPLATE_MAX_BYTES || !strstr(template, "{body}"))
        conf_mistake(report, at, "signed = \"{time}.{body}\";",
                     "the body has to be among what is signed");
    for (const char *open = strchr(template, '{'); open; open = strchr(open + 1, '{')) {
        char name[16];
        size_t len = strcspn(open + 1, "}");
        (void)snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : 0), open + 1);
        bool known = false;
        for (int i = 0; NAMES[i]; i++)
            known = known || strcmp(NAMES[i], name) == 0;
        if (!known || open[1 + len] != '}')
            conf_mistake(report, at, ADVICE, "\"%.40s\" is no part of what is signed", open);
    }
}

static void check_time(const config_setting_t *group, const struct scheme_group *read,
                       const struct signature_scheme *scheme, struct conf_report *report)
{
    bool used = signature_scheme_uses(scheme, "{time}");
    bool found = read->time_header || read->time_item;
    if (used && (!found || scheme->time == SIGNATURE_TIME_NONE))
        conf_mistake(report, migration_at(group, "signed"),
                     "time_header = \"X-Time\"; time = \"seconds\";",
                     "the time is signed, and it is not said where and how it is written");
    else if (!used && (found || scheme->time != SIGNATURE_TIME_NONE))
        conf_mistake(report, migration_at(group, "signed"), "signed = \"{time}.{body}\";",
                     "a time that is not signed proves nothing");
    else if (read->time_header && read->time_item)
        conf_mistake(report, migration_at(group, "time_item"), "remove one of them",
                     "the time stands in a header of its own or in that of the signature");
    if (signature_scheme_uses(scheme, "{id}") != (read->id_header != NULL))
        conf_mistake(report, migration_at(group, "signed"), "id_header = \"X-Id\"; and {id}",
                     "an id is taken from \"id_header\" and signed, or neither");
}

const struct signature_scheme *migration_read_webhook_scheme(struct migration *migration,
                                                             const config_setting_t *group,
                                                             struct conf_report *report)
{
    struct scheme_group read = {0};
    (void)conf_read_group(group, SCHEME, NULL, &read, report);
    if (!read.header || !read.template)
        return NULL;
    struct signature_scheme *scheme = arena_new(&migration->arena, struct signature_scheme, 1);
    *scheme = (struct signature_scheme){
        .name = "own",
        .summary = "of the configuration",
        .header = read.header,
        .separator = read.separator[0],
        .prefix = read.prefix,
        .algorithm = (enum signature_algorithm)index_of(read.algorithm, SIGNATURE_ALGORITHM_NAMES),
        .encoding = (enum signature_encoding)index_of(read.encoding, SIGNATURE_ENCODING_NAMES),
        .secret_prefix = read.secret_prefix,
        .id_header = read.id_header,
        .time_header = read.time_header,
        .time_item = read.time_item,
        .time = (enum signature_time)index_of(read.time, SIGNATURE_TIME_NAMES),
        .window_s = read.window_s,
        .template = read.template,
    };
    /* Two events of one record may have the same body, but hardly with the same time or id. */
    scheme->once = signature_scheme_uses(scheme, "{time}") || signature_scheme_uses(scheme, "{id}");
    if (strlen(read.separator) > 1)
        conf_mistake(report, migration_at(group, "separator"), NULL,
                     "\"separator\" is one character");
    check_template(migration_at(group, "signed"), read.template, report);
    check_time(group, &read, scheme, report);
    return scheme;
}
