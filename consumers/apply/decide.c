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

/* ---- our own marker ---- */

/* The unknown operation stands in the target: what it wrote is the base from now on, unless somebody saw it otherwise. */
static void adopt_sent(const struct apply_entity *ae, struct work *work, struct arena *arena)
{
    for (int f = 0; f < ae->entity->field_count; f++) {
        struct value sent = work->row.sent[f];
        if (sent.kind == VALUE_MISSING || ae->property_of_field[f] < 0)
            continue;
        work->wrote[f] = true;
        work->before[f] = work->row.base[f];
        work->row.base[f] = (struct base_pair){.known = true,
                                               .unconfirmed = !value_equal(sent, work->new_now[f]),
                                               .old_side = base_of(sent, arena),
                                               .new_side = base_of(sent, arena)};
    }
}

/* A marker of this partition; false: not one of ours. */
static bool own_marker(struct span text, int32_t partition, struct marker *ret_marker)
{
    return marker_parse(text, ret_marker) && ret_marker->partition == partition;
}

/* Of the record itself; what was sent as an association is decide_link's. */
static bool has_sent(const struct apply_entity *ae, const struct row *row)
{
    for (int f = 0; f < ae->entity->field_count; f++)
        if (row->sent[f].kind != VALUE_MISSING && ae->property_of_field[f] >= 0)
            return true;
    return false;
}

/* What a former owner's row says counts only of what it wrote itself, and where that still stands. */
static void forget_refused(struct row *row, int field_count, struct arena *arena)
{
    row->op = SPAN_NONE;
    row->base = arena_new(arena, struct base_pair, field_count);
    row->sent = arena_new(arena, struct value, field_count);
}

/* Nobody knows what an operation that was executed has written: who moved what moved is a question, or the history's to say. */
static void doubt_moved(const struct apply_entity *ae, struct work *work)
{
    for (int f = 0; f < ae->entity->field_count; f++)
        if (ae->property_of_field[f] >= 0 && merge_edited(&work->row.base[f], work->new_now[f]))
            work->doubt[f] = work->row.base[f].unconfirmed = true;
}

/*
 * What the marker in the target says of our own operations. The row's, unknown until now, or a newer one than the row knows (begun and never
 * answered, or its row was lost with its process): it was executed, what it wrote is the base. An older one: the unknown one was not executed;
 * without one, a late request overtook the last (a conditional write is refused then). True: all that it wrote is known.
 */
static bool judge_marker(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    struct row *row = &work->row;
    const struct span marker = work->twin_marker;
    struct marker there, known = {.epoch = -1, .number = -1};
    const struct row before = *row;
    int field_count = ae->entity->field_count;
    if (row->status == STATE_REBUILD && !span_equal(marker, row->op))
        forget_refused(row, field_count, &apply->arena);
    /* A delete or a retry came in between: it has another status, and what was sent is as unknown as before. */
    bool uncertain = row->status == STATE_UNCERTAIN || has_sent(ae, row);
    bool ours = own_marker(marker, work->partition, &there);
    bool parsed = row->op.len == 0 || own_marker(row->op, work->partition, &known);
    /* Of two unknown operations of one content either has written the same. */
    bool same = ours && (span_equal(marker, row->op) ||
                         (uncertain && marker_same_content(marker, row->op)));
    bool newer = ours && parsed && !same && marker_later(&there, &known);
    work->overtaken = work->unknown = false;
    bool derived = newer && work_derive_sent(apply, ae, work, marker);
    if (ours && ((newer && !derived) || !row->has_version) && !work->event.partial) {
        work->there = marker_order(&there, &work->event.version, work->event.hash);
        work->there_version = there.version;
        if (work->there == VERSION_OLDER || work->there == VERSION_UNORDERED) {
            *row = before; /* nothing was learned that this event could go on with */
            return false;
        }
    }
    if (newer && !derived)
        doubt_moved(ae, work);
    if (derived || (same && uncertain))
        adopt_sent(ae, work, &apply->arena);
    if (newer || uncertain)
        row->op = ours ? marker : SPAN_NONE;
    else if (ours && parsed && !same)
        work->overtaken = rest_traits(apply->rest)->tier != REST_TIER_T1;
    if (row->status == STATE_UNCERTAIN || row->status == STATE_REBUILD) /* it was looked for */
        row->status = STATE_IDLE;
    struct value *links = arena_new(&apply->arena, struct value, field_count);
    for (int f = 0; ae->has_links && f < field_count; f++)
        if (ae->property_of_field[f] < 0)
            links[f] = row->sent[f];
    row->sent = links;
    return derived || (uncertain && span_equal(marker, before.op));
}

