/*
 * consumer_batch — messages collected, worked on, and their offsets stored: in this order (design §4.4).
 */
#include "base/failpoint.h"
#include "stream/consumer_internal.h"

enum {
    BATCH_FILL_MS = 50, /* a batch is collected for at most so long */
    BATCH_QUIET_MS = 5, /* and is closed when nothing came for so long */
};

void consumer_clear_batch(struct consumer *consumer)
{
    for (int i = 0; i < consumer->count; i++)
        group_release(&consumer->batch[i]);
    consumer->count = 0;
    consumer->retrying = false;
}

/* -1: err. A batch may stay empty. */
int consumer_collect(struct consumer *consumer, int wait_ms, struct err *err)
{
    int64_t close_ms = 0;
    while (consumer->count < consumer->capacity) {
        int timeout_ms = consumer->count == 0 ? wait_ms : BATCH_QUIET_MS;
        struct message message;
        int got = group_poll(consumer->group, timeout_ms, &message, err);
        if (got < 0)
            return -1;
        if (got == 0)
            return 0;
        consumer->batch[consumer->count++] = message;
        if (!close_ms)
            close_ms = consumer_now_ms() + BATCH_FILL_MS;
        if (consumer_now_ms() >= close_ms)
            return 0;
    }
    return 0;
}

static void store_offsets(struct consumer *consumer)
{
    /* In order, the last of a partition counts; the library keeps it in memory until the commit. */
    for (int i = 0; i < consumer->count; i++) {
        bool last = true;
        for (int j = i + 1; last && j < consumer->count; j++)
            last = consumer->batch[j].partition != consumer->batch[i].partition ||
                   consumer->batch[j].topic != consumer->batch[i].topic;
        if (last)
            group_store(consumer->group, &consumer->batch[i]);
    }
}

static void finish_batch(struct consumer *consumer)
{
    FAILPOINT("consumer.before_store");
    store_offsets(consumer);
    FAILPOINT("consumer.after_store");
    metric_add(consumer->messages, consumer->count);
    metric_add(consumer->batches, 1);
    consumer_clear_batch(consumer);
    group_resume(consumer->group);
}

int consumer_work_batch(struct consumer *consumer, struct err *err)
{
    int64_t retry_after_ms = 1, start_ms = consumer_now_ms();
    struct err now = ERR_INIT;
    FAILPOINT("consumer.after_fetch");
#ifdef TANDEM_MUTANT_OFFSET_FIRST
    store_offsets(consumer);
    group_commit(consumer->group, true);
#endif
    if (consumer->type->batch(consumer->self, consumer->batch, consumer->count, &retry_after_ms,
                              &now) == 0) {
        metric_observe(consumer->seconds, (double)(consumer_now_ms() - start_ms) / 1000.0);
        finish_batch(consumer);
        return 0;
    }
    if (now.kind != ERR_RETRY) {
        *err = now;
        return -1;
    }
    consumer_say_waiting(consumer, &now);
    consumer->retrying = true;
    consumer->batch_again_ms = consumer_now_ms() + (retry_after_ms > 0 ? retry_after_ms : 1);
    group_pause(consumer->group);
    return 0;
}
