/*
 * http_client — exchanges over libcurl's multi interface. See http_client.h.
 *
 * Two things are kept from libcurl on purpose. Its queue: an exchange that
 * waits for a connection must not use up its deadline, so at most
 * connections_max are handed over. And its silent second try on a dead
 * keep-alive connection: a body is read once and cannot be rewound, so that a
 * request whose body left us is never sent twice behind our back.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/service.h"
#include "remote/http_client_internal.h"

enum {
    RECEIVE_BYTES = 128 * 1024,
    IDLE_CONNECTION_S = 30, /* an older idle connection is closed, not tried: fewer broken writes */
    WAIT_SLICE_MS = 1000,
};

/* --- the client --- */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static void curl_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool slot_open(const struct http_client *client, struct http_slot *slot)
{
    CURL *easy = slot->easy = curl_easy_init();
    if (!easy)
        return false;
    const struct http_client_options *options = &client->options;
    CURLcode code = CURLE_OK;
#define SET(option, value) code = code != CURLE_OK ? code : curl_easy_setopt(easy, option, value)
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (options->ca_file) /* the system's directory of CAs stays in force (CURLOPT_CAPATH) */
        SET(CURLOPT_CAINFO, options->ca_file);
    SET(CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    SET(CURLOPT_MAXAGE_CONN, (long)IDLE_CONNECTION_S);
    SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    SET(CURLOPT_USERAGENT, options->user_agent);
    SET(CURLOPT_ERRORBUFFER, slot->error);
    SET(CURLOPT_WRITEFUNCTION, http_on_body);
    SET(CURLOPT_HEADERFUNCTION, http_on_header);
    SET(CURLOPT_READFUNCTION, http_on_send);
    SET(CURLOPT_READDATA, slot);
    SET(CURLOPT_SEEKFUNCTION, http_on_seek);
#undef SET
    return code == CURLE_OK;
}

struct http_client *http_client_open(const struct http_client_options *options, struct err *err)
{
    (void)pthread_once(&curl_once, curl_start);
    struct http_client *client = calloc(1, sizeof(*client));
    if (!client) {
        err_set(err, ERR_FATAL, "out of memory");
        return NULL;
    }
    struct http_client_options *mine = &client->options;
    *mine = *options;
    if (mine->connections_max <= 0)
        mine->connections_max = 8;
    if (mine->connections_max > HTTP_CONNECTIONS_MAX)
        mine->connections_max = HTTP_CONNECTIONS_MAX;
    if (mine->timeout_ms <= 0)
        mine->timeout_ms = 30000;
    if (mine->connect_timeout_ms <= 0)
        mine->connect_timeout_ms = 5000;
    if (mine->body_max_bytes == 0)
        mine->body_max_bytes = (size_t)32 << 20;
    client->ca_file = options->ca_file ? strdup(options->ca_file) : NULL;
    client->user_agent = strdup(options->user_agent ? options->user_agent : "tandem");
    mine->ca_file = client->ca_file;
    mine->user_agent = client->user_agent;
    client->multi = curl_multi_init();
    bool ok = client->multi && client->user_agent && (client->ca_file || !options->ca_file);
    if (ok)
        (void)curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)mine->connections_max);
    for (int i = 0; ok && i < mine->connections_max; i++)
        ok = slot_open(client, &client->slots[i]);
    if (ok)
        return client;
    err_set(err, ERR_FATAL, "libcurl refuses to start (HTTPS support or memory is missing)");
    http_client_close(client);
    return NULL;
}

void http_client_close(struct http_client *client)
{
    if (!client)
        return;
    struct http_exchange *exchange;
    while ((exchange = http_queue_take(&client->waiting)))
        http_hidden(exchange)->client = NULL;
    while ((exchange = http_queue_take(&client->ended)))
        http_hidden(exchange)->client = NULL;
    for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        struct http_slot *slot = &client->slots[i];
        if (slot->exchange) {
            http_hidden(slot->exchange)->client = NULL;
            http_slot_free(client, slot);
        }
        curl_easy_cleanup(slot->easy);
    }
    (void)curl_multi_cleanup(client->multi);
    free(client->ca_file);
    free(client->user_agent);
    free(client);
}

static bool url_plain(const char *url)
{
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return false;
    for (const unsigned char *at = (const unsigned char *)url; *at; at++)
        if (*at <= ' ' || *at >= 0x7f)
            return false;
    return true;
}

int http_submit(struct http_client *client, struct http_exchange *exchange, struct err *err)
{
    if (!exchange->url || !url_plain(exchange->url))
        return err_set(err, ERR_FATAL, "not an http or https URL: \"%.200s\"",
                       exchange->url ? exchange->url : "");
    if (http_exchange_ready(exchange) != 0)
        return err_set(err, ERR_FATAL, "out of memory");
    http_hidden(exchange)->client = client;
    exchange->outcome = HTTP_PENDING;
    exchange->answer.max_bytes = client->options.body_max_bytes + HTTP_PADDING_BYTES;
    http_queue_put(&client->waiting, exchange);
    return 0;
}

