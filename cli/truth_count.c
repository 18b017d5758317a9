/*
 * truth_count — see truth.h. Questions that only a history can tell about wait for a full request.
 */
#include <string.h>

#include "cli/rows.h"
#include "cli/truth.h"
#include "remote/rest.h"

struct waiting { /* a row with a question of "newest" */
    struct row row;
    bool closed; /* another of its questions closes */
};

struct counting {
    struct migration *migration;
    const struct entity *entity;
    struct rest *rest; /* opened when first needed */
    bool rest_tried;
    truth_closes_fn *fn;
    void *self;
    int64_t counts[ENTITY_FIELDS_MAX + 1][HELD_CLASS_COUNT][TRUTH_OPEN_COUNT]; /* [0]: the record */
    int64_t records;
    struct arena arena; /* of what waits */
    struct json_tape tape;
    struct waiting *waiting;
    int waiting_count, waiting_max;
};

static void note(struct counting *counting, const struct held *held, enum truth_open open)
{
    counting->counts[held->field + 1][held->class_][open]++;
}

static int close_record(struct counting *counting, struct span key, struct err *err)
{
    counting->records++;
    return counting->fn ? counting->fn(counting->self, counting->entity, key, err) : 0;
}

/* ---- histories ---- */

/* How many records the new system tells the histories of at once; 0: none. */
static int history_max(struct counting *counting, struct err *err)
{
    if (!counting->rest_tried) {
        counting->rest_tried = true;
        counting->rest =
            rest_open(counting->migration, counting->migration->new_system, &CLOCK_SYSTEM, err);
        if (!counting->rest)
            return -1;
        counting->waiting_max = rest_traits(counting->rest)->history_max;
    }
    return counting->waiting_max;
}

static struct truth_time edited_at(const struct rest_history *history, struct arena *arena)
{
    struct truth_edit *edits = arena_new(arena, struct truth_edit, history->count + 1);
    for (int i = 0; i < history->count; i++)
        edits[i] = (struct truth_edit){history->changes[i].at_ms, history->changes[i].ours};
    return truth_time_of_history(edits, history->count);
}

/* record NULL: the twin is not there. property_of: by field, -1 none. */
static int judge(struct counting *counting, struct waiting *waiting,
                 const struct rest_record *record, const int *property_of, struct err *err)
{
    bool closes = waiting->closed;
    for (int h = 0; h < waiting->row.held_count; h++) {
        const struct held *held = &waiting->row.held[h];
        if (truth_open(counting->entity, &waiting->row, held, NULL) != TRUTH_OPEN_NO_HISTORY)
            continue;
        struct truth_time time = {0};
        if (record && property_of[held->field] >= 0)
            time = edited_at(&record->histories[property_of[held->field]], &counting->arena);
        enum truth_open open = truth_open(counting->entity, &waiting->row, held, &time);
        note(counting, held, open);
        closes = closes || truth_open_closes(open);
    }
    return closes ? close_record(counting, waiting->row.key, err) : 0;
}

static const struct rest_record *record_of(const struct rest_op *op, struct span id)
{
    for (int i = 0; i < op->record_count; i++)
        if (span_equal(op->records[i].id, id))
            return &op->records[i];
    return NULL;
}

static int read_histories(struct counting *counting, struct rest_op *op, struct err *err)
{
    const struct entity *entity = counting->entity;
    const char *properties[ENTITY_FIELDS_MAX];
    int property_of[ENTITY_FIELDS_MAX], count = 0;
    struct span *ids = arena_new(&counting->arena, struct span, counting->waiting_count);
    int64_t retry_after_ms = 0;
    for (int f = 0; f < entity->field_count; f++) {
        property_of[f] = entity->fields[f].new_name ? count : -1;
        if (entity->fields[f].new_name)
            properties[count++] = entity->fields[f].new_name;
    }
    for (int i = 0; i < counting->waiting_count; i++)
        ids[i] = counting->waiting[i].row.twin;
    op->kind = REST_HISTORY;
    op->object = entity->new_object;
    op->properties = properties;
    op->property_count = count;
    op->own_property = entity->marker;
    op->ids = ids;
    op->id_count = counting->waiting_count;
    if (rest_start(counting->rest, op, err) != 0 ||
        rest_finish(counting->rest, op, &retry_after_ms, err) != REST_DONE)
        return err_wrap(err, "the histories of %s in %s", entity->new_object,
                        counting->migration->new_system->name);
    for (int i = 0; i < counting->waiting_count; i++)
        if (judge(counting, &counting->waiting[i], record_of(op, ids[i]), property_of, err) != 0)
            return -1;
    return 0;
}

