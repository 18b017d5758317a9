/*
 * receive — on the listener's thread: is this path ours, and is the request from whom it says? See webhook.h.
 */
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "producers/webhook/soap.h"
#include "producers/webhook/webhook.h"

_Static_assert(sizeof(struct hook_notes) <= HTTP_REQUEST_NOTES_BYTES, "notes fit");

/* A path may be a secret: compared in a time that does not tell how much of it was right. */
static struct hook *find_hook(struct webhook *webhook, const char *path)
{
    size_t len = strlen(path);
    struct hook *found = NULL;
    for (int i = 0; i < webhook->hook_count; i++) {
        const char *own = webhook->hooks[i].endpoint->path;
        if (strlen(own) == len && CRYPTO_memcmp(own, path, len) == 0)
            found = &webhook->hooks[i];
    }
    return found;
}

static void refused(void *self, unsigned status)
{
    struct webhook *webhook = self;
    char labels[32];
    (void)snprintf(labels, sizeof(labels), "status=\"%u\"", status);
    (void)webhook;
    metric_add(metric_counter("tandem_webhook_refused_total",
                              "Requests refused before anything was verified, by HTTP status.",
                              labels),
               1);
}

static unsigned begin(void *self, struct http_request *request)
{
    struct hook *hook = find_hook(self, http_request_path(request));
    if (!hook) {
        refused(self, MHD_HTTP_NOT_FOUND);
        return MHD_HTTP_NOT_FOUND;
    }
    if (strcmp(http_request_method(request), MHD_HTTP_METHOD_POST) != 0) {
        refused(self, MHD_HTTP_METHOD_NOT_ALLOWED);
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    struct hook_notes *notes = http_request_notes(request);
    notes->hook = hook;
    return 0;
}

static int find_header(void *self, const char *name, struct span *ret_value)
{
    return http_request_header(self, name, ret_value);
}

static unsigned check(void *self, struct http_request *request)
{
    struct webhook *webhook = self;
    struct hook_notes *notes = http_request_notes(request);
    struct hook *hook = notes->hook;
    const struct signature_request asked = {.method = span_of(http_request_method(request)),
                                            .url = span_of(hook->endpoint->public_url),
                                            .body = http_request_body(request),
                                            .header = find_header,
                                            .self = request};
    (void)pthread_rwlock_rdlock(&webhook->keys_lock);
    enum signature_verdict verdict =
        signature_verify(hook->endpoint->scheme, &hook->keys, &asked,
                         clock_wall_ms(webhook->context->clock), notes->name, &notes->time_ms);
    (void)pthread_rwlock_unlock(&webhook->keys_lock);
    if (verdict == SIGNATURE_GOOD && hook->soap &&
        soap_check(asked.body, hook->endpoint->organization) < 0)
        verdict = SIGNATURE_MALFORMED;
    if (verdict == SIGNATURE_GOOD)
        return 0;
    if (verdict == SIGNATURE_WRONG)
        atomic_store(&webhook->keys_suspect, 1);
    metric_add(hook->results[verdict == SIGNATURE_EXPIRED ? WEBHOOK_EXPIRED : WEBHOOK_REFUSED], 1);
    return MHD_HTTP_UNAUTHORIZED;
}

const struct http_server_hooks WEBHOOK_SERVER_HOOKS = {
    .begin = begin, .check = check, .refused = refused};
