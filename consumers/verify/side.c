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
    for (int i = 0; i < entity->field_count; i++) {
        const struct field *field = &entity->fields[i];
        const char *name = which == SIDE_OLD ? field->old_name : field->new_name;
        if (!name)
            continue;
        side->properties[side->property_count] = name;
        side->field_of[side->property_count++] = i;
    }
    if (which == SIDE_NEW) {
        side->properties[side->property_count] = entity->external_id;
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
}

const char *side_object(const struct side *side)
{
    return side->side == SIDE_OLD ? side->entity->old_object : side->entity->new_object;
}

void side_op(const struct side *side, struct rest_op *op, enum rest_kind kind)
{
    rest_op_reset(op);
    op->kind = kind;
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

static struct span external_id(const struct side *side, const struct rest_record *record)
{
    const struct raw_value *value = &record->values[side->property_count - 1];
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
    return table_put_old(side->table, &put, err);
}

static int take_new(struct side *side, const struct rest_record *record, struct err *err)
{
    struct record mapped;
    mapping_read_twin(side->entity, by_field(side, record), &side->arena, &mapped);
    buf_reset(&side->text);
    values_put(&side->text, &mapped);
    struct table_new put = {.id = record->id,
                            .external_id = external_id(side, record),
                            .values = buf_span(&side->text)};
    return table_put_new(side->table, &put, err);
}

int side_take(struct side *side, const struct rest_op *op, struct err *err)
{
    for (int i = 0; i < op->record_count; i++) {
        arena_reset(&side->arena);
        int failed = side->side == SIDE_OLD ? take_old(side, &op->records[i], err)
                                            : take_new(side, &op->records[i], err);
        if (failed || side->text.failed)
            return failed ? failed : err_set(err, ERR_FATAL, "out of memory");
    }
    return 0;
}
