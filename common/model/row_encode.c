/*
 * row_encode — a row as the bytes that Kafka and Redis keep, and what Redis
 * derives from it. See state.h. The hot path of apply: one buffer, no allocation.
 */
#include <string.h>

#include "model/row_internal.h"

#define PUT(out, literal) buf_put((out), literal, sizeof(literal) - 1)

void row_init(struct row *row, const struct entity *entity, struct span key, struct arena *arena)
{
    *row = (struct row){.key = key, .status = STATE_IDLE};
    row->base = arena_new(arena, struct base_pair, entity->field_count);
    row->sent = arena_new(arena, struct value, entity->field_count);
}

/* ,"name":"text" unless text is empty. name brings its comma, quotes and colon. */
static void put_text(struct buf *out, const char *name, struct span text)
{
    if (text.len == 0)
        return;
    buf_puts(out, name);
    buf_put_json_string(out, text);
}

static void put_number(struct buf *out, const char *name, int64_t number)
{
    if (number == 0)
        return;
    buf_puts(out, name);
    buf_put_int(out, number);
}

static void put_version(struct buf *out, const struct row *row)
{
    if (!row->has_version)
        return;
    PUT(out, ",\"version\":{\"modified_ms\":");
    buf_put_int(out, row->version.modified_ms);
    PUT(out, ",\"observed_from_ms\":");
    buf_put_int(out, row->version.observed_from_ms);
    if (row->version.observed_to_ms != INT64_MAX) {
        PUT(out, ",\"observed_to_ms\":");
        buf_put_int(out, row->version.observed_to_ms);
    }
    PUT(out, ",\"generation\":");
    buf_put_int(out, row->version.generation);
    buf_putc(out, '}');
}

void row_put_side(struct buf *out, enum value_type type, struct base_side side)
{
    if (side.bytes == 0) {
        value_put_json(out, type, (struct value){side.kind, side.text});
        return;
    }
    PUT(out, "{\"sha256\":");
    buf_put_json_string(out, side.text);
    PUT(out, ",\"bytes\":");
    buf_put_int(out, (int64_t)side.bytes);
    buf_putc(out, '}');
}

static bool side_equal(struct base_side a, struct base_side b)
{
    return a.kind == b.kind && a.bytes == b.bytes &&
           (a.kind != VALUE_SET || span_equal(a.text, b.text));
}

static void put_base(struct buf *out, const struct row *row, const struct entity *entity)
{
    const char *separator = ",\"base\":{";
    for (int i = 0; i < entity->field_count; i++) {
        const struct base_pair *base = &row->base[i];
        if (!base->known)
            continue;
        buf_puts(out, separator);
        buf_put_json_name(out, entity->fields[i].name);
        PUT(out, "{\"old\":");
        row_put_side(out, entity->fields[i].rules.type, base->old_side);
        if (!side_equal(base->old_side, base->new_side)) {
            PUT(out, ",\"new\":");
            row_put_side(out, entity->fields[i].rules.type, base->new_side);
        }
        if (base->unconfirmed)
            PUT(out, ",\"unconfirmed\":true");
        buf_putc(out, '}');
        separator = ",";
    }
    if (separator[1] == '\0')
        buf_putc(out, '}');
}

static void put_sent(struct buf *out, const struct row *row, const struct entity *entity)
{
    for (int i = 0; i < entity->field_count; i++) {
        if (row->sent[i].kind != VALUE_MISSING) {
            PUT(out, ",\"sent\":");
            record_put_json(out, &(struct record){entity, row->sent});
            return;
        }
    }
}

static void put_held(struct buf *out, const struct held *held, const struct entity *entity)
{
    enum value_type type = VALUE_STRING;
    PUT(out, "{\"class\":\"");
    buf_puts(out, held_class_name(held->class_));
    buf_putc(out, '"');
    if (held->field >= 0) {
        PUT(out, ",\"field\":\"");
        buf_puts(out, entity->fields[held->field].name);
        buf_putc(out, '"');
        type = entity->fields[held->field].rules.type;
    }
    if (held->old_now.kind != VALUE_MISSING) {
        PUT(out, ",\"old\":");
        value_put_json(out, type, held->old_now);
    }
    if (held->new_now.kind != VALUE_MISSING) {
        PUT(out, ",\"new\":");
        value_put_json(out, type, held->new_now);
    }
    put_text(out, ",\"detail\":", held->detail);
    put_number(out, ",\"since_ms\":", held->since_ms);
    put_text(out, ",\"who\":", held->who);
    buf_putc(out, '}');
}

static void put_lists(struct buf *out, const struct row *row, const struct entity *entity)
{
    for (int i = 0; i < row->held_count; i++) {
        buf_puts(out, i ? "," : ",\"held\":[");
        put_held(out, &row->held[i], entity);
    }
    if (row->held_count)
        buf_putc(out, ']');
    for (int i = 0; i < row->claim_count; i++) {
        buf_puts(out, i ? "," : ",\"claims\":[");
        buf_put_json_string(out, row->claims[i]);
    }
    if (row->claim_count)
        buf_putc(out, ']');
}

