/*
 * decide — what becomes of each field: the three-way merge, what our own marker and the field's history say about who wrote the value that
 * stands in the new system, and the declared truth (design §6). Nothing is rendered or written here.
 */
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "model/truth.h"
#include "references.h"

struct value *decide_read(struct apply *apply, const struct apply_entity *ae,
                          const struct raw_value *values)
{
    const struct entity *entity = ae->entity;
    struct raw_value *raw = arena_new(&apply->arena, struct raw_value, entity->field_count);
    struct record record;
    for (int f = 0; f < entity->field_count; f++)
        if (ae->property_of_field[f] >= 0)
            raw[f] = values[ae->property_of_field[f]];
    mapping_read_twin(entity, raw, &apply->arena, &record);
    return record.values;
}

/* ---- the field's history ---- */

static const struct rest_history *history_of(const struct apply_entity *ae,
                                             const struct rest_record *record, int f)
{
    return record && record->histories ? &record->histories[ae->property_of_field[f]] : NULL;
}

/* What the operation of this marker made of a field; false: nothing that is known. */
static bool stored_by(struct apply *apply, const struct apply_entity *ae,
                      const struct rest_record *record, struct span marker, int f,
                      struct value *ret_value)
{
    int at = history_entry(ae, marker, record, f);
    if (at < 0)
        return false;
    *ret_value = mapping_twin_value(&ae->entity->fields[f],
                                    &history_of(ae, record, f)->changes[at].value, &apply->arena);
    return true;
}

/*
 * What we sent and nobody saw stored: what that very write made of it stands in the history, whether somebody edited it since or not. A
 * person's value that it put back is not what we sent. Where a late request wrote its marker over that write's, it is that write which counts.
 */
static void confirm(struct apply *apply, const struct apply_entity *ae, struct work *work,
                    const struct rest_record *record, int f)
{
    struct base_pair *base = &work->row.base[f];
    bool hidden = work->hidden.len && history_written_at(ae, work->hidden, record) >= 0;
    struct span op = hidden ? work->hidden : work->row.op;
    struct value stored;
    if (!stored_by(apply, ae, record, op, f, &stored) ||
        history_put_back(apply, ae, record, f, history_entry(ae, op, record, f)))
        return;
    base->new_side = base_of(stored, &apply->arena);
    bool told = work->content && work->content[f].kind != VALUE_MISSING;
    if (work->doubt[f]) /* else that is all that is known of what was sent */
        base->old_side = told ? base_of(work->content[f], &apply->arena) : base->new_side;
    base->unconfirmed = false;
}

/* An operation whose marker was written over was executed all the same. */
static void unhide(struct apply *apply, const struct apply_entity *ae, struct work *work,
                   const struct rest_record *record)
{
    if (!work->hidden.len)
        return;
    work->overtaken = work->overtaken || history_written_at(ae, work->hidden, record) >= 0;
    for (int f = 0; f < ae->entity->field_count; f++) {
        struct value stored, sent = work->hidden_sent[f];
        if (sent.kind != VALUE_MISSING && ae->property_of_field[f] >= 0 &&
            stored_by(apply, ae, record, work->hidden, f, &stored))
            work->row.base[f] = (struct base_pair){.known = true,
                                                   .old_side = base_of(sent, &apply->arena),
                                                   .new_side = base_of(stored, &apply->arena)};
    }
}

/*
 * A late request of ours wrote the value that stands there. What stands in the history before it is what we agreed on, or a person's edit that
 * it overtook: that edit counts, and is to be put back unless the merge writes something else.
 */
static void undo_late(struct apply *apply, struct work *work, const struct field *field, int f,
                      const struct rest_history *history)
{
    for (int i = 1; i < history->count; i++) {
        struct value before = mapping_twin_value(field, &history->changes[i].value, &apply->arena);
        if (base_is(work->row.base[f].new_side, before))
            return;
        if (history->changes[i].ours)
            continue; /* late as well */
        work->new_now[f] = before;
        work->restore[f] = &history->changes[i].value;
        return;
    }
}

