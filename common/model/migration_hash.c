/*
 * migration_hash — the name of a mapping, and its shape, by which two of them
 * are compared. What does not change a canonical record, such as the order of the
 * file or what is masked, changes neither.
 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "model/migration_internal.h"

static void put_text(const char *text)
{
    hash_put(text ? "+" : "-", 1);
    hash_put_sized(span_of(text));
}

static void put_number(int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld", (long long)number);
    put_text(text);
}

static void put_choices(struct migration *migration, const struct value_rules *rules)
{
    const struct value_choice **sorted =
        arena_new(&migration->arena, const struct value_choice *, rules->choice_count);
    for (int i = 0; i < rules->choice_count; i++) {
        int at = i;
        for (; at > 0 && strcmp(sorted[at - 1]->name, rules->choices[i].name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &rules->choices[i];
    }
    for (int i = 0; i < rules->choice_count; i++) {
        put_text(sorted[i]->name);
        put_text(sorted[i]->old_name);
        put_text(sorted[i]->new_name);
    }
}

/* What only some fields have. "=" begins no name: what follows is none. A mapping without any of it keeps its hash. */
static void put_conversion(const struct entity *entity, const struct field *field)
{
    const struct value_reference *reference = field->rules.reference;
    if (field->rules.currency) {
        put_text("=code");
        put_text(field->rules.currency);
    }
    if (reference) {
        put_text(reference->by_email ? "=person" : "=record");
        put_text(reference->to);
        put_text(reference->systems[SIDE_OLD]);
        put_text(value_id_form_name(reference->id_forms[SIDE_OLD]));
        put_text(reference->association_category);
        put_number(reference->association_type);
    }
    if (field->jq) {
        put_text("=jq");
        put_text(field->jq);
    }
    for (int i = 0; i < field->input_count; i++) {
        put_text("=from");
        put_text(entity->fields[field->inputs[i]].name);
    }
}

/* All that decides what a record's field is, but for its table of values. */
static void put_field(const struct migration *migration, const struct entity *entity,
                      const struct field *field)
{
    put_text(field->name);
    put_text(value_type_name(field->rules.type));
    put_text(field->old_name);
    put_text(field->new_name);
    put_text(field->is_volatile ? "volatile" : NULL);
    put_text(field->rules.zone ? migration->time_zone : NULL);
    put_conversion(entity, field);
}

void migration_hash_mapping(struct migration *migration, struct entity *entity)
{
    hash_start();
    put_text("1"); /* of this list */
    put_text(entity->name);
    put_text(entity->old_object);
    put_text(entity->new_object);
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[entity->sorted[i]];
        put_field(migration, entity, field);
        put_choices(migration, &field->rules);
    }
    hash_hex(entity->hash);
}

/* ---- the shape ---- */

enum { DIGEST_BYTES = 16 };

static void put_digest(struct buf *out)
{
    char hex[HASH_HEX_BYTES];
    hash_hex(hex);
    buf_put_json_string(out, (struct span){hex, DIGEST_BYTES});
}

void migration_shape(const struct migration *migration, const struct entity *entity,
                     struct buf *out)
{
    char separator = '{';
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[entity->sorted[i]];
        buf_putc(out, separator);
        buf_put_json_name(out, field->name);
        buf_putc(out, '[');
        hash_start();
        put_text(entity->old_object);
        put_text(entity->new_object);
        put_field(migration, entity, field);
        put_text(field->rules.choice_count ? "table" : NULL); /* without one a multi takes all */
        put_digest(out);
        for (int k = 0; k < field->rules.choice_count; k++) {
            buf_putc(out, ',');
            hash_start();
            put_text(field->rules.choices[k].name);
            put_text(field->rules.choices[k].old_name);
            put_text(field->rules.choices[k].new_name);
            put_digest(out);
        }
        buf_putc(out, ']');
        separator = ',';
    }
    if (separator == '{')
        buf_putc(out, '{');
    buf_putc(out, '}');
}

/* Is each digest of the one list in the other? */
static bool holds_all(const struct json_tape *known, uint32_t list, const struct json_tape *now,
                      uint32_t wider)
{
    if (now->tokens[wider].type != JSON_ARRAY_ || known->tokens[list].type != JSON_ARRAY_)
        return false;
    uint32_t k = json_first(known, list), n = json_first(now, wider);
    bool first = k < json_end(known, list) && n < json_end(now, wider) &&
                 span_equal(json_text(known, k), json_text(now, n));
    for (; first && k < json_end(known, list); k = known->tokens[k].next) {
        bool found = false;
        for (n = json_first(now, wider); !found && n < json_end(now, wider);
             n = now->tokens[n].next)
            found = span_equal(json_text(known, k), json_text(now, n));
        if (!found)
            return false;
    }
    return first;
}

static enum mapping_reread compare(const struct json_tape *known, const struct json_tape *now)
{
    char name[128];
    int fields = 0;
    if (known->tokens[0].type != JSON_OBJECT_ || now->tokens[0].type != JSON_OBJECT_)
        return REREAD_EVERYTHING;
    for (uint32_t k = json_first(known, 0); k < json_end(known, 0);
         k = known->tokens[k + 1].next, fields++) {
        struct span text = json_text(known, k);
        (void)snprintf(name, sizeof(name), "%.*s", (int)text.len, text.data);
        uint32_t there = json_get(now, 0, name);
        if (!there || !holds_all(known, k + 1, now, there))
            return REREAD_EVERYTHING;
    }
    for (uint32_t k = json_first(now, 0); k < json_end(now, 0); k = now->tokens[k + 1].next)
        fields--;
    return fields == 0 ? REREAD_DEAD_LETTERS : REREAD_EVERYTHING;
}

enum mapping_reread migration_compare(struct span known, struct span now)
{
    struct json_tape known_tape, now_tape;
    enum mapping_reread reread = REREAD_EVERYTHING;
    struct err ignored = ERR_INIT;
    json_tape_init(&known_tape);
    json_tape_init(&now_tape);
    if (known.len && json_parse(&known_tape, known, &ignored) == 0 &&
        json_parse(&now_tape, now, &ignored) == 0)
        reread = compare(&known_tape, &now_tape);
    json_tape_clear(&known_tape);
    json_tape_clear(&now_tape);
    return reread;
}
