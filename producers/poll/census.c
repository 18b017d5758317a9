/*
 * census — which records that apply knows the old system does not list any more. A turn of the refresh reads everything from its first id to
 * its last: what is in the rows and not in that turn is asked for by a hint each, and hydration has the last word. It stands in where no log of
 * deletions tells: for a system that has none, and for a gap in one.
 */
#include "producers/poll/poll.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/state.h"
#include "producers/poll/hash.h"

/* Per record listed 8 bytes; ids that were found beyond the buffer are the next turn's. */
enum { IDS_FIRST = 4096, WAIT_MS = 5000, FOUND_MAX_BYTES = 64 << 20, LINE_MAX_BYTES = 32 };

void census_open(struct poll_entity *entity)
{
    const struct poll *poll = entity->poll;
    /* The turns, and a read that confirms. */
    entity->census.possible =
        poll->sweep_interval_ms > 0 && poll->refresh_period_s > 0 && poll->traits->read_max > 0;
    buf_init(&entity->census.ids, FOUND_MAX_BYTES);
}

void census_clear(struct poll_entity *entity)
{
    free(entity->census.listed);
    buf_clear(&entity->census.ids);
}

void census_forget(struct poll_entity *entity)
{
    entity->census.state = CENSUS_IDLE;
    entity->census.count = 0;
    buf_reset(&entity->census.ids);
}

/* ---- when ---- */

bool census_hurries(const struct poll_entity *entity)
{
    const struct brake *brake = &entity->sweep.brake;
    return entity->census.possible && (brake->gap_ms || brake_is_approved(brake, BRAKE_BY_CENSUS));
}

bool census_wants_turn(const struct poll_entity *entity)
{
    return entity->census.state == CENSUS_IDLE &&
           (census_hurries(entity) || (entity->census.possible && !entity->sweep.possible));
}

/* ---- the listing ---- */

void census_begin(struct poll_entity *entity)
{
    struct census *census = &entity->census;
    if (!census_wants_turn(entity))
        return;
    census_forget(entity);
    census->state = CENSUS_LISTING;
    census->turn_ms = entity->refresh.turn_ms;
    census->gap_ms = entity->sweep.brake.gap_ms;
}

int census_note_page(struct poll_entity *entity, const struct rest_op *page, struct err *err)
{
    struct census *census = &entity->census;
    if (census->state != CENSUS_LISTING)
        return 0;
    if (census->count + (size_t)page->record_count > census->cap) {
        size_t cap = census->cap ? census->cap : IDS_FIRST;
        while (cap < census->count + (size_t)page->record_count)
            cap *= 2;
        uint64_t *listed = realloc(census->listed, cap * sizeof(*listed));
        if (!listed)
            return err_set(err, ERR_FATAL, "out of memory");
        census->listed = listed;
        census->cap = cap;
    }
    for (int i = 0; i < page->record_count; i++)
        census->listed[census->count++] = hash_id(page->records[i].id);
    return 0;
}

