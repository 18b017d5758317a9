/*
 * references — what records refer to, in the new system's ids, and the waits for what is not there; see references.h.
 */
#include "references.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "people.h"

/* ---- opening ---- */

bool references_is_link(const struct apply_entity *ae, int f)
{
    const struct value_reference *reference = ae->entity->fields[f].rules.reference;
    return reference && reference->association_type != 0;
}

static int open_entity(struct apply *apply, struct apply_entity *ae, bool *ret_people,
                       struct err *err)
{
    const struct rest_traits *traits = rest_traits(apply->rest);
    ae->references = calloc((size_t)ae->entity->field_count, sizeof *ae->references);
    if (!ae->references)
        return err_set(err, ERR_FATAL, "apply: out of memory");
    for (int f = 0; f < ae->entity->field_count; f++) {
        const struct field *field = &ae->entity->fields[f];
        if (field->rules.type != VALUE_REFERENCE || !field_is_on(field, SIDE_NEW))
            continue;
        ae->references[ae->reference_count++] = f;
        *ret_people = *ret_people || field->rules.reference->by_email;
        if (!references_is_link(ae, f))
            continue;
        ae->has_links = true;
        if (traits->link_max < 1 || traits->links_max < 1)
            return err_exit(err, EX_CONFIG,
                            "%s.%s: the connector of the new system has no associations "
                            "(operations link, unlink, links)",
                            ae->entity->name, field->name);
    }
    return 0;
}

int references_open(struct apply *apply, struct err *err)
{
    bool people = false;
    for (int i = 0; i < apply->entity_count; i++)
        if (open_entity(apply, &apply->entities[i], &people, err) != 0)
            return -1;
    if (people)
        apply->people = people_open(apply, err);
    return people && !apply->people ? -1 : 0;
}

void references_clear(struct apply *apply)
{
    people_close(apply->people);
    for (int i = 0; i < apply->entity_count; i++)
        free(apply->entities[i].references);
}

/* ---- resolving ---- */

static bool of_system(struct span key, const char *system)
{
    size_t len = strlen(system);
    return key.len > len && key.data[len] == ':' && memcmp(key.data, system, len) == 0;
}

static void set(struct apply *apply, struct work *work, int f, struct span id)
{
    const char *system = apply->context.migration->new_system->name;
    work->event.after.values[f] =
        id.len ? (struct value){VALUE_SET, span_of(arena_printf(&apply->arena, "%s:%.*s", system,
                                                                (int)id.len, id.data))}
               : (struct value){VALUE_MISSING, SPAN_NONE};
}

static int resolve_people(struct apply *apply, struct work **works, int n, int f,
                          int64_t *ret_retry_after_ms, struct err *err)
{
    struct person *persons = arena_new(&apply->arena, struct person, n);
    for (int i = 0; i < n; i++)
        persons[i].text = works[i]->referred[f].text;
    if (people_find(apply, persons, n, ret_retry_after_ms, err) != 0)
        return -1;
    for (int i = 0; i < n; i++) {
        set(apply, works[i], f, persons[i].id);
        works[i]->emails[f] = persons[i].email;
    }
    return 0;
}

static int resolve_records(struct apply *apply, const char *to, struct work **works, int n, int f,
                           struct err *err)
{
    struct store_twin *twins = arena_new(&apply->arena, struct store_twin, n);
    struct map known;
    int count = 0;
    map_init(&known, (size_t)n + 1, &apply->arena);
    for (int i = 0; i < n; i++) {
        struct span key = works[i]->referred[f].text;
        if (map_get(&known, key))
            continue;
        twins[count].key = key;
        (void)map_put(&known, key, &twins[count++]);
    }
    if (apply_store(apply, store_twins(apply->store, to, twins, count, &apply->arena, err), err) !=
        0)
        return -1;
    for (int i = 0; i < n; i++) {
        const struct store_twin *twin = map_get(&known, works[i]->referred[f].text);
        set(apply, works[i], f, twin->id);
    }
    return 0;
}

/* Has it an event whose references mean anything? */
static bool has_event(const struct work *work)
{
    return !work->dead_letter && !work->hint && work->event.after.values;
}

