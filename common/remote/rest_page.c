/*
 * rest_page — pages of records: does this one follow where it was asked to, and where does the
 * next one begin?
 */
#include "remote/rest_internal.h"

/* Times are compared with this much room: systems cut the times in a query to whole seconds. */
enum { TIME_ROOM_MS = 1000 };

enum rest_answer rest_shape(struct err *err, const char *what)
{
    err_set(err, ERR_RETRY, "the answer makes no sense: %s", what);
    return ANSWER_SHAPE;
}

/* A page must begin behind where it was asked to: a cached or repeated page does not. */
enum rest_answer rest_page_check(const struct rest_call *call, struct err *err)
{
    const struct rest_op *op = call->op;
    int64_t before_ms = op->from_ms - TIME_ROOM_MS;
    for (int i = 0; i < op->record_count; i++) {
        const struct rest_record *record = &op->records[i];
        bool same = call->after.len && span_equal(record->id, call->after);
        if (op->kind == REST_BACKFILL && same)
            return rest_shape(err, "the page does not begin behind the last one");
        if (op->kind != REST_INCREMENTAL)
            continue;
        if (record->modified_ms < before_ms || record->modified_ms > op->to_ms + TIME_ROOM_MS)
            return rest_shape(err, "a record outside the time asked for, or out of order");
        if (same && record->modified_ms == op->from_ms)
            return rest_shape(err, "the page does not begin behind the last one");
        if (!op->unordered)
            before_ms = record->modified_ms;
    }
    return ANSWER_OK;
}

/* Where the next page begins, if the connector says it: place and end are the system's words then. */
static enum rest_answer set_place(struct rest_call *call, struct err *err)
{
    struct rest_op *op = call->op;
    const struct connector_operation *operation = call->operation;
    bool said = false;
    op->unordered = operation->unordered;
    if (operation->last && json_bool_at(&op->tape, 0, operation->last, &said)) {
        op->told = true;
        op->more = !said;
    } else if (operation->next && json_bool_at(&op->tape, 0, operation->next, &said)) {
        op->told = true;
        op->more = said;
    }
    if (!rest_by_cursor(op->kind) && operation->after)
        op->next_cursor = rest_scalar(&op->tape, 0, operation->after);
    /* What is later than was asked for is another pass's: it may change until then. */
    for (; operation->open_ended && op->record_count &&
           op->records[op->record_count - 1].modified_ms > op->to_ms;
         op->record_count--) {
        op->more = false;
        op->told = true;
        op->next_cursor = SPAN_NONE;
    }
    bool lost = !rest_by_cursor(op->kind) && operation->after && op->more && !op->next_cursor.len;
    if (lost || (op->more && op->next_cursor.len && span_equal(op->next_cursor, call->after)))
        return rest_shape(err, lost ? "nothing says where the next page begins"
                                    : "the next page is this page");
    return ANSWER_OK;
}

enum rest_answer rest_page_next(struct rest_call *call, bool has_next, struct span next,
                                struct err *err)
{
    struct rest_op *op = call->op;
    int page = op->page_records > 0 && op->page_records < call->rest->traits.page_max
                   ? op->page_records
                   : call->rest->traits.page_max;
    op->more = op->record_count > 0 && (has_next || op->record_count >= page);
    if (rest_reads_ids(op->kind) && has_next)
        return ANSWER_TOO_LARGE;
    enum rest_answer placed = set_place(call, err);
    if (!rest_by_cursor(op->kind) || placed != ANSWER_OK)
        return placed;
    if (call->operation->keyset) {
        op->more = op->more && op->record_count > 0;
        op->next_cursor = op->more ? op->records[op->record_count - 1].id : SPAN_NONE;
    } else {
        op->more = has_next && (!op->told || op->more);
        op->next_cursor = op->more ? next : SPAN_NONE;
    }
    if (op->more && span_equal(op->next_cursor, call->after))
        return rest_shape(err, "the next page is this page");
    return ANSWER_OK;
}
