/*
 * row_parts — versions, bases and questions of a row that is read. See
 * row_internal.h.
 */
#include <string.h>

#include "model/row_internal.h"

static int take_value(const struct row_reader *reader, uint32_t at, struct value *ret_value)
{
    enum json_type type = (enum json_type)reader->tape->tokens[at].type;
    if (type == JSON_OBJECT_ || type == JSON_ARRAY_)
        return row_refuse(reader, "a value");
    bool blank = type == JSON_NULL_ || json_text(reader->tape, at).len == 0;
    *ret_value = blank ? (struct value){VALUE_BLANK, SPAN_NONE}
                       : (struct value){VALUE_SET, row_keep(reader, at)};
    return 0;
}

int row_take_hash(struct row_reader *reader, uint32_t at, void *slot)
{
    struct span text = json_text(reader->tape, at);
    bool good = text.len == HASH_HEX_BYTES - 1;
    for (size_t i = 0; good && i < text.len; i++)
        good = (text.data[i] >= '0' && text.data[i] <= '9') ||
               (text.data[i] >= 'a' && text.data[i] <= 'f');
    if (!good)
        return row_refuse(reader, "a hash");
    memcpy(slot, text.data, text.len);
    ((char *)slot)[text.len] = '\0';
    return 0;
}

int row_take_version(struct row_reader *reader, uint32_t at, void *slot)
{
    const struct json_tape *tape = reader->tape;
    struct version *version = slot;
    version->observed_to_ms = INT64_MAX;
    bool good = json_int_at(tape, at, "modified_ms", &version->modified_ms) &&
                json_int_at(tape, at, "observed_from_ms", &version->observed_from_ms) &&
                json_int_at(tape, at, "generation", &version->generation);
    if (good && json_get(tape, at, "observed_to_ms"))
        good = json_int_at(tape, at, "observed_to_ms", &version->observed_to_ms);
    reader->row.has_version = good;
    return good ? 0 : row_refuse(reader, "a version");
}

static int take_side(struct row_reader *reader, uint32_t at, struct base_side *ret_side)
{
    const struct json_tape *tape = reader->tape;
    if (tape->tokens[at].type == JSON_OBJECT_) {
        char hex[HASH_HEX_BYTES];
        uint32_t digest = json_get(tape, at, "sha256");
        int64_t bytes = 0;
        if (!digest || row_take_hash(reader, digest, hex) != 0 ||
            !json_int_at(tape, at, "bytes", &bytes) || bytes <= BASE_INLINE_BYTES)
            return row_refuse(reader, "a long base");
        *ret_side = (struct base_side){VALUE_SET, row_keep(reader, digest), (size_t)bytes};
        return 0;
    }
    struct value value;
    if (take_value(reader, at, &value) != 0)
        return -1;
    *ret_side = (struct base_side){value.kind, value.text, 0};
    return 0;
}

static int take_pair(struct row_reader *reader, uint32_t at, struct base_pair *ret_pair)
{
    uint32_t old_side = json_get(reader->tape, at, "old");
    uint32_t new_side = json_get(reader->tape, at, "new");
    struct base_pair pair = {.known = true};
    if (!old_side || take_side(reader, old_side, &pair.old_side) != 0 ||
        take_side(reader, new_side ? new_side : old_side, &pair.new_side) != 0)
        return row_refuse(reader, "a base");
    (void)json_bool_at(reader->tape, at, "unconfirmed", &pair.unconfirmed);
    *ret_pair = pair;
    return 0;
}

/* The index of a field's name; mostly the one after the last. -1: the mapping has it no longer. */
static int field_at(const struct row_reader *reader, uint32_t at, int last)
{
    struct span name = json_text(reader->tape, at);
    const struct entity *entity = reader->entity;
    if (last + 1 < entity->field_count && span_is(name, entity->fields[last + 1].name))
        return last + 1;
    return entity_field(entity, name);
}