int references_resolve(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
                       int64_t *ret_retry_after_ms, struct err *err)
{
    if (ae->reference_count == 0)
        return 0;
    const char *here = apply->context.migration->new_system->name;
    int field_count = ae->entity->field_count;
    struct work **some = arena_new(&apply->arena, struct work *, n);
    for (int i = 0; i < n; i++) {
        if (!has_event(&works[i]))
            continue;
        works[i].referred = arena_new(&apply->arena, struct value, field_count);
        works[i].emails = arena_new(&apply->arena, struct span, field_count);
        works[i].link_doubts = arena_new(&apply->arena, bool, field_count);
        for (int r = 0; r < ae->reference_count; r++) {
            int f = ae->references[r];
            works[i].referred[f] = works[i].event.after.values[f];
            works[i].link_doubts[f] =
                references_is_link(ae, f) && links_doubtful(apply, &works[i], f);
        }
    }
    for (int r = 0; r < ae->reference_count; r++) {
        int f = ae->references[r], count = 0;
        const struct value_reference *reference = ae->entity->fields[f].rules.reference;
        for (int i = 0; i < n; i++)
            if (has_event(&works[i]) && works[i].referred[f].kind == VALUE_SET &&
                !of_system(works[i].referred[f].text, here))
                some[count++] = &works[i];
        int status = count == 0 ? 0
                     : reference->by_email
                         ? resolve_people(apply, some, count, f, ret_retry_after_ms, err)
                         : resolve_records(apply, reference->to, some, count, f, err);
        if (status != 0)
            return -1;
    }
    return 0;
}

/* ---- waiting ---- */

static struct await *awaits_of(const struct row *row, int f)
{
    for (int i = 0; i < row->await_count; i++)
        if (row->awaits[i].field == f)
            return &row->awaits[i];
    return NULL;
}

static struct await *add_await(struct apply *apply, const struct apply_entity *ae,
                               struct work *work, int f, const struct row *before)
{
    struct row *row = &work->row;
    const struct value_reference *reference = ae->entity->fields[f].rules.reference;
    const struct await *known = awaits_of(before, f);
    bool same = known && value_equal(known->old_now, work->referred[f]);
    struct await *await = &row->awaits[row->await_count++];
    *await = (struct await){.field = f,
                            .old_now = work->referred[f],
                            .entity = reference->by_email ? NULL : reference->to,
                            .since_ms = same ? known->since_ms : apply->now_ms};
    return await;
}

static void ask(struct apply *apply, struct work *work, const struct await *await,
                const struct row *before)
{
    struct row *row = &work->row;
    struct span email = work->emails ? work->emails[await->field] : SPAN_NONE;
    struct held *held = &row->held[row->held_count++];
    *held = (struct held){.field = await->field,
                          .class_ = HELD_REFERENCE,
                          .old_now = await->old_now,
                          .detail = email.len ? email : await->old_now.text};
    plan_ask(apply, before, held);
}

/* When to look again, unless woken; what waited too long, and every person, is a question. */
static void look(struct apply *apply, const struct apply_entity *ae, struct work *work,
                 const struct row *before)
{
    struct row *row = &work->row;
    int64_t retry_ms = apply->context.migration->apply.reference_retry_ms;
    for (int i = 0; i < row->await_count; i++) {
        const struct await *await = &row->awaits[i];
        bool resolved = work->event.after.values[await->field].kind != VALUE_MISSING;
        bool late = apply->now_ms - await->since_ms >= retry_ms;
        int64_t then_ms = 0;
        if (await->later)
            continue;
        if (!await->entity)
            then_ms = apply->now_ms + retry_ms;
        else if (!late)
            then_ms = await->since_ms + retry_ms;
        if (then_ms && (!row->look_ms || then_ms < row->look_ms))
            row->look_ms = then_ms;
        if (!resolved && (!await->entity || late))
            ask(apply, work, await, before);
        if (!work->why)
            work->why =
                arena_printf(&apply->arena, "%s waits for %.*s",
                             ae->entity->fields[await->field].name, (int)await->old_now.text.len,
                             await->old_now.text.len ? await->old_now.text.data : "");
    }
}

/* The questions of the row that are not about references; room for those that are. */
static void keep_questions(struct apply *apply, const struct apply_entity *ae, struct row *row)
{
    struct held *held =
        arena_new(&apply->arena, struct held, row->held_count + ae->reference_count);
    int count = 0;
    for (int h = 0; h < row->held_count; h++)
        if (row->held[h].class_ != HELD_REFERENCE)
            held[count++] = row->held[h];
    row->held = held;
    row->held_count = count;
}

