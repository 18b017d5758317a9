/*
 * consumer — see consumer.h. The loop: take what a rebalance changed, collect a batch, have it worked on, store its offsets. A batch that has to
 * wait is kept, everything is paused, and polling goes on, so that the group does not think us dead.
 */
#include "stream/consumer.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/service.h"
#include "stream/consumer_internal.h"

void consumer_say_waiting(struct consumer *consumer, const struct err *why)
{
    service_set_ready(false, why->text);
    metric_add(consumer->retries, 1);
    log_warn("waiting", log_str("why", why->text));
}

static int work_idle(struct consumer *consumer, struct err *err)
{
    int64_t retry_after_ms = 1;
    struct err now = ERR_INIT;
    consumer->idle_at_ms = consumer_now_ms() + CONSUMER_IDLE_EVERY_MS;
    if (consumer_now_ms() < consumer->idle_again_ms)
        return 0;
    if (consumer->type->idle(consumer->self, &retry_after_ms, &now) == 0)
        return 0;
    if (now.kind != ERR_RETRY) {
        *err = now;
        return -1;
    }
    consumer_say_waiting(consumer, &now);
    consumer->idle_again_ms = consumer_now_ms() + (retry_after_ms > 0 ? retry_after_ms : 1);
    return 0;
}

/* Everything is paused: polling goes on, so that the group knows that we live. No message comes. */
static int wait_paused(struct consumer *consumer, int64_t left_ms, struct err *err)
{
    struct message message = {.message = NULL};
    int got = group_poll(consumer->group,
                         left_ms > CONSUMER_IDLE_EVERY_MS ? CONSUMER_IDLE_EVERY_MS : (int)left_ms,
                         &message, err);
    group_release(&message);
    return got < 0 ? -1 : 0;
}

static int next_step(struct consumer *consumer, struct err *err)
{
    if (consumer->retrying && consumer->count == 0) { /* all of it was lost to others */
        consumer_clear_batch(consumer);
        group_resume(consumer->group);
    }
    if (consumer_is_paused(consumer))
        return wait_paused(consumer, CONSUMER_IDLE_EVERY_MS, err);
    int64_t left_ms = consumer->batch_again_ms - consumer_now_ms();
    if (consumer->retrying)
        return left_ms > 0 ? wait_paused(consumer, left_ms, err)
                           : consumer_work_batch(consumer, err);
    int64_t until_idle_ms = consumer->idle_at_ms - consumer_now_ms();
    if (consumer_collect(consumer, until_idle_ms > 0 ? (int)until_idle_ms : 0, err) < 0)
        return -1;
    /* A rebalance while collecting: what was lost must not be worked on. */
    if (consumer_take_changes(consumer, err) < 0)
        return -1;
    if (consumer->count > 0 && consumer_work_batch(consumer, err) < 0)
        return -1;
    return consumer->retrying ? 0 : work_idle(consumer, err);
}

static int round_of(struct consumer *consumer, struct err *err)
{
    struct err now = ERR_INIT;
    service_heartbeat();
    if (service_take_reload())
        process_reload(&consumer->process);
    int result = consumer_take_changes(consumer, &now);
    if (result == 0)
        result = consumer_take_pauses(consumer, &now);
    if (result == 0)
        result = consumer_open_pending(consumer, &now);
    if (result == 0)
        result = next_step(consumer, &now);
    if (result < 0 && now.kind != ERR_RETRY) {
        *err = now;
        return -1;
    }
    if (result < 0)
        consumer_say_waiting(consumer, &now); /* Kafka is away: the client comes back by itself */
    else if (consumer_is_paused(consumer))
        consumer_say_paused(consumer);
    else if (!consumer->retrying && consumer->pending_count == 0 &&
             consumer_now_ms() >= consumer->idle_again_ms)
        service_set_ready(true, NULL);
    group_commit(consumer->group, false);
    return 0;
}

