/*
 * rest_read — answers to reads: the list of records, its next cursor, counts.
 * An answer is believed only if it can be the answer to what was asked.
 */
#include <string.h>

#include "base/log.h"
#include "remote/rest_internal.h"

static enum rest_answer shape(struct err *err, const char *what)
{
    return rest_shape(err, what);
}

/*
 * A record that was read holds everything up to when the question was asked, and who knows what of the time since then. Whole seconds:
 * the system's own times of the same changes have no more.
 */
static int64_t when_read_ms(const struct rest_op *op)
{
    int64_t ms = op->date_ms - op->duration_ms;
    return op->date_ms >= 0 && ms > 0 ? ms - ms % 1000 : -1;
}

static enum rest_answer read_record(struct rest_call *call, uint32_t at, struct rest_record *record,
                                    struct err *err)
{
    struct rest_op *op = call->op;
    const struct json_tape *tape = &op->tape;
    const struct record_paths *paths = &call->operation->record;
    const char *why;
    if (tape->tokens[at].type != JSON_OBJECT_)
        return shape(err, "a record is no object");
    record->raw = json_text(tape, at);
    record->id = rest_canonical_id(call->rest, rest_scalar(tape, at, paths->id), &op->arena);
    if (!record->id.len)
        return shape(err, "a record has no id of this system");
    record->modified_ms = paths->dated ? when_read_ms(op) : -1;
    struct span modified = rest_scalar(tape, at, paths->modified);
    if (modified.len && !rest_time_parse(call->rest, modified, &record->modified_ms))
        return shape(err, "a record's modified time is no time");
    if (op->kind == REST_LINKS)
        return rest_links_read(call, at, record, &why) == 0 ? ANSWER_OK : shape(err, why);
    record->version = rest_scalar(tape, at, paths->version);
    record->writer = rest_scalar(tape, at, paths->writer);
    record->merged = rest_scalar(tape, at, paths->merged);
    if (op->kind == REST_ENDED)
        record->into =
            rest_canonical_id(call->rest, rest_scalar(tape, at, paths->into), &op->arena);
    uint32_t values = json_path(tape, at, paths->values);
    if (paths->values[0] && !values)
        return shape(err, "a record has no properties");
    record->values = rest_values_read(call, values);
    if (op->kind == REST_READ && op->id_property) {
        record->lookup = rest_scalar(tape, values, op->id_property);
        if (!record->lookup.len)
            return shape(err, "a record has no value where it was looked up by one");
    }
    if (op->kind == REST_HISTORY && rest_history_read(call, at, record, &why) != 0)
        return shape(err, why);
    return ANSWER_OK;
}

static enum rest_answer read_property(struct rest_call *call, uint32_t at,
                                      struct rest_record *record, struct err *err)
{
    const struct json_tape *tape = &call->op->tape;
    record->raw = json_text(tape, at);
    record->modified_ms = -1;
    record->id = rest_scalar(tape, at, call->operation->record.id);
    if (!record->id.len)
        return shape(err, "a property has no name");
    bool unique = span_is(rest_scalar(tape, at, call->operation->unique), "true");
    record->values = arena_new(&call->op->arena, struct raw_value, call->op->property_count + 2);
    record->values[0] = (struct raw_value){JSON_BOOL_, unique ? span_of("true") : span_of("false")};
    if (call->operation->read_only)
        record->values[1] =
            (struct raw_value){JSON_BOOL_, rest_scalar(tape, at, call->operation->read_only)};
    return ANSWER_OK;
}

/* Errors beside the records: ids that are not there are no error, anything else makes the answer incomplete. */
static enum rest_answer check_errors(const struct rest_call *call, struct err *err)
{
    const struct json_tape *tape = &call->op->tape;
    uint32_t errors = call->operation->errors ? json_path(tape, 0, call->operation->errors) : 0;
    if (!errors || tape->tokens[errors].type != JSON_ARRAY_)
        return ANSWER_OK;
    for (uint32_t i = json_first(tape, errors); i < json_end(tape, errors);
         i = tape->tokens[i].next) {
        struct connector_verdict verdict = connector_classify(call->rest->connector, 0, tape, i);
        if (verdict.found && verdict.outcome == OUTCOME_GONE)
            continue;
        err_set(err, ERR_RETRY, "only a part was read: %.*s", (int)verdict.message.len,
                verdict.message.data ? verdict.message.data : "");
        return ANSWER_SHAPE;
    }
    return ANSWER_OK;
}

/* Is this record, or one that was merged into it, asked for and not answered yet? All such are answered then. */
static bool take_asked(struct rest_call *call, const struct map *asked,
                       const struct rest_record *record)
{
    bool *open = map_get(asked, record->id);
    bool wanted = open && *open;
    if (open)
        *open = false;
    for (struct span rest = record->merged; rest.len;) {
        const char *end = memchr(rest.data, ';', rest.len);
        size_t len = end ? (size_t)(end - rest.data) : rest.len, step = len + (end != NULL);
        open = map_get(
            asked, rest_canonical_id(call->rest, (struct span){rest.data, len}, &call->op->arena));
        wanted = wanted || (open && *open);
        if (open)
            *open = false;
        rest = (struct span){rest.data + step, rest.len - step};
    }
    return wanted;
}