/* The late request wrote what stood there before, or what nobody knows: an edit may be gone all the same. */
static void undo_unseen(struct apply *apply, const struct apply_entity *ae, struct work *work,
                        const struct rest_record *record, int f)
{
    const struct base_pair *base = &work->row.base[f];
    const struct raw_value *edit = history_overtaken(apply, ae, work->twin_marker, record, f,
                                                     base->known ? &base->new_side : NULL);
    if (!edit)
        return;
    work->new_now[f] = mapping_twin_value(&ae->entity->fields[f], edit, &apply->arena);
    work->restore[f] = edit;
}

static struct truth_time edited_at(struct apply *apply, const struct rest_history *history,
                                   const struct rest_record *record)
{
    if (!history)
        return record && record->modified_ms >= 0
                   ? truth_time_between(INT64_MIN, record->modified_ms)
                   : (struct truth_time){0};
    struct truth_edit *edits = arena_new(&apply->arena, struct truth_edit, history->count + 1);
    for (int i = 0; i < history->count; i++)
        edits[i] = (struct truth_edit){history->changes[i].at_ms, history->changes[i].ours};
    return truth_time_of_history(edits, history->count);
}

/* ---- one field ---- */

static struct truth_time changed_at(const struct apply_entity *ae, const struct work *work, int f)
{
    const struct row *row = &work->row;
    bool seen_before = false;
    for (int h = 0; h < row->held_count; h++)
        seen_before =
            seen_before || (row->held[h].field == f &&
                            value_equal(row->held[h].old_now, work->event.after.values[f]));
    /* A delete and a refused record moved the version, and nothing was merged. */
    bool merged = row->has_version && !row->deleted && row->hash[0] != '\0';
    return truth_time_of_old(merged ? &row->version : NULL, &work->event.version, seen_before,
                             ae->entity->fields[f].is_volatile);
}

/* Would the rule ask when exactly the field was edited in the new system? */
static bool asks_when(const struct apply_entity *ae, int f, enum merge_verdict verdict,
                      struct truth_time old_time)
{
    const struct truth_rule *rule = truth_rule_at(ae->entity, f, old_time.until_ms);
    if (verdict == MERGE_KEEP) /* is it enforced, and was it then? */
        return rule && (rule->enforce || rule->from_ms != TRUTH_ALWAYS);
    return merge_holds(verdict) && rule && rule->choice == TRUTH_NEWEST;
}

/* The merge, then the truth. ret_ask: only the history can tell. */
static enum merge_verdict merge_one(struct apply *apply, struct apply_entity *ae, struct work *work,
                                    const struct rest_record *record, int f, bool late,
                                    bool *ret_ask)
{
    const struct rest_history *history = history_of(ae, record, f);
    enum merge_verdict verdict =
        merge_field(&work->row.base[f], work->event.after.values[f], work->new_now[f]);
    if (late && !work->restore[f] && (verdict == MERGE_KEEP || verdict == MERGE_HOLD_CONFLICT))
        return MERGE_WRITE; /* a late request of ours, not a person's edit: put the truth back */
    if (ae->entity->truth_count == 0 || (verdict != MERGE_KEEP && !merge_holds(verdict)))
        return verdict;
    struct truth_facts facts = {.old_time = changed_at(ae, work, f),
                                .new_time = edited_at(apply, history, record)};
    bool can_ask = !history && rest_traits(apply->rest)->history_max > 0;
    *ret_ask = *ret_ask || (can_ask && asks_when(ae, f, verdict, facts.old_time));
    return truth_decide(ae->entity, f, verdict, &facts);
}

