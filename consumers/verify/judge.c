/*
 * judge — the policy that judge.h describes.
 */
#include "consumers/verify/judge.h"

#include "consumers/verify/alike.h"

static const char *const NAMES[] = {
    [JUDGE_IDENTICAL] = "identical",
    [JUDGE_BASE] = "base",
    [JUDGE_TRUTH] = "truth",
    [JUDGE_VOLATILE] = "volatile",
    [JUDGE_EDITED_IN_NEW] = "edited-in-new",
    [JUDGE_FIRST_MEETING] = "first-meeting",
    [JUDGE_CONFLICT] = "conflict",
    [JUDGE_HELD_UNCONFIRMED] = "held-unconfirmed",
    [JUDGE_IDENTITY] = "identity",
    [JUDGE_AMBIGUOUS] = "ambiguous",
    [JUDGE_TWIN_GONE] = "twin-gone",
    [JUDGE_REJECTED] = "rejected",
    [JUDGE_DELETED] = "deleted",
    [JUDGE_DUPLICATE_TWIN] = "duplicate-twin",
    [JUDGE_WAITING] = "waiting",
    [JUDGE_DEAD_LETTER] = "dead-letter",
    [JUDGE_NOT_APPLIED] = "not-applied",
    [JUDGE_LINK_MISSING] = "link-missing",
    [JUDGE_LINK_DIFFERS] = "link-differs",
    [JUDGE_DANGLING] = "dangling",
    [JUDGE_UNTRACED] = "untraced",
    [JUDGE_LATE_WRITE] = "late-write",
    [JUDGE_UNKNOWN_WRITER] = "unknown-writer",
    [JUDGE_UNCHECKED] = "unchecked",
    [JUDGE_MOVING] = "moving",
    [JUDGE_UNCONFIRMED] = "unconfirmed",
    [JUDGE_UNREADABLE_OLD] = "unreadable-in-old",
    [JUDGE_IN_FLIGHT] = "in-flight",
    [JUDGE_UNCERTAIN] = "uncertain",
    [JUDGE_NO_ROW] = "no-row",
    [JUDGE_NO_TWIN] = "no-twin",
    [JUDGE_TWIN_MISSING] = "twin-missing",
    [JUDGE_DELETED_ROW] = "deleted-row",
    [JUDGE_SHARED_TWIN] = "shared-twin",
};
_Static_assert(sizeof(NAMES) / sizeof(NAMES[0]) == JUDGE_CLASS_COUNT, "a class without a name");

static const enum judge_class OF_HELD[] = {
    [HELD_CONFLICT] = JUDGE_CONFLICT,
    [HELD_FIRST_MEETING] = JUDGE_FIRST_MEETING,
    [HELD_UNCONFIRMED] = JUDGE_HELD_UNCONFIRMED,
    [HELD_IDENTITY] = JUDGE_IDENTITY,
    [HELD_AMBIGUOUS] = JUDGE_AMBIGUOUS,
    [HELD_TWIN_GONE] = JUDGE_TWIN_GONE,
    [HELD_REJECTED] = JUDGE_REJECTED,
    [HELD_REFERENCE] = JUDGE_WAITING,
    [HELD_DELETED] = JUDGE_DELETED,
    [HELD_DUPLICATE_TWIN] = JUDGE_DUPLICATE_TWIN,
};
_Static_assert(sizeof(OF_HELD) / sizeof(OF_HELD[0]) == HELD_CLASS_COUNT, "a held class unjudged");

const char *judge_class_name(enum judge_class class_)
{
    return NAMES[class_];
}

bool judge_explained(enum judge_class class_)
{
    return class_ < JUDGE_NOT_APPLIED;
}

/* The question a row holds about a field (-1: about the whole record), or NULL. */
static const struct held *find_held(const struct row *row, int field)
{
    for (int i = 0; i < row->held_count; i++) {
        if (row->held[i].field == field)
            return &row->held[i];
    }
    return NULL;
}

/* What the state of the whole row has to say about something that is not as it should be. */
static enum judge_class judge_status(const struct row *row, enum judge_class otherwise)
{
    const struct held *held = find_held(row, -1);
    if (held)
        return OF_HELD[held->class_];
    switch (row->status) {
    case STATE_WAITING:
        return row->waits_on.len ? JUDGE_WAITING : JUDGE_IN_FLIGHT;
    case STATE_UNCERTAIN:
    case STATE_REBUILD:
    case STATE_INFLIGHT:
        return JUDGE_UNCERTAIN;
    case STATE_IDLE:
    case STATE_HELD:
    case STATE_STATUS_COUNT:
        break;
    }
    return otherwise;
}

