/*
 * state — the machine of one record: what to do with an event, with what came
 * of a write, with a row that is read again. See state.h; each function is the whole
 * policy of its question.
 */
#include "model/state.h"

#include "model/marker.h"

static const char *const STATUS_NAMES[] = {"idle",    "inflight", "uncertain",
                                           "waiting", "held",     "rebuild"};
_Static_assert(sizeof(STATUS_NAMES) / sizeof(STATUS_NAMES[0]) == STATE_STATUS_COUNT,
               "a name per status");

static const char *const HELD_NAMES[] = {"conflict",  "first-meeting", "unconfirmed", "identity",
                                         "ambiguous", "twin-gone",     "rejected",    "reference",
                                         "deleted",   "duplicate-twin"};
_Static_assert(sizeof(HELD_NAMES) / sizeof(HELD_NAMES[0]) == HELD_CLASS_COUNT, "a name per class");

static const char *const VERDICT_NAMES[] = {"apply",      "stale",      "duplicate", "advance",
                                            "read-again", "look-first", "park",      "confirm"};
_Static_assert(sizeof(VERDICT_NAMES) / sizeof(VERDICT_NAMES[0]) == EVENT_VERDICT_COUNT,
               "a name per verdict");

const char *state_status_name(enum state_status status)
{
    return status < STATE_STATUS_COUNT ? STATUS_NAMES[status] : "?";
}

int state_status_parse(struct span name)
{
    for (int i = 0; i < STATE_STATUS_COUNT; i++)
        if (span_is(name, STATUS_NAMES[i]))
            return i;
    return -1;
}

const char *held_class_name(enum held_class held)
{
    return held < HELD_CLASS_COUNT ? HELD_NAMES[held] : "?";
}

int held_class_parse(struct span name)
{
    for (int i = 0; i < HELD_CLASS_COUNT; i++)
        if (span_is(name, HELD_NAMES[i]))
            return i;
    return -1;
}

const char *event_verdict_name(enum event_verdict verdict)
{
    return verdict < EVENT_VERDICT_COUNT ? VERDICT_NAMES[verdict] : "?";
}

/* An event against the version that the row has applied. */
static enum event_verdict by_version(const struct event_facts *facts)
{
    if (facts->order == VERSION_OLDER)
        return EVENT_STALE;
    if (facts->order == VERSION_SAME)
        return facts->row_deleted ? EVENT_STALE : EVENT_DUPLICATE;
    if (facts->order != VERSION_NEWER)
        return EVENT_READ_AGAIN;
    if (facts->same_content)
        return EVENT_ADVANCE;
    return facts->row_deleted && !facts->confirmed ? EVENT_CONFIRM : EVENT_APPLY;
}

/* The same, where the event is to be worked on whatever it says: a repair, or nothing to compare it with. */
static bool goes_ahead(const struct event_facts *facts)
{
    if (facts->partial || !facts->row_has_version)
        return true;
    bool repairs = facts->repair && !facts->row_deleted;
    return repairs && (facts->order == VERSION_SAME || facts->order == VERSION_NEWER);
}

/* The wait goes on; the newest event is what it goes on with. */
static enum event_verdict parked(const struct event_facts *facts)
{
    if (facts->has_pending)
        return facts->pending_order == VERSION_SAME ? EVENT_DUPLICATE : EVENT_PARK;
    if (goes_ahead(facts))
        return EVENT_PARK;
    enum event_verdict verdict = by_version(facts);
    return verdict == EVENT_APPLY || verdict == EVENT_ADVANCE ? EVENT_PARK : verdict;
}

/* An operation that was begun meanwhile makes the wait longer: with the row that parks the event Redis forgets it. */
static enum event_verdict while_waiting(const struct event_facts *facts)
{
    enum event_verdict verdict = parked(facts);
    return verdict == EVENT_PARK && facts->begun ? EVENT_LOOK_FIRST : verdict;
}