static void put_awaits(struct buf *out, const struct row *row, const struct entity *entity)
{
    for (int i = 0; i < row->await_count; i++) {
        const struct await *await = &row->awaits[i];
        buf_puts(out, i ? ",{\"field\":" : ",\"awaits\":[{\"field\":");
        buf_put_json_string(out, span_of(entity->fields[await->field].name));
        PUT(out, ",\"old\":");
        value_put_json(out, VALUE_STRING, await->old_now);
        if (await->later)
            PUT(out, ",\"later\":true");
        put_number(out, ",\"since_ms\":", await->since_ms);
        buf_putc(out, '}');
    }
    if (row->await_count)
        buf_putc(out, ']');
    put_number(out, ",\"look_ms\":", row->look_ms);
}

void row_encode(const struct row *row, const struct entity *entity, struct buf *out)
{
    size_t start = out->len;
    PUT(out, "{\"v\":");
    buf_put_int(out, STATE_FORMAT_VERSION);
    PUT(out, ",\"key\":");
    buf_put_json_string(out, row->key);
    PUT(out, ",\"status\":\"");
    buf_puts(out, state_status_name(row->status));
    PUT(out, "\",\"epoch\":");
    buf_put_int(out, row->epoch);
    put_version(out, row);
    put_text(out, ",\"hash\":", span_of(row->hash));
    put_text(out, ",\"event_id\":", span_of(row->event_id));
    if (row->deleted)
        PUT(out, ",\"deleted\":true");
    put_text(out, ",\"redirect\":", row->redirect);
    put_text(out, ",\"twin\":", row->twin);
    put_text(out, ",\"op\":", row->op);
    put_base(out, row, entity);
    put_sent(out, row, entity);
    put_lists(out, row, entity);
    put_awaits(out, row, entity);
    put_text(out, ",\"waits_on\":", row->waits_on);
    put_number(out, ",\"due_ms\":", row->due_ms);
    put_number(out, ",\"attempt\":", row->attempt);
    put_text(out, ",\"why\":", row->why);
    if (row->pending.len) {
        PUT(out, ",\"pending\":");
        buf_put_span(out, row->pending);
    }
    buf_putc(out, '}');
    if (out->len - start > ROW_TEXT_MAX_BYTES)
        out->failed = true;
}

/* One line. A newline in it would be two: no claim and no id of a target holds one. */
static void put_line(struct buf *out, char kind, struct span text)
{
    if (text.len && memchr(text.data, '\n', text.len)) {
        out->failed = true;
        return;
    }
    buf_putc(out, kind);
    buf_put_span(out, text);
    buf_putc(out, '\n');
}

static int compare(struct span a, struct span b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static void put_claims(struct buf *out, const struct row *row)
{
    struct span sorted[ROW_CLAIMS_MAX];
    int count = row->claim_count < ROW_CLAIMS_MAX ? row->claim_count : ROW_CLAIMS_MAX;
    for (int i = 0; i < count; i++) {
        int at = i;
        for (; at > 0 && compare(sorted[at - 1], row->claims[i]) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = row->claims[i];
    }
    for (int i = 0; i < count; i++)
        put_line(out, 'c', sorted[i]);
}

/* A record that waits as a whole goes on with its event, which brings its references again: nothing may wake it before its time. */
static bool awaits(const struct row *row)
{
    return row->await_count > 0 && row->pending.len == 0 && row->waits_on.len == 0 &&
           row->twin.len > 0 && !row->deleted;
}

static void put_references(struct buf *out, const struct row *row)
{
    for (int i = 0; i < row->await_count; i++) {
        const struct await *await = &row->awaits[i];
        bool told = !await->entity || await->later || await->old_now.kind != VALUE_SET;
        for (int k = 0; !told && k < i; k++)
            told = !row->awaits[k].later && row->awaits[k].entity == await->entity &&
                   value_equal(row->awaits[k].old_now, await->old_now);
        if (told)
            continue;
        buf_putc(out, 'r');
        buf_puts(out, await->entity);
        put_line(out, ':', await->old_now.text);
    }
}

void row_index(const struct row *row, struct buf *out)
{
    int64_t due_ms = row->due_ms;
    put_claims(out, row);
    if (awaits(row) && row->look_ms && (!due_ms || row->look_ms < due_ms))
        due_ms = row->look_ms;
    if (due_ms) {
        buf_putc(out, 'd');
        buf_put_int(out, due_ms);
        buf_putc(out, '\n');
    }
    if (row->waits_on.len)
        put_line(out, 'w', row->waits_on);
    if (awaits(row))
        put_references(out, row);
}
