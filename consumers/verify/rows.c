/*
 * rows — two tails and the rule that decides whose row counts.
 */
#include "consumers/verify/rows.h"

#include <stdlib.h>
#include <string.h>

#include "consumers/verify/tail.h"
#include "stream/topics.h"

/* Assignment records stand between the rows; apply writes them (consumers/apply/partition.c). */
static const char ASSIGNMENT_PREFIX[] = "!assign/";

struct rows {
    const struct migration *migration;
    const struct entity *entity;
    struct table *table;
    struct log_reader *asker;
    struct tail *state, *letters;
    int64_t *highest; /* by partition: the offset of the last assignment, which is its epoch */
    struct json_tape tape;
    struct arena arena;
};

struct rows *rows_open(const struct migration *migration, const struct entity *entity,
                       struct table *table, struct err *err)
{
    struct rows *rows = calloc(1, sizeof(*rows));
    int partitions = (int)migration->kafka.partitions;
    if (!rows || !(rows->highest = calloc((size_t)partitions, sizeof(*rows->highest)))) {
        err_set(err, ERR_FATAL, "out of memory");
        free(rows);
        return NULL;
    }
    rows->migration = migration;
    rows->entity = entity;
    rows->table = table;
    json_tape_init(&rows->tape);
    arena_init(&rows->arena);
    char name[TOPIC_NAME_BYTES];
    topic_name(migration, TOPIC_STATE, entity, name);
    rows->asker = log_reader_open(migration, "verify", err);
    if (rows->asker)
        rows->state = tail_open(migration, name, partitions, rows->asker, err);
    topic_name(migration, TOPIC_DLQ, NULL, name);
    if (rows->state)
        rows->letters = tail_open(migration, name, partitions, rows->asker, err);
    if (!rows->letters) {
        rows_close(rows);
        return NULL;
    }
    return rows;
}

void rows_close(struct rows *rows)
{
    if (!rows)
        return;
    tail_close(rows->state);
    tail_close(rows->letters);
    log_reader_close(rows->asker);
    json_tape_clear(&rows->tape);
    arena_clear(&rows->arena);
    free(rows->highest);
    free(rows);
}

static unsigned held_mask(const struct row *row)
{
    unsigned mask = 0;
    for (int i = 0; i < row->held_count; i++)
        mask |= 1U << row->held[i].class_;
    return mask;
}

/* Somebody wrote to the target for this record, and we do not know what: never nothing. */
static int put_uncertain(struct rows *rows, struct span key, struct err *err)
{
    struct row row;
    struct buf text;
    buf_init(&text, 0);
    row_init(&row, rows->entity, key, &rows->arena);
    row.status = STATE_REBUILD;
    row_encode(&row, rows->entity, &text);
    struct table_row put = {.key = key, .text = buf_span(&text), .status = row.status};
    int failed = table_put_row(rows->table, &put, err);
    buf_clear(&text);
    return failed;
}

static int take_row(void *self, const struct log_message *message, struct err *err)
{
    struct rows *rows = self;
    int64_t *highest = &rows->highest[message->partition];
    size_t prefix = sizeof(ASSIGNMENT_PREFIX) - 1;
    if (message->key.len >= prefix && memcmp(message->key.data, ASSIGNMENT_PREFIX, prefix) == 0) {
        if (message->offset > *highest)
            *highest = message->offset;
        return 0;
    }
    struct table_row put = {.key = message->key};
    if (!message->value.data) /* erased */
        return table_put_row(rows->table, &put, err);
    arena_reset(&rows->arena);
    struct row row;
    if (row_decode(rows->entity, message->value, &rows->tape, &rows->arena, &row, err) != 0)
        return err_wrap(err, "the row at %d/%lld of the state topic", (int)message->partition,
                        (long long)message->offset);
    bool known = false;
    if (row.epoch < *highest && table_has_row(rows->table, message->key, &known, err) != 0)
        return -1;
    switch (state_fold(row.epoch, *highest, known)) {
    case FOLD_REFUSE:
        return 0;
    case FOLD_REFUSE_UNCERTAIN:
        return put_uncertain(rows, message->key, err);
    case FOLD_ACCEPT:
        break;
    }
    put.text = message->value;
    put.twin = row.twin;
    put.status = row.status;
    put.held_mask = held_mask(&row);
    put.gone = row.deleted || row.redirect.len > 0;
    return table_put_row(rows->table, &put, err);
}

static int take_letter(void *self, const struct log_message *message, struct err *err)
{
    struct rows *rows = self;
    struct span entity = log_message_header(message, "tandem.entity");
    struct span reason = log_message_header(message, "tandem.reason");
    if (entity.data && !span_is(entity, rows->entity->name))
        return 0;
    char place[64];
    struct span key = message->key;
    if (!key.len) { /* no key, no record: each stands for itself */
        (void)snprintf(place, sizeof(place), "!%d/%lld", (int)message->partition,
                       (long long)message->offset);
        key = span_of(place);
    }
    return table_put_letter(rows->table, key, reason.len ? reason : span_of("unknown"), err);
}

int rows_read(struct rows *rows, struct err *err)
{
    if (table_begin(rows->table, err) != 0 || tail_read(rows->state, take_row, rows, err) != 0 ||
        tail_read(rows->letters, take_letter, rows, err) != 0)
        return -1;
    return table_commit(rows->table, err);
}
