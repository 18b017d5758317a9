/*
 * work — one chunk of events, in which each record appears once: load, decide by version, then round
 * by round find the twin, merge and write, and make the result durable.
 */
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "references.h"

/* ---- decide ---- */

static bool rejected(const struct row *row)
{
    for (int h = 0; h < row->held_count; h++)
        if (row->held[h].class_ == HELD_REJECTED)
            return true;
    return false;
}

static int pending_order(struct apply *apply, struct apply_entity *ae, struct work *work,
                         enum version_order *ret_order)
{
    struct event pending;
    struct err ignored = ERR_INIT;
    if (event_decode(ae->entity, work->row.pending, &apply->tape, &apply->arena, &pending,
                     &ignored) != 0)
        return -1;
    work->against = pending.version;
    *ret_order = version_compare(&pending.version, &work->event.version,
                                 strcmp(pending.event_id, work->event.event_id) == 0 ||
                                     strcmp(pending.hash, work->event.hash) == 0);
    return 0;
}

static struct event_facts gather(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    const struct row *row = &work->row;
    bool same_event = strcmp(row->event_id, work->event.event_id) == 0;
    struct event_facts facts = {
        .row_exists = work->row_exists,
        .row_has_version = row->has_version,
        .row_deleted = row->deleted,
        .status = row->status,
        .op_in_flight =
            work->op.len > 0 || row->status == STATE_UNCERTAIN || row->status == STATE_REBUILD,
        .begun = work->op.len > 0,
        .own_op = marker_names(work->op, work->event.hash),
        /* A row whose delete is not known to have ended still has the content of before. */
        .same_content = same_event || (strcmp(row->hash, work->event.hash) == 0 &&
                                       row->deleted == (work->event.op == 'd')),
        .repair = work->event.pass == PASS_REPAIR || (rejected(row) && !same_event),
        .confirmed = work->event.pass == PASS_HYDRATE || work->event.pass == PASS_REPAIR,
        .partial = work->event.partial,
        .order = VERSION_NEWER,
        .pending_order = VERSION_NEWER,
    };
    work->against = row->version;
    if (row->has_version)
        facts.order = version_compare(&row->version, &work->event.version, facts.same_content);
    int64_t lifetime_ms = rest_traits(apply->rest)->request_lifetime_ms;
    if (work->op.len > 0)
        facts.due = apply->now_ms >= work->op_sent_ms + lifetime_ms;
    else
        facts.due = row->due_ms == 0 || row->due_ms <= apply->now_ms || work->due;
    enum version_order order = VERSION_NEWER;
    if (!work->due && row->pending.len && pending_order(apply, ae, work, &order) == 0) {
        facts.has_pending = true;
        facts.pending_order = order;
    }
    /* A record that is a question as a whole never applied its event: that is what a newer one has to beat. */
    if (facts.has_pending && row->status == STATE_HELD) {
        facts.row_has_version = true;
        facts.order = facts.pending_order;
        facts.same_content = order == VERSION_SAME;
        facts.has_pending = false;
    }
#ifdef TANDEM_MUTANT_NO_VERSION_CHECK
    facts.order = facts.pending_order = VERSION_NEWER;
    facts.same_content = false;
#endif
#ifdef TANDEM_MUTANT_NO_MARKER
    facts.op_in_flight = false;
#endif
    return facts;
}

