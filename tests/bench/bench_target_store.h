/*
 * bench_target_store — what bench_target holds: properties by number, records in an array, found by id or by a unique property. In a
 * header, because every .c file of this folder is a program.
 */
#ifndef TANDEM_TESTS_BENCH_TARGET_STORE_H
#define TANDEM_TESTS_BENCH_TARGET_STORE_H

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"

enum { PROPERTIES_MAX = 32, NAME_BYTES = 64, FIRST_ID = 1000, WANTED_MAX = 64 };

struct record {
    struct span values[PROPERTIES_MAX]; /* JSON texts, by property; no data: blank */
    struct span before[PROPERTIES_MAX]; /* what stood there before, of its history */
    int64_t set_ms[PROPERTIES_MAX], created_ms;
};

struct target {
    char names[PROPERTIES_MAX][NAME_BYTES];
    int name_count, email, unique; /* which property is unique, −1 none */
    struct record *records;
    int64_t count, max;
    struct map by_email, by_unique;
    struct arena arena; /* the values and the maps */
    struct json_tape tape;
    struct buf out, scratch;
    int64_t requests, read, created, updated, first_ms, last_ms;
};

/* ---- properties ---- */

static inline int property_find(const struct target *target, struct span name, int hint)
{
    for (int i = 0; i < target->name_count; i++) {
        int at = (hint + i) % target->name_count;
        if (span_is(name, target->names[at]))
            return at;
    }
    return -1;
}

static inline int property_add(struct target *target, struct span name)
{
    int at = target->name_count ? property_find(target, name, 0) : -1;
    if (at >= 0 || target->name_count == PROPERTIES_MAX || name.len >= NAME_BYTES)
        return at;
    memcpy(target->names[target->name_count], name.data, name.len);
    return target->name_count++;
}

/* ---- records ---- */

static inline struct span json_copy(struct target *target, struct span text)
{
    buf_reset(&target->scratch);
    buf_put_json_string(&target->scratch, text);
    return arena_copy(&target->arena, buf_span(&target->scratch));
}

static inline void index_value(struct map *map, struct record *record, int at)
{
    struct span json = at >= 0 ? record->values[at] : SPAN_NONE;
    if (json.len > 2)
        (void)map_put(map, (struct span){json.data + 1, json.len - 2}, record);
}

/* Sets what "properties" names; blank for "". */
static inline void set_values(struct target *target, struct record *record, uint32_t at)
{
    const struct json_tape *tape = &target->tape;
    int hint = 0;
    for (uint32_t key = json_first(tape, at); key < json_end(tape, at);
         key = tape->tokens[key + 1].next) {
        int property = property_find(target, json_text(tape, key), hint);
        struct span text = json_text(tape, key + 1);
        if (property < 0)
            continue;
        record->before[property] = record->values[property];
        record->values[property] = text.len ? json_copy(target, text) : SPAN_NONE;
        record->set_ms[property] = target->last_ms;
        hint = property + 1;
        if (property == target->email)
            index_value(&target->by_email, record, property);
    }
}

static inline struct record *record_new(struct target *target)
{
    return target->count < target->max ? &target->records[target->count++] : NULL;
}

static inline struct record *record_find(struct target *target, struct span id_property,
                                         struct span id)
{
    int at = id_property.len ? property_find(target, id_property, 0) : -1;
    if (at >= 0)
        return map_get(at == target->email ? &target->by_email : &target->by_unique, id);
    int64_t number = 0;
    for (size_t i = 0; i < id.len; i++)
        number = number * 10 + (id.data[i] - '0');
    number -= FIRST_ID;
    return number >= 0 && number < target->count ? &target->records[number] : NULL;
}

static inline void put_property(struct buf *out, const char *name, struct span value)
{
    buf_put_json_name(out, name);
    if (value.data)
        buf_put_span(out, value);
    else
        buf_puts(out, "null");
}

static inline void put_entry(struct buf *out, struct span value, int64_t at_ms)
{
    char time[TIMESTAMP_BYTES];
    timestamp_format(at_ms, time);
    buf_puts(out, "{\"value\":");
    if (value.data)
        buf_put_span(out, value);
    else
        buf_puts(out, "\"\"");
    buf_puts(out, ",\"timestamp\":\"");
    buf_puts(out, time);
    buf_puts(out, "\",\"sourceType\":\"INTEGRATION\",\"sourceId\":\"1\"}");
}

/* "name":[newest,oldest], everything written by one integration. */
static inline void put_history(struct buf *out, const char *name, const struct record *record,
                               int at)
{
    buf_put_json_name(out, name);
    buf_putc(out, '[');
    if (record->set_ms[at])
        put_entry(out, record->values[at], record->set_ms[at]);
    if (record->before[at].data) {
        buf_putc(out, ',');
        put_entry(out, record->before[at], record->created_ms);
    }
    buf_putc(out, ']');
}

/* Opens a result: the members before the properties, and the system's own properties. */
static inline void put_head(struct target *target, const struct record *record)
{
    struct buf *out = &target->out;
    int64_t id = record - target->records + FIRST_ID;
    buf_puts(out, "{\"id\":\"");
    buf_put_int(out, id);
    buf_puts(
        out,
        "\",\"createdAt\":\"2026-01-01T00:00:00.000Z\",\"updatedAt\":\"2026-01-01T00:00:00.000Z\","
        "\"archived\":false,\"properties\":{\"hs_object_id\":\"");
    buf_put_int(out, id);
    buf_puts(out, "\"");
}

#endif