static int open_handler(struct consumer *consumer, struct err *err)
{
    const struct handler_context context = {.migration = consumer->process.migration,
                                            .clock = &CLOCK_SYSTEM,
                                            .pauses = consumer->pauses,
                                            .instance = consumer->process.instance};
    for (int attempt = 1; !service_stopping(); attempt++) {
        struct err now = ERR_INIT;
        memcpy(consumer->self, consumer->options, consumer->type->size);
        if (consumer->type->open(consumer->self, &context, &now) == 0) {
            consumer->is_open = true;
            return 0;
        }
        consumer->type->close(consumer->self);
        if (now.kind != ERR_RETRY) {
            *err = now;
            return -1;
        }
        consumer_say_waiting(consumer, &now);
        process_wait_ms(process_backoff_ms(attempt));
    }
    return 0;
}

static void make_metrics(struct consumer *consumer)
{
    consumer->messages =
        metric_counter("tandem_consumed_messages_total", "Messages whose batch is done.", NULL);
    consumer->batches = metric_counter("tandem_batches_total", "Batches done.", NULL);
    consumer->retries =
        metric_counter("tandem_waits_total", "Times work had to wait and come again.", NULL);
    consumer->owned =
        metric_gauge("tandem_owned_partitions", "Partitions this process works on.", NULL);
    consumer->seconds =
        metric_histogram("messaging_process_duration_seconds", "Time of a batch.", NULL);
}

static int work(struct consumer *consumer, struct err *err)
{
    struct process *process = &consumer->process;
    int result = 0;
    make_metrics(consumer);
    if (process_start(process, err) < 0 || process_wait_control(process, true, err) < 0)
        return -1;
    if (consumer_open_pauses(consumer, err) < 0 || open_handler(consumer, err) < 0)
        result = -1;
    if (result == 0 && consumer->is_open && !service_stopping()) {
        consumer->group = group_open(process->migration, consumer->type->name, process->instance,
                                     consumer->type->topics, err);
        result = consumer->group ? 0 : -1;
        if (result == 0) {
            log_info("started");
            service_set_ready(false, "joining the group");
        }
    }
    while (result == 0 && !service_stopping())
        result = round_of(consumer, err);
    service_set_ready(false, "stopping");
    consumer_clear_batch(consumer); /* not stored: it comes again */
    if (consumer->is_open)
        consumer->type->close(consumer->self);
    group_close(consumer->group);
    pause_watch_close(consumer->pauses);
    return result;
}

static void read_options(struct consumer *consumer)
{
    struct process *process = &consumer->process;
    if (!process->migration)
        return;
    if (consumer->type->options)
        (void)conf_read_group(config_lookup(&process->migration->config, consumer->type->name),
                              consumer->type->options, NULL, consumer->options, &process->report);
    consumer->capacity = (int)process->migration->apply.batch_records;
    consumer->batch = calloc((size_t)consumer->capacity + 1, sizeof(*consumer->batch));
}

int consumer_run(const struct handler_type *type, int argc, char **argv)
{
    struct consumer consumer = {.type = type,
                                .self = calloc(1, type->size),
                                .options = calloc(1, type->size),
                                .pending = calloc(CONSUMER_PENDING_MAX, sizeof(struct pending))};
    struct err err = ERR_INIT;
    int code = process_open(&consumer.process, type->name, type->summary, false, argc, argv);
    if (code == PROCESS_GO_ON) {
        read_options(&consumer);
        code = process_checked(&consumer.process, NULL);
    }
    if (code == PROCESS_GO_ON &&
        !(consumer.self && consumer.options && consumer.pending && consumer.batch))
        code = EX_TEMPFAIL;
    if (code == PROCESS_GO_ON) {
        (void)work(&consumer, &err);
        code = process_end(&err);
    }
    process_close(&consumer.process);
    free(consumer.self);
    free(consumer.options);
    free(consumer.pending);
    free(consumer.batch);
    return code;
}
