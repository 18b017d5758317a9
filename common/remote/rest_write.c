/*
 * rest_write — the answer to a batch: which item became what. An item is OK
 * only if the answer names it beyond doubt; whatever cannot be told stays
 * UNKNOWN. An answer with an entry that belongs to none of our items is
 * somebody else's answer: nothing of it is believed.
 */
#include <stdio.h>
#include <string.h>

#include "remote/rest_internal.h"
#include "remote/rest_match.h"

/* The first text at path: itself, or the first of a list. */
static struct span first_text(const struct json_tape *tape, uint32_t at, const char *path)
{
    uint32_t found = path ? json_path(tape, at, path) : 0;
    if (found && tape->tokens[found].type == JSON_ARRAY_ && found + 1 < json_end(tape, found))
        found++;
    return found ? rest_scalar(tape, found, "") : SPAN_NONE;
}

/* What the result says fits what was asked; otherwise the item's fate is not known. */
static bool result_fits(const struct rest_match *match, const struct rest_item *item, uint32_t at)
{
    const struct rest_op *op = match->call->op;
    const struct connector *connector = match->call->rest->connector;
    if (!item->ret_id.len || (op->kind == REST_UPDATE && !span_equal(item->ret_id, item->id)))
        return false;
    if (match->call->rest->traits.tier == REST_TIER_T1 && !item->ret_version.len)
        return false;
    uint32_t values =
        connector->result.values ? json_path(&op->tape, at, connector->result.values) : 0;
    if (!values || !op->external_id_property || !item->external_id.len)
        return true;
    struct span external_id = rest_scalar(&op->tape, values, op->external_id_property);
    return !external_id.len || span_equal(external_id, item->external_id);
}

static void doubt(struct rest_item *item)
{
    item->result = REST_ITEM_UNKNOWN;
    item->created = false;
    item->ret_id = item->ret_version = item->message = SPAN_NONE;
    item->ret_values = NULL;
}

static void take_result(struct rest_match *match, struct rest_item *item, uint32_t at)
{
    struct rest_call *call = match->call;
    struct rest_op *op = call->op;
    const struct connector *connector = call->rest->connector;
    item->ret_id =
        rest_canonical_id(call->rest, rest_scalar(&op->tape, at, connector->result.id), &op->arena);
    item->ret_version = rest_scalar(&op->tape, at, connector->result.version);
    item->created = span_is(rest_scalar(&op->tape, at, connector->result.created), "true") ||
                    (op->kind == REST_CREATE && !connector->result.created);
    uint32_t values =
        connector->result.values ? json_path(&op->tape, at, connector->result.values) : 0;
    if (values)
        item->ret_values = rest_values_read(call, values);
    item->result = REST_ITEM_OK;
    if (!result_fits(match, item, at))
        doubt(item);
}

enum rest_item_result rest_item_result(const struct connector_verdict *verdict)
{
    if (!verdict->found)
        return REST_ITEM_REFUSED;
    switch (verdict->outcome) {
    case OUTCOME_EXISTS:
        return REST_ITEM_EXISTS;
    case OUTCOME_GONE:
        return REST_ITEM_GONE;
    case OUTCOME_MISMATCH:
        return REST_ITEM_MISMATCH;
    case OUTCOME_LATER:
    case OUTCOME_QUOTA:
    case OUTCOME_BUSY:
        return REST_ITEM_BUSY;
    case OUTCOME_UNCERTAIN:
        return REST_ITEM_UNKNOWN;
    case OUTCOME_DENIED:
    case OUTCOME_REFUSED:
    case OUTCOME_TOO_LARGE:
    case OUTCOME_COUNT:
        break;
    }
    return REST_ITEM_REFUSED;
}

static void take_failure(struct rest_item *item, const struct connector_verdict *verdict)
{
    item->result = rest_item_result(verdict);
    item->message = verdict->message;
    item->ret_id =
        verdict->outcome == OUTCOME_EXISTS && verdict->found ? verdict->existing_id : SPAN_NONE;
}

/* An entry names this item. False, and the item is in doubt for good, if another entry did before. */
static bool name_once(const struct rest_match *match, struct rest_item *item)
{
    ptrdiff_t index = item - match->call->op->items;
    if (match->named[index]) {
        doubt(item);
        return false;
    }
    match->named[index] = true;
    return true;
}

/* All items that one error means. False: it means somebody else. */
static bool take_error(const struct rest_match *match, uint32_t at)
{
    const struct rest_call *call = match->call;
    const struct rest_op *op = call->op;
    const struct json_tape *tape = &op->tape;
    const struct connector *connector = call->rest->connector;
    struct connector_verdict verdict = connector_classify(connector, 0, tape, at);
    struct span trace = first_text(tape, at, connector->failure.trace);
    if (trace.len) {
        int index = rest_match_trace(call, trace);
        if (index >= 0 && name_once(match, &op->items[index]))
            take_failure(&op->items[index], &verdict);
        return index >= 0;
    }
    uint32_t ids = connector->failure.ids ? json_path(tape, at, connector->failure.ids) : 0;
    if (!ids) /* an error of nobody in particular: the items it means are those nobody names */
        return true;
    bool list = tape->tokens[ids].type == JSON_ARRAY_, ours = true;
    uint32_t end = list ? json_end(tape, ids) : ids + 1;
    for (uint32_t i = list ? json_first(tape, ids) : ids; i < end; i = tape->tokens[i].next) {
        struct rest_item *item = rest_match_id(match, rest_scalar(tape, i, ""));
        if (item && name_once(match, item))
            take_failure(item, &verdict);
        ours = ours && item;
    }
    return ours;
}

