/*
 * server — the sandbox on a socket: libmicrohttpd with one thread a
 * connection, so that a held or delayed request blocks nobody else.
 */
#ifndef TANDEM_SANDBOX_SERVER_H
#define TANDEM_SANDBOX_SERVER_H

#include <stdint.h>

#include "tests/sandbox/sandbox.h"

enum { SERVER_BODY_MAX_BYTES = 16 * 1024 * 1024, SERVER_CONNECTIONS_MAX = 1024 };

struct server; /* private */

/* cert and key: PEM text for TLS, or NULL. Returns NULL with a message on stderr. */
struct server *server_start(struct sandbox *sandbox, const char *address, uint16_t port,
                            const char *cert, const char *key);
uint16_t server_port(const struct server *server);
void server_stop(struct server *server); /* waits for the connections; NULL is fine */

#endif
