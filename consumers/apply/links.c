/*
 * links — associations of the new system: what a record is linked to, and what the plan makes of it; see references.h.
 *
 * A field names one record. Of several associations of its type the one we agreed on counts, else the one that is wanted, else the first: one
 * that a person added beside ours is no edit. What is replaced is taken away first, because some types allow only one (a parent).
 */
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "references.h"

enum { BUSY_MS = 1000 };

bool links_doubtful(const struct apply *apply, const struct work *work, int f)
{
    const struct row *row = &work->row;
    return row->sent[f].kind != VALUE_MISSING && work->op.len == 0 &&
           (row->status == STATE_IDLE || row->status == STATE_HELD) && apply->now_ms < row->look_ms;
}

/* ---- reading ---- */

static bool wanted(const struct apply_entity *ae, const struct work *work, int f)
{
    return references_is_link(ae, f) && work->event.after.values[f].kind != VALUE_MISSING &&
           !work->link_doubts[f];
}

bool links_wanted(const struct apply_entity *ae, const struct work *work)
{
    if (!ae->has_links || !work->referred || work->link_now)
        return false;
    for (int r = 0; r < ae->reference_count; r++)
        if (wanted(ae, work, ae->references[r]))
            return true;
    return false;
}

static const char *object_of(const struct apply *apply, const struct apply_entity *ae, int f)
{
    const char *to = ae->entity->fields[f].rules.reference->to;
    for (int i = 0; i < apply->entity_count; i++)
        if (strcmp(apply->entities[i].entity->name, to) == 0)
            return apply->entities[i].entity->new_object;
    return to;
}

static struct span type_of(struct apply *apply, const struct apply_entity *ae, int f)
{
    const struct value_reference *reference = ae->entity->fields[f].rules.reference;
    return span_of(arena_printf(&apply->arena, "%s:%lld", reference->association_category,
                                (long long)reference->association_type));
}

static struct value choose(struct apply *apply, const struct work *work, int f, struct span type,
                           const struct rest_record *record)
{
    const char *system = apply->context.migration->new_system->name;
    const struct base_pair *base = &work->row.base[f];
    struct value first = {VALUE_BLANK, SPAN_NONE}, same = first;
    for (int i = 0; record && i < record->link_count; i++) {
        if (!span_equal(record->links[i].type, type))
            continue;
        struct span to = record->links[i].to;
        struct value value = {VALUE_SET, span_of(arena_printf(&apply->arena, "%s:%.*s", system,
                                                              (int)to.len, to.data))};
        if (base->known && base_is(base->new_side, value))
            return value;
        if (value_equal(value, work->event.after.values[f]))
            same = value;
        if (first.kind == VALUE_BLANK)
            first = value;
    }
    return same.kind == VALUE_SET ? same : first;
}

/* The associations of one field of many records. */
static int read_field(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                      int f, int64_t *ret_retry_after_ms, struct err *err)
{
    struct work **some = arena_new(&apply->arena, struct work *, n);
    struct span *ids = arena_new(&apply->arena, struct span, n);
    struct rest_op *ops[APPLY_OPS_MAX];
    struct map by_id;
    int most = rest_traits(apply->rest)->links_max, count = 0, op_count = 0;
    for (int i = 0; i < n; i++)
        if (wanted(ae, works[i], f)) {
            ids[count] = works[i]->twin;
            some[count++] = works[i];
        }
    for (int at = 0; at < count; at += most) {
        struct rest_op *op = apply_op(apply);
        if (!op)
            return err_set(err, ERR_RETRY, "apply: more than %d requests in one chunk",
                           APPLY_OPS_MAX);
        op->kind = REST_LINKS;
        op->object = ae->entity->new_object;
        op->to_object = object_of(apply, ae, f);
        op->ids = ids + at;
        op->id_count = count - at < most ? count - at : most;
        ops[op_count++] = op;
    }
    if (apply_read(apply, ops, op_count, ret_retry_after_ms, err) != 0)
        return -1;
    map_init(&by_id, (size_t)count + 1, &apply->arena);
    for (int i = 0; i < op_count; i++)
        for (int r = 0; r < ops[i]->record_count; r++)
            (void)map_put(&by_id, ops[i]->records[r].id, &ops[i]->records[r]);
    struct span type = type_of(apply, ae, f);
    for (int i = 0; i < count; i++)
        some[i]->link_now[f] = choose(apply, some[i], f, type, map_get(&by_id, some[i]->twin));
    return 0;
}

