/*
 * webhook — options, life cycle, secrets and one round of the producer type. See webhook.h.
 */
#include "producers/webhook/webhook.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/log.h"

enum {
    KEYS_EVERY_MS = 10 * 1000, /* the least time between two looks at secret files */
    KEEP_LEAST_MS = 10 * 60 * 1000,
    LEASE_MORE_MS = 3000,
    TAKE_MS = 500
};

static const struct conf_option OPTIONS[] = {
    HTTP_SERVER_OPTIONS(struct webhook, server_conf, "127.0.0.1:8480"),
    {.name = "endpoints",
     .type = CONF_GROUP,
     .offset = offsetof(struct webhook, endpoints),
     .help = "Who calls, how they sign, and what becomes of it: common/model/webhook.h."},
    {.name = "patience_ms",
     .type = CONF_INT,
     .offset = offsetof(struct webhook, patience_ms),
     .default_int = 2000,
     .min = 100,
     .max = 30000,
     .help = "For Kafka's delivery report, then 503: less than the sender's own (HubSpot: 5 s)."},
    {.name = "replay_max",
     .type = CONF_INT,
     .offset = offsetof(struct webhook, replay_max),
     .default_int = 65536,
     .min = 1024,
     .max = 4 * 1024 * 1024,
     .help = "Signed messages that this process remembers by itself; Redis has the others."},
    {0},
};

/* ---- secrets ---- */

static int read_keys(const struct webhook_endpoint *endpoint, struct signature_keys *ret_keys,
                     struct err *err)
{
    char *texts[WEBHOOK_SECRETS_MAX] = {NULL};
    int count = 0, result = 0;
    while (result == 0 && count < endpoint->secret_count) {
        result = secret_read(endpoint->secret_files[count], &texts[count], err);
        count += result == 0;
    }
    if (result == 0)
        result =
            signature_keys_init(ret_keys, endpoint->scheme, (const char *const *)texts, count, err);
    for (int i = 0; i < count; i++) {
        OPENSSL_cleanse(texts[i], strlen(texts[i]));
        free(texts[i]);
    }
    return result;
}

/* A signature was wrong: perhaps the sender has a new secret, and its file is there already. */
static void read_keys_again(struct webhook *webhook)
{
    int64_t now_ms = clock_mono_ms(webhook->context->clock);
    if (now_ms - webhook->keys_read_mono_ms < KEYS_EVERY_MS ||
        !atomic_exchange(&webhook->keys_suspect, 0))
        return;
    webhook->keys_read_mono_ms = now_ms;
    for (int i = 0; i < webhook->hook_count; i++) {
        struct hook *hook = &webhook->hooks[i];
        struct signature_keys keys, old;
        struct err err = ERR_INIT;
        if (read_keys(hook->endpoint, &keys, &err) < 0) {
            log_warn("secrets are kept as they were", log_str("endpoint", hook->label),
                     log_str("why", err.text));
            continue;
        }
        (void)pthread_rwlock_wrlock(&webhook->keys_lock);
        old = hook->keys;
        hook->keys = keys;
        (void)pthread_rwlock_unlock(&webhook->keys_lock);
        signature_keys_clear(&old);
    }
}

/* ---- life cycle ---- */

static void open_metrics(struct hook *hook)
{
    static const char *const RESULTS[] = {"accepted", "duplicate", "in_flight",
                                          "refused",  "expired",   "kafka"};
    static const char *const KINDS[] = {"hint", "record", "unmapped", "dead", "nothing"};
    _Static_assert(sizeof(RESULTS) / sizeof(RESULTS[0]) == WEBHOOK_RESULT_COUNT, "a label each");
    _Static_assert(sizeof(KINDS) / sizeof(KINDS[0]) == WEBHOOK_KIND_COUNT, "a label each");
    char labels[128];
    for (int i = 0; i < WEBHOOK_RESULT_COUNT; i++) {
        (void)snprintf(labels, sizeof(labels), "endpoint=\"%s\",result=\"%s\"", hook->label,
                       RESULTS[i]);
        hook->results[i] = metric_counter("tandem_webhook_requests_total",
                                          "Requests by what became of them.", labels);
    }
    for (int i = 0; i < WEBHOOK_KIND_COUNT; i++) {
        (void)snprintf(labels, sizeof(labels), "endpoint=\"%s\",kind=\"%s\"", hook->label,
                       KINDS[i]);
        hook->events[i] = metric_counter("tandem_webhook_events_total",
                                         "Events that requests brought, by what was put.", labels);
    }
}

