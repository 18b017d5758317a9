/*
 * tell — what became of an event, in <ns>.outcomes; and what goes with it: a hint that somebody has to read again, a dead letter.
 */
#include <string.h>

#include "apply.h"
#include "stream/dead_letter.h"

/* ---- outcomes ---- */

/* The fields of which something is to be said: written, kept, or held. */
static int outcome_fields(struct apply *apply, const struct apply_entity *ae,
                          const struct work *work, struct outcome_field **ret_fields)
{
    if (work->event.op == 'd')
        return delete_fields(apply, ae, work, ret_fields);
    int count = 0;
    struct outcome_field *fields =
        arena_new(&apply->arena, struct outcome_field, ae->entity->field_count);
    for (int f = 0; work->verdicts && f < ae->entity->field_count; f++) {
        enum merge_verdict verdict = work->verdicts[f];
        bool put_back = work->restore && work->restore[f];
        if ((verdict == MERGE_NOTHING || verdict == MERGE_AGREE) && !put_back)
            continue;
        if (verdict == MERGE_WRITE && !work->twin_found &&
            work->event.after.values[f].kind != VALUE_SET)
            continue;
        fields[count++] = (struct outcome_field){.field = f,
                                                 .old_now = work->event.after.values[f],
                                                 .new_now = work->new_now[f],
                                                 .verdict = merge_verdict_name(verdict)};
    }
    *ret_fields = fields;
    return count;
}

int tell_outcome(struct apply *apply, struct apply_entity *ae, const struct work *work,
                 enum outcome_what what, struct err *err)
{
    const struct message *message = work->message;
    struct outcome outcome = {.entity = ae->entity,
                              .key = work->key,
                              .what = what,
                              .class_ = work->class_,
                              .event_id = work->event.event_id,
                              .target = work->twin.len ? work->twin : work->row.twin,
                              .op = work->marker,
                              .epoch = ae->epochs[work->partition],
                              .topic = message ? message->topic : NULL,
                              .partition = work->partition,
                              .offset = message ? message->offset : -1,
                              .version = work->event.event_id[0] ? &work->event.version : NULL,
                              .why = work->why,
                              .ts_ms = clock_wall_ms(apply->clock)};
    struct outcome_field *fields = NULL;
    outcome.field_count = outcome_fields(apply, ae, work, &fields);
    outcome.fields = fields;
    buf_reset(&apply->scratch);
    outcome_encode(&outcome, &apply->scratch);
    if (apply->scratch.failed)
        return err_set(err, ERR_FATAL, "outcome of %.*s is too large", (int)work->key.len,
                       work->key.data);
    struct sink_message out = {.topic = apply->outcomes,
                               .partition = SINK_PARTITION_BY_KEY,
                               .key = work->key,
                               .value = buf_span(&apply->scratch)};
    metric_add(apply->outcomes_total[what], 1);
    return sink_put(apply->sink, &out, NULL, err);
}

/* ---- what else is said ---- */

static int put_hint(struct apply *apply, struct apply_entity *ae, const struct work *work,
                    struct err *err)
{
    struct span key = work->hint_key.len ? work->hint_key : work->key;
    const char *colon = memchr(key.data, ':', key.len);
    if (!colon)
        return 0;
    size_t system_len = (size_t)(colon - key.data);
    struct hint hint = {.key = key,
                        .system = {key.data, system_len},
                        .id = {colon + 1, key.len - system_len - 1},
                        .why = work->hint,
                        .not_before_ms = work->hint_not_before_ms};
    buf_reset(&apply->scratch);
    hint_encode(&hint, &apply->scratch);
    struct sink_message out = {.topic = ae->hints,
                               .partition = SINK_PARTITION_BY_KEY,
                               .key = key,
                               .value = buf_span(&apply->scratch)};
    return sink_put(apply->sink, &out, NULL, err);
}

static int put_dead_letter(struct apply *apply, struct apply_entity *ae, const struct work *work,
                           struct err *err)
{
    const struct message *message = work->message;
    struct dead_letter letter = {.key = work->key,
                                 .value = work->event.value,
                                 .offset = -1,
                                 .process = "apply",
                                 .instance = apply->context.instance,
                                 .stage = "TASK_PUT",
                                 .reason_class = work->dead_letter,
                                 .reason = work->why,
                                 .entity = ae->entity->name,
                                 .system = apply->context.migration->new_system->name};
    if (message) {
        letter.topic = message->topic;
        letter.partition = message->partition;
        letter.offset = message->offset;
        letter.timestamp_ms = message->timestamp_ms;
        letter.value = message->value;
        letter.message = message->message;
    }
    if (strcmp(work->dead_letter, "rejected") != 0)
        letter.stage = "VALUE_CONVERTER";
    return dead_letter_put(apply->sink, apply->context.migration, &letter, NULL, err);
}

int tell(struct apply *apply, struct apply_entity *ae, const struct work *work, struct err *err)
{
    if (work->dead_letter && put_dead_letter(apply, ae, work, err) != 0)
        return -1;
    if (work->hint && put_hint(apply, ae, work, err) != 0)
        return -1;
    if (work->take_over.len && redirect_put_post(apply, ae, work, err) != 0)
        return -1;
    return tell_outcome(apply, ae, work, work->what, err);
}
