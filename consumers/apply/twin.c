/*
 * twin — which record of the new system is this one's: the id map, our external id, the match index, then the target itself;
 * two candidates are a question, never a guess (design §6). What is found was read from the target just now.
 */
#include <string.h>

#include "apply.h"
#include "references.h"

enum { TWIN_PASSES_MAX = 2 };

/* What is to be read: target ids, or values of one property. */
struct reading {
    const char *id_property; /* NULL: target ids */
    bool search;             /* the property is not unique there */
    struct span *ids;
    int count;
};

static void reading_add(struct reading *reading, struct map *seen, struct span id)
{
    if (map_get(seen, id) || !map_put(seen, id, reading))
        return;
    reading->ids[reading->count++] = id;
}

static int reading_start(struct apply *apply, struct apply_entity *ae,
                         const struct reading *reading, struct rest_op **ops, int *op_count,
                         struct err *err)
{
    const struct rest_traits *traits = rest_traits(apply->rest);
    int most = reading->id_property ? traits->lookup_max : traits->read_max;
    for (int at = 0; at < reading->count; at += most) {
        struct rest_op *op = apply_op(apply);
        if (!op)
            return err_set(err, ERR_RETRY, "apply: more than %d requests in one chunk",
                           APPLY_OPS_MAX);
        op->kind = REST_READ;
        op->object = ae->entity->new_object;
        op->properties = ae->properties;
        op->property_count = ae->property_count;
        op->id_property = reading->id_property;
        op->search = reading->search;
        op->ids = reading->ids + at;
        op->id_count = reading->count - at < most ? reading->count - at : most;
        ops[(*op_count)++] = op;
    }
    return 0;
}

static struct span raw_text(const struct rest_record *record, int at)
{
    const struct raw_value *raw = &record->values[at];
    return raw->type == JSON_STRING_ || raw->type == JSON_NUMBER_ ? raw->text : SPAN_NONE;
}

int listing_names(const struct apply_entity *ae, const struct rest_record *record,
                  struct arena *arena, struct span *names)
{
    int count = 0;
    struct span external_id = raw_text(record, ae->external_id_at);
    if (external_id.len)
        names[count++] =
            ARENA_JOIN(arena, span_of(ae->entity->external_id), span_of("="), external_id);
    for (int m = 0; m < ae->match_count; m++) {
        const struct field *field = &ae->entity->fields[ae->match_fields[m]];
        const struct raw_value *raw = &record->values[ae->property_of_field[ae->match_fields[m]]];
        struct value value;
        struct err ignored = ERR_INIT;
        if (value_parse(&field->rules, SIDE_NEW, (enum json_type)raw->type, raw->text, arena,
                        &value, &ignored) != 0)
            continue;
        struct span key = value_match_key(field->rules.type, value, arena);
        if (key.len)
            names[count++] = ARENA_JOIN(arena, span_of(field->name), span_of("="), key);
    }
    return count;
}

/* Does this target record really carry one of the work's match values? The index may remember what was. */
static bool matches(struct apply *apply, const struct apply_entity *ae, const struct work *work,
                    const struct rest_record *record)
{
    struct span names[1 + APPLY_MATCH_MAX];
    int count = listing_names(ae, record, &apply->arena, names);
    for (int i = 0; i < count; i++)
        for (int k = 1; k < work->name_count; k++)
            if (span_equal(names[i], work->names[k]))
                return true;
    return false;
}

static void take_twin(struct apply_entity *ae, struct work *work, const struct rest_record *record)
{
    work->twin_found = true;
    work->twin = record->id;
    work->twin_version = record->version;
    work->twin_external_id = raw_text(record, ae->external_id_at);
    work->twin_marker = raw_text(record, ae->marker_at);
    work->twin_writer = record->writer;
    work->redirected = work->row.twin.len && !span_equal(record->id, work->row.twin);
}

/*
 * The twin is another record's. That one claims the value by which we met: when it gives it up, this one is looked at again, and once more
 * when the target's index must have seen it. What nobody claims stays a question.
 */
static void hold_identity(struct apply *apply, const struct apply_entity *ae, struct work *work,
                          const struct rest_record *record)
{
    struct span names[1 + APPLY_MATCH_MAX];
    int count = listing_names(ae, record, &apply->arena, names);
    defer_hold(apply, work, HELD_IDENTITY, work->twin_external_id);
    if (work->due && work->row.attempt++ == 0)
        work->row.due_ms = apply->now_ms + rest_traits(apply->rest)->index_lag_ms;
    if (work->post && span_equal(work->post_twin, record->id))
        redirect_take_post(apply, work, work->post);
    for (int i = 0; (!work->due || work->take_over.len) && i < count; i++)
        for (int k = 1; k < work->name_count; k++)
            if (span_equal(names[i], work->names[k])) {
                work->row.waits_on = names[i];
                work->row.attempt = 0;
                return;
            }
}

