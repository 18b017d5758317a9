/*
 * review_rebuild — what <ns>.review says, compared with what the rows of `state` say, and made so: what the
 * topic says now is read, then the rows that count.
 */
#include <sysexits.h>

#include "cli/latest.h"
#include "cli/offsets.h"
#include "cli/review.h"
#include "cli/rows.h"
#include "cli/scan.h"
#include "stream/pause.h"
#include "stream/sink.h"
#include "stream/topics.h"

enum { SETTLE_TIMEOUT_MS = 30 * 1000 };

struct rebuild {
    struct migration *migration;
    const struct entity *entity; /* whose rows are read */
    struct latest messages;
    struct buf text;
    struct sink *sink;
    char review[TOPIC_NAME_BYTES];
    int64_t open, written;
};

/* ---- what the topic says ---- */

static int note_message(void *self, const struct log_message *message, struct err *err)
{
    struct rebuild *rebuild = self;
    if (!message->key.data)
        return 0;
    struct latest_entry *entry = latest_put(&rebuild->messages, message->key, err);
    if (!entry)
        return -1;
    entry->offset = message->offset;
    entry->content = message->value.data ? latest_hash(message->value) : 0;
    entry->seen = false;
    return 0;
}

/* ---- what it has to say ---- */

static int put(struct rebuild *rebuild, struct span key, struct span value, struct err *err)
{
    const struct sink_message message = {
        .topic = rebuild->review, .partition = 0, .key = key, .value = value};
    rebuild->written++;
    return sink_put(rebuild->sink, &message, NULL, err);
}

static int write_row(void *self, const struct row *row, struct span text, struct err *err)
{
    struct rebuild *rebuild = self;
    char key[REVIEW_KEY_BYTES];
    (void)text;
    buf_reset(&rebuild->text);
    if (!review_encode(rebuild->entity, row, &rebuild->text))
        return 0;
    if (rebuild->text.failed)
        return err_set(err, ERR_FATAL, "the questions of %.*s are too large", (int)row->key.len,
                       row->key.data);
    if (review_key(rebuild->entity, row->key, key, err) < 0)
        return -1;
    struct latest_entry *known = latest_put(&rebuild->messages, span_of(key), err);
    if (!known)
        return -1;
    rebuild->open += row->held_count;
    known->seen = true;
    if (known->content == latest_hash(buf_span(&rebuild->text)))
        return 0;
    return put(rebuild, span_of(key), buf_span(&rebuild->text), err);
}

/* What nobody asks any more. The last message of such a key is the one to be answered by null. */
static int close_message(void *self, const struct log_message *message, struct err *err)
{
    struct rebuild *rebuild = self;
    struct latest_entry *entry =
        message->key.data ? latest_get(&rebuild->messages, message->key) : NULL;
    if (!entry || entry->seen || !entry->content || entry->offset != message->offset)
        return 0;
    entry->seen = true;
    return put(rebuild, message->key, SPAN_NONE, err);
}

/* ---- all of it ---- */

static int rebuild_entity(struct rebuild *rebuild, const struct entity *entity, struct err *err)
{
    rebuild->entity = entity;
    return rows_fold(rebuild->migration, entity, "\"held\"", write_row, rebuild, err);
}

static int work(struct rebuild *rebuild, struct err *err)
{
    const struct migration *migration = rebuild->migration;
    rebuild->sink = sink_open(migration, "review", "cli", 0, err);
    if (!rebuild->sink || scan_topic(migration, rebuild->review, note_message, rebuild, err) < 0)
        return -1;
    for (int i = 0; i < migration->entity_count; i++)
        if (rebuild_entity(rebuild, &migration->entities[i], err) < 0)
            return -1;
    if (scan_topic(migration, rebuild->review, close_message, rebuild, err) < 0)
        return -1;
    return sink_settle(rebuild->sink, SETTLE_TIMEOUT_MS, err);
}

/* Two that write the same topic would leave an old question over a new one. */
static int refuse_while_at_work(const struct migration *migration, struct err *err)
{
    struct pauses pauses;
    struct offsets *offsets = NULL;
    int members = 0, failed = -1;
    if (pauses_read(migration, &pauses, err) < 0)
        return -1;
    if (pauses.all.on)
        return 0;
    offsets = offsets_open(migration, err);
    if (offsets && offsets_members(offsets, &members, err) == 0)
        failed = members == 0 ? 0
                              : err_exit(err, EX_UNAVAILABLE,
                                         "tandem-apply is at work (%d members of its group) and "
                                         "writes questions too; `tandem pause` first, and `tandem "
                                         "resume` afterwards",
                                         members);
    offsets_close(offsets);
    return failed;
}

int review_rebuild(struct migration *migration, int64_t *ret_open, int64_t *ret_written,
                   struct err *err)
{
    struct rebuild rebuild = {.migration = migration};
    if (scan_ready(migration, err) < 0 || refuse_while_at_work(migration, err) < 0)
        return -1;
    latest_init(&rebuild.messages);
    buf_init(&rebuild.text, 0);
    topic_name(migration, TOPIC_REVIEW, NULL, rebuild.review);
    int failed = work(&rebuild, err);
    sink_close(rebuild.sink);
    buf_clear(&rebuild.text);
    latest_clear(&rebuild.messages);
    if (!failed) {
        *ret_open = rebuild.open;
        *ret_written = rebuild.written;
    }
    return failed;
}