/* A question explains a difference only while it is about what stands in old now. */
static const struct held *question(const struct judge_facts *facts, int field, bool is_volatile)
{
    const struct held *held = find_held(facts->row, field);
    bool current = held && (is_volatile || held->old_now.kind == VALUE_MISSING ||
                            value_equal(held->old_now, facts->old_record->values[field]) ||
                            (facts->said && value_equal(held->old_now, facts->said[field])));
    return current ? held : NULL;
}

/* Both sides are as the base has them, and differ: why? */
static enum judge_class judge_agreed(const struct field *field, const struct judge_facts *facts,
                                     int at, enum judge_writer writer)
{
    struct value old_now = facts->old_record->values[at], new_now = facts->new_record->values[at];
    if (alike_normalised(field->rules.type, old_now, new_now, facts->arena))
        return JUDGE_BASE;
    if (facts->truths && facts->truths[at])
        return JUDGE_TRUTH;
    switch (writer) {
    case WRITER_NOT_ASKED:
        return JUDGE_UNCHECKED;
    case WRITER_NOT_TOLD:
        return JUDGE_BASE;
    case WRITER_US:
        return old_now.kind == VALUE_SET ? JUDGE_BASE : JUDGE_UNTRACED;
    case WRITER_OTHER:
        return old_now.kind == VALUE_SET ? JUDGE_UNTRACED : JUDGE_BASE;
    case WRITER_NOBODY:
        return JUDGE_UNKNOWN_WRITER;
    }
    return JUDGE_UNTRACED;
}

/* Only the new side has left the base: whose doing is it? */
static enum judge_class judge_edit(enum judge_writer writer)
{
    switch (writer) {
    case WRITER_NOT_ASKED:
        return JUDGE_UNCHECKED;
    case WRITER_NOT_TOLD:
    case WRITER_OTHER:
        return JUDGE_EDITED_IN_NEW;
    case WRITER_US:
        return JUDGE_LATE_WRITE;
    case WRITER_NOBODY:
        return JUDGE_UNKNOWN_WRITER;
    }
    return JUDGE_UNKNOWN_WRITER;
}

/* Does old say what the base says of it? Of a reference in either system's terms. */
static bool old_is_base(const struct judge_facts *facts, int at)
{
    struct base_side base = facts->row->base[at].old_side;
    return base_is(base, facts->old_record->values[at]) ||
           (facts->said && base_is(base, facts->said[at]));
}

/* A reference waits, and what it leads to is not in the new system. */
static bool awaits(const struct judge_facts *facts, int at)
{
    if (!facts->said || !value_equal(facts->said[at], facts->old_record->values[at]))
        return false; /* it has a twin by now: being on the way explains nothing */
    for (int i = 0; i < facts->row->await_count; i++) {
        if (facts->row->awaits[i].field == at &&
            value_equal(facts->row->awaits[i].old_now, facts->said[at]))
            return true;
    }
    return false;
}

/* Nobody can tell who made an association or took it away: what has a witness is explained, and nothing else. */
static enum judge_class judge_link(const struct judge_facts *facts, int at)
{
    struct value old_now = facts->old_record->values[at], new_now = facts->new_record->values[at];
    const struct base_pair *base = &facts->row->base[at];
    if (facts->truths && facts->truths[at])
        return JUDGE_TRUTH;
    if (facts->links[at] == LINK_CUT)
        return JUDGE_UNCHECKED;
    if (old_now.kind != VALUE_SET && (!base->known || old_is_base(facts, at)))
        return JUDGE_EDITED_IN_NEW;
    return judge_status(facts->row,
                        new_now.kind == VALUE_SET ? JUDGE_LINK_DIFFERS : JUDGE_LINK_MISSING);
}

