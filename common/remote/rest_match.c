/*
 * rest_match — see rest_match.h.
 */
#include <stdio.h>
#include <string.h>

#include "remote/rest_match.h"

void rest_match_init(struct rest_match *match, struct rest_call *call)
{
    struct rest_op *op = call->op;
    *match = (struct rest_match){.call = call};
    map_init(&match->ids, (size_t)op->item_count + 1, &op->arena);
    map_init(&match->external_ids, (size_t)op->item_count + 1, &op->arena);
    match->named = arena_new(&op->arena, bool, op->item_count + 1);
    for (int i = 0; i < op->item_count; i++) {
        struct rest_item *item = &op->items[i];
        if (item->id.len)
            (void)map_put(&match->ids, item->id, item);
        if (item->external_id.len)
            (void)map_put(&match->external_ids, item->external_id, item);
    }
}

int rest_match_trace(const struct rest_call *call, struct span trace)
{
    char nonce[24];
    int len = snprintf(nonce, sizeof(nonce), "%016llx-", (unsigned long long)call->nonce);
    if (trace.len <= (size_t)len || trace.len > (size_t)len + 6 ||
        memcmp(trace.data, nonce, (size_t)len) != 0)
        return -1;
    int index = 0;
    for (size_t i = (size_t)len; i < trace.len; i++) {
        if (trace.data[i] < '0' || trace.data[i] > '9')
            return -1;
        index = index * 10 + (trace.data[i] - '0');
    }
    return index < call->op->item_count ? index : -1;
}

struct rest_item *rest_match_id(const struct rest_match *match, struct span id)
{
    struct rest_item *item = map_get(&match->ids, id);
    return item ? item : map_get(&match->external_ids, id);
}

struct rest_item *rest_match_result(const struct rest_match *match, uint32_t at)
{
    const struct rest_call *call = match->call;
    const struct rest_op *op = call->op;
    const struct connector *connector = call->rest->connector;
    struct span trace = rest_scalar(&op->tape, at, connector->result.trace);
    if (trace.len) {
        int index = rest_match_trace(call, trace);
        return index < 0 ? NULL : &op->items[index];
    }
    if (op->kind == REST_UPDATE || rest_ends(op->kind))
        return map_get(&match->ids, rest_scalar(&op->tape, at, connector->result.id));
    uint32_t values =
        connector->result.values ? json_path(&op->tape, at, connector->result.values) : 0;
    if (!values || !op->external_id_property)
        return NULL;
    return map_get(&match->external_ids, rest_scalar(&op->tape, values, op->external_id_property));
}
