/*
 * check_receivers — what a webhook's or a form's source needs: an address that is free or answers as ours does, a certificate that is valid
 * and has its key, the address that senders call, a place for the spool, the old address of a form. See check.h.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/listener.h"
#include "cli/check.h"
#include "model/form.h"
#include "model/webhook.h"
#include "remote/http_client.h"

enum {
    WORDS_BYTES = 700,
    TIMEOUT_MS = 5000,
    WAIT_MS = 100,
    SOON_S = 14 * 24 * 3600,
    METHOD_NOT_ALLOWED = 405
};

struct receiver {
    const struct source_settings *source;
    const char *listen, *certificate, *key; /* NULL: none */
    bool running;                           /* somebody listens there */
    struct http_client *client;
    char what[160];
};

static int missing(const struct receiver *receiver, const char *words)
{
    return check_missing(receiver->what, words);
}

/* The status of the answer to a GET; 0 with why: there was none. */
static int ask(struct receiver *receiver, const char *url, char why[WORDS_BYTES])
{
    struct http_exchange exchange;
    struct err err = ERR_INIT;
    int status = 0;
    http_exchange_init(&exchange);
    exchange.method = "GET";
    exchange.url = url;
    if (http_submit(receiver->client, &exchange, &err) < 0) {
        (void)snprintf(why, WORDS_BYTES, "%s", err.text);
    } else {
        while (exchange.outcome == HTTP_PENDING)
            (void)http_wait(receiver->client, WAIT_MS);
        status = exchange.outcome == HTTP_ANSWERED ? exchange.status : 0;
        (void)snprintf(why, WORDS_BYTES, "%s", exchange.broken_why);
    }
    http_exchange_clear(&exchange);
    return status;
}

/* ---- certificate and key ---- */

static X509 *read_certificate(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        (void)fclose(file);
    return certificate;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file)
        (void)fclose(file);
    return key;
}

static const char *objection(const X509 *certificate, EVP_PKEY *key)
{
    time_t soon = time(NULL) + SOON_S;
    if (!certificate)
        return "tls_certificate_file is no certificate that can be read";
    if (!key)
        return "tls_key_file is no key that can be read";
    if (X509_check_private_key(certificate, key) != 1)
        return "tls_key_file is not the key of tls_certificate_file";
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        return "tls_certificate_file is not valid yet";
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        return "tls_certificate_file has expired";
    if (X509_cmp_time(X509_get0_notAfter(certificate), &soon) < 0)
        return "tls_certificate_file expires within 14 days";
    return NULL;
}