/*
 * The twin is ours, and no row knows what we wrote: what stands there and is not what the old system says is not a person's for that reason
 * alone.
 */
static void mend_lost_base(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    bool merged = work->row.has_version && !work->row.deleted;
    struct marker there;
    if (merged || !span_equal(work->twin_external_id, work->event.id) ||
        !own_marker(work->twin_marker, work->partition, &there))
        return;
    for (int f = 0; f < ae->entity->field_count; f++) {
        struct value old_now = work->event.after.values[f];
        if (old_now.kind == VALUE_MISSING || work->row.base[f].known ||
            ae->property_of_field[f] < 0)
            continue;
        work->row.base[f] = (struct base_pair){.known = true,
                                               .unconfirmed = true,
                                               .old_side = base_of(old_now, &apply->arena),
                                               .new_side = base_of(old_now, &apply->arena)};
        work->doubt[f] = true;
    }
}

/* ---- the field's history ---- */

static const struct rest_history *history_of(const struct apply_entity *ae,
                                             const struct rest_record *record, int f)
{
    return record && record->histories ? &record->histories[ae->property_of_field[f]] : NULL;
}

/* What we sent and nobody saw stored: what that very write made of it stands in the history, whether somebody edited it since or not. */
static void confirm(struct apply *apply, bool doubt, const struct field *field,
                    struct base_pair *base, const struct rest_history *history, int64_t at_ms)
{
    for (int i = 0; i < history->count; i++) {
        if (!history->changes[i].ours || history->changes[i].at_ms != at_ms)
            continue;
        struct value stored = mapping_twin_value(field, &history->changes[i].value, &apply->arena);
        base->new_side = base_of(stored, &apply->arena);
        if (doubt) /* that is all that is known of what was sent */
            base->old_side = base->new_side;
        base->unconfirmed = false;
        return;
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
    work->row.base[f] = work->before[f];
    work->new_now[f] = mapping_twin_value(&ae->entity->fields[f], edit, &apply->arena);
    work->restore[f] = edit;
    work->verdicts[f] = merge_one(apply, ae, work, record, f, false, &ignored);
    if (!merge_writes(work->verdicts[f]))
        return;
    work->restore[f] = NULL;
    work->row.base[f] = after;
    work->stands[f] = base_is(after.old_side, work->event.after.values[f]);
}

/* An operation of ours is known to be executed: did it overtake an edit? True: it did, and the field is decided. */
static bool look_behind(struct apply *apply, struct apply_entity *ae, struct work *work,
                        const struct rest_record *record, int f, bool *ret_ask)
{
    const struct base_pair *before = &work->before[f];
    if (!record || !work->wrote[f] || !history_tells(apply))
        return false;
    *ret_ask = *ret_ask || !record->histories;
    bool seen = before->known && !before->unconfirmed;
    const struct raw_value *edit =
        record->histories
            ? history_overtaken(apply, ae, work, record, f, seen ? &before->new_side : NULL)
            : NULL;
    if (edit)
        decide_raced(apply, ae, work, record, f, edit);
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
    bool differs = base->known && !base_is(base->new_side, work->new_now[f]);
    *ret_ask = *ret_ask || (can_ask && differs && (work->overtaken || base->unconfirmed));
    if (differs && history && base->unconfirmed)
        confirm(apply, work->doubt[f], field, base, history, history_written_at(ae, work, record));
    bool late =
        differs && work->overtaken && (!history || (history->count && history->changes[0].ours));
    if (late && history)
        undo_late(apply, work, field, f, history);
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
        work->raced = false;
        work->there = VERSION_NEWER;
    }
    if (!work->twin_found &&
        work->row.status == STATE_REBUILD) /* it went away: another is another */
        forget_refused(&work->row, entity->field_count, &apply->arena);
    if (record && work->twin_found &&
        !record->histories) {           /* else it was judged when it was read first */
        bool known = !work->inherits && /* then the marker is that of another record's operation */
                     judge_marker(apply, ae, work);
        if (work->there == VERSION_OLDER || work->there == VERSION_UNORDERED)
            return true;
        if (!known)
            mend_lost_base(apply, ae, work);
    }
    for (int f = 0; f < entity->field_count; f++)
        work->verdicts[f] =
            ae->property_of_field[f] >= 0 ? decide_one(apply, ae, work, record, f, &ask)
            : ae->has_links && references_is_link(ae, f) ? decide_link(apply, ae, work, f)
                                                         : MERGE_NOTHING;
    return !ask;
}
