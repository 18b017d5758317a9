/*
 * rest_op — the storage of an op and of its private side.
 */
#include <stdlib.h>
#include <string.h>

#include "remote/rest_internal.h"

void rest_op_init(struct rest_op *op)
{
    memset(op, 0, sizeof(*op));
    http_exchange_init(&op->exchange);
    json_tape_init(&op->tape);
    arena_init(&op->arena);
    op->date_ms = -1;
}

void rest_op_forget(struct rest_op *op)
{
    arena_reset(&op->arena);
    op->records = NULL;
    op->record_count = 0;
    op->more = op->told = op->unordered = false;
    op->next_cursor = SPAN_NONE;
    op->total = 0;
    op->date_ms = -1;
    op->duration_ms = 0;
    op->attempts = 0;
}

void rest_op_reset(struct rest_op *op)
{
    if (op->rest_private)
        rest_call_abandon(op->rest_private);
    http_exchange_reset(&op->exchange);
    rest_op_forget(op);
    /* Nothing of the last request: what it borrowed may be gone. */
    op->object = op->id_property = op->own_property = NULL;
    op->external_id_property = op->property_name = NULL;
    op->properties = NULL;
    op->ids = NULL;
    op->items = NULL;
    op->links = NULL;
    op->to_object = NULL;
    op->property_count = op->id_count = op->item_count = op->link_count = op->page_records = 0;
    op->after_id = op->cursor = SPAN_NONE;
    op->from_ms = op->to_ms = op->send_by_ms = 0;
    op->property_unique = op->search = false;
    op->priority = BUDGET_LIVE;
}

void rest_op_clear(struct rest_op *op)
{
    if (!op)
        return;
    struct rest_call *call = op->rest_private;
    if (call) {
        rest_call_abandon(call);
        buf_clear(&call->url);
        buf_clear(&call->body);
        buf_clear(&call->each);
        buf_clear(&call->properties);
        buf_clear(&call->scratch);
        buf_clear(&call->headers);
        buf_clear(&call->place);
        free(call);
        op->rest_private = NULL;
    }
    http_exchange_clear(&op->exchange);
    json_tape_clear(&op->tape);
    arena_clear(&op->arena);
}

struct rest_call *rest_call_of(struct rest *rest, struct rest_op *op)
{
    struct rest_call *call = op->rest_private;
    if (!call) {
        call = calloc(1, sizeof(*call));
        if (!call)
            abort(); /* as arena_alloc: a crash is safe (design §4) */
        buf_init(&call->url, 64 * 1024);
        buf_init(&call->body, 0);
        buf_init(&call->each, 0);
        buf_init(&call->properties, 0);
        buf_init(&call->scratch, 64 * 1024);
        buf_init(&call->headers, 64 * 1024);
        buf_init(&call->place, 64 * 1024);
        op->rest_private = call;
    }
    rest_call_abandon(call);
    call->rest = rest;
    call->op = op;
    call->phase = PHASE_IDLE;
    call->failures = call->renewals = 0;
    call->ticket = 0;
    call->begged_ms = 0;
    err_clear(&call->err);
    return call;
}