/* Two items that ended in one target record: neither is what was meant. */
static void doubt_shared_ids(const struct rest_call *call)
{
    struct rest_op *op = call->op;
    struct map seen;
    map_init(&seen, (size_t)op->item_count + 1, &op->arena);
    for (int i = 0; i < op->item_count; i++) {
        struct rest_item *item = &op->items[i], *other;
        if (item->result != REST_ITEM_OK)
            continue;
        other = map_get(&seen, item->ret_id);
        if (!other) {
            (void)map_put(&seen, item->ret_id, item);
            continue;
        }
        doubt(item);
        doubt(other);
    }
}

static enum rest_answer distrust(const struct rest_call *call, struct err *err, const char *what)
{
    for (int i = 0; i < call->op->item_count; i++)
        doubt(&call->op->items[i]);
    err_set(err, ERR_RETRY, "the answer makes no sense: %s", what);
    return ANSWER_SHAPE;
}

/* What was put aside or removed is named by nobody: a success speaks for all whom no error names. */
static enum rest_answer ended_answer(struct rest_call *call, struct err *err)
{
    struct rest_op *op = call->op;
    struct json_tape *tape = &op->tape;
    struct span answer = buf_span(&op->exchange.answer);
    struct rest_match match;
    struct err parse = ERR_INIT;
    bool empty = op->exchange.status == 204 || answer.len == 0;
    rest_match_init(&match, call);
    if (!empty && json_parse(tape, answer, &parse) != 0)
        return distrust(call, err, "it is no JSON");
    uint32_t errors =
        empty || !call->operation->errors ? 0 : json_path(tape, 0, call->operation->errors);
    bool has_errors = errors && tape->tokens[errors].type == JSON_ARRAY_, vague = false;
    if (!empty && !has_errors)
        return distrust(call, err, "there are no results");
    for (uint32_t i = json_first(tape, errors); has_errors && i < json_end(tape, errors);
         i = tape->tokens[i].next)
        if (!take_error(&match, i))
            return distrust(call, err, "an error belongs to none of the items");
        else
            vague = vague || !first_text(tape, i, call->rest->connector->failure.ids).len;
    for (int i = 0; i < op->item_count; i++)
        if (!match.named[i] && !vague) {
            op->items[i].result = REST_ITEM_OK;
            op->items[i].ret_id = op->items[i].id;
        }
    return ANSWER_OK;
}

enum rest_answer rest_write_answer(struct rest_call *call, struct err *err)
{
    struct rest_op *op = call->op;
    struct json_tape *tape = &op->tape;
    if (op->kind == REST_CREATE_PROPERTY)
        return ANSWER_OK;
    if (rest_writes_links(op->kind))
        return rest_link_answer(call, err);
    if (rest_ends(op->kind))
        return ended_answer(call, err);
    struct err parse = ERR_INIT;
    if (json_parse(tape, buf_span(&op->exchange.answer), &parse) != 0)
        return distrust(call, err, "it is no JSON");
    uint32_t results = json_path(tape, 0, call->operation->results);
    uint32_t errors = call->operation->errors ? json_path(tape, 0, call->operation->errors) : 0;
    bool has_results = results && tape->tokens[results].type == JSON_ARRAY_;
    bool has_errors = errors && tape->tokens[errors].type == JSON_ARRAY_;
    if (!has_results && !has_errors)
        return distrust(call, err, "there are no results");
    struct rest_match match;
    rest_match_init(&match, call);
    rest_values_start(call);
    for (uint32_t i = json_first(tape, results); has_results && i < json_end(tape, results);
         i = tape->tokens[i].next) {
        struct rest_item *item = rest_match_result(&match, i);
        if (!item)
            return distrust(call, err, "a result belongs to none of the items");
        if (name_once(&match, item))
            take_result(&match, item, i);
    }
    for (uint32_t i = json_first(tape, errors); has_errors && i < json_end(tape, errors);
         i = tape->tokens[i].next)
        if (!take_error(&match, i))
            return distrust(call, err, "an error belongs to none of the items");
    doubt_shared_ids(call);
    bool told = false;
    for (int i = 0; i < op->item_count; i++)
        told = told || op->items[i].result != REST_ITEM_UNKNOWN;
    rest_limit_doubt(call->rest,
                     !told); /* well formed, but it may say nothing of what was written */
    return ANSWER_OK;
}

void rest_write_single(struct rest_call *call, const struct connector_verdict *verdict)
{
    struct rest_op *op = call->op;
    if (rest_writes_links(op->kind)) {
        op->links[0].result = rest_item_result(verdict);
        op->links[0].message = verdict->message;
    } else {
        take_failure(&op->items[0], verdict);
    }
}
