/*
 * batch — see form.h: many posts share a delivery report, or an fsync.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/random.h"
#include "producers/form/form.h"

enum { DRAIN_ENTRIES = 200, DRAIN_BYTES = 4 * 1024 * 1024 };

struct batch {
    struct form_source *source;
    struct http_request *requests[FORM_BATCH_MAX];
    struct post posts[FORM_BATCH_MAX];
    struct span entries[FORM_BATCH_MAX]; /* data NULL: nothing is kept of it */
    int count;
    int64_t since_ms; /* of the oldest that waits */
};

static const struct desk_notes *notes_of(const struct batch *batch, int at)
{
    return http_request_notes(batch->requests[at]);
}

/* ---- answers ---- */

/* The input's address if the configuration allows it: below a beginning that ends with '/', or exactly so. */
static const char *thank_you(const struct form *form, const struct post *post, struct arena *arena)
{
    const struct post_input *wish = form->return_input ? post_find(post, form->return_input) : NULL;
    for (int i = 0; wish && i < form->return_urls.count; i++) {
        const char *allowed = form->return_urls.texts[i];
        size_t len = strlen(allowed);
        bool below = allowed[len - 1] == '/' && wish->value.len > len;
        if ((below || wish->value.len == len) && memcmp(wish->value.data, allowed, len) == 0 &&
            !memchr(wish->value.data, '\\', wish->value.len))
            return arena_printf(arena, "%.*s", (int)wish->value.len, wish->value.data);
    }
    return form->thank_you;
}

static void answer(struct batch *batch, int at, enum form_result result)
{
    struct http_request *request = batch->requests[at];
    const struct desk *desk = notes_of(batch, at)->desk;
    batch->requests[at] = NULL;
    metric_add(desk->results[result], 1);
    if (result == FORM_NO_POST) {
        http_server_answer(request, MHD_HTTP_BAD_REQUEST, "text/plain", "this is no form\n", 0);
    } else if (result == FORM_FULL) {
        http_server_answer(request, MHD_HTTP_INSUFFICIENT_STORAGE, "text/plain",
                           "This could not be stored. Please send it again later.\n", 60);
    } else if (batch->posts[at].json) {
        http_server_answer(request, MHD_HTTP_OK, "application/json", desk->json_answer, 0);
    } else {
        if (http_request_add_header(
                request, MHD_HTTP_HEADER_LOCATION,
                thank_you(desk->form, &batch->posts[at], &batch->source->arena)) < 0)
            (void)http_request_add_header(request, MHD_HTTP_HEADER_LOCATION, desk->form->thank_you);
        http_server_answer(request, MHD_HTTP_SEE_OTHER, "text/plain", "thank you\n", 0);
    }
}

static void answer_rest(struct batch *batch, enum form_result result)
{
    for (int i = 0; i < batch->count; i++)
        if (batch->requests[i])
            answer(batch, i, result);
}

/* ---- from requests to entries ---- */

static void read_post(struct batch *batch, int at)
{
    struct form_source *source = batch->source;
    const struct desk_notes *notes = notes_of(batch, at);
    const struct form *form = notes->desk->form;
    struct span body = http_request_body(batch->requests[at]);
    struct err bad = ERR_INIT;
    char random[RANDOM_HEX_BYTES];
    if (post_parse(span_of(notes->type), body, &source->arena, &source->tape, &batch->posts[at],
                   &bad) < 0) {
        log_warn("no form's post", log_str("form", form->name), log_str("why", bad.text));
        answer(batch, at, FORM_NO_POST);
        return;
    }
    if (form->honeypot && post_find(&batch->posts[at], form->honeypot)) {
        answer(batch, at, FORM_BOT); /* as if nothing were: it has no reason to try otherwise */
        return;
    }
    random_hex(random);
    const struct submission submission = {
        .form = span_of(form->name),
        .id = span_of(arena_printf(&source->arena, "form-%s", random)),
        .type = span_of(notes->type),
        .visitor = span_of(notes->visitor),
        .body = body,
        .ms = clock_wall_ms(source->context->clock)};
    batch->entries[at] = submission_entry(&submission, &source->arena);
    if (!batch->entries[at].data)
        answer(batch, at, FORM_FULL);
}

