/*
 * hs_associations — associations v4: batches per pair of object types, with an
 * error per item, and the single calls.
 */
#include "tests/sandbox/hs_associations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { CREATE_MAX = 2000, READ_MAX = 1000 };

static void put_response(struct links *links, int status, int64_t start_ms)
{
    char start[TIMESTAMP_BYTES], end[TIMESTAMP_BYTES];
    timestamp_format(start_ms, start);
    timestamp_format(store_now_ms(&links->sandbox->store), end);
    json_t *body = json_pack("{s:s,s:O,s:s,s:s}", "status", "COMPLETE", "results", links->results,
                             "startedAt", start, "completedAt", end);
    size_t errors = json_array_size(links->errors);
    if (errors) {
        json_object_set_new(body, "numErrors", json_integer((json_int_t)errors));
        json_object_set(body, "errors", links->errors);
    }
    reply_json(links->reply, errors ? 207 : status, body);
}

static void each_input(struct links *links, const char *verb, const char *noun, json_t *input)
{
    struct link link = {.from_object = links->from, .to_object = links->to};
    if (strcmp(verb, "read") == 0) {
        link_read(links, input);
    } else if (strcmp(verb, "archive") == 0) {
        link_archive(links, input, false);
    } else if (strcmp(verb, "labels") == 0) {
        link_archive(links, input, true);
    } else {
        link_id_of(json_object_get(input, "from"), link.from_id);
        link_id_of(json_object_get(input, "to"), link.to_id);
        if (strcmp(noun, "default") == 0)
            link_create_default(links, &link);
        else
            link_create(links, &link, json_object_get(input, "types"));
    }
}

static bool verb_known(const char *verb, const char *noun)
{
    return strcmp(noun, "") == 0 ? strcmp(verb, "create") == 0 || strcmp(verb, "read") == 0 ||
                                       strcmp(verb, "archive") == 0
           : strcmp(noun, "default") == 0
               ? strcmp(verb, "associate") == 0
               : strcmp(verb, "labels") == 0 && strcmp(noun, "archive") == 0;
}

/* …/associations/{from}/{to}/batch/{verb}[/{noun}] */
static void batch(struct links *links)
{
    const char *verb = request_part(links->request, 6), *noun = request_part(links->request, 7);
    bool read = strcmp(verb, "read") == 0, create = strcmp(verb, "create") == 0;
    int64_t start_ms = store_now_ms(&links->sandbox->store);
    json_t *body = request_json(links->request), *inputs = json_object_get(body, "inputs"), *input;
    size_t i, count = json_array_size(inputs), max = read ? READ_MAX : CREATE_MAX;
    if (!verb_known(verb, noun))
        hs_plain_error(links->reply, 404, links->request->id);
    else if (count == 0 || count > max)
        hs_error(links->reply, links->request->id, 400, "VALIDATION_ERROR",
                 "inputs must be a list of 1 to %zu items", max);
    else {
        json_array_foreach(inputs, i, input)
        {
            each_input(links, verb, noun, input);
        }
        links->reply->items = (int)count;
        if (strcmp(verb, "archive") == 0 || strcmp(verb, "labels") == 0)
            links->reply->status = 204;
        else
            put_response(links, create ? 201 : 200, start_ms);
    }
    json_decref(body);
}

static void list_labels(struct links *links)
{
    json_t *results = json_array();
    const struct link_type *type;
    for (int i = 0; (type = hs_link_type_at(links->from, links->to, i)); i++)
        json_array_append_new(results,
                              json_pack("{s:s,s:i,s:s?}", "category", hs_link_category(type),
                                        "typeId", type->id, "label", type->label));
    reply_json(links->reply, 200, json_pack("{s:o}", "results", results));
}

/* The single calls answer their only result, or their only error as the request's. */
static void answer_one(struct links *links, int status)
{
    json_t *error = json_array_get(links->errors, 0);
    if (error)
        hs_error(links->reply, links->request->id, 400, "VALIDATION_ERROR", "%s",
                 json_string_value(json_object_get(error, "message")));
    else
        reply_json(links->reply, status, json_incref(json_array_get(links->results, 0)));
}

/* …/objects/{from}/{id}/associations/[default/]{to}[/{id}] */
static void single(struct links *links, bool is_default)
{
    const struct request *request = links->request;
    struct link link = {.from_object = links->from, .to_object = links->to};
    (void)snprintf(link.from_id, sizeof link.from_id, "%s", request_part(request, 4));
    (void)snprintf(link.to_id, sizeof link.to_id, "%s", request_part(request, is_default ? 8 : 7));
    int64_t start_ms = store_now_ms(&links->sandbox->store);
    if (is_default && request_is(request, "PUT")) {
        link_create_default(links, &link);
        if (json_array_size(links->errors))
            answer_one(links, 400);
        else
            put_response(links, 200, start_ms);
    } else if (request_is(request, "PUT")) {
        json_t *specs =
            json_loadb(request->body.len ? request->body.data : "", request->body.len, 0, NULL);
        link_create(links, &link, specs);
        json_decref(specs);
        if (json_array_size(links->results) + json_array_size(links->errors))
            answer_one(links, 201);
        else
            hs_plain_error(links->reply, 400, request->id);
    } else if (request_is(request, "DELETE") && link.to_id[0]) {
        hs_link_remove(&links->sandbox->store, &link, NULL, &links->writer);
        links->reply->status = 204;
    } else if (request_is(request, "GET") && !link.to_id[0]) {
        char next[ID_BYTES];
        const char *after = request_param(request, "after");
        json_t *to = hs_link_list(&links->sandbox->store, links->from, link.from_id, links->to,
                                  after ? after : "", LINK_LIST_LIMIT, next);
        json_t *body = json_pack("{s:o}", "results", to);
        if (next[0])
            json_object_set_new(body, "paging", json_pack("{s:{s:s}}", "next", "after", next));
        reply_json(links->reply, 200, body);
    } else
        hs_plain_error(links->reply, 405, request->id);
}

void hs_associations(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    bool one = strcmp(request_part(request, 5), "associations") == 0;
    bool is_default = one && strcmp(request_part(request, 6), "default") == 0;
    const struct schema *schema = &sandbox->store.schema;
    struct links links = {.sandbox = sandbox,
                          .request = request,
                          .reply = reply,
                          .from = schema_object(schema, request_part(request, 3)),
                          .to = schema_object(schema, request_part(request, !one         ? 4
                                                                            : is_default ? 7
                                                                                         : 6)),
                          .writer = {reply->who, request->id, request->late}};
    if (!links.from || !links.to || !hs_link_type(links.from, links.to, 0)) {
        hs_error(reply, request->id, 400, "VALIDATION_ERROR",
                 "Unable to infer object type from: %.60s", request_part(request, 3));
        return;
    }
    (void)snprintf(reply->object, sizeof reply->object, "%s", links.from);
    links.results = json_array();
    links.errors = json_array();
    if (one)
        single(&links, is_default);
    else if (strcmp(request_part(request, 5), "batch") == 0 && request_is(request, "POST"))
        batch(&links);
    else if (strcmp(request_part(request, 5), "labels") == 0 && request_is(request, "GET"))
        list_labels(&links);
    else
        hs_plain_error(reply, 404, request->id);
    json_decref(links.results);
    json_decref(links.errors);
}