void references_settle(struct apply *apply, struct apply_entity *ae, struct work *work,
                       const struct row *before)
{
    struct row *row = &work->row;
    if (ae->reference_count == 0 || !work->referred)
        return;
    int64_t later_ms = 0;
    const struct value *sent = before->sent;
    keep_questions(apply, ae, row);
    row->awaits = arena_new(&apply->arena, struct await, ae->reference_count);
    row->await_count = 0;
    row->look_ms = 0;
    for (int r = 0; r < ae->reference_count; r++) {
        int f = ae->references[r];
        const struct await *known = awaits_of(before, f);
        bool doubtful = work->link_doubts && work->link_doubts[f];
        if (work->referred[f].kind == VALUE_MISSING && known)
            row->awaits[row->await_count++] = *known; /* a partial event does not speak of it */
        else if (doubtful)
            add_await(apply, ae, work, f, before)->later = true;
        else if (work->referred[f].kind == VALUE_SET &&
                 work->event.after.values[f].kind == VALUE_MISSING)
            (void)add_await(apply, ae, work, f, before);
        if (doubtful)
            row->sent[f] = sent[f];
        if (row->await_count && row->awaits[row->await_count - 1].field == f &&
            row->awaits[row->await_count - 1].later)
            later_ms = before->look_ms;
    }
    look(apply, ae, work, before);
    if (later_ms)
        row->look_ms = later_ms; /* what was sent must be over by then */
    row->status = row->held_count ? STATE_HELD : STATE_IDLE;
}

void references_postpone(struct apply *apply, struct apply_entity *ae, struct work *work, int f,
                         int64_t look_ms)
{
    struct row *row = &work->row;
    struct await *await = awaits_of(row, f);
    bool others = false;
    if (!await) {
        const struct row before = *row;
        await = add_await(apply, ae, work, f, &before);
    }
    await->later = true;
    for (int i = 0; i < row->await_count; i++)
        others = others || (row->awaits[i].later && row->awaits[i].field != f);
    if (!others || row->look_ms < look_ms)
        row->look_ms = look_ms;
}

/* ---- waking ---- */

static void split(struct event *event)
{
    const char *colon = memchr(event->key.data, ':', event->key.len);
    size_t len = colon ? (size_t)(colon - event->key.data) : event->key.len;
    event->system = (struct span){event->key.data, len};
    event->id = colon ? (struct span){colon + 1, event->key.len - len - 1} : SPAN_NONE;
}

/* The names that the row's claims are, as its last whole event gave them. */
static void name_by_claims(struct apply *apply, const struct apply_entity *ae, struct work *work)
{
    const struct row *row = &work->row;
    work->names[0] = span_of(arena_printf(&apply->arena, "%s=%.*s", ae->entity->external_id,
                                          (int)work->event.id.len, work->event.id.data));
    work->keys[0] = work->event.id;
    work->fields[0] = -1;
    work->name_count = 1;
    for (int c = 0; c < row->claim_count && work->name_count <= APPLY_MATCH_MAX; c++) {
        struct span claim = row->claims[c];
        const char *equals = claim.len ? memchr(claim.data, '=', claim.len) : NULL;
        size_t len = equals ? (size_t)(equals - claim.data) : 0;
        int f = equals ? entity_field(ae->entity, (struct span){claim.data, len}) : -1;
        if (f < 0 || !ae->entity->fields[f].match)
            continue;
        work->names[work->name_count] = claim;
        work->keys[work->name_count] = (struct span){equals + 1, claim.len - len - 1};
        work->fields[work->name_count++] = f;
    }
}

bool references_wake(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    const struct row *row = &work->row;
    if (row->pending.len || row->await_count == 0 || row->twin.len == 0 || row->deleted ||
        (row->status != STATE_IDLE && row->status != STATE_HELD))
        return false;
    struct event *event = &work->event;
    *event = (struct event){.key = work->key,
                            .op = 'u',
                            .version = row->version,
                            .partial = true,
                            .pass = PASS_PUSH,
                            .ts_ms = clock_wall_ms(apply->clock),
                            .after = record_new(ae->entity, &apply->arena)};
    memcpy(event->hash, row->hash, sizeof event->hash);
    memcpy(event->event_id, row->event_id, sizeof event->event_id);
    split(event);
    for (int i = 0; i < row->await_count; i++)
        event->after.values[row->awaits[i].field] = row->awaits[i].old_now;
    buf_reset(&apply->scratch);
    event_encode(event, ae->entity, apply->context.migration->ns, "apply", &apply->scratch);
    if (apply->scratch.failed)
        return false;
    event->value = arena_copy(&apply->arena, buf_span(&apply->scratch));
    name_by_claims(apply, ae, work);
    work->woken = true;
    return true;
}

void references_wait_on(struct apply *apply, struct apply_entity *ae, struct work *work)
{
    const struct row before = work->row;
    if (!work->woken || work->stage != WORK_FIND || work->unknown)
        return;
    for (int f = 0; f < ae->entity->field_count; f++)
        if (work->event.after.values[f].kind != VALUE_MISSING && !work->link_doubts[f])
            return;
    references_settle(apply, ae, work, &before);
    work->row_changed = true;
    work->what = work->row.held_count ? OUTCOME_HELD : OUTCOME_WAITING;
    work->class_ = held_class_name(HELD_REFERENCE);
    work->stage = WORK_DONE;
}