enum event_verdict state_on_event(const struct event_facts *facts)
{
    if (facts->has_pending && facts->pending_order == VERSION_OLDER)
        return EVENT_STALE;
    if (facts->has_pending && facts->pending_order == VERSION_UNORDERED)
        return EVENT_READ_AGAIN;
    bool uncertain = facts->status == STATE_UNCERTAIN || facts->status == STATE_REBUILD;
    /* Nobody knows what was applied: only what the source says now is surely newer. */
    if (facts->status == STATE_REBUILD && !facts->confirmed && !facts->partial)
        return EVENT_CONFIRM;
    bool waits = uncertain || (facts->status == STATE_WAITING && !facts->op_in_flight);
    if (waits && !facts->due)
        return while_waiting(facts);
    if (uncertain && facts->row_has_version && !facts->partial &&
        (facts->order == VERSION_OLDER || facts->order == VERSION_UNORDERED))
        return by_version(facts); /* it looks for what is newer, not for this */
    if (uncertain)
        return EVENT_LOOK_FIRST;
    if (facts->op_in_flight) {
        /* The operation's own event comes again, its offset is not stored: nothing else ends the operation. */
        bool own = facts->own_op && facts->order == VERSION_SAME;
        bool newer = goes_ahead(facts) || facts->order == VERSION_NEWER;
        return newer || own ? EVENT_LOOK_FIRST : by_version(facts);
    }
    return goes_ahead(facts) ? EVENT_APPLY : by_version(facts);
}

enum write_verdict state_after_write(enum write_result result, int attempt, int attempt_max)
{
    switch (result) {
    case WRITE_OK:
        return AFTER_DONE;
    case WRITE_MISMATCH:
    case WRITE_EXISTS:
        return AFTER_READ_AGAIN;
    case WRITE_GONE:
        return AFTER_HOLD;
    case WRITE_REFUSED:
        return AFTER_DEAD_LETTER;
    case WRITE_BUSY:
        return attempt < attempt_max ? AFTER_WAIT : AFTER_DEAD_LETTER;
    case WRITE_UNKNOWN:
    case WRITE_RESULT_COUNT:
        break;
    }
    return AFTER_UNCERTAIN;
}

enum merged_verdict state_on_merge(const struct merge_facts *facts)
{
    if (facts->winner_has_twin)
        return facts->same_twin ? MERGED_OVER : MERGED_TWO;
    if (facts->winner_deleted)
        return MERGED_DELETE;
    return facts->tried ? MERGED_ALONE : MERGED_GIVE_UP;
}

/* It was settled, of a version after ours: what it agreed on with the twin was so when it was read and written. */
static bool agreed_later(const struct row *row, const struct row *refused)
{
    bool settled = refused->status == STATE_IDLE || refused->status == STATE_HELD;
    bool same_twin = row->twin.len == 0 || span_equal(row->twin, refused->twin);
    return settled && same_twin && refused->twin.len && refused->has_version && !refused->deleted &&
           !row->deleted &&
           (!row->has_version ||
            version_compare(&row->version, &refused->version, false) == VERSION_NEWER);
}

bool state_unknown_beside(struct row *row, const struct row *refused)
{
    struct marker theirs, ours = {.epoch = -1, .number = -1};
    bool known = !marker_parse(refused->op, &theirs) ||
                 (row->op.len && !marker_parse(row->op, &ours)) || !marker_later(&theirs, &ours);
    bool looks = row->status == STATE_UNCERTAIN || row->status == STATE_REBUILD;
    bool agreed = !known && agreed_later(row, refused);
    /* Ours names none: what was begun and not answered is the one, and only that row tells what it sent. */
    bool begun = !known && row->op.len == 0 && refused->status == STATE_UNCERTAIN;
    if (known || (looks && !agreed && !begun))
        return false;
    if (agreed) {
        row->base = refused->base;
        row->twin = refused->twin;
    }
    if (agreed || begun) { /* what was begun last: a settled row says how that ended */
        row->op = refused->op;
        row->sent = refused->sent;
    }
    if (looks) {
        row->due_ms = begun && row->due_ms < refused->due_ms ? refused->due_ms : row->due_ms;
        return true;
    }
    row->status = STATE_UNCERTAIN;
    row->due_ms = refused->status == STATE_UNCERTAIN && refused->due_ms > 0 ? refused->due_ms : 1;
    row->why = span_of("a process that did not own the partition any more wrote this record");
    row->waits_on = SPAN_NONE;
    return true;
}

enum fold_verdict state_fold(int64_t row_epoch, int64_t highest_epoch, bool accepted_exists)
{
    if (row_epoch >= highest_epoch)
        return FOLD_ACCEPT;
    return accepted_exists ? FOLD_REFUSE : FOLD_REFUSE_UNCERTAIN;
}