void decide_raced(struct apply *apply, struct apply_entity *ae, struct work *work,
                  const struct rest_record *record, int f, const struct raw_value *edit)
{
    bool ignored = false;
    struct base_pair after = work->row.base[f];
    work->raced = true;
    work->stands[f] = false;
    work->after[f] = after;
    work->row.base[f] = work->before[f];
    work->new_now[f] = mapping_twin_value(&ae->entity->fields[f], edit, &apply->arena);
    work->restore[f] = edit;
    work->verdicts[f] = merge_one(apply, ae, work, record, f, false, &ignored);
    if (!merge_writes(work->verdicts[f]))
        return;
    work->restore[f] = NULL;
    work->row.base[f] = after;
    work->stands[f] = base_is(after.old_side, work->event.after.values[f]) && !work->doubt[f] &&
                      (after.unconfirmed || base_is(after.new_side, work->seen[f]));
}

void decide_late(struct apply *apply, struct apply_entity *ae, struct work *work,
                 const struct rest_record *record, int f, struct span marker)
{
    bool ignored = false;
    if (ae->property_of_field[f] < 0 || history_entry(ae, marker, record, f) != 0)
        return;
    work->overtaken = true;
    work->new_now[f] = work->seen[f];
    undo_late(apply, work, &ae->entity->fields[f], f, history_of(ae, record, f));
    work->verdicts[f] = merge_one(apply, ae, work, record, f, true, &ignored);
}

/* An operation of ours is known to be executed: did it overtake an edit? True: it did, and the field is decided. */
static bool look_behind(struct apply *apply, struct apply_entity *ae, struct work *work,
                        const struct rest_record *record, int f, bool *ret_ask)
{
    const struct base_pair *before = &work->before[f];
    struct value stands;
    if (!record || !work->behind || !history_tells(apply))
        return false;
    *ret_ask = *ret_ask || !record->histories;
    bool seen = before->known && !before->unconfirmed;
    if (!record->histories || !stored_by(apply, ae, record, work->row.op, f, &stands))
        return false;
    if (!work->wrote[f] && before->known && base_is(before->new_side, stands))
        return false; /* a former owner's row said so, who has looked */
    const struct raw_value *edit =
        history_overtaken(apply, ae, work->row.op, record, f, seen ? &before->new_side : NULL);
    if (edit)
        decide_raced(apply, ae, work, record, f, edit);
    else if (history_put_back(apply, ae, record, f, history_entry(ae, work->row.op, record, f)))
        work->row.base[f] = *before; /* that is the person's, and was agreed on by nobody */
    return edit != NULL;
}

/* ret_ask: only the history can tell. */
static enum merge_verdict decide_one(struct apply *apply, struct apply_entity *ae,
                                     struct work *work, const struct rest_record *record, int f,
                                     bool *ret_ask)
{
    const struct field *field = &ae->entity->fields[f];
    struct base_pair *base = &work->row.base[f];
    if (!work->twin_found)
        return merge_field(base, work->event.after.values[f],
                           (struct value){VALUE_MISSING, SPAN_NONE});
    const struct rest_history *history = history_of(ae, record, f);
    bool can_ask = !history && rest_traits(apply->rest)->history_max > 0;
    if (look_behind(apply, ae, work, record, f, ret_ask))
        return work->verdicts[f];
    /* Of an unknown operation whose marker does not stand there nobody knows which marker stood there before. */
    bool overtaken = work->overtaken || (history && work->hidden.len);
    bool differs = base->known && !base_is(base->new_side, work->new_now[f]);
    *ret_ask = *ret_ask ||
               (can_ask && (work->overtaken || work->hidden.len || (differs && base->unconfirmed)));
    if (differs && history && base->unconfirmed)
        confirm(apply, ae, work, record, f);
    differs = base->known && !base_is(base->new_side, work->new_now[f]);
    /* Without a history: of the content that the row knows, the late request cannot have made anything differ. */
    bool stands = history ? history->count && history->changes[0].ours
                          : !marker_same_content(work->twin_marker, work->row.op);
    bool late = differs && overtaken && stands;
    if (late && history)
        undo_late(apply, work, field, f, history);
    else if (work->overtaken && history && !differs)
        undo_unseen(apply, ae, work, record, f);
    work->overtaken = work->overtaken || late;
    return merge_one(apply, ae, work, record, f, late, ret_ask);
}