static int open_hooks(struct webhook *webhook, struct err *err)
{
    const struct webhook_settings *settings = webhook->context->settings->webhook;
    webhook->hooks = calloc((size_t)settings->endpoint_count + 1, sizeof(*webhook->hooks));
    if (!webhook->hooks)
        return err_set(err, ERR_RETRY, "out of memory");
    for (int i = 0; i < settings->endpoint_count; i++) {
        struct hook *hook = &webhook->hooks[i];
        hook->endpoint = &settings->endpoints[i];
        hook->soap = hook->endpoint->scheme->algorithm == SIGNATURE_NONE;
        (void)snprintf(hook->label, sizeof(hook->label), "%s/%d", hook->endpoint->scheme->name,
                       i + 1);
        webhook->hook_count++;
        if (read_keys(hook->endpoint, &hook->keys, err) < 0)
            return err_wrap(err, "endpoint %s", hook->label);
        open_metrics(hook);
    }
    webhook->keys_read_mono_ms = clock_mono_ms(webhook->context->clock);
    return 0;
}

static int open_replay(struct webhook *webhook, struct err *err)
{
    struct replay_settings settings = {.migration = webhook->context->migration,
                                       .clock = webhook->context->clock,
                                       .max = webhook->replay_max,
                                       .keep_ms = KEEP_LEAST_MS,
                                       .lease_ms = webhook->patience_ms + LEASE_MORE_MS};
    const struct webhook_settings *all = webhook->context->settings->webhook;
    for (int i = 0; i < all->endpoint_count; i++) {
        /* A time in the future is valid until the window behind it ends. */
        int64_t keep_ms = 2 * all->endpoints[i].scheme->window_s * 1000 + 60 * 1000;
        if (settings.keep_ms < keep_ms)
            settings.keep_ms = keep_ms;
    }
    webhook->replay = replay_open(&settings, err);
    return webhook->replay ? 0 : -1;
}

static int webhook_open(void *self, const struct source_context *context, struct err *err)
{
    struct webhook *webhook = self;
    webhook->context = context;
    webhook->system = context->settings->system;
    arena_init(&webhook->arena);
    json_tape_init(&webhook->tape);
    json_tape_init(&webhook->result);
    buf_init(&webhook->input, EXPRESSION_INPUT_MAX_BYTES);
    buf_init(&webhook->soap, 0);
    webhook->connections = metric_gauge("tandem_webhook_connections", "Open connections.", NULL);
    if (pthread_rwlock_init(&webhook->keys_lock, NULL) != 0)
        return err_set(err, ERR_RETRY, "out of memory");
    webhook->keys_lock_made = true;
    webhook->delivery = (struct delivery){.context = context,
                                          .patience_ms = webhook->patience_ms,
                                          .meanwhile = "requests are answered 503",
                                          .hints = true};
    if (open_hooks(webhook, err) < 0 || open_replay(webhook, err) < 0 ||
        delivery_begin(&webhook->delivery, err) < 0)
        return -1;
    webhook->server =
        http_server_conf_open(&webhook->server_conf, &WEBHOOK_SERVER_HOOKS, webhook, err);
    if (!webhook->server)
        return -1;
    log_info("webhook listener", log_str("address", http_server_address(webhook->server)),
             log_int("endpoints", webhook->hook_count));
    return 0;
}

static int webhook_poll(void *self, int timeout_ms, struct err *err)
{
    struct webhook *webhook = self;
    int result = batch_run(webhook, timeout_ms < TAKE_MS ? timeout_ms : TAKE_MS, err);
    read_keys_again(webhook);
    metric_set(webhook->connections, http_server_connections(webhook->server));
    return result;
}

static void webhook_close(void *self)
{
    struct webhook *webhook = self;
    http_server_close(webhook->server);
    if (webhook->replay)
        replay_flush(webhook->replay);
    replay_close(webhook->replay);
    for (int i = 0; i < webhook->hook_count; i++)
        signature_keys_clear(&webhook->hooks[i].keys);
    free(webhook->hooks);
    if (webhook->keys_lock_made)
        (void)pthread_rwlock_destroy(&webhook->keys_lock);
    buf_clear(&webhook->input);
    buf_clear(&webhook->soap);
    json_tape_clear(&webhook->tape);
    json_tape_clear(&webhook->result);
    arena_clear(&webhook->arena);
}

const struct source_type source_webhook = {
    .name = "webhook",
    .summary = "takes the webhooks of a system: verifies them and puts hints or whole records on "
               "Kafka before it answers",
    .size = sizeof(struct webhook),
    .options = OPTIONS,
    .open = webhook_open,
    .poll = webhook_poll,
    .close = webhook_close,
};
