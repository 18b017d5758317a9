/*
 * settle — making the result durable, in the one order that loses nothing: rows and outcomes (and hints and dead letters) on
 * Kafka with every delivery report in, then Redis; the offset comes after that (design §4.4).
 */
#include <string.h>

#include "apply.h"
#include "base/failpoint.h"
#include "model/review.h"

/* ---- rows ---- */

/* Does the row keep everything that the operation locked? Then there is nothing to be given up. */
static bool keeps_all(const struct work *work)
{
    const struct row *row = &work->row;
    bool twin = !work->twin_found; /* a created record's id was not locked */
    int kept = 0;
    for (int c = 0; c < row->claim_count; c++) {
        struct span claim = row->claims[c];
        for (int k = 1; k < work->name_count; k++)
            kept += span_equal(claim, work->names[k]);
        twin = twin || (claim.len == 3 + work->twin.len && memcmp(claim.data, "id=", 3) == 0 &&
                        memcmp(claim.data + 3, work->twin.data, work->twin.len) == 0);
    }
    return twin && kept == work->name_count - 1;
}

/* Is the id one of these, comma-separated? */
static bool among(struct span ids, struct span id)
{
    while (ids.data && ids.len) {
        const char *comma = memchr(ids.data, ',', ids.len);
        size_t len = comma ? (size_t)(comma - ids.data) : ids.len, step = comma ? len + 1 : len;
        if (span_equal((struct span){ids.data, len}, id))
            return true;
        ids = (struct span){ids.data + step, ids.len - step};
    }
    return false;
}

/* What the match index is told of the twin: the values by which it was looked for, unless it knows (nothing is ever removed from it), and
 * those that it was read with and keeps. */
static int match_names(struct apply *apply, const struct apply_entity *ae, const struct work *work,
                       const struct span **ret_names)
{
    struct span *names = arena_new(&apply->arena, struct span, 1 + 2 * APPLY_MATCH_MAX);
    int count = 0;
    *ret_names = names;
    for (int k = 0; k < work->name_count; k++)
        if (k >= work->known_count || !among(work->known_ids[k], work->row.twin))
            names[count++] = work->names[k];
    for (int m = 0; work->verdicts && work->new_now && m < ae->match_count; m++) {
        int f = ae->match_fields[m];
        const struct field *field = &ae->entity->fields[f];
        struct value now = work->new_now[f];
        if (now.kind != VALUE_SET || merge_writes(work->verdicts[f]) ||
            value_equal(now, work->event.after.values[f]))
            continue;
        struct span key = value_match_key(field->rules.type, now, &apply->arena);
        if (key.len)
            names[count++] = span_of(
                arena_printf(&apply->arena, "%s=%.*s", field->name, (int)key.len, key.data));
    }
    return count;
}

static int put_row(struct apply *apply, struct apply_entity *ae, struct work *work,
                   struct store_finish *finish, struct sink_report *report, struct err *err)
{
    char epoch[24];
    struct sink_header header = partition_epoch_header(ae->epochs[work->partition], epoch);
    work->row.epoch = ae->epochs[work->partition];
    buf_reset(&apply->scratch);
    row_encode(&work->row, ae->entity, &apply->scratch);
    if (apply->scratch.failed)
        return err_set(err, ERR_FATAL, "row of %.*s is too large", (int)work->key.len,
                       work->key.data);
    *finish = (struct store_finish){.key = work->key,
                                    .partition = work->partition,
                                    .row = arena_copy(&apply->arena, buf_span(&apply->scratch)),
                                    .match_id = work->row.twin,
                                    .begun = keeps_all(work) ? work->begun : SPAN_NONE,
                                    .index_before = work->index.data ? work->index : span_of("")};
    finish->match_count = match_names(apply, ae, work, &finish->match_names);
    buf_reset(&apply->scratch);
    row_index(&work->row, &apply->scratch);
    finish->index = arena_copy(&apply->arena, buf_span(&apply->scratch));
    struct sink_message out = {.topic = ae->state,
                               .partition = work->partition,
                               .key = work->key,
                               .value = finish->row,
                               .headers = &header,
                               .header_count = 1};
    return sink_put(apply->sink, &out, report, err);
}

int settle_review(struct apply *apply, const struct apply_entity *ae, const struct row *row,
                  struct err *err)
{
    char key[REVIEW_KEY_BYTES];
    if (review_key(ae->entity, row->key, key, err) != 0)
        return err_wrap(err, "review");
    buf_reset(&apply->scratch);
    bool open = review_encode(ae->entity, row, &apply->scratch);
    if (apply->scratch.failed)
        return err_set(err, ERR_FATAL, "the questions of %.*s are too large", (int)row->key.len,
                       row->key.data);
    struct sink_message out = {.topic = apply->review,
                               .partition = SINK_PARTITION_BY_KEY,
                               .key = span_of(key),
                               .value = open ? buf_span(&apply->scratch) : SPAN_NONE};
    return sink_put(apply->sink, &out, NULL, err);
}