static bool comes_again(const struct rest_op *op, int kept, const struct rest_record *record)
{
    for (int i = 0; record->merged.len && i < kept; i++)
        if (span_equal(op->records[i].id, record->id))
            return true;
    return false;
}

/*
 * A read by id answers with those ids, each once, or with the record that one of them was merged into. A foreign one is a wrong
 * answer; if it comes again and again (merged, and the connector does not say where that stands) it is left out: not found.
 */
static enum rest_answer check_asked(struct rest_call *call, struct err *err)
{
    struct rest_op *op = call->op;
    struct map asked;
    map_init(&asked, (size_t)op->id_count + 1, &op->arena);
    bool *open = arena_new(&op->arena, bool, op->id_count + 1);
    for (int i = 0; i < op->id_count; i++) {
        struct span id = rest_canonical_id(call->rest, op->ids[i], &op->arena);
        open[i] = true;
        if (id.len)
            (void)map_put(&asked, id, &open[i]);
    }
    int kept = 0;
    for (int i = 0; i < op->record_count; i++) {
        struct rest_record *record = &op->records[i];
        if (comes_again(op, kept, record)) /* two that were asked for are one by now */
            continue;
        if (take_asked(call, &asked, record)) {
            op->records[kept++] = *record;
            continue;
        }
        if (call->failures + 1 < REST_TRIES_MAX)
            return shape(err, map_get(&asked, record->id) ? "a record came twice"
                                                          : "a record that was not asked for");
        log_warn("a record that was not asked for is left out",
                 log_str("system", call->rest->settings->name));
    }
    op->record_count = kept;
    return ANSWER_OK;
}

/* −1: the connector names no such path. false: there is no time there. */
static bool read_moment(const struct rest_call *call, const char *path, int64_t *ret_ms)
{
    *ret_ms = -1;
    return !path || rest_time_parse(call->rest, rest_scalar(&call->op->tape, 0, path), ret_ms);
}

static enum rest_answer read_list(struct rest_call *call, struct err *err)
{
    struct rest_op *op = call->op;
    const struct json_tape *tape = &op->tape;
    uint32_t list = json_path(tape, 0, call->operation->records);
    bool there = list || !call->operation->records[0];
    /* What asks for one id may be answered with the record itself. */
    bool alone = there && tape->tokens[list].type == JSON_OBJECT_ && rest_reads_ids(op->kind) &&
                 call->operation->max == 1;
    if (!alone && (!there || tape->tokens[list].type != JSON_ARRAY_))
        return shape(err, "there is no list of records");
    op->records = arena_new(&op->arena, struct rest_record, json_count(tape, list) + 1);
    rest_values_start(call);
    uint32_t first = alone ? list : json_first(tape, list);
    uint32_t end = alone ? list + 1 : json_end(tape, list);
    for (uint32_t i = first; i < end; i = tape->tokens[i].next) {
        if (span_is(rest_scalar(tape, i, call->operation->record.gone), "true"))
            continue;
        struct rest_record *record = &op->records[op->record_count++];
        enum rest_answer answer = op->kind == REST_PROPERTIES ? read_property(call, i, record, err)
                                                              : read_record(call, i, record, err);
        if (answer != ANSWER_OK)
            return answer;
    }
    struct span next = rest_scalar(tape, 0, call->operation->next);
    if (op->kind == REST_DELETED &&
        (!read_moment(call, call->operation->earliest, &op->earliest_ms) ||
         !read_moment(call, call->operation->covered, &op->covered_ms)))
        return shape(err, "where the log of deletions begins or ends is no time");
    enum rest_answer answer = rest_page_next(call, next.len > 0, next, err);
    if (answer == ANSWER_OK)
        answer = check_errors(call, err);
    if (answer == ANSWER_OK && rest_reads_ids(op->kind) &&
        (op->kind != REST_READ || !op->id_property))
        answer = check_asked(call, err);
    return answer == ANSWER_OK ? rest_page_check(call, err) : answer;
}

enum rest_answer rest_read_answer(struct rest_call *call, struct err *err)
{
    struct rest_op *op = call->op;
    op->record_count = 0;
    op->more = false;
    op->next_cursor = SPAN_NONE;
    struct err parse = ERR_INIT;
    if (json_parse(&op->tape, buf_span(&op->exchange.answer), &parse) != 0) {
        err_set(err, ERR_RETRY, "the answer is no JSON: %s", parse.text);
        return ANSWER_SHAPE;
    }
    if (op->kind == REST_PIPELINES)
        return rest_pipelines_answer(call, err);
    if (op->kind == REST_COUNT)
        return json_int_at(&op->tape, 0, call->operation->total, &op->total)
                   ? ANSWER_OK
                   : shape(err, "there is no total");
    enum rest_answer answer = read_list(call, err);
    if (answer == ANSWER_OK && op->kind == REST_READ && op->record_count &&
        call->rest->traits.tier == REST_TIER_T1 && !call->operation->own &&
        !op->records[0].version.len) {
        err_set(err, ERR_FATAL,
                "apply.conditional is on, but %s gives no version: it does not compare it either",
                call->rest->settings->name);
        return ANSWER_REFUSED;
    }
    return answer;
}