/* True: settled (found, surely absent, or a question); false: the target itself has to be asked. */
static bool resolve(struct apply *apply, struct apply_entity *ae, struct work *work,
                    const struct map *by_id, const struct rest_record **ret_record)
{
    const struct rest_record *found = NULL;
    int count = 0;
    bool ours = false;
    for (int c = 0; c < work->candidate_count; c++) {
        const struct rest_record *record = map_get(by_id, work->candidates[c]);
        if (!record)
            continue;
        if (span_equal(raw_text(record, ae->external_id_at), work->event.id) ||
            span_equal(work->candidates[c], work->row.twin) || redirect_inherits(work, record)) {
            found = record;
            count = 1;
            ours = true;
            break;
        }
        if (record != found && matches(apply, ae, work, record)) {
            found = record;
            count++;
        }
    }
    *ret_record = found;
    bool deletes = work->event.op == 'd'; /* whatever carries our id is asked for, too */
    if (work->row.twin.len && count == 0 && !deletes && !delete_forgets(apply, ae, work)) {
        defer_hold(apply, work, HELD_TWIN_GONE, work->row.twin);
        return true;
    }
    if (count > 1 || (work->more_candidates && !ours)) {
        defer_hold(apply, work, HELD_AMBIGUOUS, found ? found->id : work->candidates[0]);
        return true;
    }
    if (count == 0 && work->searched && deletes)
        delete_gone(apply, ae, work);
    if (count == 0)
        return work->searched;
    take_twin(ae, work, found);
    work->inherits = !deletes && redirect_inherits(work, found);
    if (work->inherits)
        redirect_take_base(ae, work);
    else if (!deletes && work->twin_external_id.len &&
             !span_equal(work->twin_external_id, work->event.id))
        hold_identity(apply, ae, work, found);
    return true;
}

/*
 * A record of which neither Redis nor the match index knows anything cannot be there under our external id: the target was listed since Redis'
 * incarnation, and whatever was begun since then left an operation or a row. A person may have made it, so it is asked for by a value, which
 * the target keeps unique (without an index that lags); if it is there after all, so is our id, and the create is refused.
 */
static bool by_value_alone(const struct apply_entity *ae, const struct work *work)
{
    if (!work->never_met || work->begun.data || work->event.op == 'd')
        return false;
    for (int m = 0; m < ae->match_count; m++) {
        int f = ae->match_fields[m];
        if (ae->entity->fields[f].unique_in_new && work->event.after.values[f].kind == VALUE_SET)
            return true;
    }
    return false;
}

/* Collect the requests of all open works: candidates by id; without any, by external id and by each match value. */
static int gather(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                  struct rest_op **ops, int *op_count, struct err *err)
{
    struct arena *arena = &apply->arena;
    struct reading readings[2 + APPLY_MATCH_MAX] = {{0}};
    struct map seen[2 + APPLY_MATCH_MAX];
    int reading_count = 2 + ae->match_count;
    for (int r = 0; r < reading_count; r++) {
        readings[r].ids = arena_new(arena, struct span, (r == 0 ? APPLY_CANDIDATES_MAX : 1) * n);
        map_init(&seen[r], (size_t)n * APPLY_CANDIDATES_MAX, arena);
    }
    readings[1].id_property = ae->entity->external_id;
    for (int m = 0; m < ae->match_count; m++) {
        readings[2 + m].id_property = ae->entity->fields[ae->match_fields[m]].new_name;
        readings[2 + m].search = !ae->entity->fields[ae->match_fields[m]].unique_in_new;
    }
    for (int i = 0; i < n; i++) {
        struct work *work = works[i];
        for (int c = 0; c < work->candidate_count; c++)
            reading_add(&readings[0], &seen[0], work->candidates[c]);
        if (work->candidate_count > 0)
            continue;
        work->searched = true;
        if (!by_value_alone(ae, work))
            reading_add(&readings[1], &seen[1], work->event.id);
        for (int m = 0; m < ae->match_count; m++) {
            const struct field *field = &ae->entity->fields[ae->match_fields[m]];
            struct value value = work->event.after.values[ae->match_fields[m]];
            if (value.kind == VALUE_SET)
                reading_add(&readings[2 + m], &seen[2 + m],
                            value_write(&field->rules, SIDE_NEW, value, arena));
        }
    }
    for (int r = 0; r < reading_count; r++)
        if (reading_start(apply, ae, &readings[r], ops, op_count, err) != 0)
            return -1;
    return 0;
}

