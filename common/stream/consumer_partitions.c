/*
 * consumer_partitions — what is ours to work on, told to the handler outside the rebalance.
 */
#include "base/log.h"
#include "base/service.h"
#include "stream/consumer_internal.h"

enum { ASSIGN_AGAIN_MS = 100 };

static void drop_lost(struct consumer *consumer)
{
    int kept = 0;
    for (int i = 0; i < consumer->count; i++) {
        struct message *message = &consumer->batch[i];
        if (group_owns(consumer->group, message->entity, message->partition))
            consumer->batch[kept++] = *message;
        else
            group_release(message);
    }
    consumer->count = kept;
}

static void forget_pending(struct consumer *consumer, const struct group_change *lost)
{
    for (int i = 0; i < consumer->pending_count; i++)
        if (consumer->pending[i].entity == lost->entity &&
            consumer->pending[i].partition == lost->partition)
            consumer->pending[i--] = consumer->pending[--consumer->pending_count];
}

int consumer_take_changes(struct consumer *consumer, struct err *err)
{
    struct group_change change;
    bool any = false;
    while (group_take_change(consumer->group, &change)) {
        any = true;
        log_info(change.gained ? "partition gained" : "partition lost",
                 log_str("entity", change.entity->name), log_int("partition", change.partition));
        if (!change.gained) {
            forget_pending(consumer, &change);
            consumer->type->revoked(consumer->self, change.entity, change.partition);
        } else if (consumer->pending_count == CONSUMER_PENDING_MAX) {
            return err_set(err, ERR_FATAL, "more than %d partitions", CONSUMER_PENDING_MAX);
        } else {
            consumer->pending[consumer->pending_count++] =
                (struct pending){change.entity, change.partition};
        }
    }
    if (any) {
        drop_lost(consumer);
        consumer->assign_again_ms = 0;
        metric_set(consumer->owned, group_owned_count(consumer->group));
    }
    return 0;
}

int consumer_open_pending(struct consumer *consumer, struct err *err)
{
    if (consumer->pending_count == 0 || consumer_now_ms() < consumer->assign_again_ms)
        return 0;
    for (int i = 0; i < consumer->pending_count;) {
        struct pending one = consumer->pending[i];
        struct err now = ERR_INIT;
        if (consumer->type->assigned(consumer->self, one.entity, one.partition, &now) == 0) {
            group_ready(consumer->group, one.entity, one.partition);
            consumer->pending[i] = consumer->pending[--consumer->pending_count];
        } else if (now.kind == ERR_RETRY) {
            service_set_ready(false, now.text);
            log_debug("partition not opened yet", log_int("partition", one.partition),
                      log_str("why", now.text));
            i++;
        } else {
            *err = now;
            return -1;
        }
        service_heartbeat();
    }
    consumer->assign_again_ms = consumer_now_ms() + ASSIGN_AGAIN_MS;
    metric_set(consumer->owned, group_owned_count(consumer->group));
    return 0;
}