/* ---- to Kafka, or to the disk ---- */

/* The entries of requests that are not answered yet; with forward only those that the old address gets as well. */
static int gather(const struct batch *batch, bool forward, struct span *ret_entries)
{
    int count = 0;
    for (int i = 0; i < batch->count; i++)
        if (batch->requests[i] && (!forward || notes_of(batch, i)->desk->form->forward_url))
            ret_entries[count++] = batch->entries[i];
    return count;
}

static bool to_kafka(struct batch *batch, const struct span *entries, int count, struct err *err)
{
    struct form_source *source = batch->source;
    if (spool_waiting_bytes(source->spool) > 0 || delivery_away(&source->delivery, err))
        return false;
    for (int i = 0; i < count; i++) {
        struct err now = ERR_INIT;
        if (submission_put(source, entries[i], &now) == 0)
            continue;
        if (now.kind == ERR_FATAL)
            *err = now;
        return false;
    }
    FAILPOINT("form.put");
    bool settled = delivery_settle(&source->delivery, batch->since_ms, err) == 0;
    FAILPOINT("form.settled");
    return settled;
}

static bool to_disk(struct spool *spool, const struct span *entries, int count)
{
    struct err err = ERR_INIT;
    if (count == 0 || spool_append(spool, entries, count, &err) == 0)
        return true;
    log_error("posts are refused", log_str("why", err.text));
    return false;
}

static enum form_result keep(struct batch *batch, struct err *err)
{
    struct form_source *source = batch->source;
    struct span entries[FORM_BATCH_MAX];
    int count = gather(batch, true, entries);
    /* First: what the old address gets twice after a crash is worse than what it gets although the visitor saw an error. */
    if (count > 0 && !to_disk(source->forward.spool, entries, count))
        return FORM_FULL;
    count = gather(batch, false, entries);
    if (count == 0 || to_kafka(batch, entries, count, err))
        return FORM_ACCEPTED;
    if (!to_disk(source->spool, entries, count))
        return FORM_FULL;
    FAILPOINT("form.spooled");
    return FORM_SPOOLED;
}

int batch_run(struct form_source *source, int timeout_ms, struct err *err)
{
    struct batch batch = {.source = source};
    batch.count = http_server_take(source->server, batch.requests, FORM_BATCH_MAX, timeout_ms);
    if (batch.count == 0) {
        (void)delivery_away(&source->delivery, err);
        return err->kind == ERR_FATAL ? -1 : 0;
    }
    arena_reset(&source->arena);
    batch.since_ms = http_request_since_ms(batch.requests[0]);
    for (int i = 0; i < batch.count; i++)
        read_post(&batch, i);
    answer_rest(&batch, keep(&batch, err));
    FAILPOINT("form.answered");
    return err->kind == ERR_FATAL ? -1 : 0;
}

/* ---- from the disk to Kafka ---- */

int batch_drain(struct form_source *source, struct err *err)
{
    int64_t at = 0;
    int count = 0;
    size_t bytes = 0;
    struct err now = ERR_INIT;
    if (spool_waiting_bytes(source->spool) == 0 || delivery_away(&source->delivery, err))
        return err->kind == ERR_FATAL ? -1 : 0;
    arena_reset(&source->arena);
    while (count < DRAIN_ENTRIES && bytes < DRAIN_BYTES) {
        struct span entry;
        if (spool_next(source->spool, &at, &entry, &now) <= 0 ||
            submission_put(source, entry, &now) < 0)
            break;
        count++;
        bytes += entry.len;
    }
    FAILPOINT("form.drained");
    if (now.kind == ERR_FATAL) {
        *err = now;
        return -1;
    }
    if (now.kind != ERR_NONE || count == 0 ||
        delivery_settle(&source->delivery, clock_mono_ms(source->context->clock), err) < 0)
        return err->kind == ERR_FATAL ? -1 : 0;
    if (spool_advance(source->spool, at, &now) < 0)
        log_warn("spool", log_str("why", now.text)); /* what is put again is the same event */
    if (spool_waiting_bytes(source->spool) == 0)
        log_info("the spool is empty");
    FAILPOINT("form.advanced");
    return 0;
}
