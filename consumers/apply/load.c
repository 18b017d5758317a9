/*
 * load — from messages to works: decode the event, load what Redis knows of its record (row, operation in flight, candidates), and take a
 * woken record's event out of its row.
 */
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "references.h"

/* ---- decode ---- */

static void dead(struct work *work, const char *reason_class, const char *why)
{
    work->stage = WORK_DONE;
    work->what = OUTCOME_DEAD_LETTERED;
    work->class_ = work->dead_letter = reason_class;
    work->why = why;
}

/* Index names under which the twin may be known: our id in the external id property, then the match values. */
static void name_work(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    work->names[0] =
        ARENA_JOIN(&apply->arena, span_of(ae->entity->external_id), span_of("="), work->event.id);
    work->keys[0] = work->event.id;
    work->fields[0] = -1;
    work->name_count = 1;
    for (int m = 0; m < ae->match_count; m++) {
        int f = ae->match_fields[m];
        struct span key = value_match_key(ae->entity->fields[f].rules.type,
                                          work->event.after.values[f], &apply->arena);
        if (key.len == 0)
            continue;
        work->names[work->name_count] =
            ARENA_JOIN(&apply->arena, span_of(ae->entity->fields[f].name), span_of("="), key);
        work->keys[work->name_count] = key;
        work->fields[work->name_count++] = f;
    }
}

/* Returns -1 only for ERR_FATAL: a message of a newer format. */
int load_event(struct apply *apply, struct apply_entity *ae, struct work *work, struct err *err)
{
    const struct message *message = work->message;
    struct err why = ERR_INIT;
    if (message->kind == TOPIC_DECISIONS) {
        dead(work, "unsupported",
             "deciding is not part of this version: decide in one of the two systems");
        return 0;
    }
    if (!message->value.data || message->key.len == 0) {
        dead(work, "undecodable", "a change event has a key and a value");
        return 0;
    }
    if (event_decode(ae->entity, message->value, &apply->tape, &apply->arena, &work->event, &why) !=
        0) {
        if (why.kind == ERR_FATAL)
            return err_exit(err, why.exit_code, "%s[%d]@%lld: %s", message->topic,
                            (int)message->partition, (long long)message->offset, why.text);
        dead(work, "undecodable", arena_printf(&apply->arena, "%s", why.text));
        return 0;
    }
    if (!span_equal(work->event.key, message->key)) {
        dead(work, "undecodable", "the message's key is not its record's");
        return 0;
    }
    /* The tape is used again for the next message: what borrows it has to be kept. */
    work->event.value = message->value;
    name_work(apply, ae, work);
    return 0;
}

/* ---- load ---- */

static void read_op(struct work *work, struct span text)
{
    if (!text.data)
        return;
    size_t line = 0, blank = 0;
    while (line < text.len && text.data[line] != '\n')
        line++;
    while (blank < line && text.data[blank] != ' ')
        blank++;
    work->op = (struct span){text.data, blank};
    work->op_sent_ms = strtoll(text.data + blank, NULL, 10);
    /* The claims of the operation stay with the record while its outcome is open. */
    const char *at = text.data + line;
    const char *end = text.data + text.len;
    while (at < end && work->row.claim_count < ROW_CLAIMS_MAX) {
        const char *start = at + 1;
        const char *stop = memchr(start, '\n', (size_t)(end - start));
        at = stop ? stop : end;
        struct span claim = {start, (size_t)(at - start)};
        bool known = false;
        for (int c = 0; c < work->row.claim_count; c++)
            known = known || span_equal(work->row.claims[c], claim);
        if (claim.len && !known)
            work->row.claims[work->row.claim_count++] = claim;
    }
}

static void add_candidates(struct work *work, struct span ids)
{
    while (ids.data && ids.len) {
        const char *comma = memchr(ids.data, ',', ids.len);
        size_t len = comma ? (size_t)(comma - ids.data) : ids.len;
        struct span id = {ids.data, len};
        bool known = false;
        for (int c = 0; c < work->candidate_count; c++)
            known = known || span_equal(work->candidates[c], id);
        if (!known && work->candidate_count < APPLY_CANDIDATES_MAX)
            work->candidates[work->candidate_count++] = id;
        else
            work->more_candidates = work->more_candidates || !known;
        size_t step = comma ? len + 1 : len;
        ids = (struct span){ids.data + step, ids.len - step};
    }
}

