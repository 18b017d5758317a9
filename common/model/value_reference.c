/*
 * value_reference — ids in one form, references to other records, amounts of
 * money with their code. See value.h.
 */
#include <string.h>

#include "model/value_internal.h"

enum { DIGITS_MAX = 19, ID_MAX_BYTES = 255, CODE_BYTES = 3 };

static const char *const FORM_NAMES[] = {"text", "digits", "salesforce"};
_Static_assert(sizeof(FORM_NAMES) / sizeof(FORM_NAMES[0]) == VALUE_ID_FORM_COUNT,
               "a name per form");

const char *value_id_form_name(enum value_id_form form)
{
    return form < VALUE_ID_FORM_COUNT ? FORM_NAMES[form] : "?";
}

int value_id_form_parse(const char *name)
{
    for (int i = 0; i < VALUE_ID_FORM_COUNT; i++)
        if (strcmp(name, FORM_NAMES[i]) == 0)
            return i;
    return -1;
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Bit i of suffix character c is set if character 5c + i is an upper-case letter. */
static struct span salesforce_id(struct span id, struct arena *arena)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    enum { SHORT_BYTES = 15, SUFFIX_BYTES = 3, CHUNK_BYTES = 5 };
    if (id.len != SHORT_BYTES && id.len != SHORT_BYTES + SUFFIX_BYTES)
        return SPAN_NONE;
    char suffix[SUFFIX_BYTES];
    for (int chunk = 0; chunk < SUFFIX_BYTES; chunk++) {
        unsigned bits = 0;
        for (int i = 0; i < CHUNK_BYTES; i++) {
            char c = id.data[CHUNK_BYTES * chunk + i];
            if (!is_letter_or_digit(c))
                return SPAN_NONE;
            if (c >= 'A' && c <= 'Z')
                bits |= 1U << (unsigned)i;
        }
        suffix[chunk] = ALPHABET[bits];
    }
    if (id.len > SHORT_BYTES)
        return memcmp(id.data + SHORT_BYTES, suffix, SUFFIX_BYTES) == 0 ? id : SPAN_NONE;
    char *text = arena_alloc(arena, SHORT_BYTES + SUFFIX_BYTES);
    memcpy(text, id.data, SHORT_BYTES);
    memcpy(text + SHORT_BYTES, suffix, SUFFIX_BYTES);
    return (struct span){text, SHORT_BYTES + SUFFIX_BYTES};
}

struct span value_id(enum value_id_form form, struct span id, struct arena *arena)
{
    if (!id.data || id.len == 0)
        return SPAN_NONE;
    if (form == VALUE_ID_SALESFORCE)
        return salesforce_id(id, arena);
    if (form == VALUE_ID_DIGITS && (id.len > DIGITS_MAX || id.data[0] == '0'))
        return SPAN_NONE;
    for (size_t i = 0; i < id.len; i++) {
        bool good = form == VALUE_ID_DIGITS ? id.data[i] >= '0' && id.data[i] <= '9'
                                            : (unsigned char)id.data[i] >= ' ';
        if (!good)
            return SPAN_NONE;
    }
    return id.len <= ID_MAX_BYTES ? id : SPAN_NONE;
}

/* ---- references ---- */

/* The id in a key of this system, SPAN_NONE: another system's. */
static struct span id_of_key(struct span key, const char *system)
{
    size_t len = strlen(system);
    if (key.len <= len + 1 || memcmp(key.data, system, len) != 0 || key.data[len] != ':')
        return SPAN_NONE;
    return (struct span){key.data + len + 1, key.len - len - 1};
}

static const char *read_key(const struct value_reference *reference, struct span text,
                            struct arena *arena, struct span *ret_text)
{
    for (int side = SIDE_OLD; side <= SIDE_NEW; side++) {
        struct span id = id_of_key(text, reference->systems[side]);
        if (id.data && span_equal(value_id(reference->id_forms[side], id, arena), id)) {
            *ret_text = text;
            return NULL;
        }
    }
    return "is not the key of a record";
}

const char *value_read_reference(const struct value_rules *rules, enum value_side side,
                                 struct span text, struct arena *arena, struct span *ret_text)
{
    const struct value_reference *reference = rules->reference;
    if (reference->by_email && memchr(text.data, '@', text.len))
        return value_read_email(rules, text, arena, ret_text);
    if (side == SIDE_CANONICAL)
        return read_key(reference, text, arena, ret_text);
    struct span id = value_id(reference->id_forms[side], text, arena);
    if (!id.data)
        return "is not the id of a record";
    char *key = arena_printf(arena, "%s:%.*s", reference->systems[side], (int)id.len, id.data);
    *ret_text = span_of(key);
    return NULL;
}

struct span value_write_reference(const struct value_rules *rules, enum value_side side,
                                  struct span text)
{
    if (side == SIDE_CANONICAL)
        return text;
    return id_of_key(text, rules->reference->systems[side]);
}

/* ---- currency ---- */

static bool is_code(struct span code)
{
    bool good = code.len == CODE_BYTES;
    for (size_t i = 0; good && i < code.len; i++)
        good = code.data[i] >= 'A' && code.data[i] <= 'Z';
    return good;
}

const char *value_currency_put(struct span amount, struct span code, struct arena *arena,
                               struct span *ret_text)
{
    if (!is_code(code))
        return "is not a currency code (ISO 4217: three capital letters)";
    *ret_text = span_of(
        arena_printf(arena, "%.*s %.*s", (int)amount.len, amount.data, (int)code.len, code.data));
    return NULL;
}

struct span value_currency_amount(struct span text)
{
    const char *blank = memchr(text.data, ' ', text.len);
    return (struct span){text.data, blank ? (size_t)(blank - text.data) : text.len};
}

const char *value_read_currency(const struct value_rules *rules, enum value_side side,
                                struct span text, struct arena *arena, struct span *ret_text)
{
    struct span amount = side == SIDE_CANONICAL ? value_currency_amount(text) : text;
    struct span canonical;
    const char *refusal = value_read_decimal(rules, amount, arena, &canonical);
    if (refusal)
        return refusal;
    if (side == SIDE_CANONICAL) {
        if (amount.len == text.len)
            return "is an amount without a currency code";
        struct span code = {text.data + amount.len + 1, text.len - amount.len - 1};
        return value_currency_put(canonical, code, arena, ret_text);
    }
    *ret_text = canonical; /* the code is another field's: mapping.c puts the two together */
    return rules->currency
               ? value_currency_put(canonical, span_of(rules->currency), arena, ret_text)
               : NULL;
}
