/*
 * side — one system and its mapping.
 */
#include "consumers/verify/side.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "consumers/verify/values.h"

enum { WAIT_MAX_MS = 15 * 60 * 1000 };

int side_open(struct side *side, enum value_side which, const struct migration *migration,
              const struct entity *entity, struct table *table, struct err *err)
{
    *side = (struct side){.side = which, .migration = migration, .entity = entity, .table = table};
    arena_init(&side->arena);
    buf_init(&side->text, 0);
    buf_init(&side->writers, 0);
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[i];
        const char *name = which == SIDE_OLD ? field->old_name : field->new_name;
        if (field->match && side->match_count < ENTITY_MATCH_MAX)
            side->matches[side->match_count++] = i;
        if (!name)
            continue;
        side->properties[side->property_count] = name;
        side->field_of[side->property_count++] = i;
    }
    if (which == SIDE_NEW) {
        side->properties[side->property_count] = entity->external_id;
        side->field_of[side->property_count++] = -1;
        side->properties[side->property_count] = entity->marker;
        side->field_of[side->property_count++] = -1;
    }
    const struct system_settings *settings =
        which == SIDE_OLD ? migration->old_system : migration->new_system;
    side->rest = rest_open(migration, settings, &CLOCK_SYSTEM, err);
    return side->rest ? 0 : -1;
}

void side_close(struct side *side)
{
    rest_close(side->rest);
    arena_clear(&side->arena);
    buf_clear(&side->text);
    buf_clear(&side->writers);
}

const char *side_object(const struct side *side)
{
    return side->side == SIDE_OLD ? side->entity->old_object : side->entity->new_object;
}

void side_op(const struct side *side, struct rest_op *op, enum rest_kind kind)
{
    rest_op_reset(op);
    op->kind = kind;
    op->priority = BUDGET_BACKFILL;
    op->object = side_object(side);
    op->properties = side->properties;
    op->property_count = side->property_count;
}

static void sleep_ms(int64_t ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

int side_run(struct side *side, struct rest_op *op, struct err *err)
{
    for (int64_t waited_ms = 0;;) {
        int64_t retry_after_ms = 1;
        struct err why = ERR_INIT;
        if (rest_start(side->rest, op, &why) == 0) {
            if (rest_finish(side->rest, op, &retry_after_ms, &why) == REST_DONE)
                return 0;
        }
        if (why.kind != ERR_RETRY || waited_ms + retry_after_ms > WAIT_MAX_MS) {
            *err = why;
            return err_wrap(err, "reading %s", side_object(side));
        }
        sleep_ms(retry_after_ms);
        waited_ms += retry_after_ms;
    }
}

/* Our own properties, from the end. */
static struct span own(const struct side *side, const struct rest_record *record, int from_end)
{
    const struct raw_value *value = &record->values[side->property_count - from_end];
    return value->type == JSON_STRING_ ? value->text : SPAN_NONE;
}

/* raw by property → raw by field. */
static struct raw_value *by_field(struct side *side, const struct rest_record *record)
{
    struct raw_value *raw =
        arena_new(&side->arena, struct raw_value, (size_t)side->entity->field_count + 1);
    for (int i = 0; i < side->property_count; i++) {
        if (side->field_of[i] >= 0)
            raw[side->field_of[i]] = record->values[i];
    }
    return raw;
}

static int take_old(struct side *side, const struct rest_record *record, struct err *err)
{
    struct record mapped;
    struct err bad = ERR_INIT;
    struct span id = rest_canonical_id(side->rest, record->id, &side->arena);
    if (!id.len)
        id = record->id;
    struct table_old put = {
        .id = id,
        .key = span_of(arena_printf(&side->arena, "%s:%.*s", side->migration->old_system->name,
                                    (int)id.len, id.data)),
        .values = SPAN_NONE};
    if (mapping_read(side->entity, SIDE_OLD, by_field(side, record), &side->arena, &mapped, NULL,
                     &bad) == 0) {
        buf_reset(&side->text);
        values_put(&side->text, &mapped);
        put.values = buf_span(&side->text);
    }
    if (table_put_old(side->table, &put, err) != 0)
        return -1;
    for (int i = 0; put.values.data && i < side->match_count; i++) {
        int field = side->matches[i];
        uint64_t name = side_name(side->entity, field, mapped.values[field], &side->arena);
        if (name && table_put_name(side->table, name, id, err) != 0)
            return -1;
    }
    return 0;
}

uint64_t side_name(const struct entity *entity, int field, struct value value, struct arena *arena)
{
    uint64_t hash = 14695981039346656037U + (uint64_t)field; /* FNV-1a */
    struct span key = value_match_key(entity->fields[field].rules.type, value, arena);
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.data[i]) * 1099511628211U;
    return key.len ? hash | 1 : 0;
}

/* Whose is what stands in this property? The newest entry has to be it. */
static enum judge_writer writer_of(struct side *side, const struct field *field,
                                   const struct raw_value *raw, const struct rest_history *history)
{
    struct value now = mapping_twin_value(field, raw, &side->arena);
    for (int i = 0; i < history->count; i++) {
        struct value was = mapping_twin_value(field, &history->changes[i].value, &side->arena);
        bool same = now.kind == VALUE_SET ? value_equal(was, now) : was.kind != VALUE_SET;
        if (i == 0 && !same)
            return WRITER_NOBODY;
        if (same && !history->changes[i].ours)
            return WRITER_OTHER;
    }
    if (history->count)
        return WRITER_US;
    return now.kind == VALUE_SET ? WRITER_NOBODY : WRITER_OTHER; /* never set, and blank */
}

static void put_writers(struct side *side, const struct rest_record *record)
{
    buf_reset(&side->writers);
    for (int i = 0; i < side->entity->field_count; i++)
        buf_putc(&side->writers, WRITER_NOT_TOLD);
    for (int i = 0; record->histories && i < side->property_count && !side->writers.failed; i++) {
        if (side->field_of[i] >= 0)
            side->writers.data[side->field_of[i]] =
                (char)writer_of(side, &side->entity->fields[side->field_of[i]], &record->values[i],
                                &record->histories[i]);
    }
}

static int take_new(struct side *side, const struct rest_record *record, bool looked,
                    struct err *err)
{
    struct record mapped;
    mapping_read_twin(side->entity, by_field(side, record), &side->arena, &mapped);
    buf_reset(&side->text);
    values_put(&side->text, &mapped);
    struct table_new put = {.id = record->id,
                            .external_id = own(side, record, 2),
                            .marker = own(side, record, 1),
                            .values = buf_span(&side->text)};
    if (looked) {
        put_writers(side, record);
        put.writers = buf_span(&side->writers);
    }
    return table_put_new(side->table, &put, err);
}

int side_take(struct side *side, const struct rest_op *op, struct err *err)
{
    /* By the system's id, singly: the second look. */
    bool looked = op->kind == REST_HISTORY || (op->kind == REST_READ && !op->id_property);
    for (int i = 0; i < op->record_count; i++) {
        arena_reset(&side->arena);
        int failed = side->side == SIDE_OLD ? take_old(side, &op->records[i], err)
                                            : take_new(side, &op->records[i], looked, err);
        if (failed || side->text.failed || side->writers.failed)
            return failed ? failed : err_set(err, ERR_FATAL, "out of memory");
    }
    return 0;
}
