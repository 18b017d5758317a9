/*
 * rest_links — associations between records of two objects: what became of
 * each that was to be made or taken away, and which ones a record has. As with
 * records, one is OK only if the answer names its pair beyond doubt.
 */
#include <string.h>

#include "remote/rest_internal.h"

void rest_link_type(struct span text, struct span *ret_category, struct span *ret_type)
{
    const char *colon = text.len ? memrchr(text.data, ':', text.len) : NULL;
    size_t len = colon ? (size_t)(colon - text.data) : 0;
    *ret_category = colon ? (struct span){text.data, len} : SPAN_NONE;
    *ret_type = colon ? (struct span){colon + 1, text.len - len - 1} : text;
}

/* --- what became of the links of a write --- */

struct pairs {
    struct rest_call *call;
    struct map links; /* both ends → link */
    bool *named;
};

static struct span pair_key(struct arena *arena, struct span from, struct span to)
{
    return span_of(arena_printf(arena, "%zu:%.*s%.*s", from.len, (int)from.len,
                                from.len ? from.data : "", (int)to.len, to.len ? to.data : ""));
}

static bool put_pairs(struct rest_op *op, struct map *links)
{
    map_init(links, (size_t)op->link_count + 1, &op->arena);
    for (int i = 0; i < op->link_count; i++) {
        struct span key = pair_key(&op->arena, op->links[i].from, op->links[i].to);
        if (map_get(links, key))
            return false;
        (void)map_put(links, key, &op->links[i]);
    }
    return true;
}

bool rest_links_distinct(struct rest_op *op)
{
    struct map links;
    return put_pairs(op, &links);
}

static void set_link(const struct pairs *pairs, struct rest_link *link,
                     enum rest_item_result result, struct span message)
{
    bool *named = &pairs->named[link - pairs->call->op->links];
    link->result = *named ? REST_ITEM_UNKNOWN : result;
    link->message = *named ? SPAN_NONE : message;
    *named = true;
}

/* The text at path, or the first of a list there. */
static struct span end_at(const struct json_tape *tape, uint32_t at, const char *path)
{
    uint32_t found = path ? json_path(tape, at, path) : 0;
    if (found && tape->tokens[found].type == JSON_ARRAY_)
        found = found + 1 < json_end(tape, found) ? found + 1 : 0;
    return found ? rest_scalar(tape, found, "") : SPAN_NONE;
}

static bool take_result(const struct pairs *pairs, uint32_t at)
{
    struct rest_op *op = pairs->call->op;
    const struct link_paths *paths = &pairs->call->operation->link;
    struct rest_link *link =
        map_get(&pairs->links, pair_key(&op->arena, rest_scalar(&op->tape, at, paths->from),
                                        rest_scalar(&op->tape, at, paths->to)));
    if (link)
        set_link(pairs, link, REST_ITEM_OK, SPAN_NONE);
    return link;
}

/* An error of a pair, of all links of one record, or of nobody in particular: those it means are named by nobody. */
static bool take_error(const struct pairs *pairs, uint32_t at)
{
    struct rest_op *op = pairs->call->op;
    const struct link_paths *paths = &pairs->call->operation->link;
    struct connector_verdict verdict =
        connector_classify(pairs->call->rest->connector, 0, &op->tape, at);
    enum rest_item_result result = rest_item_result(&verdict);
    struct span from = end_at(&op->tape, at, paths->failure_from);
    struct span to = end_at(&op->tape, at, paths->failure_to);
    if (!from.len)
        return true;
    bool ours = false;
    for (int i = 0; i < op->link_count; i++) {
        struct rest_link *link = &op->links[i];
        if (!span_equal(link->from, from) || (to.len && !span_equal(link->to, to)))
            continue;
        set_link(pairs, link, result, verdict.message);
        ours = true;
    }
    return ours;
}

static enum rest_answer distrust(const struct rest_call *call, struct err *err, const char *what)
{
    for (int i = 0; i < call->op->link_count; i++) {
        call->op->links[i].result = REST_ITEM_UNKNOWN;
        call->op->links[i].message = SPAN_NONE;
    }
    err_set(err, ERR_RETRY, "the answer makes no sense: %s", what);
    return ANSWER_SHAPE;
}

/* Without results a success speaks for all whom no error names. */
static void rest_is_ok(const struct pairs *pairs)
{
    struct rest_op *op = pairs->call->op;
    for (int i = 0; i < op->link_count; i++)
        if (!pairs->named[i])
            op->links[i].result = REST_ITEM_OK;
}

