/*
 * service_http — the health listener behind service.h: GET /livez, /readyz (each with ?verbose)
 * and /metrics on a thread and a port of their own.
 */
#ifndef TANDEM_BASE_SERVICE_HTTP_H
#define TANDEM_BASE_SERVICE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct service_http;

/* Yes or no, and the answer's text in out: with verbose a line a check. */
typedef bool service_question(bool verbose, struct buf *out);

/*
 * listen: "host:port", "[v6]:port", port 0 = any free one. Both questions are
 * asked on the listener's thread and must be thread-safe.
 * Returns NULL with ERR_FATAL (EX_UNAVAILABLE; EX_CONFIG for a bad address).
 */
struct service_http *service_http_open(const char *listen, service_question *live,
                                       service_question *ready, struct err *err);
void service_http_close(struct service_http *http);
const char *service_http_address(const struct service_http *http); /* "127.0.0.1:41234" */

#endif
