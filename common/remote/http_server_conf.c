/*
 * http_server_conf — see http_server_conf.h.
 */
#include "remote/http_server_conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include <openssl/crypto.h>

enum { PEM_MAX_BYTES = 256 * 1024 };

static int read_pem(const char *path, char **ret_text, struct err *err)
{
    FILE *file = fopen(path, "re");
    int error = errno;
    char *text = calloc(1, PEM_MAX_BYTES);
    size_t len = file && text ? fread(text, 1, PEM_MAX_BYTES - 1, file) : 0;
    if (file)
        (void)fclose(file);
    if (len > 0) {
        *ret_text = text;
        return 0;
    }
    free(text);
    return err_exit(err, EX_CONFIG, "tls_certificate_file %s cannot be read: %s", path,
                    file ? "it is empty" : strerror(error));
}

static int read_pair(const struct http_server_conf *conf, char **ret_certificate, char **ret_key,
                     struct err *err)
{
    if (!conf->tls_certificate_file && !conf->tls_key_file)
        return 0;
    if (!conf->tls_certificate_file || !conf->tls_key_file)
        return err_exit(err, EX_CONFIG, "tls_certificate_file and tls_key_file need each other");
    if (read_pem(conf->tls_certificate_file, ret_certificate, err) < 0)
        return -1;
    return secret_read(conf->tls_key_file, ret_key, err);
}

struct http_server *http_server_conf_open(const struct http_server_conf *conf,
                                          const struct http_server_hooks *hooks, void *self,
                                          struct err *err)
{
    char *certificate = NULL, *key = NULL;
    struct http_server *server = NULL;
    if (read_pair(conf, &certificate, &key, err) == 0) {
        const struct http_server_settings settings = {.listen = conf->listen,
                                                      .connections_max = conf->connections_max,
                                                      .body_max_bytes = conf->body_max_bytes,
                                                      .bodies_max_bytes = conf->bodies_max_bytes,
                                                      .body_ms = conf->body_ms,
                                                      .idle_ms = conf->idle_ms,
                                                      .certificate = certificate,
                                                      .key = key};
        server = http_server_open(&settings, hooks, self, err);
    }
    if (key)
        OPENSSL_cleanse(key, strlen(key));
    free(key);
    free(certificate);
    return server;
}
