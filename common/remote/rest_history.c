/*
 * rest_history — the values that a record's properties had, and which of them
 * we wrote ourselves. Systems say what kind of writer it was and often which one;
 * that we are that one is learnt from a property that nobody else writes.
 */
#include <string.h>

#include "remote/rest_internal.h"

/* Integrations that wrote the own property: a new one for each token's app, so few. */
enum { OWN_IDS_MAX = 8 };
struct own_ids {
    struct span ids[OWN_IDS_MAX];
    int count;
};

static bool own_source(const struct history_paths *paths, struct span source)
{
    for (int i = 0; paths->own_sources[i]; i++)
        if (span_is(source, paths->own_sources[i]))
            return true;
    return false;
}

static bool own_id(const struct own_ids *own, struct span id)
{
    for (int i = 0; i < own->count; i++)
        if (span_equal(own->ids[i], id))
            return true;
    return false;
}

/* The list of a property's entries at index at: 0 when there is none. -1: it is no list. */
static int64_t find_list(const struct json_tape *tape, uint32_t histories, const char *property)
{
    uint32_t list = json_get(tape, histories, property);
    if (!list || tape->tokens[list].type == JSON_NULL_)
        return 0;
    return tape->tokens[list].type == JSON_ARRAY_ ? (int64_t)list : -1;
}

static int learn_own_ids(const struct rest_call *call, uint32_t histories, struct own_ids *own,
                         const char **ret_why)
{
    const struct json_tape *tape = &call->op->tape;
    const struct history_paths *paths = &call->operation->history;
    int64_t found = find_list(tape, histories, call->op->own_property);
    uint32_t list = found > 0 ? (uint32_t)found : 0;
    if (found < 0) {
        *ret_why = "a property's history is no list";
        return -1;
    }
    for (uint32_t i = list ? json_first(tape, list) : 0; list && i < json_end(tape, list);
         i = tape->tokens[i].next) {
        struct span id = rest_scalar(tape, i, paths->source_id);
        if (id.len && own->count < OWN_IDS_MAX && !own_id(own, id) &&
            own_source(paths, rest_scalar(tape, i, paths->source)))
            own->ids[own->count++] = id;
    }
    return 0;
}

/* Into its place by time; the oldest falls out of a full history. */
static void insert(struct rest_history *history, const struct rest_change *change)
{
    int at = history->count;
    while (at > 0 && history->changes[at - 1].at_ms < change->at_ms)
        at--;
    if (history->count == REST_CHANGES_MAX) {
        history->cut = true;
        if (at == REST_CHANGES_MAX)
            return;
        history->count--;
    }
    memmove(&history->changes[at + 1], &history->changes[at],
            sizeof(*change) * (size_t)(history->count - at));
    history->changes[at] = *change;
    history->count++;
}

static const char *read_entry(const struct rest_call *call, uint32_t at, const struct own_ids *own,
                              struct rest_history *history)
{
    const struct json_tape *tape = &call->op->tape;
    const struct history_paths *paths = &call->operation->history;
    struct rest_change change = {.at_ms = -1};
    uint32_t value = json_path(tape, at, paths->value);
    if (!value || tape->tokens[value].type >= JSON_ARRAY_)
        return "an entry of a property's history has no value";
    change.value =
        (struct raw_value){(enum json_type)tape->tokens[value].type, tape->tokens[value].text};
    if (!rest_time_parse(call->rest, rest_scalar(tape, at, paths->at), &change.at_ms))
        return "an entry of a property's history has no time";
    change.ours = own_source(paths, rest_scalar(tape, at, paths->source));
    if (change.ours && call->op->own_property && paths->source_id)
        change.ours = own_id(own, rest_scalar(tape, at, paths->source_id));
    insert(history, &change);
    return NULL;
}

static const char *read_property(const struct rest_call *call, uint32_t list,
                                 const struct own_ids *own, struct rest_history *history)
{
    const struct json_tape *tape = &call->op->tape;
    history->changes = arena_new(&call->op->arena, struct rest_change, REST_CHANGES_MAX);
    const char *why = NULL;
    for (uint32_t i = json_first(tape, list); !why && i < json_end(tape, list);
         i = tape->tokens[i].next)
        why = read_entry(call, i, own, history);
    return why;
}

int rest_history_read(struct rest_call *call, uint32_t at, struct rest_record *record,
                      const char **ret_why)
{
    struct rest_op *op = call->op;
    uint32_t histories = json_path(&op->tape, at, call->operation->history.list);
    struct own_ids own = {.count = 0};
    if (!histories || op->tape.tokens[histories].type != JSON_OBJECT_) {
        *ret_why = "a record has no histories";
        return -1;
    }
    if (op->own_property && learn_own_ids(call, histories, &own, ret_why) != 0)
        return -1;
    record->histories = arena_new(&op->arena, struct rest_history, op->property_count + 1);
    for (int i = 0; i < op->property_count; i++) {
        int64_t list = find_list(&op->tape, histories, op->properties[i]);
        const char *why = list < 0 ? "a property's history is no list" : NULL;
        if (list > 0)
            why = read_property(call, (uint32_t)list, &own, &record->histories[i]);
        if (why) {
            *ret_why = why;
            return -1;
        }
    }
    return 0;
}