static bool slot_begin(struct http_client *client, struct http_slot *slot,
                       struct http_exchange *exchange)
{
    CURL *easy = slot->easy;
    bool with_body = exchange->body.data != NULL;
    bool is_get = strcmp(exchange->method, "GET") == 0;
    CURLcode code = CURLE_OK;
    for (int i = 0; i < 8 && exchange->headers[i]; i++) {
        struct curl_slist *longer = curl_slist_append(slot->headers, exchange->headers[i]);
        if (!longer)
            return false;
        slot->headers = longer;
    }
    if (with_body) { /* no round trip of "100 Continue" */
        struct curl_slist *longer = curl_slist_append(slot->headers, "Expect:");
        if (!longer)
            return false;
        slot->headers = longer;
    }
    slot->exchange = exchange;
    slot->sent_bytes = 0;
    slot->error[0] = '\0';
#define SET(option, value) code = code != CURLE_OK ? code : curl_easy_setopt(easy, option, value)
    SET(CURLOPT_URL, exchange->url);
    SET(CURLOPT_HTTPHEADER, slot->headers);
    if (with_body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, NULL);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.len);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST,
        (with_body ? strcmp(exchange->method, "POST") == 0 : is_get) ? NULL : exchange->method);
    /* A write without a body could be sent again on a dead connection: give it a new one. */
    SET(CURLOPT_FRESH_CONNECT, !with_body && !is_get ? 1L : 0L);
    SET(CURLOPT_WRITEDATA, exchange);
    SET(CURLOPT_HEADERDATA, exchange);
    SET(CURLOPT_PRIVATE, slot);
#undef SET
    http_hidden(exchange)->started_ms = clock_mono_ms(&CLOCK_SYSTEM);
    return code == CURLE_OK && curl_multi_add_handle(client->multi, easy) == CURLM_OK;
}

/* --- the end of an exchange --- */

/*
 * Certainly unseen by the server: no byte of a request was sent in any of libcurl's tries, and the
 * failure is one of those that come before sending.
 */
static bool never_sent(CURLcode code, CURL *easy)
{
    long sent_bytes = 1;
    (void)curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
    if (sent_bytes != 0)
        return false;
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CONNECT_ERROR ||
           code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CIPHER ||
           code == CURLE_URL_MALFORMAT || code == CURLE_OPERATION_TIMEDOUT;
}

static void slot_end(struct http_client *client, struct http_slot *slot, CURLcode code)
{
    struct http_exchange *exchange = slot->exchange;
    long status = 0;
    (void)curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    exchange->status = (int)status;
    if (code == CURLE_OK && status > 0)
        exchange->outcome = HTTP_ANSWERED;
    else
        exchange->outcome = never_sent(code, slot->easy) ? HTTP_NOT_SENT : HTTP_BROKEN;
    if (exchange->outcome != HTTP_ANSWERED && !exchange->broken_why[0])
        (void)snprintf(exchange->broken_why, sizeof(exchange->broken_why), "%s",
                       slot->error[0] ? slot->error : curl_easy_strerror(code));
    http_slot_free(client, slot);
    http_exchange_ended(exchange);
    http_queue_put(&client->ended, exchange);
}

static void slots_fill(struct http_client *client)
{
    for (int i = 0; client->waiting.first && i < client->options.connections_max; i++) {
        struct http_slot *slot = &client->slots[i];
        if (slot->exchange)
            continue;
        struct http_exchange *exchange = http_queue_take(&client->waiting);
        if (slot_begin(client, slot, exchange))
            continue;
        slot->exchange = exchange;
        exchange->outcome = HTTP_NOT_SENT;
        (void)snprintf(exchange->broken_why, sizeof(exchange->broken_why), "out of memory");
        http_slot_free(client, slot);
        http_exchange_ended(exchange);
        http_queue_put(&client->ended, exchange);
    }
}

static void move_on(struct http_client *client)
{
    int running;
    slots_fill(client);
    (void)curl_multi_perform(client->multi, &running);
    const CURLMsg *message;
    int left;
    bool freed = false;
    while ((message = curl_multi_info_read(client->multi, &left))) {
        struct http_slot *slot = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        slot_end(client, slot, code);
        freed = true;
    }
    if (freed &&
        client->waiting.first) { /* keep the freed connections busy while the caller works */
        slots_fill(client);
        (void)curl_multi_perform(client->multi, &running);
    }
}

struct http_exchange *http_wait(struct http_client *client, int timeout_ms)
{
    int64_t deadline_ms = clock_mono_ms(&CLOCK_SYSTEM) + timeout_ms;
    for (;;) {
        service_heartbeat();
        if (!client->ended.first)
            move_on(client);
        struct http_exchange *exchange = http_queue_take(&client->ended);
        if (exchange) {
            http_hidden(exchange)->client = NULL;
            return exchange;
        }
        int64_t left_ms = deadline_ms - clock_mono_ms(&CLOCK_SYSTEM);
        if (left_ms <= 0)
            return NULL;
        (void)curl_multi_poll(client->multi, NULL, 0,
                              (int)(left_ms < WAIT_SLICE_MS ? left_ms : WAIT_SLICE_MS), NULL);
    }
}
