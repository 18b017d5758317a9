/*
 * form — options, life cycle and one round of the producer type. See form.h.
 */
#include "producers/form/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <openssl/crypto.h>

#include "base/log.h"

enum { TAKE_MS = 500, BUSY_MS = 10, AWAY_MS = 100 };

static const struct conf_option OPTIONS[] = {
    HTTP_SERVER_OPTIONS(struct form_source, server_conf, "127.0.0.1:8481"),
    {.name = "forms",
     .type = CONF_GROUP,
     .offset = offsetof(struct form_source, forms),
     .help = "Whose address, what their inputs mean, where the visitor goes: common/model/form.h."},
    {.name = "spool_dir",
     .type = CONF_STRING,
     .offset = offsetof(struct form_source, spool_dir),
     .required = true,
     .help = "A directory of this process alone, for what came while Kafka was away."},
    {.name = "spool_max_bytes",
     .type = CONF_INT,
     .offset = offsetof(struct form_source, spool_max_bytes),
     .default_int = 256 * 1024 * 1024,
     .min = 4096,
     .max = 2000 * 1024 * 1024,
     .help = "Of its file; then posts are answered 507."},
    {.name = "patience_ms",
     .type = CONF_INT,
     .offset = offsetof(struct form_source, patience_ms),
     .default_int = 1000,
     .min = 10,
     .max = 30000,
     .help = "For Kafka's delivery report, then the post is spooled: a visitor waits so long."},
    {.name = "posts_per_minute",
     .type = CONF_INT,
     .offset = offsetof(struct form_source, posts_per_minute),
     .default_int = 0,
     .min = 0,
     .max = 100000,
     .help = "From one address (IPv6: one /64); more is answered 429. 0: any number. Behind a "
             "proxy it needs address_header."},
    {.name = "address_header",
     .type = CONF_STRING,
     .offset = offsetof(struct form_source, address_header),
     .help = "A header whose last address our own proxy wrote: \"X-Forwarded-For\"."},
    {.name = "visitor_key_file",
     .type = CONF_SECRET,
     .offset = offsetof(struct form_source, visitor_key_file),
     .help = "The key of visitor = \"hashed\"."},
    {0},
};

struct desk *form_desk(struct form_source *source, struct span name)
{
    for (int i = 0; i < source->desk_count; i++)
        if (span_is(name, source->desks[i].form->name))
            return &source->desks[i];
    return NULL;
}

/* ---- life cycle ---- */

static void open_metrics(struct desk *desk)
{
    static const char *const RESULTS[] = {"accepted", "spooled", "bot", "stranger",
                                          "too_many", "no_post", "full"};
    _Static_assert(sizeof(RESULTS) / sizeof(RESULTS[0]) == FORM_RESULT_COUNT, "a label each");
    char labels[128];
    for (int i = 0; i < FORM_RESULT_COUNT; i++) {
        (void)snprintf(labels, sizeof(labels), "form=\"%s\",result=\"%s\"", desk->form->name,
                       RESULTS[i]);
        desk->results[i] =
            metric_counter("tandem_form_posts_total", "Posts by what became of them.", labels);
    }
}

static int open_desks(struct form_source *source, struct err *err)
{
    const struct form_settings *settings = source->context->settings->form;
    source->desks = calloc((size_t)settings->form_count + 1, sizeof(*source->desks));
    source->rates = calloc(FORM_RATES, sizeof(*source->rates));
    if (!source->desks || !source->rates)
        return err_set(err, ERR_RETRY, "out of memory");
    for (int i = 0; i < settings->form_count; i++) {
        struct desk *desk = &source->desks[source->desk_count++];
        struct buf text;
        desk->form = &settings->forms[i];
        buf_init(&text, 0);
        buf_puts(&text, "{\"redirectUri\":");
        buf_put_json_string(&text, span_of(desk->form->thank_you));
        buf_puts(&text, "}\n");
        desk->json_answer = buf_take(&text);
        if (!desk->json_answer)
            return err_set(err, ERR_RETRY, "out of memory");
        if (desk->form->visitor == FORM_VISITOR_HASHED && !source->visitor_key_file)
            return err_exit(err, EX_CONFIG, "form %s: visitor = \"hashed\" needs visitor_key_file",
                            desk->form->name);
        open_metrics(desk);
    }
    return source->visitor_key_file
               ? secret_read(source->visitor_key_file, &source->visitor_key, err)
               : 0;
}