/* An id that was merged away leads to the record that it became. */
static void index_merged(struct map *by_id, struct rest_record *record)
{
    for (struct span rest = record->merged; rest.len;) {
        const char *end = memchr(rest.data, ';', rest.len);
        size_t len = end ? (size_t)(end - rest.data) : rest.len, step = len + (end != NULL);
        struct span id = {rest.data, len};
        if (id.len && !map_get(by_id, id))
            map_put(by_id, id, record);
        rest = (struct span){rest.data + step, rest.len - step};
    }
}

/* Every record read is known by its id; those found by a search become candidates of the works that look like them
 * (by_name[1]: a second record of the same name, which makes a question of it). */
static void index_records(struct apply *apply, struct apply_entity *ae, struct rest_op **ops,
                          int op_count, struct map *by_id, struct map by_name[2])
{
    size_t records = 0, merged = 0;
    for (int i = 0; i < op_count; i++) {
        records += (size_t)ops[i]->record_count;
        for (int r = 0; r < ops[i]->record_count; r++)
            merged += ops[i]->records[r].merged.len; /* at least as many as there are ids */
    }
    map_init(by_id, records + merged + 1, &apply->arena);
    for (int k = 0; k < 2; k++)
        map_init(&by_name[k], (records + 1) * (1 + APPLY_MATCH_MAX), &apply->arena);
    for (int i = 0; i < op_count; i++)
        for (int r = 0; r < ops[i]->record_count; r++) {
            struct rest_record *record = &ops[i]->records[r];
            struct span names[1 + APPLY_MATCH_MAX];
            map_put(by_id, record->id, record);
            index_merged(by_id, record);
            if (!ops[i]->id_property)
                continue;
            int count = listing_names(ae, record, &apply->arena, names);
            for (int k = 0; k < count; k++) {
                const struct rest_record *known = map_get(&by_name[0], names[k]);
                bool another = known && !span_equal(known->id, record->id);
                map_put(&by_name[another], names[k], record);
            }
        }
}

static void add_found(struct work *work, const struct map by_name[2])
{
    for (int k = 0; work->searched && k < 2 * work->name_count; k++) {
        const struct rest_record *record = map_get(&by_name[k & 1], work->names[k / 2]);
        bool known = !record || work->candidate_count == APPLY_CANDIDATES_MAX;
        for (int c = 0; !known && c < work->candidate_count; c++)
            known = span_equal(work->candidates[c], record->id);
        if (!known)
            work->candidates[work->candidate_count++] = record->id;
    }
}

/* What carries the id of a record that was merged into this one is this one's. */
static int learn_loser(struct apply *apply, struct apply_entity *ae, struct work *work,
                       const struct map *by_id, struct err *err)
{
    for (int c = 0; c < work->candidate_count && !work->loser; c++) {
        const struct rest_record *record = map_get(by_id, work->candidates[c]);
        struct span owner = record ? raw_text(record, ae->external_id_at) : SPAN_NONE;
        if (work->event.op != 'd' && owner.len && !span_equal(owner, work->event.id) &&
            redirect_loser(apply, ae, work, owner, record, err) != 0)
            return -1;
    }
    return 0;
}

int twin_find(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
              int64_t *ret_retry_after_ms, struct err *err)
{
    struct work **open = arena_new(&apply->arena, struct work *, n);
    for (int i = 0; i < n; i++)
        open[i] = works[i];
    for (int pass = 0; pass < TWIN_PASSES_MAX && n > 0; pass++) {
        struct rest_op *ops[APPLY_OPS_MAX];
        struct map by_id, by_name[2];
        int op_count = 0, left = 0;
        if (gather(apply, ae, open, n, ops, &op_count, err) != 0 ||
            apply_read(apply, ops, op_count, ret_retry_after_ms, err) != 0)
            return -1;
        index_records(apply, ae, ops, op_count, &by_id, by_name);
        for (int i = 0; i < n; i++) {
            struct work *work = open[i];
            const struct rest_record *record = NULL;
            work->twin_found = false;
            work->link_now = NULL;
            add_found(work, by_name);
            if (learn_loser(apply, ae, work, &by_id, err) != 0)
                return -1;
            if (resolve(apply, ae, work, &by_id, &record)) {
                if (work->stage != WORK_FIND)
                    continue;
                if (work->twin_found && links_wanted(ae, work)) {
                    work->record = record;
                    work->stage = WORK_LINKS;
                } else {
                    plan_make(apply, ae, work, record);
                }
                continue;
            }
            /* Every candidate was a memory: ask the target itself. */
            work->candidate_count = 0;
            open[left++] = work;
        }
        n = left;
    }
    return 0;
}
