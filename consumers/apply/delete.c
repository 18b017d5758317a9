/*
 * delete — what becomes of the twin of a record that the old system deleted (design §6): the entity's policy says archive, remove, keep
 * or ask. What a person edited in the new system since both agreed is never ended: that is a question, whatever the policy.
 *
 * The row stays, `deleted`, with the version of the deletion: a late page cannot bring the record back, and a sighting that a read
 * confirms does. A row whose twin was archived or removed forgets it: brought back, the record gets a new twin, because the new
 * system's API cannot restore one. A row whose twin was kept, or is asked about, keeps twin, base and claims: brought back, the record goes
 * on with them.
 */
#include <string.h>
#include <sysexits.h>

#include "apply.h"

void delete_note(struct apply *apply, struct apply_entity *ae, struct work *work,
                 enum outcome_what what, const char *class_)
{
    struct row *row = &work->row;
    row->deleted = true;
    row->redirect = work->winner_key;
    row->has_version = true;
    row->version = work->event.version;
    memcpy(row->event_id, work->event.event_id, sizeof row->event_id);
    memcpy(row->hash, work->event.hash, sizeof row->hash);
    row->status = STATE_IDLE;
    row->held_count = 0;
    row->due_ms = 0;
    row->attempt = 0;
    row->await_count = 0;
    row->look_ms = 0;
    row->why = row->pending = row->waits_on = SPAN_NONE;
    row->sent = arena_new(&apply->arena, struct value, ae->entity->field_count);
    work->row_changed = true;
    work->what = what == OUTCOME_DELETED && work->winner_key.len ? OUTCOME_MERGED : what;
    work->class_ = class_;
    work->stage = WORK_DONE;
}

void delete_forget_twin(struct apply *apply, const struct apply_entity *ae, struct row *row)
{
    row->twin = row->op = SPAN_NONE;
    row->claim_count = 0;
    row->base = arena_new(&apply->arena, struct base_pair, ae->entity->field_count);
}

int delete_begin(struct apply *apply, struct apply_entity *ae, struct work *work, struct err *err)
{
    if (work->stage != WORK_FIND || work->event.op != 'd')
        return 0;
    if (work->event.merged_into.len && redirect_winner(apply, ae, work, err) != 0)
        return -1;
    /* A row without a twin may have lost sight of one, e.g. of an operation that became a question: looked for by our id. */
    bool may_exist =
        work->row.twin.len || work->unknown || (work->row_exists && !work->row.deleted);
    if (may_exist)
        return 0;
    delete_forget_twin(apply, ae, &work->row);
    delete_note(apply, ae, work, OUTCOME_DELETED, "no-twin");
    return 0;
}

void delete_gone(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    const char *class_ = work->row.twin.len ? "twin-gone" : "no-twin";
    if (work->twin.len == 0)
        work->twin = work->row.twin; /* the outcome names it */
    delete_forget_twin(apply, ae, &work->row);
    delete_note(apply, ae, work, OUTCOME_DELETED, class_);
}

bool delete_forgets(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    struct marker begun;
    bool ended = work->row.deleted || (marker_parse(work->op, &begun) && begun.deletes);
    if (!ended || !work->unknown)
        return false;
    delete_forget_twin(apply, ae, &work->row);
    work->unknown = false;
    return true;
}

static enum rest_kind kind_of(enum delete_policy policy)
{
    return policy == DELETES_ARCHIVE ? REST_ARCHIVE : REST_DELETE;
}

int delete_check(struct apply *apply, struct err *err)
{
    for (int i = 0; i < apply->entity_count; i++) {
        const struct entity *entity = apply->entities[i].entity;
        bool ends = entity->deletes == DELETES_ARCHIVE || entity->deletes == DELETES_DELETE;
        if (ends && rest_max(apply->rest, kind_of(entity->deletes), entity->new_object, NULL) == 0)
            return err_exit(
                err, EX_CONFIG,
                "entity %s: deletes = \"%s\", and the connector of %s has no operation %s",
                entity->name, delete_policy_name(entity->deletes),
                apply->context.migration->new_system->name, delete_policy_name(entity->deletes));
    }
    return 0;
}