static int open_spools(struct form_source *source, struct err *err)
{
    const char *dir = source->context->settings->form->spool_dir;
    (void)mkdir(dir, 0700); /* whether it is there says the opening */
    source->spool = spool_open(dir, "forms", source->spool_max_bytes, err);
    if (!source->spool || forward_open(source, err) < 0)
        return -1;
    if (spool_waiting_bytes(source->spool) > 0)
        log_info("posts wait in the spool", log_int("bytes", spool_waiting_bytes(source->spool)));
    return 0;
}

static int form_open(void *self, const struct source_context *context, struct err *err)
{
    struct form_source *source = self;
    source->context = context;
    arena_init(&source->arena);
    json_tape_init(&source->tape);
    json_tape_init(&source->head);
    source->connections = metric_gauge("tandem_form_connections", "Open connections.", NULL);
    source->spool_bytes =
        metric_gauge("tandem_form_spool_bytes", "Bytes of posts that wait for Kafka.", NULL);
    source->events =
        metric_counter("tandem_form_events_total", "What posts became.", "kind=\"record\"");
    source->dead =
        metric_counter("tandem_form_events_total", "What posts became.", "kind=\"dead\"");
    source->delivery = (struct delivery){
        .context = context, .patience_ms = source->patience_ms, .meanwhile = "posts are spooled"};
    if (open_desks(source, err) < 0 || open_spools(source, err) < 0)
        return -1;
    metric_set(source->spool_bytes, (double)spool_waiting_bytes(source->spool));
    source->server = http_server_conf_open(&source->server_conf, &FORM_SERVER_HOOKS, source, err);
    if (!source->server)
        return -1;
    log_info("form listener", log_str("address", http_server_address(source->server)),
             log_int("forms", source->desk_count));
    return 0;
}

static int form_poll(void *self, int timeout_ms, struct err *err)
{
    struct form_source *source = self;
    int wait_ms = timeout_ms < TAKE_MS ? timeout_ms : TAKE_MS;
    if (spool_waiting_bytes(source->spool) > 0)
        wait_ms = source->delivery.away ? AWAY_MS : 0;
    if (wait_ms > BUSY_MS && forward_has_work(source))
        wait_ms = BUSY_MS;
    int result = batch_run(source, wait_ms, err);
    if (result == 0)
        result = batch_drain(source, err);
    if (result == 0)
        result = forward_run(source, err);
    metric_set(source->connections, http_server_connections(source->server));
    metric_set(source->spool_bytes, (double)spool_waiting_bytes(source->spool));
    return result;
}

static void form_close(void *self)
{
    struct form_source *source = self;
    http_server_close(source->server);
    forward_close(source);
    spool_close(source->spool);
    for (int i = 0; i < source->desk_count; i++)
        free(source->desks[i].json_answer);
    free(source->desks);
    free(source->rates);
    if (source->visitor_key)
        OPENSSL_cleanse(source->visitor_key, strlen(source->visitor_key));
    free(source->visitor_key);
    json_tape_clear(&source->tape);
    json_tape_clear(&source->head);
    arena_clear(&source->arena);
}

const struct source_type source_form = {
    .name = "form",
    .summary = "takes over the address of old forms: puts what visitors send on Kafka, or on disk "
               "until it is back, and sends them on to the thank-you page",
    .starts_away = true, /* a visitor's post comes once */
    .size = sizeof(struct form_source),
    .options = OPTIONS,
    .open = form_open,
    .poll = form_poll,
    .close = form_close,
};
