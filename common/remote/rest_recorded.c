/*
 * rest_recorded — see rest_recorded.h.
 */
#include "remote/rest_recorded.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "remote/rest_internal.h"

enum { PADDING_BYTES = 64 }; /* as http_client leaves behind an answer */

int rest_show(struct rest *rest, struct rest_op *op, struct buf *out, struct err *err)
{
    struct rest_call *call = rest_call_of(rest, op);
    if (rest_request_build(call, rest, err) != 0)
        return -1;
    buf_printf(out, "%s ", call->operation->method);
    buf_put_span(out, buf_span(&call->url));
    buf_putc(out, '\n');
    buf_put_span(out, buf_span(&call->body));
    return 0;
}

/* The names and values lie in the call's storage: their exchange only borrows them. */
static void fill_headers(struct http_exchange *exchange, struct rest_call *call,
                         const struct recorded_answer *answer)
{
    size_t bytes = 0;
    for (int i = 0; i < answer->header_count; i++)
        bytes += strlen(answer->headers[i]) + 1;
    buf_reset(&call->headers);
    if (!buf_grow(&call->headers, bytes)) /* once: what points into it stays */
        return;
    for (int i = 0; i < answer->header_count && i < HTTP_HEADERS_MAX; i++) {
        char *line = call->headers.data + call->headers.len;
        buf_put(&call->headers, answer->headers[i], strlen(answer->headers[i]) + 1);
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        char *value = colon + 1 + strspn(colon + 1, " ");
        exchange->header_names[exchange->header_count] = line;
        exchange->header_values[exchange->header_count++] = value;
        if (strcasecmp(line, "Date") == 0)
            (void)http_date_parse(value, strlen(value), &exchange->date_ms);
    }
}

/* The exchange as http_wait would give it back. */
static void fill(struct http_exchange *exchange, struct rest_call *call,
                 const struct recorded_answer *answer)
{
    static const char ZEROS[PADDING_BYTES];
    http_exchange_reset(exchange);
    exchange->method = call->operation->method;
    exchange->outcome = HTTP_ANSWERED;
    exchange->status = answer->status;
    exchange->duration_ms = 1;
    fill_headers(exchange, call, answer);
    buf_put_span(&exchange->answer, answer->body);
    buf_put(&exchange->answer, ZEROS, sizeof(ZEROS));
    exchange->answer.len -= sizeof(ZEROS);
}

enum rest_outcome rest_play(struct rest *rest, struct rest_op *op,
                            const struct recorded_answer *answer, int64_t *ret_retry_after_ms,
                            struct err *err)
{
    if (rest_call_prepare(rest, op, err) != 0)
        return REST_REFUSED;
    struct rest_call *call = op->rest_private;
    call->failures = REST_TRIES_MAX; /* nobody is asked again */
    call->renewals = REST_RENEWALS_MAX;
    op->attempts = 1;
    fill(&op->exchange, call, answer);
    rest_call_answered(call);
    rest->gate_until_ms = 0; /* the next answer was recorded at another time */
    rest->doubts = 0;
    return rest_finish(rest, op, ret_retry_after_ms, err);
}

const char *rest_kind_name(enum rest_kind kind)
{
    return OPERATION_NAMES[kind];
}

int rest_kind_parse(const char *name)
{
    for (int i = 0; i < REST_KIND_COUNT; i++)
        if (strcmp(name, OPERATION_NAMES[i]) == 0)
            return i;
    return -1;
}

bool rest_knows(const struct rest *rest, enum rest_kind kind, const char *object)
{
    return connector_operation(rest->connector, (enum connector_operation_kind)kind, object) !=
           NULL;
}
