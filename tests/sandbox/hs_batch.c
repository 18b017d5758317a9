/*
 * hs_batch — batch/read, create, update, upsert, archive: up to 100 items,
 * results in no promised order, errors per item.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sandbox/hs.h"

struct batch {
    struct sandbox *sandbox;
    const struct request *request;
    const char *object;
    struct reply *reply;
    json_t *inputs; /* borrowed */
    bool traced;    /* every input has an objectWriteTraceId of its own */
    int64_t start_ms;
    struct buf results, errors;
    size_t ends[HS_BATCH_MAX]; /* where each result ends in results */
    int result_count, error_count;
    struct record record;
    struct hs_want want;
};

static const char *text_at(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* An id may come as text or as a number. */
static const char *id_at(json_t *input, char number[32])
{
    json_t *id = json_object_get(input, "id");
    if (!json_is_integer(id))
        return json_string_value(id);
    snprintf(number, 32, "%lld", (long long)json_integer_value(id));
    return number;
}

static void end_result(struct batch *batch)
{
    batch->ends[batch->result_count++] = batch->results.len;
}

/* Results begin somewhere else on every request: nobody may rely on their order. */
static void put_results(struct batch *batch)
{
    struct buf *body = &batch->reply->body;
    int first =
        settings_get(&batch->sandbox->settings, SET_SHUFFLE_RESULTS) && batch->result_count > 1
            ? (int)(1 + batch->request->id % (batch->result_count - 1))
            : 0;
    for (int i = 0; i < batch->result_count; i++) {
        int at = (first + i) % batch->result_count;
        size_t start = at ? batch->ends[at - 1] : 0;
        if (i)
            buf_putc(body, ',');
        buf_put(body, batch->results.data + start, batch->ends[at] - start);
    }
}

static void put_response(struct batch *batch, int status)
{
    struct buf *body = &batch->reply->body;
    char start[TIMESTAMP_BYTES], end[TIMESTAMP_BYTES];
    timestamp_format(batch->start_ms, start);
    timestamp_format(store_now_ms(&batch->sandbox->store), end);
    buf_puts(body, "{\"status\":\"COMPLETE\",\"results\":[");
    put_results(batch);
    buf_putc(body, ']');
    if (batch->error_count) {
        buf_printf(body, ",\"numErrors\":%d,\"errors\":[", batch->error_count);
        buf_put(body, batch->errors.data, batch->errors.len);
        buf_putc(body, ']');
    }
    buf_printf(body, ",\"startedAt\":\"%s\",\"completedAt\":\"%s\"}", start, end);
    batch->reply->status = batch->error_count ? 207 : status;
}

static void put_error(struct batch *batch, const struct hs_failure *failure, const char *trace_id)
{
    json_t *context = json_object();
    if (trace_id)
        json_object_set_new(context, "objectWriteTraceId", json_pack("[s]", trace_id));
    if (failure->status == 404)
        json_object_set_new(context, "ids", json_pack("[s]", failure->id));
    else if (failure->id[0])
        json_object_set_new(context, "id", json_pack("[s]", failure->id));
    json_t *error = json_pack("{s:s,s:s,s:s,s:o}", "status", "error", "category", failure->category,
                              "message", failure->message, "context", context);
    if (failure->status == 412) {
        char version[32];
        snprintf(version, sizeof version, "%lld", (long long)failure->version);
        json_object_set_new(error, "code", json_integer(412));
        json_object_set_new(context, "currentVersion", json_pack("[s]", version));
    }
    char *text = json_dumps(error, JSON_COMPACT);
    if (batch->error_count++)
        buf_putc(&batch->errors, ',');
    buf_puts(&batch->errors, text ? text : "{}");
    free(text);
    json_decref(error);
}

static void put_missing(struct batch *batch, json_t *missing)
{
    char message[200];
    snprintf(message, sizeof message,
             "Could not get some %s objects, they may be deleted or not exist. Check that ids are "
             "valid.",
             hs_singular(batch->object));
    json_t *error = json_pack("{s:s,s:s,s:s,s:{s:O}}", "status", "error", "category",
                              "OBJECT_NOT_FOUND", "message", message, "context", "ids", missing);
    char *text = json_dumps(error, JSON_COMPACT);
    batch->error_count++;
    buf_puts(&batch->errors, text ? text : "{}");
    free(text);
    json_decref(error);
}

static void add_names(struct batch *batch, json_t *names, bool history)
{
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);
        if (text && history)
            hs_want_history(&batch->want, &batch->sandbox->store, batch->object, text);
        else if (text)
            hs_want_add(&batch->want, &batch->sandbox->store, batch->object, text);
    }
}

