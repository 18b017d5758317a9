/*
 * review — see review.h.
 */
#include "model/review.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "model/row_internal.h"
#include "model/truth.h"

int review_key(const struct entity *entity, struct span record_key, char ret_key[REVIEW_KEY_BYTES],
               struct err *err)
{
    int len = snprintf(ret_key, REVIEW_KEY_BYTES, "%s/%.*s", entity->name, (int)record_key.len,
                       record_key.data);
    if (len < 0 || len >= REVIEW_KEY_BYTES)
        return err_set(err, ERR_REJECT, "a record key of %zu bytes", record_key.len);
    return 0;
}

bool review_key_parse(struct span key, struct span *ret_entity, struct span *ret_record_key)
{
    const char *slash = key.len ? memchr(key.data, '/', key.len) : NULL;
    if (!slash || slash == key.data || slash + 1 == key.data + key.len)
        return false;
    *ret_entity = (struct span){key.data, (size_t)(slash - key.data)};
    *ret_record_key = (struct span){slash + 1, key.len - ret_entity->len - 1};
    return true;
}

/* ---- encode ---- */

static void put_text(struct buf *out, const char *name, struct span text)
{
    if (text.len == 0)
        return;
    buf_putc(out, ',');
    buf_put_json_name(out, name);
    buf_put_json_string(out, text);
}

static void put_int(struct buf *out, const char *name, int64_t value)
{
    if (value == 0)
        return;
    buf_putc(out, ',');
    buf_put_json_name(out, name);
    buf_put_int(out, value);
}

static void put_value(struct buf *out, const char *name, enum value_type type, struct value value)
{
    if (value.kind == VALUE_MISSING)
        return;
    buf_putc(out, ',');
    buf_put_json_name(out, name);
    value_put_json(out, type, value);
}

static bool same_side(struct base_side a, struct base_side b)
{
    return a.kind == b.kind && a.bytes == b.bytes &&
           (a.kind != VALUE_SET || span_equal(a.text, b.text));
}

static void put_base(struct buf *out, enum value_type type, const struct base_pair *base)
{
    if (!base->known)
        return;
    buf_puts(out, ",\"base\":{\"old\":");
    row_put_side(out, type, base->old_side);
    if (!same_side(base->old_side, base->new_side)) {
        buf_puts(out, ",\"new\":");
        row_put_side(out, type, base->new_side);
    }
    buf_puts(out, base->unconfirmed ? ",\"unconfirmed\":true}" : "}");
}

/* What is declared for a question that a rule may decide. */
static const char *rule_of(const struct entity *entity, const struct row *row,
                           const struct held *held)
{
    if ((held->class_ != HELD_CONFLICT && held->class_ != HELD_FIRST_MEETING) || !row->has_version)
        return NULL;
    const struct truth_rule *rule = truth_rule_at(entity, held->field, row->version.modified_ms);
    return rule ? truth_choice_name(rule->choice) : NULL;
}

static void put_question(struct buf *out, const struct entity *entity, const struct row *row,
                         const struct held *held)
{
    buf_puts(out, "{\"class\":");
    buf_put_json_string(out, span_of(held_class_name(held->class_)));
    if (held->field >= 0) {
        const struct field *field = &entity->fields[held->field];
        put_text(out, "field", span_of(field->name));
        put_base(out, field->rules.type, &row->base[held->field]);
        put_value(out, "old", field->rules.type, held->old_now);
        put_value(out, "new", field->rules.type, held->new_now);
        put_text(out, "rule", span_of(rule_of(entity, row, held)));
    }
    put_text(out, "detail", held->detail);
    put_int(out, "since_ms", held->since_ms);
    put_text(out, "who", held->who);
    buf_putc(out, '}');
}

bool review_encode(const struct entity *entity, const struct row *row, struct buf *out)
{
    int64_t modified_ms = row->has_version ? row->version.modified_ms : 0, first_ms = 0;
    if (row->held_count == 0)
        return false;
    buf_puts(out, "{\"v\":");
    buf_put_int(out, REVIEW_FORMAT_VERSION);
    put_text(out, "entity", span_of(entity->name));
    put_text(out, "key", row->key);
    buf_puts(out, ",\"held\":[");
    for (int i = 0; i < row->held_count; i++) {
        const struct held *held = &row->held[i];
        if (held->since_ms && (!first_ms || held->since_ms < first_ms))
            first_ms = held->since_ms;
        if (i)
            buf_putc(out, ',');
        put_question(out, entity, row, held);
    }
    buf_putc(out, ']');
    put_text(out, "twin", row->twin);
    put_int(out, "modified_ms", modified_ms);
    if (row->deleted)
        buf_puts(out, ",\"deleted\":true");
    buf_puts(out, ",\"ts_ms\":");
    buf_put_int(out, first_ms ? first_ms : modified_ms);
    buf_putc(out, '}');
    return true;
}