/* Did a person change this field since both agreed? What never agreed is not ours to end either. */
static bool edited(const struct apply_entity *ae, const struct work *work, int f)
{
    const struct base_pair *base = &work->row.base[f];
    if (ae->property_of_field[f] < 0)
        return false;
    return base->known ? merge_edited(base, work->new_now[f]) : work->new_now[f].kind == VALUE_SET;
}

/* Their names, "a, b"; empty: none. */
static struct span edited_fields(struct apply *apply, const struct apply_entity *ae,
                                 const struct work *work)
{
    buf_reset(&apply->scratch);
    for (int f = 0; f < ae->entity->field_count; f++)
        if (edited(ae, work, f)) {
            buf_puts(&apply->scratch, apply->scratch.len ? ", " : "");
            buf_puts(&apply->scratch, ae->entity->fields[f].name);
        }
    return arena_copy(&apply->arena, buf_span(&apply->scratch));
}

void delete_ask(struct apply *apply, struct apply_entity *ae, struct work *work,
                enum held_class class_, struct span detail, const char *words)
{
    struct row before = work->row;
    struct held *held = arena_new(&apply->arena, struct held, 1);
    *held =
        (struct held){.field = -1, .class_ = class_, .detail = detail, .who = work->twin_writer};
    plan_ask(apply, &before, held);
    delete_note(apply, ae, work, OUTCOME_HELD, words);
    work->row.held = held;
    work->row.held_count = 1;
    work->row.status = STATE_HELD;
    work->row.twin = work->twin;
}

void delete_plan(struct apply *apply, struct apply_entity *ae, struct work *work,
                 const struct rest_record *record)
{
    bool another =
        work->twin_external_id.len && !span_equal(work->twin_external_id, work->event.id);
    if (another) { /* merged there into the twin of a record that lives on, or taken over by the record this one was merged into */
        delete_forget_twin(apply, ae, &work->row);
        delete_note(apply, ae, work, OUTCOME_DELETED,
                    redirect_leads_to(work, work->twin_external_id) ? "taken-over"
                                                                    : "another-record");
        return;
    }
    if (!decide_fields(apply, ae, work, record)) {
        work->stage = WORK_HISTORY;
        return;
    }
    if (plan_behind(work))
        return;
    if (work->winner_key.len && redirect_plan(apply, ae, work, record))
        return;
    struct span names = edited_fields(apply, ae, work);
    switch (merge_deleted(ae->entity->deletes, names.len > 0)) {
    case DELETES_ARCHIVE:
    case DELETES_DELETE:
        work->kind = kind_of(ae->entity->deletes);
        work->item = (struct rest_item){.id = work->twin, .version = work->twin_version};
        plan_marker(apply, ae, work);
        work->stage = WORK_SEND;
        break;
    case DELETES_KEEP:
        delete_note(apply, ae, work, OUTCOME_DELETED, "kept");
        work->row.twin = work->twin;
        break;
    case DELETES_REVIEW:
    case DELETES_COUNT:
        delete_ask(apply, ae, work, HELD_DELETED, names, names.len ? "conflict" : "deleted");
        break;
    }
}

bool delete_ends(const struct work *work)
{
    return work->event.op == 'd' && (work->kind == REST_ARCHIVE || work->kind == REST_DELETE) &&
           work->marker.len > 0;
}

void delete_written(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    bool archived = work->kind == REST_ARCHIVE;
    delete_forget_twin(apply, ae, &work->row);
    delete_note(apply, ae, work, archived ? OUTCOME_ARCHIVED : OUTCOME_REMOVED, NULL);
    work->row.op =
        work->marker; /* should the row be refused: by this the next owner knows who ended the twin */
}

int delete_fields(struct apply *apply, const struct apply_entity *ae, const struct work *work,
                  struct outcome_field **ret_fields)
{
    int count = 0;
    struct outcome_field *fields =
        arena_new(&apply->arena, struct outcome_field, ae->entity->field_count);
    for (int f = 0; work->new_now && f < ae->entity->field_count; f++)
        if (ae->property_of_field[f] >= 0 && work->new_now[f].kind == VALUE_SET)
            fields[count++] = (struct outcome_field){.field = f, .new_now = work->new_now[f]};
    *ret_fields = fields;
    return count;
}