/*
 * An association: no marker and no history tells who made it, only what we sent. Of an operation that nobody knows the outcome of it may have
 * been made, or what it replaces was taken away and it was not.
 */
static enum merge_verdict decide_link(struct apply *apply, struct apply_entity *ae,
                                      struct work *work, int f)
{
    struct base_pair *base = &work->row.base[f];
    struct value old_now = work->event.after.values[f], sent = work->row.sent[f];
    struct value new_now = work->new_now[f] = work->twin_found && work->link_now
                                                  ? work->link_now[f]
                                                  : (struct value){VALUE_MISSING, SPAN_NONE};
    bool unread = work->twin_found && new_now.kind == VALUE_MISSING;
    if (sent.kind == VALUE_MISSING && marker_names(work->op, work->event.hash))
        sent = old_now; /* begun for this very event, and never finished */
    if (old_now.kind == VALUE_MISSING || unread)
        return MERGE_NOTHING;
    bool half = new_now.kind == VALUE_BLANK && base->known && base->new_side.kind == VALUE_SET;
    if (sent.kind != VALUE_MISSING && (half || value_equal(sent, new_now)))
        *base = (struct base_pair){.known = true,
                                   .old_side = base_of(new_now, &apply->arena),
                                   .new_side = base_of(new_now, &apply->arena)};
    enum merge_verdict verdict = merge_field(base, old_now, new_now);
    if (ae->entity->truth_count == 0 || (verdict != MERGE_KEEP && !merge_holds(verdict)))
        return verdict;
    struct truth_facts facts = {.old_time = changed_at(ae, work, f)};
    return truth_decide(ae->entity, f, verdict, &facts);
}

bool decide_fields(struct apply *apply, struct apply_entity *ae, struct work *work,
                   const struct rest_record *record)
{
    const struct entity *entity = ae->entity;
    bool ask = false;
    work->new_now = record ? decide_read(apply, ae, record->values)
                           : arena_new(&apply->arena, struct value, entity->field_count);
    work->seen = arena_new(&apply->arena, struct value, entity->field_count);
    memcpy(work->seen, work->new_now, sizeof *work->seen * (size_t)entity->field_count);
    work->verdicts = arena_new(&apply->arena, enum merge_verdict, entity->field_count);
    work->restore = arena_new(&apply->arena, const struct raw_value *, entity->field_count);
    if (!work->doubt || !record || !record->histories) {
        work->doubt = arena_new(&apply->arena, bool, entity->field_count);
        work->wrote = arena_new(&apply->arena, bool, entity->field_count);
        work->stands = arena_new(&apply->arena, bool, entity->field_count);
        work->before = arena_new(&apply->arena, struct base_pair, entity->field_count);
        work->after = arena_new(&apply->arena, struct base_pair, entity->field_count);
        work->raced = false;
        work->hidden = SPAN_NONE;
        work->content = NULL;
        work->behind = false;
        work->there = VERSION_NEWER;
    }
    if (!work->twin_found &&
        work->row.status == STATE_REBUILD) /* it went away: another is another */
        judge_forget_refused(&work->row, entity->field_count, &apply->arena);
    if (record && work->twin_found &&
        !record->histories) {           /* else it was judged when it was read first */
        bool known = !work->inherits && /* then the marker is that of another record's operation */
                     judge_marker(apply, ae, work);
        if (work->there == VERSION_OLDER || work->there == VERSION_UNORDERED)
            return true;
        if (!known)
            judge_lost_base(apply, ae, work);
    }
    if (record && record->histories)
        unhide(apply, ae, work, record);
    for (int f = 0; f < entity->field_count; f++)
        work->verdicts[f] =
            ae->property_of_field[f] >= 0 ? decide_one(apply, ae, work, record, f, &ask)
            : ae->has_links && references_is_link(ae, f) ? decide_link(apply, ae, work, f)
                                                         : MERGE_NOTHING;
    return !ask;
}
