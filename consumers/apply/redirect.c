/*
 * redirect — records that the old system merged into one. The loser's row leads to the winner. If only the loser has a twin, the winner
 * takes it over: the loser gives its claims up and waits, the winner finds the twin (by the match index, under its own id or a
 * match value), sees that it belongs to a record that leads here, and writes its own id into it, going on from what the loser
 * had agreed on with it. If both have one, the new system has two records for one of the old: a question, nothing is ended.
 *
 * A form's post whose twin turns out to be that of a record of the old system is merged into that record in the same way: who finds it out puts the delete
 * of the post, because nobody else ever will.
 *
 * The two may be on different partitions, and so in different processes: what each knows of the other is the other's row, which only
 * its owner writes. The loser looks again until the winner has a twin, so that nothing is missed whoever comes first.
 */
#include <string.h>

#include "apply.h"
#include "model/form.h"
#include "stream/event_put.h"

enum {
    REDIRECTS_MAX = 8, /* A into B into C … */
    POST_LOOK_MS = 1000,
    WINNER_TRIES_MAX = 10 /* with backoff, a quarter of an hour; then the winner is not coming */
};

/* The row of a record of this entity; NULL: none. */
static int read_row(struct apply *apply, const struct apply_entity *ae, struct span key,
                    const struct row **ret_row, struct err *err)
{
    struct span text = SPAN_NONE;
    *ret_row = NULL;
    if (apply_store(apply, store_row(apply->store, ae->entity, key, &apply->arena, &text, err),
                    err) != 0)
        return -1;
    if (!text.data)
        return 0;
    struct row *row = arena_new(&apply->arena, struct row, 1);
    row_init(row, ae->entity, key, &apply->arena);
    if (row_decode(ae->entity, text, &apply->tape, &apply->arena, row, err) != 0)
        return err_wrap(err, "row of %.*s", (int)key.len, key.data);
    *ret_row = row;
    return 0;
}

/* ---- posts of a form: records of their own, which the old system's record of the same person takes over ---- */

/* The source whose form's name is the "system" of a post; NULL: it is no form's. */
static const struct source_settings *form_source(const struct apply *apply, struct span system)
{
    const struct migration *migration = apply->context.migration;
    for (int i = 0; i < migration->source_count; i++) {
        const struct form_settings *forms = migration->sources[i].form;
        for (int f = 0; forms && f < forms->form_count; f++)
            if (span_is(system, forms->forms[f].name))
                return &migration->sources[i];
    }
    return NULL;
}

static struct span key_of(struct apply *apply, struct span system, struct span id)
{
    return span_of(arena_printf(&apply->arena, "%.*s:%.*s", (int)system.len, system.data,
                                (int)id.len, id.data));
}

int redirect_winner(struct apply *apply, struct apply_entity *ae, struct work *work,
                    struct err *err)
{
    const struct source_settings *form = form_source(apply, work->event.system);
    struct span system = form ? span_of(form->system->name) : work->event.system;
    work->winner_key = key_of(apply, system, work->event.merged_into);
    for (int i = 0; i < REDIRECTS_MAX; i++) {
        if (read_row(apply, ae, work->winner_key, &work->winner, err) != 0)
            return -1;
        struct span next = work->winner ? work->winner->redirect : SPAN_NONE;
        if (!next.len || span_equal(next, work->key))
            return 0;
        work->winner_key = next;
    }
    return 0;
}

bool redirect_leads_to(const struct work *work, struct span id)
{
    size_t len = work->winner_key.len;
    return len > id.len && work->winner_key.data[len - id.len - 1] == ':' &&
           memcmp(work->winner_key.data + len - id.len, id.data, id.len) == 0;
}

/* Nothing is locked for the loser any more: whoever waits for its claims is woken, and the index leads the winner to the twin. */
static void give_up(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    struct row *row = &work->row;
    bool first = row->redirect.len == 0;
    const char *colon = memchr(work->winner_key.data, ':', work->winner_key.len);
    size_t at = colon ? (size_t)(colon - work->winner_key.data) + 1 : 0;
    defer_retry(apply, work, "merged: the record that lives on takes the twin over");
    row->redirect = work->winner_key;
    row->twin = work->twin;
    row->held_count = 0;
    row->claim_count = 0;
    work->names[0] =
        span_of(arena_printf(&apply->arena, "%s=%.*s", ae->entity->external_id,
                             (int)(work->winner_key.len - at), work->winner_key.data + at));
    work->name_count = 1;
    work->known_count = 0;
    if (first) {
        work->hint = "repair";
        work->hint_key = work->winner_key;
    }
}

/* Is it this record, or one that was merged into it in the new system? */
static bool is_record(struct span id, const struct rest_record *record)
{
    bool same = span_equal(id, record->id);
    for (struct span rest = record->merged; rest.len && !same;) {
        const char *end = memchr(rest.data, ';', rest.len);
        size_t len = end ? (size_t)(end - rest.data) : rest.len, step = len + (end != NULL);
        same = span_equal(id, (struct span){rest.data, len});
        rest = (struct span){rest.data + step, rest.len - step};
    }
    return same;
}