static int by_number(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Two ids of one hash hide a deletion, which is the safe side. */
static bool is_listed(const struct census *census, struct span id)
{
    uint64_t hash = hash_id(id);
    return bsearch(&hash, census->listed, census->count, sizeof(hash), by_number) != NULL;
}

static void begin_scan(struct census *census)
{
    census->state = CENSUS_SCANNING;
    census->found = 0;
    buf_reset(&census->ids);
    memcpy(census->cursor, "0", 2);
}

void census_turn_done(struct poll_entity *entity)
{
    struct census *census = &entity->census;
    if (census->state != CENSUS_LISTING)
        return;
    if (census->count == 0) { /* a right that was taken away looks like this, too */
        log_warn("the old system lists no record: that alone ends none",
                 log_str("entity", entity->entity->name));
        census_forget(entity);
        return;
    }
    qsort(census->listed, census->count, sizeof(*census->listed), by_number);
    begin_scan(census);
    census->next_mono_ms = poll_mono_ms(entity->poll);
}

/* ---- against the rows ---- */

/* A row that is there, of a record that lives and was known when the turn began. */
static bool is_missed(struct poll_entity *entity, struct span text, struct err *err)
{
    struct poll *poll = entity->poll;
    struct row row;
    arena_reset(&poll->arena);
    if (row_decode(entity->entity, text, &poll->tape, &poll->arena, &row, err) < 0) {
        err->kind = ERR_FATAL; /* a newer Tandem's, or broken: nobody goes on beside it */
        return false;
    }
    bool later = row.has_version && row.version.observed_from_ms >= entity->census.turn_ms;
    return !row.deleted && row.redirect.len == 0 && !later;
}

struct scan {
    struct poll_entity *entity;
    struct err *err;
};

static void take_row(void *self, struct span key, struct span text)
{
    const struct scan *scan = self;
    struct poll_entity *entity = scan->entity;
    struct census *census = &entity->census;
    struct span system = span_of(entity->poll->system->name);
    if (scan->err->kind != ERR_NONE || key.len <= system.len + 1 ||
        memcmp(key.data, system.data, system.len) != 0 || key.data[system.len] != ':')
        return;
    struct span id = {key.data + system.len + 1, key.len - system.len - 1};
    if (memchr(id.data, '\n', id.len) || is_listed(census, id) ||
        !is_missed(entity, text, scan->err))
        return;
    census->found++;
    if (census->ids.len + id.len + LINE_MAX_BYTES < FOUND_MAX_BYTES)
        sweep_put_id(&census->ids, id, -1);
}

/* One step of the scan; an interrupted one begins anew. */
static int scan_rows(struct poll_entity *entity, struct err *err)
{
    struct census *census = &entity->census;
    struct err row_err = ERR_INIT;
    struct scan scan = {entity, &row_err};
    int failed =
        rows_scan(entity->refresh.rows, entity->entity->name, census->cursor, take_row, &scan, err);
    if (row_err.kind != ERR_NONE) {
        *err = row_err;
        return err_wrap(err, "a row of %s", entity->entity->name);
    }
    if (failed < 0 && err->kind == ERR_FATAL)
        return -1;
    if (failed < 0) {
        log_warn("the listing waits for the rows", log_str("entity", entity->entity->name),
                 log_str("why", err->text));
        err_clear(err);
        begin_scan(census);
        census->next_mono_ms = poll_mono_ms(entity->poll) + WAIT_MS;
        return 0;
    }
    if (strcmp(census->cursor, "0") == 0)
        census->state = CENSUS_FOUND;
    return 1;
}

/* ---- the end ---- */

/* Hints → reports → what people are told. */
static int conclude(struct poll_entity *entity, struct err *err)
{
    struct census *census = &entity->census;
    struct brake *brake = &entity->sweep.brake;
    struct poll *poll = entity->poll;
    if (sweep_look(entity, err) < 0)
        return -1;
    /* A question, or its answer, stands: one after the other. */
    if (brake->braked || brake_is_approved(brake, BRAKE_BY_LOG)) {
        census->next_mono_ms = poll_mono_ms(poll) + WAIT_MS;
        return 0;
    }
    int64_t known = (int64_t)census->count + census->found;
    struct brake after = {.gap_ms = brake->gap_ms};
    if (census->found > brake_allows(brake, BRAKE_BY_CENSUS, known, poll->sweep_percent)) {
        sweep_brake(entity, BRAKE_BY_CENSUS, census->found, known);
        return sweep_say(entity, err) < 0 ? -1 : 1; /* they are kept for the answer */
    }
    if (sweep_put_hints(entity, &census->ids, "census", err) < 0)
        return -1;
    /* Its turn began after the gap was seen: it is filled. */
    if (census->gap_ms && census->gap_ms == brake->gap_ms)
        after.gap_ms = 0;
    if (after.gap_ms != brake->gap_ms || brake->approved) {
        *brake = after;
        if (sweep_say(entity, err) < 0)
            return -1;
    }
    log_info("listed: what is known and was not there is read",
             log_str("entity", entity->entity->name), log_int("listed", (int64_t)census->count),
             log_int("found", census->found), log_int("gap_ms", census->gap_ms));
    census_forget(entity);
    return 1;
}

int census_step(struct poll_entity *entity, struct err *err)
{
    if (census_due_mono_ms(entity) > poll_mono_ms(entity->poll))
        return 0;
    return entity->census.state == CENSUS_SCANNING ? scan_rows(entity, err) : conclude(entity, err);
}

int64_t census_due_mono_ms(const struct poll_entity *entity)
{
    const struct census *census = &entity->census;
    bool works = census->state == CENSUS_SCANNING || census->state == CENSUS_FOUND;
    return works ? census->next_mono_ms : INT64_MAX;
}