static int flush(struct counting *counting, struct err *err)
{
    struct rest_op op;
    if (counting->waiting_count == 0)
        return 0;
    rest_op_init(&op);
    int failed = read_histories(counting, &op, err);
    rest_op_clear(&op);
    counting->waiting_count = 0;
    counting->waiting = NULL;
    arena_reset(&counting->arena);
    return failed;
}

static int wait_for_history(struct counting *counting, struct span text, bool closed,
                            struct err *err)
{
    if (!counting->waiting)
        counting->waiting = arena_new(&counting->arena, struct waiting, counting->waiting_max);
    struct waiting *waiting = &counting->waiting[counting->waiting_count++];
    waiting->closed = closed;
    if (row_decode(counting->entity, arena_copy(&counting->arena, text), &counting->tape,
                   &counting->arena, &waiting->row, err) != 0)
        return -1;
    return counting->waiting_count == counting->waiting_max ? flush(counting, err) : 0;
}

/* ---- rows ---- */

static int count_row(void *self, const struct row *row, struct span text, struct err *err)
{
    struct counting *counting = self;
    bool closes = false, ask = false;
    for (int h = 0; h < row->held_count; h++) {
        enum truth_open open = truth_open(counting->entity, row, &row->held[h], NULL);
        if (open == TRUTH_OPEN_NO_HISTORY && row->twin.len) {
            int most = history_max(counting, err);
            if (most < 0)
                return -1;
            ask = ask || most > 0;
            if (most > 0)
                continue;
        }
        note(counting, &row->held[h], open);
        closes = closes || truth_open_closes(open);
    }
    if (ask)
        return wait_for_history(counting, text, closes, err);
    return closes ? close_record(counting, row->key, err) : 0;
}

static void collect(const struct counting *counting, struct arena *arena,
                    struct truth_counts *counts)
{
    int most = (counting->entity->field_count + 1) * HELD_CLASS_COUNT;
    *counts = (struct truth_counts){.groups = arena_new(arena, struct truth_group, most),
                                    .records = counting->records};
    for (int f = -1; f < counting->entity->field_count; f++)
        for (int c = 0; c < HELD_CLASS_COUNT; c++) {
            struct truth_group group = {.field = f, .class_ = (enum held_class)c};
            int64_t open = 0;
            memcpy(group.count, counting->counts[f + 1][c], sizeof(group.count));
            for (int o = 0; o < TRUTH_OPEN_COUNT; o++)
                open += group.count[o];
            counts->open += open;
            counts->closes += group.count[TRUTH_OPEN_OLD] + group.count[TRUTH_OPEN_NEW];
            if (open)
                counts->groups[counts->group_count++] = group;
        }
}

int truth_count(struct migration *migration, const struct entity *entity, truth_closes_fn *fn,
                void *self, struct arena *arena, struct truth_counts *ret_counts, struct err *err)
{
    struct counting *counting = arena_new(arena, struct counting, 1);
    counting->migration = migration;
    counting->entity = entity;
    counting->fn = fn;
    counting->self = self;
    arena_init(&counting->arena);
    json_tape_init(&counting->tape);
    int failed = rows_fold(migration, entity, "\"held\"", count_row, counting, err);
    if (!failed)
        failed = flush(counting, err);
    if (!failed)
        collect(counting, arena, ret_counts);
    rest_close(counting->rest);
    json_tape_clear(&counting->tape);
    arena_clear(&counting->arena);
    return failed;
}
