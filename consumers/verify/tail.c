/*
 * tail — a log reader that remembers which topic it reads.
 */
#include "consumers/verify/tail.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/topics.h"

enum { SLICE_MS = 200, SILENCE_MS = 60 * 1000, FROM_BEGINNING = -2 };

struct tail {
    char topic[TOPIC_NAME_BYTES];
    int partitions;
    struct log_reader *reader, *asker;
    int64_t *ends;
};

struct tail *tail_open(const struct migration *migration, const char *topic, int partitions,
                       struct log_reader *asker, struct err *err)
{
    struct tail *tail = calloc(1, sizeof(*tail));
    if (!tail || !(tail->ends = calloc((size_t)partitions, sizeof(*tail->ends)))) {
        err_set(err, ERR_FATAL, "out of memory");
        goto fail;
    }
    (void)snprintf(tail->topic, sizeof(tail->topic), "%s", topic);
    tail->partitions = partitions;
    tail->asker = asker;
    tail->reader = log_reader_open(migration, "verify", err);
    if (!tail->reader)
        goto fail;
    for (int i = 0; i < partitions; i++) {
        if (log_reader_add(tail->reader, topic, i, FROM_BEGINNING, err) != 0)
            goto fail;
    }
    return tail;
fail:
    tail_close(tail);
    return NULL;
}

void tail_close(struct tail *tail)
{
    if (!tail)
        return;
    log_reader_close(tail->reader);
    free(tail->ends);
    free(tail);
}

/* An empty partition has no position to wait for. */
static bool at_ends(const struct tail *tail)
{
    for (int i = 0; i < tail->partitions; i++) {
        int64_t position = 0;
        if (tail->ends[i] > 0 && log_reader_position(tail->reader, tail->topic, i, &position) &&
            position < tail->ends[i])
            return false;
    }
    return true;
}

int tail_read(struct tail *tail, tail_fn fn, void *self, struct err *err)
{
    for (int i = 0; i < tail->partitions; i++) {
        if (log_reader_end(tail->asker, tail->topic, i, &tail->ends[i], err) != 0)
            return -1;
    }
    int64_t silent_since_ms = clock_mono_ms(&CLOCK_SYSTEM);
    while (!at_ends(tail)) {
        struct log_message message;
        int got = log_reader_next(tail->reader, SLICE_MS, &message, err);
        int64_t now_ms = clock_mono_ms(&CLOCK_SYSTEM);
        if (got < 0 || (got > 0 && fn(self, &message, err) != 0))
            return -1;
        if (got > 0)
            silent_since_ms = now_ms;
        else if (now_ms - silent_since_ms > SILENCE_MS)
            return err_set(err, ERR_RETRY, "%s: nothing came for a minute", tail->topic);
    }
    return 0;
}