int row_take_base(struct row_reader *reader, uint32_t at, void *slot)
{
    (void)slot;
    const struct json_tape *tape = reader->tape;
    int last = -1;
    for (uint32_t k = json_first(tape, at); k < json_end(tape, at); k = tape->tokens[k + 1].next) {
        int field = field_at(reader, k, last);
        if (field < 0)
            continue;
        if (take_pair(reader, k + 1, &reader->row.base[field]) != 0)
            return -1;
        last = field;
    }
    return 0;
}

int row_take_sent(struct row_reader *reader, uint32_t at, void *slot)
{
    (void)slot;
    const struct json_tape *tape = reader->tape;
    int last = -1;
    for (uint32_t k = json_first(tape, at); k < json_end(tape, at); k = tape->tokens[k + 1].next) {
        int field = field_at(reader, k, last);
        if (field < 0)
            continue;
        if (take_value(reader, k + 1, &reader->row.sent[field]) != 0)
            return -1;
        last = field;
    }
    return 0;
}

/* 1: a question about a field that the mapping has no longer. */
static int take_question(struct row_reader *reader, uint32_t at, struct held *ret_held)
{
    const struct json_tape *tape = reader->tape;
    struct held held = {.field = -1};
    struct span name;
    int class_ = json_string_at(tape, at, "class", &name) ? held_class_parse(name) : -1;
    if (class_ < 0)
        return row_refuse(reader, "the class of a question");
    held.class_ = (enum held_class)class_;
    if (json_string_at(tape, at, "field", &name)) {
        held.field = entity_field(reader->entity, name);
        if (held.field < 0)
            return 1;
    }
    uint32_t old_now = json_get(tape, at, "old"), new_now = json_get(tape, at, "new");
    if ((old_now && take_value(reader, old_now, &held.old_now) != 0) ||
        (new_now && take_value(reader, new_now, &held.new_now) != 0))
        return -1;
    if (json_string_at(tape, at, "detail", &name))
        held.detail = row_keep(reader, json_get(tape, at, "detail"));
    if (json_get(tape, at, "since_ms") && !json_int_at(tape, at, "since_ms", &held.since_ms))
        return row_refuse(reader, "since when a question is asked");
    if (json_string_at(tape, at, "who", &name))
        held.who = row_keep(reader, json_get(tape, at, "who"));
    *ret_held = held;
    return 0;
}

int row_take_held(struct row_reader *reader, uint32_t at, void *slot)
{
    (void)slot;
    const struct json_tape *tape = reader->tape;
    struct row *row = &reader->row;
    row->held = arena_new(reader->arena, struct held, json_count(tape, at));
    for (uint32_t i = json_first(tape, at); i < json_end(tape, at); i = tape->tokens[i].next) {
        int taken = take_question(reader, i, &row->held[row->held_count]);
        if (taken < 0)
            return -1;
        row->held_count += taken == 0;
    }
    return 0;
}

int row_take_awaits(struct row_reader *reader, uint32_t at, void *slot)
{
    (void)slot;
    const struct json_tape *tape = reader->tape;
    struct row *row = &reader->row;
    row->awaits = arena_new(reader->arena, struct await, json_count(tape, at));
    for (uint32_t i = json_first(tape, at); i < json_end(tape, at); i = tape->tokens[i].next) {
        struct span name;
        uint32_t old_now = json_get(tape, i, "old");
        struct await await = {.field = -1};
        if (json_string_at(tape, i, "field", &name))
            await.field = entity_field(reader->entity, name);
        if (!old_now || take_value(reader, old_now, &await.old_now) != 0)
            return row_refuse(reader, "a reference that waits");
        (void)json_bool_at(tape, i, "later", &await.later);
        if (json_get(tape, i, "since_ms") && !json_int_at(tape, i, "since_ms", &await.since_ms))
            return row_refuse(reader, "since when a reference waits");
        const struct value_reference *to =
            await.field >= 0 ? reader->entity->fields[await.field].rules.reference : NULL;
        if (!to)
            continue; /* the mapping has it no longer */
        await.entity = to->by_email ? NULL : to->to;
        row->awaits[row->await_count++] = await;
    }
    return 0;
}