int links_read(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
               int64_t *ret_retry_after_ms, struct err *err)
{
    for (int i = 0; i < n; i++)
        works[i]->link_now = arena_new(&apply->arena, struct value, ae->entity->field_count);
    for (int r = 0; r < ae->reference_count; r++)
        if (references_is_link(ae, ae->references[r]) &&
            read_field(apply, ae, works, n, ae->references[r], ret_retry_after_ms, err) != 0)
            return -1;
    for (int i = 0; i < n; i++) {
        works[i]->stage = WORK_FIND;
        plan_make(apply, ae, works[i], works[i]->record);
    }
    return 0;
}

/* ---- writing ---- */

static bool changes(const struct apply_entity *ae, const struct work *work, int f)
{
    return references_is_link(ae, f) && merge_writes(work->verdicts[f]) &&
           (work->new_now[f].kind == VALUE_SET || work->event.after.values[f].kind == VALUE_SET);
}

bool links_planned(const struct apply_entity *ae, const struct work *work)
{
    for (int r = 0; ae->has_links && work->referred && r < ae->reference_count; r++)
        if (changes(ae, work, ae->references[r]))
            return true;
    return false;
}

enum result { RESULT_OK, RESULT_GONE, RESULT_REFUSED, RESULT_LATER, RESULT_DOUBT };

/* One association on its way. */
struct task {
    struct work *work;
    struct rest_link link;
    enum result result;
};

static struct span id_of(const struct apply_entity *ae, int f, struct value value)
{
    return value_for_side(&ae->entity->fields[f].rules, SIDE_NEW, value);
}

static enum result result_of(const struct rest_link *link)
{
    static const enum result results[] = {
        [REST_ITEM_UNKNOWN] = RESULT_DOUBT,  [REST_ITEM_OK] = RESULT_OK,
        [REST_ITEM_MISMATCH] = RESULT_LATER, [REST_ITEM_EXISTS] = RESULT_REFUSED,
        [REST_ITEM_GONE] = RESULT_GONE,      [REST_ITEM_REFUSED] = RESULT_REFUSED,
        [REST_ITEM_BUSY] = RESULT_LATER};
    return results[link->result];
}

/* One request; a refused one of several is cut in halves: nothing of it was executed. */
static void send(struct apply *apply, struct apply_entity *ae, enum rest_kind kind, int f,
                 struct task *tasks, int n)
{
    struct rest_op *op = apply_op(apply);
    enum rest_outcome outcome = REST_LATER;
    int64_t retry_after_ms = 0;
    struct err why = ERR_INIT;
    if (op) {
        op->kind = kind;
        op->object = ae->entity->new_object;
        op->to_object = object_of(apply, ae, f);
        op->links = arena_new(&apply->arena, struct rest_link, n);
        op->link_count = n;
        for (int i = 0; i < n; i++)
            op->links[i] = tasks[i].link;
        rest_run(apply->rest, &op, 1, &outcome, &retry_after_ms, &why);
    }
    if (outcome != REST_DONE && why.text[0])
        log_warn("associations not written", log_str("field", ae->entity->fields[f].name),
                 log_str("why", why.text));
    for (int i = 0; i < n; i++) {
        struct task *task = &tasks[i];
        if (outcome == REST_DONE) {
            task->link = op->links[i];
            task->link.message = arena_copy(&apply->arena, op->links[i].message);
        }
        task->result = outcome == REST_DONE        ? result_of(&task->link)
                       : outcome == REST_UNCERTAIN ? RESULT_DOUBT
                       : outcome == REST_REFUSED   ? RESULT_REFUSED
                                                   : RESULT_LATER;
        if (outcome == REST_REFUSED)
            task->link.message = span_of(arena_printf(&apply->arena, "%s", why.text));
    }
    if (op)
        apply_op_release(apply, op);
    if (n > 1 && (outcome == REST_REFUSED || outcome == REST_TOO_LARGE)) {
        send(apply, ae, kind, f, tasks, n / 2);
        send(apply, ae, kind, f, tasks + n / 2, n - n / 2);
    }
}

static void send_all(struct apply *apply, struct apply_entity *ae, enum rest_kind kind, int f,
                     struct task *tasks, int n)
{
    int most = rest_traits(apply->rest)->link_max;
    for (int at = 0; at < n; at += most)
        send(apply, ae, kind, f, tasks + at, n - at < most ? n - at : most);
}