static void read_batch(struct batch *batch, json_t *body)
{
    const char *id_property = text_at(body, "idProperty");
    json_t *names = json_object_get(body, "properties");
    struct store *store = &batch->sandbox->store;
    const struct property *by =
        id_property ? schema_find(&store->schema, batch->object, id_property) : NULL;
    if (id_property && (!by || (!by->unique && by->place != AT_ID))) {
        hs_error(batch->reply, batch->request->id, 400, "VALIDATION_ERROR",
                 "Property %.60s cannot be used as idProperty", id_property);
        return;
    }
    if (json_array_size(names))
        hs_want_system(&batch->want, store, batch->object);
    else
        hs_want_defaults(&batch->want, store, batch->object);
    add_names(batch, names, false);
    add_names(batch, json_object_get(body, "propertiesWithHistory"), true);
    const char *flag = request_param(batch->request, "archived");
    bool archived = flag && strcmp(flag, "true") == 0;
    json_t *missing = json_array(), *input;
    size_t i;
    json_array_foreach(batch->inputs, i, input)
    {
        char id[ID_BYTES], number[32];
        const char *asked = id_at(input, number);
        if (asked && hs_resolve(store, batch->object, id_property, asked, id) &&
            store_get(store, batch->object, id, &batch->record) &&
            batch->record.deleted == archived) {
            hs_put_record(batch->sandbox, &batch->results, batch->object, &batch->record,
                          &batch->want, NULL);
            end_result(batch);
        } else
            json_array_append_new(missing, json_string(asked ? asked : ""));
    }
    if (json_array_size(missing))
        put_missing(batch, missing);
    json_decref(missing);
    put_response(batch, 200);
}

static void want_written(struct batch *batch, json_t *properties, const char *id_property)
{
    const char *name;
    json_t *value;
    hs_want_system(&batch->want, &batch->sandbox->store, batch->object);
    if (id_property)
        hs_want_add(&batch->want, &batch->sandbox->store, batch->object, id_property);
    json_object_foreach(properties, name, value)
    {
        (void)value;
        hs_want_add(&batch->want, &batch->sandbox->store, batch->object, name);
    }
}

/* False: the whole batch fails. */
static bool write_input(struct batch *batch, json_t *input, enum hs_verb verb)
{
    char number[32];
    json_t *if_version = json_object_get(input, "ifVersion");
    struct hs_item item = {.verb = verb,
                           .id = id_at(input, number),
                           .id_property = verb == HS_CREATE ? NULL : text_at(input, "idProperty"),
                           .trace_id = text_at(input, "objectWriteTraceId"),
                           .properties = json_object_get(input, "properties"),
                           .if_version =
                               json_is_integer(if_version) ? json_integer_value(if_version) : -1};
    struct hs_failure failure = {0};
    struct hs_extra extra = {.has_new = verb == HS_UPSERT, .trace_id = item.trace_id};
    if (hs_write_item(batch->sandbox, batch->request, batch->object, batch->reply->who, &item,
                      &batch->record, &extra.is_new, &failure)) {
        want_written(batch, item.properties, verb == HS_UPSERT ? item.id_property : NULL);
        hs_put_record(batch->sandbox, &batch->results, batch->object, &batch->record, &batch->want,
                      &extra);
        end_result(batch);
        return true;
    }
    if (batch->traced || failure.status == 412 || (failure.status == 404 && verb == HS_UPDATE)) {
        put_error(batch, &failure, item.trace_id);
        return true;
    }
    hs_error(batch->reply, batch->request->id, failure.status, failure.category, "%s",
             failure.message);
    return false;
}

