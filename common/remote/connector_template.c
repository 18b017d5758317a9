/*
 * connector_template — the texts with {placeholders} of a connector file,
 * read once, expanded for each request.
 *
 *   {name}          the value, written as the place demands
 *   {?name:text}    text, if the value is not empty
 *   {!name:text}    text, if the value is empty
 *
 * Any other brace is a brace: JSON needs no escapes, since its keys are quoted.
 */
#include <stdio.h>
#include <string.h>

#include "remote/connector_internal.h"

const char *const PLACEHOLDER_NAMES[] = {
    "object",          "fields",    "fields_json", "page",
    "after_id",        "cursor",    "from",        "to",
    "id_property",     "each",      "id",          "external_id",
    "version",         "trace",     "properties",  "property_name",
    "property_unique", "to_object", "to_id",       "type",
    "category",        NULL};
_Static_assert(sizeof(PLACEHOLDER_NAMES) / sizeof(PLACEHOLDER_NAMES[0]) == PLACEHOLDER_COUNT + 1,
               "a name per placeholder");
_Static_assert(PLACEHOLDER_COUNT <= 32, "they fit the bits");

/* Already in the syntax of the place where they are put. */
static const uint32_t RAW = PH_BIT(PH_FIELDS) | PH_BIT(PH_FIELDS_JSON) | PH_BIT(PH_EACH) |
                            PH_BIT(PH_PROPERTIES) | PH_BIT(PH_PAGE) | PH_BIT(PH_PROPERTY_UNIQUE);

enum { PARTS_MAX = 128, NESTING_MAX = 4 };

struct reader {
    struct connector *connector;
    const config_setting_t *setting;
    struct conf_report *report;
    struct template_part parts[PARTS_MAX];
    int count;
    enum template_syntax syntax;
    uint32_t allowed, used;
    bool quoted, failed;
    int open[NESTING_MAX];   /* conditional parts not yet closed */
    int braces[NESTING_MAX]; /* plain braces open inside each */
    int depth;
};

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static void complain(struct reader *self, const char *advice, const char *text)
{
    conf_mistake(self->report, self->setting, advice, "\"%s\": %s",
                 config_setting_name(self->setting), text);
    self->failed = true;
}

static struct template_part *add(struct reader *self)
{
    if (self->count == PARTS_MAX) {
        if (!self->failed)
            complain(self, "", "the template is too long");
        self->count--;
    }
    struct template_part *part = &self->parts[self->count++];
    *part = (struct template_part){.quoted = self->quoted};
    return part;
}

/* The number of a placeholder that may stand here; reports and gives -1 otherwise. */
static int find(struct reader *self, struct span name)
{
    const char *names[PLACEHOLDER_COUNT + CONNECTOR_CONSTANTS_MAX + 1];
    int count = 0;
    for (int i = 0; i < PLACEHOLDER_COUNT; i++) {
        if (!(self->allowed & PH_BIT(i)))
            continue;
        if (span_is(name, PLACEHOLDER_NAMES[i])) {
            self->used |= PH_BIT(i);
            return i;
        }
        names[count++] = PLACEHOLDER_NAMES[i];
    }
    for (int i = 0; i < self->connector->constant_count; i++) {
        if (span_is(name, self->connector->constant_names[i]))
            return PLACEHOLDER_COUNT + i;
        names[count++] = self->connector->constant_names[i];
    }
    names[count] = NULL;
    char word[64], text[160], advice[256];
    (void)snprintf(word, sizeof(word), "%.*s", (int)name.len, name.data);
    const char *nearest = conf_nearest(word, names);
    struct buf list;
    buf_init(&list, 200);
    for (int i = 0; i < count; i++)
        buf_printf(&list, "%s{%s}", i ? " " : "", names[i]);
    if (nearest)
        (void)snprintf(advice, sizeof(advice), "did you mean {%s}?", nearest);
    else
        (void)snprintf(advice, sizeof(advice), "here stand %s", buf_span(&list).data);
    buf_clear(&list);
    (void)snprintf(text, sizeof(text), "{%s} has no meaning here", word);
    complain(self, advice, text);
    return -1;
}

/* At a brace: the length of a placeholder's or condition's opening that was taken, 0 for a plain brace. */
static size_t take_brace(struct reader *self, const char *at)
{
    bool condition = at[1] == '?' || at[1] == '!';
    const char *name = at + (condition ? 2 : 1), *end = name;
    while (name_char(*end))
        end++;
    if (end == name || *end != (condition ? ':' : '}'))
        return 0;
    int placeholder = find(self, (struct span){name, (size_t)(end - name)});
    struct template_part *part = add(self);
    part->placeholder = placeholder < 0 ? PH_OBJECT : placeholder;
    if (!condition) {
        part->kind = PART_VALUE;
        return (size_t)(end + 1 - at);
    }
    part->kind = at[1] == '?' ? PART_IF : PART_UNLESS;
    if (self->depth == NESTING_MAX) {
        complain(self, "", "conditions are nested too deeply");
        return (size_t)(end + 1 - at);
    }
    self->open[self->depth] = self->count - 1;
    self->braces[self->depth++] = 0;
    return (size_t)(end + 1 - at);
}