static void agree(struct apply *apply, struct work *work, int f, struct value value)
{
    work->row.base[f] = (struct base_pair){.known = true,
                                           .old_side = base_of(value, &apply->arena),
                                           .new_side = base_of(value, &apply->arena)};
}

/* It was not written, or nobody knows: the reference waits. */
static void fail(struct apply *apply, struct apply_entity *ae, const struct task *task, int f)
{
    struct work *work = task->work;
    struct row *row = &work->row;
    const struct row before = *row;
    int64_t retry_ms = apply->context.migration->apply.reference_retry_ms;
    int64_t wait_ms = task->result == RESULT_DOUBT   ? rest_traits(apply->rest)->request_lifetime_ms
                      : task->result == RESULT_LATER ? BUSY_MS
                                                     : retry_ms;
    references_postpone(apply, ae, work, f, apply->now_ms + wait_ms);
    if (task->result == RESULT_DOUBT)
        row->sent[f] = work->event.after.values[f];
    work->why = arena_printf(&apply->arena, "%s is not linked yet: %.*s",
                             ae->entity->fields[f].name, (int)task->link.message.len,
                             task->link.message.len ? task->link.message.data : "");
    if (task->result != RESULT_REFUSED && task->result != RESULT_GONE)
        return;
    struct held *held = arena_new(&apply->arena, struct held, row->held_count + 1);
    if (row->held_count)
        memcpy(held, row->held, sizeof *held * (size_t)row->held_count);
    row->held = held;
    held += row->held_count++;
    *held = (struct held){.field = f,
                          .class_ = HELD_REFERENCE,
                          .old_now = work->referred[f],
                          .detail =
                              task->link.message.len ? task->link.message : work->referred[f].text};
    plan_ask(apply, &before, held);
    row->status = STATE_HELD;
    work->class_ = held_class_name(HELD_REFERENCE);
}

static bool is_written(const struct work *work)
{
    return work->stage == WORK_DONE && work->links;
}

/* One field of all works: what is replaced goes, what is wanted comes. */
static void write_field(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                        int f)
{
    struct task *gone = arena_new(&apply->arena, struct task, n);
    struct task *made = arena_new(&apply->arena, struct task, n);
    struct span type = type_of(apply, ae, f);
    int gone_count = 0, made_count = 0;
    for (int i = 0; i < n; i++)
        if (is_written(works[i]) && changes(ae, works[i], f) &&
            works[i]->new_now[f].kind == VALUE_SET)
            gone[gone_count++] = (struct task){.work = works[i],
                                               .link = {.from = works[i]->twin,
                                                        .to = id_of(ae, f, works[i]->new_now[f]),
                                                        .type = type}};
    send_all(apply, ae, REST_UNLINK, f, gone, gone_count);
    for (int i = 0; i < gone_count; i++) {
        bool done = gone[i].result == RESULT_OK || gone[i].result == RESULT_GONE;
        gone[i].work->unlink_failed = !done;
        if (done)
            agree(apply, gone[i].work, f, (struct value){VALUE_BLANK, SPAN_NONE});
        else
            fail(apply, ae, &gone[i], f);
    }
    FAILPOINT("apply.link_removed");
    for (int i = 0; i < n; i++) {
        struct work *work = works[i];
        bool replaces = is_written(work) && changes(ae, work, f);
        if (replaces && !work->unlink_failed && work->event.after.values[f].kind == VALUE_SET)
            made[made_count++] =
                (struct task){.work = work,
                              .link = {.from = work->twin,
                                       .to = id_of(ae, f, work->event.after.values[f]),
                                       .type = type}};
        work->unlink_failed = false;
    }
    send_all(apply, ae, REST_LINK, f, made, made_count);
    for (int i = 0; i < made_count; i++)
        if (made[i].result == RESULT_OK)
            agree(apply, made[i].work, f, made[i].work->event.after.values[f]);
        else
            fail(apply, ae, &made[i], f);
}

void links_write(struct apply *apply, struct apply_entity *ae, struct work **works, int n)
{
    bool any = false;
    for (int i = 0; i < n; i++)
        any = any || is_written(works[i]);
    if (!any)
        return;
    FAILPOINT("apply.linking");
    for (int r = 0; r < ae->reference_count; r++)
        if (references_is_link(ae, ae->references[r]))
            write_field(apply, ae, works, n, ae->references[r]);
    FAILPOINT("apply.linked");
    for (int i = 0; i < n; i++)
        if (is_written(works[i]))
            works[i]->links = false;
}
