/*
 * listener — a listening TCP socket from "host:port" as an operator writes it, for the libmicrohttpd that serves it.
 */
#ifndef TANDEM_BASE_LISTENER_H
#define TANDEM_BASE_LISTENER_H

#include <stddef.h>

#include "base/err.h"

enum { LISTENER_ADDRESS_BYTES = 128 };

/*
 * Listen on "host:port"; an IPv6 address stands in brackets, port 0 takes a free one. ret_address: where it listens, numeric.
 * Returns the socket (close-on-exec, non-blocking), which the caller owns; -1 with EX_CONFIG for what is no address, EX_UNAVAILABLE where
 * nobody can listen now. what: whose listener, in error texts.
 */
int listener_open(const char *what, const char *address, int backlog,
                  char ret_address[LISTENER_ADDRESS_BYTES], struct err *err);

#endif
