/*
 * rest_pipelines — the pipelines of an object and their stages, flat: what a
 * value table of the mapping can be held against.
 */
#include "remote/rest_internal.h"

static struct rest_record *add(struct rest_call *call, uint32_t at, struct span pipeline)
{
    struct rest_op *op = call->op;
    const struct json_tape *tape = &op->tape;
    struct rest_record *record = &op->records[op->record_count];
    *record = (struct rest_record){.modified_ms = -1, .lookup = pipeline};
    record->id = rest_scalar(tape, at, call->operation->record.id);
    record->raw = json_text(tape, at);
    record->values = arena_new(&op->arena, struct raw_value, op->property_count + 1);
    record->values[0] =
        (struct raw_value){JSON_STRING_, rest_scalar(tape, at, call->operation->label)};
    if (!record->id.len)
        return NULL;
    op->record_count++;
    return record;
}

static bool is_list(const struct json_tape *tape, uint32_t at)
{
    return at && tape->tokens[at].type == JSON_ARRAY_;
}

/* Pipelines and stages in the list at index at. */
static int count(const struct json_tape *tape, uint32_t list, const char *stages)
{
    int total = 0;
    for (uint32_t i = json_first(tape, list); i < json_end(tape, list); i = tape->tokens[i].next) {
        uint32_t inner = json_path(tape, i, stages);
        total++;
        for (uint32_t s = is_list(tape, inner) ? json_first(tape, inner) : 0;
             s && s < json_end(tape, inner); s = tape->tokens[s].next)
            total++;
    }
    return total;
}

enum rest_answer rest_pipelines_answer(struct rest_call *call, struct err *err)
{
    struct rest_op *op = call->op;
    const struct json_tape *tape = &op->tape;
    const struct connector_operation *operation = call->operation;
    uint32_t list = json_path(tape, 0, operation->records);
    if (!is_list(tape, list)) {
        err_set(err, ERR_RETRY, "the answer makes no sense: there is no list of pipelines");
        return ANSWER_SHAPE;
    }
    op->records =
        arena_new(&op->arena, struct rest_record, count(tape, list, operation->stages) + 1);
    for (uint32_t i = json_first(tape, list); i < json_end(tape, list); i = tape->tokens[i].next) {
        const struct rest_record *pipeline = add(call, i, SPAN_NONE);
        uint32_t stages = json_path(tape, i, operation->stages);
        bool whole = pipeline && is_list(tape, stages);
        for (uint32_t s = whole ? json_first(tape, stages) : 0; whole && s < json_end(tape, stages);
             s = tape->tokens[s].next)
            whole = add(call, s, pipeline->id);
        if (whole)
            continue;
        err_set(err, ERR_RETRY, "the answer makes no sense: a pipeline or stage has no id");
        return ANSWER_SHAPE;
    }
    return ANSWER_OK;
}
