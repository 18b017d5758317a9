/*
 * scan — list everything, then look at single records again.
 */
#include "consumers/verify/scan.h"

#include <stdlib.h>
#include <string.h>

#include "consumers/verify/association.h"
#include "consumers/verify/side.h"

/* Ids of one system on their way into REST_READs. */
struct batch {
    struct side *side;
    const char *id_property; /* NULL: the system's id */
    struct span *ids;
    enum rest_kind kind; /* REST_HISTORY: with who wrote what */
    int count, max;
    struct arena arena;
    struct rest_op op;
};

struct scan {
    struct side old_side, new_side;
    struct association association;
    struct table *table;
    struct meter *meter;
};

struct scan *scan_open(const struct migration *migration, const struct entity *entity,
                       struct table *table, struct meter *meter, struct err *err)
{
    struct scan *scan = calloc(1, sizeof(*scan));
    if (!scan) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    scan->table = table;
    scan->meter = meter;
    if (side_open(&scan->old_side, SIDE_OLD, migration, entity, table, err) != 0 ||
        side_open(&scan->new_side, SIDE_NEW, migration, entity, table, err) != 0) {
        scan_close(scan);
        return NULL;
    }
    association_init(&scan->association, &scan->new_side);
    return scan;
}

void scan_close(struct scan *scan)
{
    if (!scan)
        return;
    association_clear(&scan->association);
    side_close(&scan->old_side);
    side_close(&scan->new_side);
    free(scan);
}

/* ---- everything ---- */

/* In id order where the system can do that, so that nothing moves between two pages. */
static int list_old(struct side *side, struct meter *meter, struct err *err)
{
    int64_t records = 0;
    struct rest_op op;
    rest_op_init(&op);
    struct arena arena;
    arena_init(&arena);
    struct span after = SPAN_NONE;
    int failed;
    do {
        side_op(side, &op, REST_BACKFILL);
        op.after_id = after;
        failed = side_run(side, &op, err);
        if (!failed)
            failed = side_take(side, &op, err);
        records += op.record_count;
        meter_say(meter, side->entity->name, records, "records of the old system");
        if (!failed) {
            arena_reset(&arena);
            after = arena_copy(&arena, rest_op_place(&op));
        }
    } while (!failed && op.more && after.len);
    arena_clear(&arena);
    rest_op_clear(&op);
    return failed;
}

static int list_new(struct side *side, struct meter *meter, struct err *err)
{
    int64_t records = 0;
    struct rest_op op;
    rest_op_init(&op);
    struct arena arena;
    arena_init(&arena);
    struct span cursor = SPAN_NONE;
    int failed;
    do {
        side_op(side, &op, REST_LIST);
        op.cursor = cursor;
        failed = side_run(side, &op, err);
        if (!failed)
            failed = side_take(side, &op, err);
        records += op.record_count;
        meter_say(meter, side->entity->name, records, "records of the new system");
        if (!failed && op.more) {
            arena_reset(&arena);
            cursor = arena_copy(&arena, op.next_cursor);
        }
    } while (!failed && op.more);
    arena_clear(&arena);
    rest_op_clear(&op);
    return failed;
}

int scan_all(struct scan *scan, struct err *err)
{
    if (table_forget_systems(scan->table, err) != 0 || table_begin(scan->table, err) != 0 ||
        list_old(&scan->old_side, scan->meter, err) != 0 ||
        list_new(&scan->new_side, scan->meter, err) != 0 ||
        association_read_all(&scan->association, scan->meter, err) != 0 ||
        table_index_names(scan->table, err) != 0)
        return -1;
    return table_commit(scan->table, err);
}

/* ---- single records again ---- */

static void batch_init(struct batch *batch, struct side *side, const char *id_property)
{
    *batch = (struct batch){.side = side, .id_property = id_property, .kind = REST_READ};
    if (side->side == SIDE_NEW && !id_property && rest_traits(side->rest)->history_max > 0)
        batch->kind = REST_HISTORY;
    batch->max = rest_max(side->rest, batch->kind, side_object(side), id_property);
    if (batch->max < 1)
        batch->max = 1;
    arena_init(&batch->arena);
    rest_op_init(&batch->op);
}