bool work_derive_sent(struct apply *apply, struct apply_entity *ae, struct work *work,
                      struct span marker)
{
    struct event pending = {0};
    struct err ignored = ERR_INIT;
    const struct record *record = &work->event.after;
    work->row.sent = arena_new(&apply->arena, struct value, ae->entity->field_count);
    if (!marker_names(marker, work->event.hash)) {
        if (work->row.pending.len == 0 ||
            event_decode(ae->entity, work->row.pending, &apply->tape, &apply->arena, &pending,
                         &ignored) != 0 ||
            !marker_names(marker, pending.hash))
            return false;
        record = &pending.after;
    }
    for (int f = 0; f < ae->entity->field_count; f++) {
        const struct base_pair *base = &work->row.base[f];
        /* Of fields that never met only values are written, never a blank. */
        bool differs = base->known ? !base_is(base->old_side, record->values[f])
                                   : record->values[f].kind == VALUE_SET;
        const struct field *field = &ae->entity->fields[f];
        bool unresolved = field->rules.type == VALUE_REFERENCE &&
                          record->values[f].kind == VALUE_SET &&
                          !value_for_side(&field->rules, SIDE_NEW, record->values[f]).data;
        if (field_is_on(field, SIDE_NEW) && differs && !unresolved)
            work->row.sent[f] = record->values[f];
    }
    return true;
}

/* Does the operation of this marker end the twin? */
static bool ends_twin(struct span op)
{
    struct marker marker;
    return marker_parse(op, &marker) && marker.deletes;
}

/* A write was begun and its outcome cannot be known yet: say so durably, look when nothing can be executed any more. */
static void park_uncertain(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    struct row *row = &work->row;
    if (work->op.len ==
        0) { /* the row says so already: this event takes the place of its pending one */
        row->pending = work->event.value;
        work->row_changed = true;
        work->what = OUTCOME_PARKED;
        return;
    }
    /* The row names one unknown operation; what the target's marker says of a second one, its name and its order tell. */
    if (row->status != STATE_UNCERTAIN && work_derive_sent(apply, ae, work, work->op))
        row->op = work->op;
    row->deleted = row->deleted || ends_twin(work->op); /* see delete_forgets */
    if (row->status != STATE_REBUILD) /* that says more: nobody knows what was applied */
        row->status = STATE_UNCERTAIN;
    row->due_ms = work->op_sent_ms + rest_traits(apply->rest)->request_lifetime_ms;
    row->why = span_of("an operation was begun and its outcome is not known");
    row->pending = work->event.value;
    work->row_changed = true;
    work->what = OUTCOME_UNCERTAIN;
}

/* Nothing is left to wait for: else the row would stay due, and be woken again and again. */
static void wait_over(struct work *work)
{
    struct row *row = &work->row;
    row->status = row->held_count ? STATE_HELD : STATE_IDLE;
    row->due_ms = 0;
    row->attempt = 0;
    row->why = row->pending = row->waits_on = SPAN_NONE;
    work->row_changed = true;
}

/* Its own event has nothing to write any more, or it is superseded; an unknown outcome still has to be looked at. */
static void end_wait(struct apply *apply, struct apply_entity *ae, struct work *work,
                     enum event_verdict verdict)
{
    bool unknown = work->row.status == STATE_UNCERTAIN || work->row.status == STATE_REBUILD;
    if (work->stage != WORK_DONE || verdict == EVENT_LOOK_FIRST)
        return;
    if (work->due && unknown && work->op.len > 0) {
        park_uncertain(apply, ae, work);
    } else if (!unknown && (work->due || verdict == EVENT_ADVANCE)) {
        wait_over(work);
    }
}