static enum judge_class judge_field(const struct entity *entity, const struct judge_facts *facts,
                                    int at)
{
    const struct field *field = &entity->fields[at];
    struct value old_now = facts->old_record->values[at], new_now = facts->new_record->values[at];
    if (old_now.kind == VALUE_MISSING || new_now.kind == VALUE_MISSING)
        return JUDGE_IDENTICAL; /* one of the systems has no such field */
    if (facts->dangling && facts->dangling[at])
        return JUDGE_DANGLING;
    if (value_equal(old_now, new_now) || alike(field->rules.type, old_now, new_now, facts->arena))
        return JUDGE_IDENTICAL;

    const struct row *row = facts->row;
    const struct held *held = question(facts, at, field->is_volatile);
    if (held)
        return OF_HELD[held->class_];
    if (awaits(facts, at))
        return JUDGE_WAITING;
    if (facts->links && facts->links[at] != LINK_NO)
        return judge_link(facts, at);
    const struct base_pair *base = &row->base[at];
    enum judge_writer writer =
        facts->writers ? (enum judge_writer)facts->writers[at] : WRITER_NOT_ASKED;
    if (!base->known || !old_is_base(facts, at))
        return judge_status(row, field->is_volatile ? JUDGE_VOLATILE : JUDGE_NOT_APPLIED);
    if (base_is(base->new_side, new_now))
        return judge_agreed(field, facts, at, writer);
    return base->unconfirmed ? judge_status(row, JUDGE_UNCONFIRMED) : judge_edit(writer);
}

/* What can be said before a single field is looked at; IDENTICAL: nothing. */
static enum judge_class judge_whole(const struct judge_facts *facts)
{
    const struct row *row = facts->row;
    if (!facts->old_record)
        return facts->letter == LETTER_MAPPING ? JUDGE_DEAD_LETTER : JUDGE_UNREADABLE_OLD;
    if (!row)
        /* A mapping letter explains nothing once the record reads well again. */
        return facts->letter == LETTER_OTHER ? JUDGE_DEAD_LETTER : JUDGE_NO_ROW;
    if (row->deleted || row->redirect.len)
        return judge_status(row, JUDGE_DELETED_ROW);
    if (facts->shared_twin)
        return JUDGE_SHARED_TWIN;
    if (!row->twin.len)
        return judge_status(row, JUDGE_NO_TWIN);
    if (!facts->new_record)
        return judge_status(row, JUDGE_TWIN_MISSING);
    return JUDGE_IDENTICAL;
}

enum judge_class judge_record(const struct entity *entity, const struct judge_facts *facts,
                              enum judge_class *ret_fields)
{
    for (int i = 0; ret_fields && i < entity->field_count; i++)
        ret_fields[i] = JUDGE_IDENTICAL;
    enum judge_class highest = judge_whole(facts);
    if (highest != JUDGE_IDENTICAL)
        return highest;
    for (int i = 0; i < entity->field_count; i++) {
        enum judge_class class_ = judge_field(entity, facts, i);
        if (ret_fields)
            ret_fields[i] = class_;
        if (class_ > highest)
            highest = class_;
    }
    return highest;
}

/* ---- only in new ---- */

static const char *const ORPHANS[] = {
    [ORPHAN_NATIVE] = "native",           [ORPHAN_SOURCE_GONE] = "source-gone",
    [ORPHAN_CANDIDATE] = "candidate",     [ORPHAN_PHANTOM] = "phantom",
    [ORPHAN_NOT_DELETED] = "not-deleted", [ORPHAN_SECOND_TWIN] = "second-twin",
    [ORPHAN_DUPLICATE] = "duplicate",
};
_Static_assert(sizeof(ORPHANS) / sizeof(ORPHANS[0]) == ORPHAN_CLASS_COUNT, "a class without name");

const char *orphan_class_name(enum orphan_class class_)
{
    return ORPHANS[class_];
}

bool orphan_explained(enum orphan_class class_)
{
    return class_ < ORPHAN_PHANTOM;
}

enum orphan_class judge_orphan(const struct orphan_facts *facts)
{
    if (facts->external_id && facts->source_here)
        return ORPHAN_SECOND_TWIN;
    if (facts->row && facts->row_gone) {
        bool goes = facts->deletes == DELETES_ARCHIVE || facts->deletes == DELETES_DELETE;
        return goes && !facts->row_asks ? ORPHAN_NOT_DELETED : ORPHAN_SOURCE_GONE;
    }
    if (facts->row || facts->external_id || facts->marker)
        return ORPHAN_PHANTOM;
    if (!facts->matched)
        return ORPHAN_NATIVE;
    if (facts->matched_asks)
        return ORPHAN_CANDIDATE;
    return facts->matched_twinned ? ORPHAN_DUPLICATE : ORPHAN_NATIVE;
}