static int check_pair(const struct receiver *receiver)
{
    if (!receiver->certificate && !receiver->key)
        return 0;
    if (!receiver->certificate || !receiver->key)
        return missing(receiver, "tls_certificate_file and tls_key_file need each other");
    X509 *certificate = read_certificate(receiver->certificate);
    EVP_PKEY *key = read_key(receiver->key);
    const char *words = objection(certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return words ? missing(receiver, words) : 0;
}

/* ---- the listener, and who calls it ---- */

static const char *first_path(const struct receiver *receiver)
{
    const struct source_settings *source = receiver->source;
    if (source->webhook)
        return source->webhook->endpoint_count ? source->webhook->endpoints[0].path : NULL;
    return source->form->form_count ? source->form->forms[0].path : NULL;
}

/* Free, or ours answers there: it takes POSTs only at the first path of the configuration. */
static int check_listener(struct receiver *receiver)
{
    char address[LISTENER_ADDRESS_BYTES], url[512], why[WORDS_BYTES], words[WORDS_BYTES + 300];
    struct err err = ERR_INIT;
    int fd = listener_open("listen", receiver->listen, 1, address, &err);
    if (fd >= 0) {
        (void)close(fd);
        (void)snprintf(words, sizeof(words), "%s is free", receiver->listen);
        check_ok(receiver->what, words);
        return 0;
    }
    if (err.exit_code != EX_UNAVAILABLE)
        return missing(receiver, err.text);
    receiver->running = true;
    const char *path = first_path(receiver);
    if (receiver->certificate || !path) { /* its name is the public one, not this address */
        (void)snprintf(words, sizeof(words), "somebody listens on %s with TLS", receiver->listen);
        check_ok(receiver->what, words);
        return 0;
    }
    (void)snprintf(url, sizeof(url), "http://%s%s", receiver->listen, path);
    int status = ask(receiver, url, why);
    if (status == METHOD_NOT_ALLOWED) {
        (void)snprintf(words, sizeof(words), "answers on %s", receiver->listen);
        check_ok(receiver->what, words);
        return 0;
    }
    if (status)
        (void)snprintf(words, sizeof(words),
                       "on %s somebody answers %d, who is not this source's process",
                       receiver->listen, status);
    else
        (void)snprintf(words, sizeof(words), "%.200s, and no answer comes: %s", err.text, why);
    return missing(receiver, words);
}

/* What the sender calls leads here, whatever proxies are between: nobody else answers a GET with 405 at that path. */
static int check_public(struct receiver *receiver, const struct webhook_endpoint *endpoint)
{
    char words[WORDS_BYTES + 300], why[WORDS_BYTES];
    if (!endpoint->public_url || !receiver->running)
        return 0;
    int status = ask(receiver, endpoint->public_url, why);
    if (status == METHOD_NOT_ALLOWED) {
        (void)snprintf(words, sizeof(words), "%.300s leads here", endpoint->public_url);
        check_ok(receiver->what, words);
        return 0;
    }
    if (status)
        (void)snprintf(words, sizeof(words), "%.300s answers %d to a GET, the endpoint would 405",
                       endpoint->public_url, status);
    else
        (void)snprintf(words, sizeof(words), "%.300s does not answer: %s", endpoint->public_url,
                       why);
    return missing(receiver, words);
}

/* ---- forms ---- */

static int check_spool(const struct receiver *receiver)
{
    const char *dir = receiver->source->form->spool_dir;
    char parent[512], words[WORDS_BYTES];
    struct stat status;
    if (!dir)
        return 0; /* a mistake of the configuration */
    (void)snprintf(parent, sizeof(parent), "%s", dir);
    if (stat(dir, &status) != 0) { /* it is made at the start */
        char *slash = strrchr(parent, '/');
        if (slash && slash != parent)
            *slash = '\0';
    }
    if (access(parent, W_OK | X_OK) == 0)
        return 0;
    (void)snprintf(words, sizeof(words),
                   "spool_dir %.300s cannot be written by this user: posts would be refused while "
                   "Kafka is away",
                   dir);
    return missing(receiver, words);
}

static int check_forward(struct receiver *receiver, const struct form *form)
{
    char words[WORDS_BYTES + 300], why[WORDS_BYTES];
    if (!form->forward_url || ask(receiver, form->forward_url, why))
        return 0;
    (void)snprintf(words, sizeof(words), "form %s: the old address %.300s does not answer: %s",
                   form->name, form->forward_url, why);
    return missing(receiver, words);
}

/* ---- the whole ---- */

static int check_receiver(struct receiver *receiver)
{
    const struct source_settings *source = receiver->source;
    int count = check_pair(receiver) + check_listener(receiver);
    for (int i = 0; source->webhook && i < source->webhook->endpoint_count; i++)
        count += check_public(receiver, &source->webhook->endpoints[i]);
    if (source->form)
        count += check_spool(receiver);
    for (int i = 0; source->form && i < source->form->form_count; i++)
        count += check_forward(receiver, &source->form->forms[i]);
    return count;
}

static const char *file_of(const struct source_settings *source, const char *name)
{
    config_setting_t *setting = config_setting_get_member(source->group, name);
    return setting && config_setting_type(setting) == CONFIG_TYPE_STRING ? conf_file_path(setting)
                                                                         : NULL;
}

int check_receivers(const struct migration *migration)
{
    const struct http_client_options options = {.connections_max = 1, .timeout_ms = TIMEOUT_MS};
    struct err err = ERR_INIT;
    int count = 0;
    for (int i = 0; i < migration->source_count; i++) {
        const struct source_settings *source = &migration->sources[i];
        struct receiver receiver = {.source = source,
                                    .listen = source->form ? "127.0.0.1:8481" : "127.0.0.1:8480"};
        if (!source->webhook && !source->form)
            continue;
        (void)snprintf(receiver.what, sizeof(receiver.what), "source %s", source->name);
        (void)config_setting_lookup_string(source->group, "listen", &receiver.listen);
        receiver.certificate = file_of(source, "tls_certificate_file");
        receiver.key = file_of(source, "tls_key_file");
        receiver.client = http_client_open(&options, &err);
        count += receiver.client ? check_receiver(&receiver) : missing(&receiver, err.text);
        http_client_close(receiver.client);
    }
    return count;
}