enum rest_answer rest_link_answer(struct rest_call *call, struct err *err)
{
    struct rest_op *op = call->op;
    struct json_tape *tape = &op->tape;
    const struct connector_operation *operation = call->operation;
    struct span answer = buf_span(&op->exchange.answer);
    struct pairs pairs = {.call = call};
    (void)put_pairs(op, &pairs.links);
    pairs.named = arena_new(&op->arena, bool, op->link_count + 1);
    bool empty = op->exchange.status == 204 || answer.len == 0;
    if (empty && operation->results)
        return distrust(call, err, "it is empty");
    struct err parse = ERR_INIT;
    if (!empty && json_parse(tape, answer, &parse) != 0)
        return distrust(call, err, "it is no JSON");
    uint32_t results = empty || !operation->results ? 0 : json_path(tape, 0, operation->results);
    uint32_t errors = empty || !operation->errors ? 0 : json_path(tape, 0, operation->errors);
    bool has_results = results && tape->tokens[results].type == JSON_ARRAY_;
    bool has_errors = errors && tape->tokens[errors].type == JSON_ARRAY_;
    if (operation->results && !has_results)
        return distrust(call, err, "there are no results");
    for (uint32_t i = json_first(tape, results); has_results && i < json_end(tape, results);
         i = tape->tokens[i].next)
        if (!take_result(&pairs, i))
            return distrust(call, err, "a result belongs to none of the associations");
    for (uint32_t i = json_first(tape, errors); has_errors && i < json_end(tape, errors);
         i = tape->tokens[i].next)
        if (!take_error(&pairs, i))
            return distrust(call, err, "an error belongs to none of the associations");
    if (!operation->results)
        rest_is_ok(&pairs);
    bool told = false;
    for (int i = 0; i < op->link_count; i++)
        told = told || op->links[i].result != REST_ITEM_UNKNOWN;
    rest_limit_doubt(call->rest, !told);
    return ANSWER_OK;
}

/* --- which ones a record has --- */

static void add_link(struct rest_call *call, struct rest_record *record, struct span to,
                     uint32_t type_at)
{
    struct rest_op *op = call->op;
    const struct link_paths *paths = &call->operation->link;
    struct span category = rest_scalar(&op->tape, type_at, paths->category);
    struct span type = rest_scalar(&op->tape, type_at, paths->type);
    if (category.len)
        type = span_of(arena_printf(&op->arena, "%.*s:%.*s", (int)category.len, category.data,
                                    (int)type.len, type.len ? type.data : ""));
    record->links[record->link_count++] =
        (struct rest_link){.from = record->id, .to = to, .type = type};
}

/* How many at most: every value below the list could be one. */
static int count_links(const struct json_tape *tape, uint32_t list, const char *types)
{
    int count = 0;
    for (uint32_t i = json_first(tape, list); i < json_end(tape, list); i = tape->tokens[i].next) {
        uint32_t own = types[0] ? json_path(tape, i, types) : 0;
        bool is_list = own && tape->tokens[own].type == JSON_ARRAY_;
        for (uint32_t t = is_list ? json_first(tape, own) : 0; is_list && t < json_end(tape, own);
             t = tape->tokens[t].next)
            count++;
        count += !is_list;
    }
    return count;
}

int rest_links_read(struct rest_call *call, uint32_t at, struct rest_record *record,
                    const char **ret_why)
{
    struct rest_op *op = call->op;
    const struct json_tape *tape = &op->tape;
    const struct link_paths *paths = &call->operation->link;
    uint32_t list = json_path(tape, at, paths->list);
    *ret_why = "a record has no list of associations";
    if (!list || tape->tokens[list].type != JSON_ARRAY_)
        return -1;
    record->links =
        arena_new(&op->arena, struct rest_link, count_links(tape, list, paths->types) + 1);
    record->links_more = rest_scalar(tape, at, paths->more).len > 0;
    *ret_why = "an association names no record";
    for (uint32_t i = json_first(tape, list); i < json_end(tape, list); i = tape->tokens[i].next) {
        struct span to = rest_canonical_id(call->rest, rest_scalar(tape, i, paths->to), &op->arena);
        uint32_t types = paths->types[0] ? json_path(tape, i, paths->types) : 0;
        if (!to.len)
            return -1;
        if (!types || tape->tokens[types].type != JSON_ARRAY_) {
            add_link(call, record, to, types ? types : i);
            continue;
        }
        for (uint32_t t = json_first(tape, types); t < json_end(tape, types);
             t = tape->tokens[t].next)
            add_link(call, record, to, t);
    }
    return 0;
}
