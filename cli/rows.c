/*
 * rows — see rows.h.
 */
#include "cli/rows.h"

#include <stdlib.h>
#include <string.h>

#include "cli/latest.h"
#include "cli/scan.h"
#include "stream/topics.h"

static const char ASSIGNMENT_PREFIX[] = "!assign/"; /* consumers/apply/partition.c */

struct rows {
    const struct entity *entity;
    const char *needle;
    rows_fn *fn;
    void *self;
    struct latest latest;
    int64_t *highest; /* epoch by partition */
    struct json_tape tape;
    struct arena arena;
};

bool rows_is_assignment(struct span key)
{
    return key.len >= sizeof(ASSIGNMENT_PREFIX) - 1 &&
           memcmp(key.data, ASSIGNMENT_PREFIX, sizeof(ASSIGNMENT_PREFIX) - 1) == 0;
}

static int64_t epoch_of(struct rows *rows, struct span text, struct err *err)
{
    int64_t epoch = -1;
    if (json_parse(&rows->tape, text, err) == 0 && !json_int_at(&rows->tape, 0, "epoch", &epoch))
        err_set(err, ERR_REJECT, "a row without an epoch");
    return epoch;
}

static int note_row(void *self, const struct log_message *message, struct err *err)
{
    struct rows *rows = self;
    int64_t *highest = &rows->highest[message->partition];
    if (rows_is_assignment(message->key)) {
        *highest = message->offset > *highest ? message->offset : *highest;
        return 0;
    }
    struct latest_entry *entry = latest_get(&rows->latest, message->key);
    int64_t epoch = message->value.data ? epoch_of(rows, message->value, err) : *highest;
    if (epoch < 0)
        return err_wrap(err, "the row at %d/%lld of state", (int)message->partition,
                        (long long)message->offset);
    enum fold_verdict verdict = state_fold(epoch, *highest, entry != NULL);
    if (verdict == FOLD_REFUSE)
        return 0;
    if (!entry && !(entry = latest_put(&rows->latest, message->key, err)))
        return -1;
    /* Refused with nothing beside it: apply looks at both systems first; until then nothing is known. */
    entry->offset =
        verdict == FOLD_ACCEPT && message->value.data ? message->offset : LATEST_NOTHING;
    return 0;
}

static int meet_row(void *self, const struct log_message *message, struct err *err)
{
    struct rows *rows = self;
    struct row row;
    const struct latest_entry *entry = latest_get(&rows->latest, message->key);
    if (!entry || entry->offset != message->offset || !message->value.data ||
        !memmem(message->value.data, message->value.len, rows->needle, strlen(rows->needle)))
        return 0;
    arena_reset(&rows->arena);
    if (row_decode(rows->entity, message->value, &rows->tape, &rows->arena, &row, err) < 0)
        return err_wrap(err, "the row of %.*s", (int)message->key.len, message->key.data);
    return rows->fn(rows->self, &row, message->value, err);
}

int rows_fold(const struct migration *migration, const struct entity *entity, const char *needle,
              rows_fn *fn, void *self, struct err *err)
{
    char topic[TOPIC_NAME_BYTES];
    struct rows rows = {.entity = entity, .needle = needle, .fn = fn, .self = self};
    rows.highest = calloc((size_t)migration->kafka.partitions, sizeof(*rows.highest));
    if (!rows.highest)
        return err_set(err, ERR_FATAL, "out of memory");
    latest_init(&rows.latest);
    json_tape_init(&rows.tape);
    arena_init(&rows.arena);
    topic_name(migration, TOPIC_STATE, entity, topic);
    int failed = scan_topic(migration, topic, note_row, &rows, err);
    if (!failed)
        failed = scan_topic(migration, topic, meet_row, &rows, err);
    latest_clear(&rows.latest);
    json_tape_clear(&rows.tape);
    arena_clear(&rows.arena);
    free(rows.highest);
    return failed;
}