/*
 * One past the last row of each partition: Redis has every row below, because chunks are settled one after the other. Not past what a former
 * owner may have written between ours: should we lose the partition before the tail reads that, the next owner's replay has to.
 */
static void move_marks(struct apply_entity *ae, const struct store_finish *finishes,
                       const struct sink_report *reports, int n, int64_t *marks)
{
    for (int i = 0; i < n; i++) {
        int32_t p = finishes[i].partition;
        int64_t known = ae->tails[p].seen;
        int64_t mark = reports[i].offset + 1 < known ? reports[i].offset + 1 : known;
        if (mark > marks[p] && mark > ae->marks[p])
            marks[p] = mark;
    }
}

static int finish_rows(struct apply *apply, struct apply_entity *ae,
                       const struct store_finish *finishes, const struct sink_report *reports,
                       int n, struct err *err)
{
    int64_t marks[STORE_PARTITIONS_MAX] = {0};
    struct store_owner owner = apply_owner(ae);
    if (n == 0)
        return 0;
    move_marks(ae, finishes, reports, n, marks);
    if (apply_store(apply, store_finish(apply->store, &owner, finishes, n, marks, err), err) != 0)
        return -1;
    apply->fenced_turns = 0;
    for (int32_t p = 0; p < ae->partitions; p++)
        if (marks[p] > 0)
            ae->marks[p] = marks[p];
    return 0;
}

/* With its row the event is a duplicate, and nobody would say it again: which value the truth kept, which edit was overtaken, what is a dead
 * letter, what has to be read again, and which post is taken over. */
static bool told_first(const struct apply_entity *ae, const struct work *work)
{
    bool first = work->stage == WORK_DONE && work->row_changed &&
                 (work->dead_letter || work->hint || work->raced || work->take_over.len);
    for (int f = 0; work->stage == WORK_DONE && work->verdicts && f < ae->entity->field_count; f++)
        first = first || work->verdicts[f] == MERGE_TRUTH_NEW;
    return first;
}

int settle_works(struct apply *apply, struct apply_entity *ae, struct work *works, int n,
                 struct err *err)
{
    int first = 0;
    for (int i = 0; i < n; i++) {
        if (!told_first(ae, &works[i]))
            continue;
        if (tell(apply, ae, &works[i], err) != 0)
            return -1;
        first++;
    }
    if (first && sink_settle(apply->sink, -1, err) != 0)
        return -1;
    struct store_finish *finishes = arena_new(&apply->arena, struct store_finish, n + 1);
    struct sink_report *reports = arena_new(&apply->arena, struct sink_report, n + 1);
    int rows = 0;
    for (int i = 0; i < n; i++) {
        struct work *work = &works[i];
        if (work->stage != WORK_DONE)
            continue;
        if (work->row_changed) {
            reports[rows].offset = -1;
            bool asked = work->asked || work->row.held_count > 0;
            if (put_row(apply, ae, work, &finishes[rows], &reports[rows], err) != 0 ||
                (asked && settle_review(apply, ae, &work->row, err) != 0))
                return -1;
            rows++;
        }
        if (!told_first(ae, work) && tell(apply, ae, work, err) != 0)
            return -1;
    }
    FAILPOINT("apply.state_put");
    if (sink_settle(apply->sink, -1, err) != 0)
        return -1;
    FAILPOINT("apply.state_settled");
    tail_wrote(apply, ae, finishes, reports, rows);
    if (finish_rows(apply, ae, finishes, reports, rows, err) != 0)
        return -1;
    FAILPOINT("apply.redis_finished");
    return 0;
}

#ifdef TANDEM_MUTANT_REDIS_FIRST
/* The mutant: Redis says it is applied before anything was. */
int settle_redis_first(struct apply *apply, struct apply_entity *ae, struct work **works, int n,
                       struct err *err)
{
    struct store_finish *finishes = arena_new(&apply->arena, struct store_finish, n + 1);
    struct store_owner owner = apply_owner(ae);
    int64_t marks[STORE_PARTITIONS_MAX] = {0};
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (works[i]->stage != WORK_SEND)
            continue;
        struct row row = works[i]->row;
        row.epoch = ae->epochs[works[i]->partition];
        row.has_version = true;
        row.version = works[i]->event.version;
        memcpy(row.hash, works[i]->event.hash, sizeof row.hash);
        memcpy(row.event_id, works[i]->event.event_id, sizeof row.event_id);
        buf_reset(&apply->scratch);
        row_encode(&row, ae->entity, &apply->scratch);
        finishes[count++] =
            (struct store_finish){.key = works[i]->key,
                                  .partition = works[i]->partition,
                                  .row = arena_copy(&apply->arena, buf_span(&apply->scratch))};
        works[i]->begun =
            SPAN_NONE; /* with that row the operation is over, and its claims are free */
    }
    return apply_store(apply, store_finish(apply->store, &owner, finishes, count, marks, err), err);
}
#endif
