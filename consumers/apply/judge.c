/*
 * judge — what the marker that stands in the target says of our own operations: which one was executed last, whether the unknown one was,
 * and so what the base is. Nothing is merged here.
 */
#include <string.h>

#include "apply.h"

/* The unknown operation stands in the target: what it wrote is the base from now on, unless somebody saw it otherwise. */
static void adopt_sent(const struct apply_entity *ae, struct work *work, struct arena *arena)
{
    for (int f = 0; f < ae->entity->field_count; f++) {
        struct value sent = work->row.sent[f];
        if (sent.kind == VALUE_MISSING || ae->property_of_field[f] < 0)
            continue;
        work->row.base[f] = (struct base_pair){.known = true,
                                               .unconfirmed = !value_equal(sent, work->new_now[f]),
                                               .old_side = base_of(sent, arena),
                                               .new_side = base_of(sent, arena)};
    }
}

/* An operation stands in the target that nobody has looked behind yet: any field may be one that it wrote, or put back. */
static void note_wrote(const struct apply_entity *ae, struct work *work)
{
    for (int f = 0; f < ae->entity->field_count; f++) {
        work->wrote[f] = ae->property_of_field[f] >= 0 && work->row.sent[f].kind != VALUE_MISSING;
        work->before[f] = work->row.base[f];
    }
    work->behind = true;
    work->behind_sent = work->row.sent;
}

/*
 * A newer operation stands there than the unknown one that the row speaks of, which may have been executed before it: what it sent, and the newer
 * one did not, may be ours.
 */
static void note_earlier(const struct apply_entity *ae, struct work *work,
                         const struct value *earlier, struct arena *arena)
{
    for (int f = 0; f < ae->entity->field_count; f++) {
        struct base_pair *base = &work->row.base[f];
        bool known = base->known && !merge_edited(base, work->new_now[f]);
        if (earlier[f].kind == VALUE_MISSING || ae->property_of_field[f] < 0 || known ||
            work->row.sent[f].kind != VALUE_MISSING)
            continue;
        *base = (struct base_pair){.known = true,
                                   .unconfirmed = !value_equal(earlier[f], work->new_now[f]),
                                   .old_side = base_of(earlier[f], arena),
                                   .new_side = base_of(earlier[f], arena)};
        work->doubt[f] = base->unconfirmed; /* the newer one may have sent something else */
    }
}

/*
 * T3: the unknown operation's marker does not stand there. It was not executed, or a late request wrote over its marker: where the very value
 * stands that it sent, both agree, and of the rest the history tells (unhide).
 */
static void note_hidden(const struct apply *apply, const struct apply_entity *ae, struct work *work,
                        struct arena *arena)
{
    for (int f = 0; f < ae->entity->field_count; f++) {
        struct value sent = work->row.sent[f];
        if (sent.kind == VALUE_SET && ae->property_of_field[f] >= 0 &&
            value_equal(sent, work->new_now[f]))
            work->row.base[f] = (struct base_pair){
                .known = true, .old_side = base_of(sent, arena), .new_side = base_of(sent, arena)};
    }
    if (!history_tells(apply))
        return;
    work->hidden = work->row.op;
    work->hidden_sent = work->row.sent;
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
void judge_forget_refused(struct row *row, int field_count, struct arena *arena)
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

/* The candidate may turn out to be another record's: then nothing was learned of the unknown operation. */
static void keep_judged(struct apply *apply, struct work *work, int field_count)
{
    struct row *row = arena_new(&apply->arena, struct row, 1);
    *row = work->row;
    row->base = arena_new(&apply->arena, struct base_pair, field_count);
    memcpy(row->base, work->row.base, sizeof *row->base * (size_t)field_count);
    work->judged = row;
}

/*
 * What the marker in the target says of our own operations. The row's, unknown until now, or a newer one than the row knows (begun and never
 * answered, or its row was lost with its process): it was executed, what it wrote is the base. An older one: the unknown one was not executed;
 * without one, a late request overtook the last (a conditional write is refused then). True: all that it wrote is known.
 */
bool judge_marker(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    struct row *row = &work->row;
    const struct span marker = work->twin_marker;
    struct marker there, known = {.epoch = -1, .number = -1};
    const struct row before = *row;
    int field_count = ae->entity->field_count;
    if (row->status == STATE_REBUILD && !span_equal(marker, row->op))
        judge_forget_refused(row, field_count, &apply->arena);
    /* A delete or a retry came in between: it has another status, and what was sent is as unknown as before. */
    bool uncertain = row->status == STATE_UNCERTAIN || has_sent(ae, row);
    bool ours = own_marker(marker, work->partition, &there);
    bool parsed = row->op.len == 0 || own_marker(row->op, work->partition, &known);
    /* Of two unknown operations of one content either has written the same. */
    bool same = ours && (span_equal(marker, row->op) ||
                         (uncertain && marker_same_content(marker, row->op)));
    bool newer = ours && parsed && !same && marker_later(&there, &known);
    work->overtaken = work->unknown = false;
    if (uncertain)
        keep_judged(apply, work, field_count);
    if (ours && marker_same_content(marker, before.op))
        work->content = before.sent;
    bool derived = newer && work_derive_sent(apply, ae, work, marker);
    bool looked_for = same && uncertain; /* a former owner's row may have named it */
    if (ours && ((newer && !derived) || looked_for || !row->has_version) && !work->event.partial) {
        work->there = marker_order(&there, &work->event.version, work->event.hash);
        work->there_version = there.version;
        if (work->there == VERSION_OLDER || work->there == VERSION_UNORDERED) {
            *row = before; /* nothing was learned that this event could go on with */
            return false;
        }
    }
    if (newer || (same && uncertain))
        note_wrote(ae, work);
    if (newer && !derived)
        doubt_moved(ae, work);
    if (derived || (same && uncertain))
        adopt_sent(ae, work, &apply->arena);
    if (newer && uncertain)
        note_earlier(ae, work, before.sent, &apply->arena);
    if (uncertain && ours && parsed && !same && !newer &&
        rest_traits(apply->rest)->tier != REST_TIER_T1)
        note_hidden(apply, ae, work, &apply->arena);
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
void judge_lost_base(struct apply *apply, struct apply_entity *ae, struct work *work)
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