int load_rows(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
              struct err *err)
{
    struct store_load *loads = arena_new(&apply->arena, struct store_load, n);
    struct work **of = arena_new(&apply->arena, struct work *, n);
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (works[i].dead_letter || works[i].hint)
            continue;
        loads[count] = (struct store_load){.key = works[i].key,
                                           .partition = works[i].partition,
                                           .match = works[i].names,
                                           .match_count = works[i].name_count};
        of[count++] = &works[i];
    }
    struct store_owner owner = apply_owner(ae);
    if (apply_store(apply, store_now(apply->store, &apply->now_ms, err), err) != 0 ||
        apply_store(apply, store_load(apply->store, &owner, loads, count, &apply->arena, err),
                    err) != 0)
        return -1;
    apply->now_mono_ms = clock_mono_ms(apply->clock);
    for (int i = 0; i < count; i++) {
        struct work *work = of[i];
        work->candidate_count = 0;
        work->more_candidates = false;
        work->op = work->begun = SPAN_NONE;
        work->index = loads[i].index;
        work->known_ids = loads[i].candidates;
        work->known_count = loads[i].match_count;
        row_init(&work->row, ae->entity, work->key, &apply->arena);
        work->row_exists = loads[i].row.data != NULL;
        if (work->row_exists &&
            row_decode(ae->entity, loads[i].row, &apply->tape, &apply->arena, &work->row, err) != 0)
            return err_wrap(err, "row of %.*s", (int)work->key.len, work->key.data);
        work->asked = work->row.held_count > 0;
        read_op(work, loads[i].op);
        work->unknown = work->op.len > 0 || work->row.status == STATE_UNCERTAIN;
        if (work->row.twin.len)
            work->candidates[work->candidate_count++] = work->row.twin;
        else
            for (int m = 0; m < work->name_count; m++)
                add_candidates(work, loads[i].candidates[m]);
        work->never_met = !work->row_exists && work->op.len == 0 && work->candidate_count == 0;
    }
    return 0;
}

/* ---- wake ---- */

/* Woken records: their event is the one in the row. Without one there is nothing to go on with but to read the source again. */
static int wake(struct apply *apply, struct apply_entity *ae, struct work *work, struct err *err)
{
    struct err why = ERR_INIT;
    if (references_wake(apply, ae, work))
        return 0;
    if (work->row.pending.len == 0) {
        work->stage = WORK_DONE;
        work->row.due_ms = 0;
        work->row.waits_on = SPAN_NONE;
        work->row_changed = true;
        work->hint = "recovered";
        work->what = OUTCOME_HINTED;
        work->class_ = "recovered";
        work->event.key = work->key;
        return 0;
    }
    struct span pending = work->row.pending;
    if (event_decode(ae->entity, pending, &apply->tape, &apply->arena, &work->event, &why) != 0) {
        if (why.kind == ERR_FATAL)
            return err_exit(err, why.exit_code, "the event in the row of %.*s: %s",
                            (int)work->key.len, work->key.data, why.text);
        work->event.value = pending;
        work->event.key = work->key;
        work->row.due_ms = 0;
        work->row.waits_on = SPAN_NONE; /* a free claim would wake it, and bury it, for ever */
        work->row_changed = true;
        work->hint =
            "recovered"; /* the mapping changed meanwhile: the source knows what it is now */
        dead(work, "undecodable", arena_printf(&apply->arena, "%s", why.text));
        return 0;
    }
    work->event.value = pending;
    name_work(apply, ae, work);
    return 0;
}

/* Rows first, then, with the names that their events give, the match index. */
int load_woken(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
               struct err *err)
{
    if (n == 0 || !works[0].due)
        return 0;
    if (load_rows(apply, ae, works, n, err) != 0)
        return -1;
    for (int i = 0; i < n; i++)
        if (wake(apply, ae, &works[i], err) != 0)
            return -1;
    return 0;
}
