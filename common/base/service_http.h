/*
 * service_http — the health listener behind service.h: GET /livez, /readyz
 * and /metrics on a thread and a port of their own.
 */
#ifndef TANDEM_BASE_SERVICE_HTTP_H
#define TANDEM_BASE_SERVICE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct service_http;

/*
 * listen: "host:port", "[v6]:port", port 0 = any free one. Both questions are
 * asked on the listener's thread and must be thread-safe; live and ready copy
 * the reason when they answer false.
 * Returns NULL with ERR_FATAL (EX_UNAVAILABLE; EX_CONFIG for a bad address).
 */
struct service_http *service_http_open(const char *listen, bool (*live)(char *ret_why, size_t size),
                                       bool (*ready)(char *ret_why, size_t size), struct err *err);
void service_http_close(struct service_http *http);
const char *service_http_address(const struct service_http *http); /* "127.0.0.1:41234" */

#endif