/* The same id twice in one batch fails it as a whole [M]. */
static bool ids_differ(struct batch *batch)
{
    for (size_t i = 0; i < json_array_size(batch->inputs); i++)
        for (size_t j = 0; j < i; j++) {
            const char *a = text_at(json_array_get(batch->inputs, i), "id");
            const char *b = text_at(json_array_get(batch->inputs, j), "id");
            if (a && b && strcmp(a, b) == 0) {
                hs_error(batch->reply, batch->request->id, 400, "VALIDATION_ERROR",
                         "Duplicate IDs found in batch input: [%.60s]. ID must be unique", a);
                return false;
            }
        }
    return true;
}

static void write_batch(struct batch *batch, enum hs_verb verb)
{
    if (verb != HS_CREATE && !ids_differ(batch))
        return;
    json_t *input;
    size_t i;
    json_array_foreach(batch->inputs, i, input)
    {
        if (!write_input(batch, input, verb))
            return;
    }
    put_response(batch, verb == HS_CREATE ? 201 : 200);
}

static void archive_batch(struct batch *batch)
{
    json_t *input;
    size_t i;
    json_array_foreach(batch->inputs, i, input)
    {
        char number[32];
        const char *id = id_at(input, number);
        if (id)
            hs_archive(batch->sandbox, batch->request, batch->object, batch->reply->who, id);
    }
    batch->reply->status = 204;
}

static bool check_inputs(struct batch *batch)
{
    size_t count = json_array_size(batch->inputs), traced = 0;
    if (!json_is_array(batch->inputs) || count == 0)
        hs_error(batch->reply, batch->request->id, 400, "VALIDATION_ERROR",
                 "Invalid input JSON: inputs must be a list with at least one item");
    else if (count > HS_BATCH_MAX)
        hs_error(
            batch->reply, batch->request->id, 400, "VALIDATION_ERROR",
            "The maximum number of inputs supported in a batch request for object batch APIs is %d",
            HS_BATCH_MAX);
    else {
        for (size_t i = 0; i < count; i++)
            traced += text_at(json_array_get(batch->inputs, i), "objectWriteTraceId") != NULL;
        batch->traced = traced == count;
        batch->reply->items = (int)count;
        return true;
    }
    return false;
}

void hs_batch(struct sandbox *sandbox, const struct request *request, const char *object,
              struct reply *reply)
{
    json_t *body = request_json(request);
    struct batch batch = {.sandbox = sandbox,
                          .request = request,
                          .object = object,
                          .reply = reply,
                          .inputs = json_object_get(body, "inputs"),
                          .start_ms = store_now_ms(&sandbox->store)};
    const char *verb = request_part(request, 5);
    buf_init(&batch.results, 0);
    buf_init(&batch.errors, 0);
    record_init(&batch.record);
    if (!check_inputs(&batch))
        ;
    else if (strcmp(verb, "read") == 0)
        read_batch(&batch, body);
    else if (strcmp(verb, "create") == 0)
        write_batch(&batch, HS_CREATE);
    else if (strcmp(verb, "update") == 0)
        write_batch(&batch, HS_UPDATE);
    else if (strcmp(verb, "upsert") == 0)
        write_batch(&batch, HS_UPSERT);
    else if (strcmp(verb, "archive") == 0)
        archive_batch(&batch);
    else
        hs_plain_error(reply, 404, request->id);
    record_clear(&batch.record);
    buf_clear(&batch.results);
    buf_clear(&batch.errors);
    json_decref(body);
}