bool redirect_plan(struct apply *apply, struct apply_entity *ae, struct work *work,
                   const struct rest_record *record)
{
    const struct row *winner = work->winner;
    struct merge_facts facts = {
        .winner_deleted = winner && winner->deleted,
        .winner_has_twin = winner && winner->twin.len,
        .same_twin = winner && is_record(winner->twin, record),
        .tried = work->row.attempt >= WINNER_TRIES_MAX,
    };
    switch (state_on_merge(&facts)) {
    case MERGED_OVER:
        delete_forget_twin(apply, ae, &work->row);
        delete_note(apply, ae, work, OUTCOME_MERGED, "taken-over");
        return true;
    case MERGED_TWO:
        delete_ask(apply, ae, work, HELD_DUPLICATE_TWIN, work->winner_key, "duplicate-twin");
        return true;
    case MERGED_ALONE:
        delete_ask(apply, ae, work, HELD_IDENTITY, work->winner_key, "identity");
        return true;
    case MERGED_GIVE_UP:
        give_up(apply, ae, work);
        return true;
    case MERGED_DELETE:
    case MERGED_VERDICT_COUNT:
        break;
    }
    return false;
}

/* The row of a post with this id, of whichever form; NULL: none. */
static int read_post(struct apply *apply, const struct apply_entity *ae, struct span id,
                     const struct row **ret_row, struct err *err)
{
    const struct migration *migration = apply->context.migration;
    for (int i = 0; i < migration->source_count && !*ret_row; i++) {
        const struct form_settings *forms = migration->sources[i].form;
        for (int f = 0; forms && f < forms->form_count && !*ret_row; f++) {
            struct span key = key_of(apply, span_of(forms->forms[f].name), id);
            if (forms->forms[f].entity == ae->entity && read_row(apply, ae, key, ret_row, err) != 0)
                return -1;
        }
    }
    return 0;
}

int redirect_loser(struct apply *apply, struct apply_entity *ae, struct work *work,
                   struct span owner_id, const struct rest_record *record, struct err *err)
{
    const struct row *owner;
    bool post = false;
    if (read_row(apply, ae, key_of(apply, work->event.system, owner_id), &owner, err) != 0)
        return -1;
    if (!owner && !form_source(apply, work->event.system)) {
        if (read_post(apply, ae, owner_id, &owner, err) != 0)
            return -1;
        post = owner != NULL;
    }
    bool leads_here = owner && span_equal(owner->redirect, work->key);
    bool has_it = owner && (owner->twin.len == 0 || is_record(owner->twin, record));
    if (leads_here && has_it && owner->claim_count == 0) {
        work->loser = owner;
        work->loser_twin = record->id;
    }
    if (post && has_it) {
        work->post = owner;
        work->post_twin = record->id;
    }
    return 0;
}

void redirect_take_post(struct apply *apply, struct work *work, const struct row *post)
{
    bool settled = post && post->status == STATE_IDLE && post->twin.len && !post->deleted;
    if (settled && !post->redirect.len) { /* as long as it does not lead anywhere */
        work->take_over = post->key;
        return;
    }
    if (post && (post->deleted || post->status == STATE_HELD))
        return;
    work->row.due_ms = apply->now_ms + rest_traits(apply->rest)->index_lag_ms + POST_LOOK_MS;
}

int redirect_holder(struct apply *apply, struct apply_entity *ae, struct work *work,
                    struct span holder, struct err *err)
{
    const char *colon = memchr(holder.data, ':', holder.len);
    const struct row *post;
    if (!colon || form_source(apply, work->event.system) ||
        !form_source(apply, (struct span){holder.data, (size_t)(colon - holder.data)}))
        return 0;
    if (read_row(apply, ae, holder, &post, err) != 0)
        return -1;
    redirect_take_post(apply, work, post);
    return 0;
}

int redirect_put_post(struct apply *apply, const struct apply_entity *ae, const struct work *work,
                      struct err *err)
{
    const struct event_publisher publisher = {
        .ns = apply->context.migration->ns, .connector = "apply", .name = "apply"};
    const char *colon = memchr(work->take_over.data, ':', work->take_over.len);
    size_t len = (size_t)(colon - work->take_over.data);
    struct event event = {.key = work->take_over,
                          .system = {work->take_over.data, len},
                          .id = {colon + 1, work->take_over.len - len - 1},
                          .op = 'd',
                          .version = work->event.version,
                          .pass = PASS_PUSH,
                          .merged_into = work->event.id,
                          .ts_ms = clock_wall_ms(apply->clock),
                          .after = record_new(ae->entity, &apply->arena)};
    return event_put(apply->sink, &publisher, ae->entity, &event, err);
}

bool redirect_inherits(const struct work *work, const struct rest_record *record)
{
    return work->loser && span_equal(work->loser_twin, record->id);
}

void redirect_take_base(const struct apply_entity *ae, struct work *work)
{
    for (int f = 0; f < ae->entity->field_count; f++)
        if (!work->row.base[f].known)
            work->row.base[f] = work->loser->base[f];
}
