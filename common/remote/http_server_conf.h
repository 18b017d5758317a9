/*
 * http_server_conf — what the configuration of every receiver says of its public listener: one table of options for all of them.
 *
 *   static const struct conf_option OPTIONS[] = {
 *       HTTP_SERVER_OPTIONS(struct webhook, server_conf, "127.0.0.1:8480"),
 *       …
 */
#ifndef TANDEM_REMOTE_HTTP_SERVER_CONF_H
#define TANDEM_REMOTE_HTTP_SERVER_CONF_H

#include "base/conf.h"
#include "remote/http_server.h"

struct http_server_conf {
    const char *listen, *tls_certificate_file, *tls_key_file;
    int64_t connections_max, body_max_bytes, bodies_max_bytes, body_ms, idle_ms;
};

/* NOLINTBEGIN(bugprone-macro-parentheses): a member's name cannot stand in parentheses */
#define HTTP_SERVER_OPTION(owner, member, field, kind) \
    .name = #field, .type = (kind), .offset = offsetof(owner, member.field)
/* NOLINTEND(bugprone-macro-parentheses) */

#define HTTP_SERVER_OPTIONS(owner, member, address)                                               \
    {HTTP_SERVER_OPTION(owner, member, listen, CONF_STRING), .default_text = (address),           \
     .help = "host:port; a proxy with TLS is before it, or tls_certificate_file is given."},      \
        {HTTP_SERVER_OPTION(owner, member, tls_certificate_file, CONF_FILE),                      \
         .help = "PEM, the whole chain."},                                                        \
        {HTTP_SERVER_OPTION(owner, member, tls_key_file, CONF_SECRET), .help = "PEM."},           \
        {HTTP_SERVER_OPTION(owner, member, connections_max, CONF_INT), .default_int = 4096,       \
         .min = 1, .max = 20000, .help = "Further ones are closed at once."},                     \
        {HTTP_SERVER_OPTION(owner, member, body_max_bytes, CONF_INT), .default_int = 1024 * 1024, \
         .min = 1024, .max = 16 * 1024 * 1024, .help = "Of one request; more is answered 413."},  \
        {HTTP_SERVER_OPTION(owner, member, bodies_max_bytes, CONF_INT),                           \
         .default_int = 32 * 1024 * 1024, .min = 1024, .max = 1024 * 1024 * 1024,                 \
         .help =                                                                                  \
             "Of all requests under way, beyond the first 8 KiB of each; more is answered 503."}, \
        {HTTP_SERVER_OPTION(owner, member, body_ms, CONF_INT), .default_int = 10000, .min = 100,  \
         .max = 300000, .help = "For the whole of a body; a slower sender is cut off."},          \
    {                                                                                             \
        HTTP_SERVER_OPTION(owner, member, idle_ms, CONF_INT),                                     \
            .default_int = 60000, .min = 100, .max = 600000,                                      \
            .help = "Until the headers are whole, on a new connection or a kept one."             \
    }

/*
 * Read certificate and key, if they are named, and listen. Returns NULL with ERR_FATAL (a file that cannot be read, half a pair, no address)
 * or ERR_RETRY (the address is taken: a predecessor may still be going).
 */
struct http_server *http_server_conf_open(const struct http_server_conf *conf,
                                          const struct http_server_hooks *hooks, void *self,
                                          struct err *err);

#endif