static int batch_flush(struct batch *batch, struct err *err)
{
    if (!batch->count)
        return 0;
    side_op(batch->side, &batch->op, batch->kind);
    batch->op.own_property = batch->side->entity->marker;
    batch->op.ids = batch->ids;
    batch->op.id_count = batch->count;
    batch->op.id_property = batch->id_property;
    if (side_run(batch->side, &batch->op, err) != 0)
        return -1;
    /* What was asked for by its id and is not in the answer is gone. */
    for (int i = 0; i < batch->count && !batch->id_property; i++) {
        int failed = batch->side->side == SIDE_OLD
                         ? table_remove_old(batch->side->table, batch->ids[i], err)
                         : table_remove_new(batch->side->table, batch->ids[i], err);
        if (failed)
            return -1;
    }
    if (side_take(batch->side, &batch->op, err) != 0)
        return -1;
    batch->count = 0;
    batch->ids = NULL;
    arena_reset(&batch->arena);
    return 0;
}

static int batch_add(void *self, struct span id, struct err *err)
{
    struct batch *batch = self;
    if (!id.len)
        return 0;
    if (!batch->ids)
        batch->ids = arena_new(&batch->arena, struct span, batch->max);
    batch->ids[batch->count++] = arena_copy(&batch->arena, id);
    return batch->count == batch->max ? batch_flush(batch, err) : 0;
}

static int batch_finish(struct batch *batch, int failed, struct err *err)
{
    if (!failed)
        failed = batch_flush(batch, err);
    arena_clear(&batch->arena);
    rest_op_clear(&batch->op);
    return failed;
}

/* Suspects are few: their ids are gathered first, since reading changes the tables read from. */
struct ids {
    struct span *items;
    int count, cap;
    struct arena arena;
};

static int ids_add(void *self, struct span id, struct err *err)
{
    struct ids *ids = self;
    if (ids->count == ids->cap) {
        int cap = ids->cap ? 2 * ids->cap : 256;
        struct span *items = realloc(ids->items, (size_t)cap * sizeof(*items));
        if (!items)
            return err_set(err, ERR_FATAL, "out of memory");
        ids->items = items;
        ids->cap = cap;
    }
    ids->items[ids->count++] = arena_copy(&ids->arena, id);
    return 0;
}

static int ids_add_twin(void *self, const struct table_pair *pair, struct err *err)
{
    return pair->row_twin.len ? ids_add(self, pair->row_twin, err) : 0;
}

static int compare_ids(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Read ids of side again, each once. */
static int read_ids(struct ids *ids, struct side *side, const char *id_property, struct err *err)
{
    struct batch batch;
    batch_init(&batch, side, id_property);
    int failed = 0;
    if (ids->count > 1)
        qsort(ids->items, (size_t)ids->count, sizeof(*ids->items), compare_ids);
    for (int i = 0; i < ids->count && !failed; i++) {
        if (i == 0 || !span_equal(ids->items[i], ids->items[i - 1]))
            failed = batch_add(&batch, ids->items[i], err);
    }
    return batch_finish(&batch, failed, err);
}

static void ids_reset(struct ids *ids)
{
    ids->count = 0;
    arena_reset(&ids->arena);
}

int scan_suspects(struct scan *scan, struct err *err)
{
    struct ids ids = {0};
    arena_init(&ids.arena);
    int failed = table_begin(scan->table, err);
    if (!failed)
        failed = table_each_suspect(scan->table, SIDE_OLD, ids_add, &ids, err);
    if (!failed)
        failed = read_ids(&ids, &scan->old_side, NULL, err);
    if (!failed)
        failed = read_ids(&ids, &scan->new_side, scan->new_side.entity->external_id, err);
    ids_reset(&ids);
    if (!failed)
        failed = table_each_suspect(scan->table, SIDE_NEW, ids_add, &ids, err);
    if (!failed)
        failed = table_each_pair(scan->table, true, ids_add_twin, &ids, err);
    if (!failed)
        failed = read_ids(&ids, &scan->new_side, NULL, err);
    if (!failed)
        failed = association_read(&scan->association, ids.items, ids.count, err);
    free(ids.items);
    arena_clear(&ids.arena);
    return failed ? failed : table_commit(scan->table, err);
}