/* At '}': true if it closes a condition. */
static bool take_end(struct reader *self)
{
    if (!self->depth)
        return false;
    if (self->braces[self->depth - 1] > 0) {
        self->braces[self->depth - 1]--;
        return false;
    }
    int open = self->open[--self->depth];
    add(self)->kind = PART_END;
    self->parts[open].end = self->count - 1;
    return true;
}

static void put_text(struct reader *self, const char *data, size_t len)
{
    if (len)
        add(self)->text = (struct span){data, len};
}

static void read_parts(struct reader *self, const char *text)
{
    const char *start = text, *at = text;
    while (*at) {
        const char *here = at;
        size_t taken = 0;
        if (*at == '"' && self->syntax == TEMPLATE_JSON) {
            self->quoted = !self->quoted;
        } else if (*at == '\'' && self->syntax == TEMPLATE_QUERY) {
            self->quoted = !self->quoted;
        } else if (*at == '{' || *at == '}') {
            /* The text before goes first. */
            int count = self->count;
            put_text(self, start, (size_t)(at - start));
            taken = *at == '{' ? take_brace(self, at) : take_end(self);
            if (taken)
                start = at + taken;
            else if (self->count > count)
                self->count = count; /* a plain brace: one text with what follows */
            if (!taken && *at == '{' && self->depth)
                self->braces[self->depth - 1]++;
        }
        at = here + (taken ? taken : 1);
    }
    put_text(self, start, (size_t)(at - start));
    if (self->depth)
        complain(self, "write {?name:text}", "a condition is not closed");
    else if (self->quoted)
        complain(self, "", "a quote is not closed");
}

int connector_template_read(struct connector *connector, const config_setting_t *setting,
                            const char *text, enum template_syntax syntax, uint32_t allowed,
                            struct conf_report *report, struct connector_template *ret_template)
{
    struct span copy = arena_copy(&connector->arena, span_of(text));
    if (syntax == TEMPLATE_JSON) {
        char *quote = (char *)copy.data;
        while ((quote = strchr(quote, '\'')))
            *quote = '"';
    }
    struct reader self = {.connector = connector,
                          .setting = setting,
                          .report = report,
                          .syntax = syntax,
                          .allowed = allowed};
    read_parts(&self, copy.data);
    if (self.failed)
        return -1;
    struct template_part *parts = arena_new(&connector->arena, struct template_part, self.count);
    if (self.count)
        memcpy(parts, self.parts, sizeof(parts[0]) * (size_t)self.count);
    *ret_template = (struct connector_template){parts, self.count, syntax, self.used};
    return 0;
}

/* --- expansion --- */

static struct span value_of(const struct template_values *values, int placeholder)
{
    if (placeholder < PLACEHOLDER_COUNT)
        return values->text[placeholder];
    return span_of(
        connector_constant(values->connector, placeholder - PLACEHOLDER_COUNT, values->object));
}

static void put_backslashed(struct buf *out, struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '\'' || value.data[i] == '\\')
            buf_putc(out, '\\');
        buf_putc(out, value.data[i]);
    }
}

static void put_json_content(struct buf *out, struct span value)
{
    size_t plain = 0;
    while (plain < value.len && (unsigned char)value.data[plain] >= 0x20 &&
           (unsigned char)value.data[plain] < 0x80 && value.data[plain] != '"' &&
           value.data[plain] != '\\')
        plain++;
    if (plain == value.len) {
        buf_put_span(out, value);
        return;
    }
    size_t start = out->len;
    buf_put_json_string(out, value);
    if (out->failed)
        return;
    memmove(out->data + start, out->data + start + 1, out->len - start - 2);
    out->len -= 2;
    out->data[out->len] = '\0';
}

/* Digits only: what a system calls a number without quotes (a version, a page). */
static bool is_number(struct span value)
{
    if (value.len == 0 || value.len > 18 || (value.data[0] == '0' && value.len > 1))
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
    return true;
}

static void put_value(const struct template_part *part, enum template_syntax syntax,
                      struct span value, struct buf *out)
{
    if (part->placeholder < PLACEHOLDER_COUNT && (RAW & PH_BIT(part->placeholder)))
        buf_put_span(out, value);
    else if (syntax == TEMPLATE_PATH && part->placeholder >= PLACEHOLDER_COUNT)
        buf_put_span(out, value); /* a constant may be a path of its own */
    else if (syntax == TEMPLATE_PATH)
        buf_put_url(out, value);
    else if (syntax == TEMPLATE_QUERY && part->quoted)
        put_backslashed(out, value);
    else if (syntax == TEMPLATE_QUERY)
        buf_put_span(out, value);
    else if (part->quoted)
        put_json_content(out, value);
    else if (is_number(value))
        buf_put_span(out, value);
    else
        buf_put_json_string(out, value);
}

void connector_template_expand(const struct connector_template *self,
                               const struct template_values *values, struct buf *out)
{
    for (int i = 0; i < self->count; i++) {
        const struct template_part *part = &self->parts[i];
        if (part->kind == PART_TEXT)
            buf_put_span(out, part->text);
        else if (part->kind == PART_VALUE)
            put_value(part, self->syntax, value_of(values, part->placeholder), out);
        else if (part->kind != PART_END &&
                 (value_of(values, part->placeholder).len > 0) != (part->kind == PART_IF))
            i = part->end;
    }
}
