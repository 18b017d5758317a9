/*
 * batch — see webhook.h: many requests share a delivery report and a round trip to Redis.
 */
#include <microhttpd.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "producers/webhook/soap.h"
#include "producers/webhook/webhook.h"

struct batch {
    struct webhook *webhook;
    struct http_request *requests[WEBHOOK_BATCH_MAX];
    int count;
    int64_t since_ms; /* of the oldest that waits */
};

static struct hook_notes *notes_of(const struct batch *batch, int at)
{
    return http_request_notes(batch->requests[at]);
}

static void answer(struct batch *batch, int at, enum webhook_result result)
{
    struct http_request *request = batch->requests[at];
    struct hook *hook = notes_of(batch, at)->hook;
    metric_add(hook->results[result], 1);
    batch->requests[at] = NULL;
    switch (result) {
    case WEBHOOK_ACCEPTED:
    case WEBHOOK_DUPLICATE:
        http_server_answer(request, MHD_HTTP_OK, hook->soap ? SOAP_TYPE : "text/plain",
                           hook->soap ? SOAP_ACK : "accepted\n", 0);
        return;
    case WEBHOOK_IN_FLIGHT:
        http_server_answer(request, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain",
                           "its first copy is on its way\n", 1);
        return;
    case WEBHOOK_KAFKA:
    case WEBHOOK_REFUSED:
    case WEBHOOK_EXPIRED:
    case WEBHOOK_RESULT_COUNT:
        break;
    }
    http_server_answer(request, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain", "come again\n", 1);
}

static void answer_rest(struct batch *batch, enum webhook_result result)
{
    for (int i = 0; i < batch->count; i++)
        if (batch->requests[i])
            answer(batch, i, result);
}

/* Requests whose endpoint looks for replays: what was here before is answered. */
static void drop_replays(struct batch *batch)
{
    const char *names[WEBHOOK_BATCH_MAX];
    enum replay_answer answers[WEBHOOK_BATCH_MAX];
    int at[WEBHOOK_BATCH_MAX], count = 0;
    for (int i = 0; i < batch->count; i++)
        if (batch->requests[i] && notes_of(batch, i)->hook->endpoint->replay) {
            at[count] = i;
            names[count++] = notes_of(batch, i)->name;
        }
    if (count)
        replay_claim(batch->webhook->replay, names, count, answers);
    for (int i = 0; i < count; i++)
        if (answers[i] != REPLAY_NEW)
            answer(batch, at[i], answers[i] == REPLAY_DONE ? WEBHOOK_DUPLICATE : WEBHOOK_IN_FLIGHT);
}

static void forget(struct batch *batch, int at)
{
    const struct hook_notes *notes = notes_of(batch, at);
    if (notes->hook->endpoint->replay)
        replay_failed(batch->webhook->replay, notes->name);
}

/* 0 also when some were refused: they are answered. */
static int put_all(struct batch *batch, struct err *err)
{
    for (int i = 0; i < batch->count; i++) {
        if (!batch->requests[i])
            continue;
        struct err now = ERR_INIT;
        if (payload_put(batch->webhook, notes_of(batch, i)->hook,
                        http_request_body(batch->requests[i]), notes_of(batch, i)->time_ms,
                        &now) == 0)
            continue;
        forget(batch, i);
        answer(batch, i, WEBHOOK_KAFKA);
        if (now.kind == ERR_FATAL) {
            *err = now;
            return -1;
        }
        log_warn("not accepted", log_str("why", now.text));
    }
    return 0;
}

static int work(struct batch *batch, struct err *err)
{
    struct webhook *webhook = batch->webhook;
    if (delivery_away(&webhook->delivery, err))
        return -1;
    drop_replays(batch);
    FAILPOINT("webhook.claimed");
    if (put_all(batch, err) < 0)
        return -1;
    FAILPOINT("webhook.put");
    if (delivery_settle(&webhook->delivery, batch->since_ms, err) < 0) {
        for (int i = 0; i < batch->count; i++)
            if (batch->requests[i])
                forget(batch, i);
        return -1;
    }
    FAILPOINT("webhook.settled");
    for (int i = 0; i < batch->count; i++)
        if (batch->requests[i] && notes_of(batch, i)->hook->endpoint->replay)
            replay_done(webhook->replay, notes_of(batch, i)->name);
    return 0;
}

int batch_run(struct webhook *webhook, int timeout_ms, struct err *err)
{
    struct batch batch = {.webhook = webhook};
    batch.count = http_server_take(webhook->server, batch.requests, WEBHOOK_BATCH_MAX, timeout_ms);
    if (batch.count == 0) {
        replay_flush(webhook->replay);
        (void)delivery_away(&webhook->delivery, err);
        return err->kind == ERR_FATAL ? -1 : 0;
    }
    batch.since_ms = http_request_since_ms(batch.requests[0]);
    answer_rest(&batch, work(&batch, err) == 0 ? WEBHOOK_ACCEPTED : WEBHOOK_KAFKA);
    FAILPOINT("webhook.answered");
    return err->kind == ERR_FATAL ? -1 : 0;
}
