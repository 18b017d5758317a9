/*
 * refresh_page — a page that the refresh read: each record against the row that apply has, what is news published, what moved silently
 * counted per field.
 */
#include "producers/poll/poll.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/failpoint.h"
#include "producers/poll/silent.h"

/* ---- the counts, as they stand in the cursor ---- */

void refresh_put_counts(const struct poll_entity *entity, char text[CURSOR_SILENT_BYTES])
{
    size_t len = 0;
    for (int i = 0; i < entity->entity->field_count; i++) {
        char member[160];
        int64_t count = entity->refresh.silent[i];
        int size = count > 0 ? snprintf(member, sizeof(member),
                                        "%c{\"field\":\"%s\",\"count\":%" PRId64 "}",
                                        len ? ',' : '[', entity->entity->fields[i].name, count)
                             : 0;
        if (size <= 0 || (size_t)size >= sizeof(member) ||
            len + (size_t)size + 2 > CURSOR_SILENT_BYTES)
            continue;
        memcpy(text + len, member, (size_t)size);
        len += (size_t)size;
    }
    if (len)
        text[len++] = ']';
    text[len] = '\0';
}

void refresh_read_counts(struct poll_entity *entity, const char *text)
{
    struct json_tape *tape = &entity->poll->tape;
    struct err ignored = ERR_INIT;
    memset(entity->refresh.silent, 0,
           (size_t)entity->entity->field_count * sizeof(*entity->refresh.silent));
    if (!*text || json_parse(tape, span_of(text), &ignored) < 0)
        return;
    for (uint32_t at = json_first(tape, 0); at < json_end(tape, 0); at = tape->tokens[at].next) {
        struct span name;
        int field =
            json_string_at(tape, at, "field", &name) ? entity_field(entity->entity, name) : -1;
        if (field >= 0)
            (void)json_int_at(tape, at, "count", &entity->refresh.silent[field]);
    }
}

/* ---- one page ---- */

static void note_moved(struct refresh *refresh, int field_count)
{
    refresh->page_silent++;
    for (int i = 0; i < field_count; i++)
        refresh->page_moved[i] += refresh->moved[i];
}

/* Only of a page that was put to its end: else it is read again. */
static void count_moved(struct poll_entity *entity)
{
    struct refresh *refresh = &entity->refresh;
    metric_add(refresh->records, refresh->page_silent);
    for (int i = 0; i < entity->entity->field_count; i++) {
        metric_add(refresh->fields[i], refresh->page_moved[i]);
        refresh->silent[i] += refresh->page_moved[i];
    }
}

/* What the refresh itself published last of this record under this modified-at: apply may not have had it yet. */
enum told { TOLD_NOTHING, TOLD_THIS, TOLD_OTHERWISE };

static enum told was_told(const struct refresh *refresh, const struct event *event)
{
    const struct memory_entry *entry = memory_find(&refresh->told, event->id);
    if (!entry || entry->modified_ms != event->version.modified_ms)
        return TOLD_NOTHING;
    return memory_is(entry, event->event_id) ? TOLD_THIS : TOLD_OTHERWISE;
}

/* row: of the record; data NULL none. ret_told: to be remembered once the page is put; untouched where nothing was. */
static int put_record(struct poll_entity *entity, const struct rest_record *record,
                      const struct sighting *sighting, struct span row_text,
                      struct memory_entry *ret_told, struct err *err)
{
    struct refresh *refresh = &entity->refresh;
    struct poll *poll = entity->poll;
    struct event event;
    struct row row;
    struct err bad = ERR_INIT;
    bool mapped = publish_read(entity, record, sighting, &event, &bad) == 0;
    bool has_row = row_text.data != NULL;
    if (has_row && row_decode(entity->entity, row_text, &poll->tape, &poll->arena, &row, err) < 0) {
        err->kind = ERR_FATAL; /* a newer Tandem's, or broken: nobody goes on beside it */
        return err_wrap(err, "the row of %.*s", (int)event.key.len, event.key.data);
    }
    if (!mapped) {
        /* Whatever else made it so has been told by the pass that read it. */
        bool silently = has_row && row.has_version && !row.deleted &&
                        row.version.modified_ms == event.version.modified_ms &&
                        row.version.generation == event.version.generation;
        return silently ? publish_unmapped(entity, record, &event, bad.text, err) : 0;
    }
    /* Only what changes is wanted (backfill = false): a record without a row is none of it. */
    if (!has_row && !poll->run_backfill)
        return 0;
    memset(refresh->moved, 0, (size_t)entity->entity->field_count * sizeof(*refresh->moved));
    enum silent_verdict verdict = silent_compare(has_row ? &row : NULL, &event, refresh->moved);
    enum told told = was_told(refresh, &event);
    /* The row is behind: what was told last is still to come to it, and must not be the last. */
    if (verdict == SILENT_KNOWN && told == TOLD_OTHERWISE)
        verdict = SILENT_UNKNOWN;
    int put = verdict == SILENT_KNOWN ? 0 : publish_event(entity, record, &event, err);
    if (put == 1 && verdict == SILENT_MOVED && told != TOLD_THIS)
        note_moved(refresh, entity->entity->field_count);
    if (put == 1)
        (void)memory_entry_of(ret_told, event.id, event.version.modified_ms,
                              event.version.observed_from_ms, event.event_id);
    return put;
}

int refresh_put_page(struct poll_entity *entity, const struct rest_op *page,
                     const struct span *rows, struct err *err)
{
    struct refresh *refresh = &entity->refresh;
    struct sighting sighting = sighting_of(entity->poll, PASS_REFRESH, page);
    struct memory_entry *told =
        arena_new(&refresh->arena, struct memory_entry, page->record_count + 1);
    refresh->page_silent = 0;
    memset(refresh->page_moved, 0,
           (size_t)entity->entity->field_count * sizeof(*refresh->page_moved));
    for (int i = 0; i < page->record_count; i++) {
        int put = put_record(entity, &page->records[i], &sighting, rows[i], &told[i], err);
        if (put < 0)
            return -1;
        refresh->sequence.put += put;
    }
    for (int i = 0; i < page->record_count; i++)
        memory_note(&refresh->told, &told[i]);
    refresh->at = refresh->pass.at;
    refresh->read += page->record_count;
    refresh->pending += page->record_count;
    metric_add(refresh->reread, page->record_count);
    count_moved(entity);
    FAILPOINT("poll.refresh_put");
    return poll_hold_back(entity->poll, err);
}

int refresh_read_rows(struct poll_entity *entity, const struct rest_op *page,
                      struct span **ret_rows, struct err *err)
{
    struct refresh *refresh = &entity->refresh;
    int n = page ? page->record_count : 0;
    arena_reset(&refresh->arena);
    struct span *keys = arena_new(&refresh->arena, struct span, n + 1);
    *ret_rows = arena_new(&refresh->arena, struct span, n + 1);
    for (int i = 0; i < n; i++)
        keys[i] = publish_key(entity, page->records[i].id, &refresh->arena);
    return rows_read(refresh->rows, entity->entity->name, keys, n, &refresh->arena, *ret_rows, err);
}
