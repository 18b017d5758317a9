/*
 * review_rebuild — what <ns>.review says, compared with what the rows of `state` say, and made so. Three readings: where the row of
 * each record stands (of every owner only what counts: state_fold), what the topic says now, and the rows again, of which only those
 * that count are decoded.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/latest.h"
#include "cli/offsets.h"
#include "cli/review.h"
#include "cli/scan.h"
#include "stream/pause.h"
#include "stream/sink.h"
#include "stream/topics.h"

enum { SETTLE_TIMEOUT_MS = 30 * 1000 };

/* apply writes them between the rows (consumers/apply/partition.c): their offset is an epoch. */
static const char ASSIGNMENT_PREFIX[] = "!assign/";

struct rebuild {
    struct migration *migration;
    const struct entity *entity; /* whose rows are read */
    struct latest rows, messages;
    int64_t *highest; /* epoch by partition */
    struct json_tape tape;
    struct arena arena;
    struct buf text;
    struct sink *sink;
    char review[TOPIC_NAME_BYTES];
    int64_t open, written;
};

/* ---- which row of a record counts ---- */

static bool is_assignment(struct span key)
{
    return key.len >= sizeof(ASSIGNMENT_PREFIX) - 1 &&
           memcmp(key.data, ASSIGNMENT_PREFIX, sizeof(ASSIGNMENT_PREFIX) - 1) == 0;
}

static int64_t epoch_of(struct rebuild *rebuild, struct span text, struct err *err)
{
    int64_t epoch = -1;
    if (json_parse(&rebuild->tape, text, err) == 0 &&
        !json_int_at(&rebuild->tape, 0, "epoch", &epoch))
        err_set(err, ERR_REJECT, "a row without an epoch");
    return epoch;
}

static int note_row(void *self, const struct log_message *message, struct err *err)
{
    struct rebuild *rebuild = self;
    int64_t *highest = &rebuild->highest[message->partition];
    if (is_assignment(message->key)) {
        *highest = message->offset > *highest ? message->offset : *highest;
        return 0;
    }
    struct latest_entry *entry = latest_get(&rebuild->rows, message->key);
    int64_t epoch = message->value.data ? epoch_of(rebuild, message->value, err) : *highest;
    if (epoch < 0)
        return err_wrap(err, "the row at %d/%lld of state", (int)message->partition,
                        (long long)message->offset);
    enum fold_verdict verdict = state_fold(epoch, *highest, entry != NULL);
    if (verdict == FOLD_REFUSE)
        return 0;
    if (!entry && !(entry = latest_put(&rebuild->rows, message->key, err)))
        return -1;
    /* Refused with nothing beside it: apply looks at both systems first; until then nothing is asked. */
    entry->offset =
        verdict == FOLD_ACCEPT && message->value.data ? message->offset : LATEST_NOTHING;
    return 0;
}

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

static int write_row(void *self, const struct log_message *message, struct err *err)
{
    struct rebuild *rebuild = self;
    struct row row;
    char key[REVIEW_KEY_BYTES];
    const struct latest_entry *entry = latest_get(&rebuild->rows, message->key);
    if (!entry || entry->offset != message->offset || !message->value.data)
        return 0;
    arena_reset(&rebuild->arena);
    buf_reset(&rebuild->text);
    if (row_decode(rebuild->entity, message->value, &rebuild->tape, &rebuild->arena, &row, err) < 0)
        return err_wrap(err, "the row of %.*s", (int)message->key.len, message->key.data);
    if (!review_encode(rebuild->entity, &row, &rebuild->text))
        return 0;
    if (rebuild->text.failed)
        return err_set(err, ERR_FATAL, "the questions of %.*s are too large", (int)message->key.len,
                       message->key.data);
    if (review_key(rebuild->entity, row.key, key, err) < 0)
        return -1;
    struct latest_entry *known = latest_put(&rebuild->messages, span_of(key), err);
    if (!known)
        return -1;
    rebuild->open += row.held_count;
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
    char topic[TOPIC_NAME_BYTES];
    rebuild->entity = entity;
    latest_clear(&rebuild->rows);
    memset(rebuild->highest, 0,
           sizeof(*rebuild->highest) * (size_t)rebuild->migration->kafka.partitions);
    topic_name(rebuild->migration, TOPIC_STATE, entity, topic);
    if (scan_topic(rebuild->migration, topic, note_row, rebuild, err) < 0)
        return -1;
    return scan_topic(rebuild->migration, topic, write_row, rebuild, err);
}

static int work(struct rebuild *rebuild, struct err *err)
{
    const struct migration *migration = rebuild->migration;
    rebuild->highest = calloc((size_t)migration->kafka.partitions, sizeof(*rebuild->highest));
    rebuild->sink = sink_open(migration, "review", "cli", 0, err);
    if (!rebuild->sink || !rebuild->highest)
        return err_set(err, ERR_FATAL, "out of memory");
    if (scan_topic(migration, rebuild->review, note_message, rebuild, err) < 0)
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
    latest_init(&rebuild.rows);
    latest_init(&rebuild.messages);
    json_tape_init(&rebuild.tape);
    arena_init(&rebuild.arena);
    buf_init(&rebuild.text, 0);
    topic_name(migration, TOPIC_REVIEW, NULL, rebuild.review);
    int failed = work(&rebuild, err);
    sink_close(rebuild.sink);
    free(rebuild.highest);
    buf_clear(&rebuild.text);
    arena_clear(&rebuild.arena);
    json_tape_clear(&rebuild.tape);
    latest_clear(&rebuild.rows);
    latest_clear(&rebuild.messages);
    if (!failed) {
        *ret_open = rebuild.open;
        *ret_written = rebuild.written;
    }
    return failed;
}