static void decide(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    struct row *row = &work->row;
    struct event_facts facts = gather(apply, ae, work);
    enum event_verdict verdict = state_on_event(&facts);
    work->stage = WORK_DONE;
    switch (verdict) {
    case EVENT_STALE:
        work->what = OUTCOME_STALE;
        break;
    case EVENT_DUPLICATE:
        work->what = OUTCOME_DUPLICATE;
        break;
    case EVENT_ADVANCE:
        row->version = work->event.version;
        memcpy(row->event_id, work->event.event_id, sizeof row->event_id);
        work->row_changed = true;
        work->what = OUTCOME_ADVANCED;
        break;
    case EVENT_READ_AGAIN:
        work->hint = "unordered";
        work->hint_not_before_ms = version_read_again_ms(&work->against, &work->event.version, 0);
        work->what = OUTCOME_HINTED;
        work->class_ = "unordered";
        break;
    case EVENT_CONFIRM:
        work->hint = "sighting";
        work->what = OUTCOME_HINTED;
        work->class_ = "sighting";
        break;
    case EVENT_PARK:
        row->pending = work->event.value;
        work->row_changed = true;
        work->what = OUTCOME_PARKED;
        break;
    case EVENT_LOOK_FIRST:
        if (facts.due)
            work->stage = WORK_FIND;
        else
            park_uncertain(apply, ae, work);
        break;
    case EVENT_APPLY:
    case EVENT_VERDICT_COUNT:
        work->stage = WORK_FIND;
        break;
    }
    end_wait(apply, ae, work, verdict);
}

/* ---- rounds ---- */

static int in_stage(struct work *works, int n, enum work_stage stage, struct work **ret_works)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        if (works[i].stage == stage)
            ret_works[count++] = &works[i];
    return count;
}

static int rounds(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
                  int64_t *ret_retry_after_ms, struct err *err)
{
    struct work **some = arena_new(&apply->arena, struct work *, n);
    for (int round = 0; round < APPLY_ROUNDS_MAX; round++) {
        int count = in_stage(works, n, WORK_FIND, some);
        if (count == 0 && in_stage(works, n, WORK_SEND, some) == 0)
            return 0;
        if (count > 0 && twin_find(apply, ae, some, count, ret_retry_after_ms, err) != 0)
            return -1;
        FAILPOINT("apply.twins_read");
        count = in_stage(works, n, WORK_LINKS, some);
        if (count > 0 && links_read(apply, ae, some, count, ret_retry_after_ms, err) != 0)
            return -1;
        count = in_stage(works, n, WORK_HISTORY, some);
        if (count > 0 && history_read(apply, ae, some, count, ret_retry_after_ms, err) != 0)
            return -1;
        count = in_stage(works, n, WORK_SEND, some);
        FAILPOINT("apply.merged");
        if (count > 0 && write_send(apply, ae, some, count, ret_retry_after_ms, err) != 0)
            return -1;
    }
    for (int i = 0; i < n; i++)
        if (works[i].stage ==
            WORK_SEND) { /* raced each time: looked at once more, from what it wrote last */
            defer_unsent(apply, &works[i]);
        } else if (works[i].stage == WORK_FIND)
            defer_retry(apply, &works[i],
                        "the twin changed between reading and writing, several times");
    return 0;
}

int work_chunk(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
               int64_t *ret_retry_after_ms, struct err *err)
{
    *ret_retry_after_ms = 500;
    for (int i = 0; i < n; i++)
        if (works[i].message && load_event(apply, ae, &works[i], err) != 0)
            return -1;
    if (load_woken(apply, ae, works, n, err) != 0 || load_rows(apply, ae, works, n, err) != 0)
        return -1;
    if (references_resolve(apply, ae, works, n, ret_retry_after_ms, err) != 0)
        return -1;
    FAILPOINT("apply.loaded");
    for (int i = 0; i < n; i++) {
        if (works[i].dead_letter || works[i].hint)
            continue;
        decide(apply, ae, &works[i]);
        if (delete_begin(apply, ae, &works[i], err) != 0)
            return -1;
        references_wait_on(apply, ae, &works[i]);
    }
    /* What was done before the target went away is made durable all the same; the rest of the batch comes again. */
    struct err later = ERR_INIT;
    int status = rounds(apply, ae, works, n, ret_retry_after_ms, &later);
    if (status != 0 && later.kind == ERR_FATAL)
        return err_set(err, later.kind, "%s", later.text);
    if (settle_works(apply, ae, works, n, err) != 0)
        return -1;
    if (status != 0)
        return err_set(err, later.kind, "%s", later.text);
    return 0;
}
