/*
 * forward — each post to the old address as well, untouched, one after the other in the order of acceptance (dual write). See form.h.
 *
 * The old address knows no idempotency: a post whose answer is lost is sent again, and the old system may then hold it twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "producers/form/form.h"

enum {
    TIMEOUT_MS = 15000,
    ANSWER_MAX_BYTES = 256 * 1024,
    WAIT_LEAST_MS = 500,
    WAIT_MOST_MS = 60 * 1000,
    ATTEMPTS_LOUD = 5
};

int forward_open(struct form_source *source, struct err *err)
{
    struct forward *forward = &source->forward;
    bool wanted = false;
    for (int i = 0; i < source->desk_count; i++)
        wanted |= source->desks[i].form->forward_url != NULL;
    http_exchange_init(&forward->exchange);
    if (!wanted)
        return 0;
    const struct http_client_options options = {.connections_max = 1,
                                                .timeout_ms = TIMEOUT_MS,
                                                .body_max_bytes = ANSWER_MAX_BYTES,
                                                .user_agent = "tandem-form"};
    forward->client = http_client_open(&options, err);
    if (!forward->client)
        return -1;
    forward->spool = spool_open(source->context->settings->form->spool_dir, "forward",
                                source->spool_max_bytes, err);
    forward->done = metric_counter("tandem_form_forwarded_total",
                                   "Posts that the old address has got.", "result=\"taken\"");
    forward->failed = metric_counter("tandem_form_forwarded_total",
                                     "Posts that the old address has got.", "result=\"refused\"");
    forward->waiting = metric_gauge("tandem_form_forward_bytes",
                                    "Bytes of posts that wait for the old address.", NULL);
    return forward->spool ? 0 : -1;
}

void forward_close(struct form_source *source)
{
    struct forward *forward = &source->forward;
    http_exchange_clear(&forward->exchange);
    http_client_close(forward->client);
    spool_close(forward->spool);
    free(forward->headers[0]);
}

/* The entry's form does not forward any more, or it cannot be read: it is done with. */
static int skip(struct forward *forward, struct err *err)
{
    return spool_advance(forward->spool, forward->at, err);
}

static int begin(struct form_source *source, struct err *err)
{
    struct forward *forward = &source->forward;
    struct submission read;
    struct span entry;
    struct err bad = ERR_INIT;
    forward->at = 0;
    if (spool_next(forward->spool, &forward->at, &entry, err) <= 0)
        return err->kind == ERR_NONE ? 0 : -1;
    if (submission_read(entry, &source->head, &read, &bad) < 0)
        return skip(forward, err);
    const struct desk *desk = form_desk(source, read.form);
    if (!desk || !desk->form->forward_url)
        return skip(forward, err);
    http_exchange_reset(&forward->exchange);
    free(forward->headers[0]);
    if (asprintf(&forward->headers[0], "Content-Type: %.*s", (int)read.type.len, read.type.data) <
        0) {
        forward->headers[0] = NULL;
        return err_set(err, ERR_RETRY, "out of memory");
    }
    forward->exchange.method = "POST";
    forward->exchange.url = desk->form->forward_url;
    forward->exchange.headers[0] = forward->headers[0];
    forward->exchange.body = read.body; /* of the spool, which hands out nothing else meanwhile */
    if (http_submit(forward->client, &forward->exchange, err) < 0)
        return -1;
    forward->busy = true;
    return 0;
}

/* Did the old address have it, whatever it thought of it? */
static bool is_over(const struct http_exchange *exchange)
{
    int status = exchange->status;
    return exchange->outcome == HTTP_ANSWERED && status < 500 && status != 408 && status != 429;
}

static int end(struct form_source *source, struct err *err)
{
    struct forward *forward = &source->forward;
    const struct http_exchange *exchange = &forward->exchange;
    forward->busy = false;
    if (!is_over(exchange)) {
        int64_t wait_ms =
            WAIT_LEAST_MS * (INT64_C(1) << (forward->attempt < 7 ? forward->attempt : 7));
        forward->attempt++;
        forward->not_before_mono_ms = clock_mono_ms(source->context->clock) +
                                      (wait_ms < WAIT_MOST_MS ? wait_ms : WAIT_MOST_MS);
        if (forward->attempt % ATTEMPTS_LOUD == 1)
            log_warn("the old address does not take a post", log_int("status", exchange->status),
                     log_str("why", exchange->broken_why), log_int("attempt", forward->attempt));
        return 0;
    }
    forward->attempt = 0;
    metric_add(exchange->status < 400 ? forward->done : forward->failed, 1);
    if (exchange->status >= 400)
        log_warn("the old address refuses a post", log_int("status", exchange->status));
    return spool_advance(forward->spool, forward->at, err);
}

bool forward_has_work(const struct form_source *source)
{
    const struct forward *forward = &source->forward;
    return forward->busy || (forward->spool && spool_waiting_bytes(forward->spool) > 0 &&
                             clock_mono_ms(source->context->clock) >= forward->not_before_mono_ms);
}

int forward_run(struct form_source *source, struct err *err)
{
    struct forward *forward = &source->forward;
    struct err now = ERR_INIT;
    if (!forward->spool)
        return 0;
    int result = 0;
    if (!forward->busy && forward_has_work(source))
        result = begin(source, &now);
    if (result == 0 && forward->busy && http_wait(forward->client, 0))
        result = end(source, &now);
    metric_set(forward->waiting, (double)spool_waiting_bytes(forward->spool));
    if (result < 0 && now.kind == ERR_FATAL) {
        *err = now;
        return -1;
    }
    if (result < 0)
        log_warn("forward", log_str("why", now.text));
    return 0;
}
