/*
 * value — one reader a type, blank and missing before any of them. See
 * value.h; the readers are in value_text.c, value_number.c, value_time.c,
 * value_choice.c and value_reference.c.
 */
#include "model/value.h"

#include <string.h>

#include "base/utf8.h"
#include "model/value_internal.h"

enum { DEFAULT_MAX_BYTES = 65536, JSON_INTEGER_DIGITS = 15 };

const char *const VALUE_TYPE_NAMES[] = {"string",   "email",     "phone",     "integer", "decimal",
                                        "boolean",  "date",      "timestamp", "enum",    "multi",
                                        "currency", "reference", NULL};
_Static_assert(sizeof(VALUE_TYPE_NAMES) / sizeof(VALUE_TYPE_NAMES[0]) == VALUE_TYPE_COUNT + 1,
               "a name per type");

const char *value_type_name(enum value_type type)
{
    return type < VALUE_TYPE_COUNT ? VALUE_TYPE_NAMES[type] : "?";
}

int value_type_parse(const char *name)
{
    for (int i = 0; i < VALUE_TYPE_COUNT; i++)
        if (strcmp(name, VALUE_TYPE_NAMES[i]) == 0)
            return i;
    return -1;
}

bool value_equal(struct value a, struct value b)
{
    return a.kind == b.kind && (a.kind != VALUE_SET || span_equal(a.text, b.text));
}

struct span value_trim(struct span text)
{
    while (text.len && value_is_blank_char(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len && value_is_blank_char(text.data[text.len - 1]))
        text.len--;
    return text;
}

static bool is_word(struct span text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

static const char *read_boolean(struct span text, struct span *ret_text)
{
    static const char *const words[][2] = {
        {"false", "true"}, {"0", "1"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (int truth = 0; truth < 2; truth++) {
            if (is_word(text, words[i][truth])) {
                *ret_text = span_of(words[0][truth]);
                return NULL;
            }
        }
    }
    return "is neither true nor false";
}

static const char *read_text(const struct value_rules *rules, enum value_side side,
                             struct span text, struct arena *arena, struct span *ret_text)
{
    static value_reader *const READERS[VALUE_TYPE_COUNT] = {
        [VALUE_STRING] = value_read_string,      [VALUE_EMAIL] = value_read_email,
        [VALUE_PHONE] = value_read_phone,        [VALUE_INTEGER] = value_read_integer,
        [VALUE_DECIMAL] = value_read_decimal,    [VALUE_DATE] = value_read_date,
        [VALUE_TIMESTAMP] = value_read_timestamp};
    static value_side_reader *const SIDE_READERS[VALUE_TYPE_COUNT] = {
        [VALUE_ENUM] = value_read_enum,
        [VALUE_MULTI] = value_read_multi,
        [VALUE_CURRENCY] = value_read_currency,
        [VALUE_REFERENCE] = value_read_reference};
    if (READERS[rules->type])
        return READERS[rules->type](rules, text, arena, ret_text);
    if (SIDE_READERS[rules->type])
        return SIDE_READERS[rules->type](rules, side, text, arena, ret_text);
    return read_boolean(text, ret_text);
}

int value_parse(const struct value_rules *rules, enum value_side side, enum json_type type,
                struct span raw, struct arena *arena, struct value *ret_value, struct err *err)
{
    if (type == JSON_NONE_ || type == JSON_NULL_) {
        ret_value->kind = type == JSON_NONE_ ? VALUE_MISSING : VALUE_BLANK;
        ret_value->text = SPAN_NONE;
        return 0;
    }
    if (type == JSON_ARRAY_ || type == JSON_OBJECT_)
        return err_set(err, ERR_REJECT, "is a list or an object, where one value belongs");
    size_t max_bytes = rules->max_bytes ? rules->max_bytes : DEFAULT_MAX_BYTES;
    struct span text = rules->type == VALUE_STRING ? raw : value_trim(raw);
    if (text.len == 0) {
        *ret_value = (struct value){VALUE_BLANK, SPAN_NONE};
        return 0;
    }
    struct span canonical;
    const char *refusal = read_text(rules, side, text, arena, &canonical);
    if (refusal)
        return err_set(err, ERR_REJECT, "%s", refusal);
    if (canonical.len > max_bytes)
        return err_set(err, ERR_REJECT, "is longer than %zu bytes", max_bytes);
    if (canonical.len == 0) /* a multi-select of separators only */
        *ret_value = (struct value){VALUE_BLANK, SPAN_NONE};
    else
        *ret_value = (struct value){VALUE_SET, canonical};
    return 0;
}

struct span value_write(const struct value_rules *rules, enum value_side side, struct value value,
                        struct arena *arena)
{
    if (value.kind != VALUE_SET)
        return SPAN_NONE;
    if (rules->type == VALUE_ENUM)
        return span_of(value_choice_for(rules, side, value.text));
    if (rules->type == VALUE_REFERENCE)
        return value_write_reference(rules, side, value.text);
    if (rules->type == VALUE_CURRENCY && side != SIDE_CANONICAL)
        return value_currency_amount(value.text);
    if (rules->type != VALUE_MULTI || rules->choice_count == 0)
        return value.text;
    return arena ? value_write_multi(rules, side, value.text, arena) : SPAN_NONE;
}

struct span value_for_side(const struct value_rules *rules, enum value_side side,
                           struct value value)
{
    return value_write(rules, side, value, NULL);
}

/* A text that a system gave need not be of its field's type: bare, it would spoil the JSON around it. */
static bool stands_bare(enum value_type type, struct span text)
{
    if (type == VALUE_BOOLEAN)
        return span_is(text, "true") || span_is(text, "false");
    if (type != VALUE_INTEGER || text.len == 0 || text.len > JSON_INTEGER_DIGITS)
        return false;
    size_t sign = text.data[0] == '-';
    for (size_t i = sign; i < text.len; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    /* "-", "007" and "-0" are no integers, or not the way we write one. */
    return text.len > sign && (text.data[sign] != '0' || text.len == 1);
}

void value_put_json(struct buf *out, enum value_type type, struct value value)
{
    if (value.kind != VALUE_SET)
        buf_puts(out, "null");
    else if (stands_bare(type, value.text))
        buf_put_span(out, value.text);
    else
        buf_put_json_string(out, value.text);
}
