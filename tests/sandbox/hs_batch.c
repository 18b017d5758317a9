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
    struct tape tape;
    int inputs;  /* the list's index; 0: there is none */
    bool traced; /* every input has an objectWriteTraceId of its own */
    int64_t start_ms;
    struct buf results, errors;
    size_t ends[HS_BATCH_MAX]; /* where each result ends in results */
    int result_count, error_count;
    struct record record;
    struct hs_want want;
};

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

static void add_names(struct batch *batch, int names, bool history)
{
    const struct tape *tape = &batch->tape;
    for (int i = tape_first(names); names && i < tape_end(tape, names); i = tape->items[i].next) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "%.*s", (int)tape->items[i].text.len, tape->items[i].text.data);
        if (history)
            hs_want_history(&batch->want, &batch->sandbox->store, batch->object, name);
        else
            hs_want_add(&batch->want, &batch->sandbox->store, batch->object, name);
    }
}

/* Which properties a read wants, and by which it finds; false with the error in reply. */
static bool read_plan(struct batch *batch, char ret_id_property[NAME_BYTES])
{
    struct store *store = &batch->sandbox->store;
    if (!tape_text(&batch->tape, 0, "idProperty", ret_id_property, NAME_BYTES))
        ret_id_property[0] = '\0';
    const struct property *by =
        ret_id_property[0] ? schema_find(&store->schema, batch->object, ret_id_property) : NULL;
    if (ret_id_property[0] && (!by || (!by->unique && by->place != AT_ID))) {
        hs_error(batch->reply, batch->request->id, 400, "VALIDATION_ERROR",
                 "Property %.60s cannot be used as idProperty", ret_id_property);
        return false;
    }
    int names = tape_get(&batch->tape, 0, "properties");
    if (names && tape_first(names) < tape_end(&batch->tape, names))
        hs_want_system(&batch->want, store, batch->object);
    else
        hs_want_defaults(&batch->want, store, batch->object);
    add_names(batch, names, false);
    add_names(batch, tape_get(&batch->tape, 0, "propertiesWithHistory"), true);
    return true;
}

static void read_batch(struct batch *batch)
{
    char id_property[NAME_BYTES], asked[HS_ID_BYTES], id[ID_BYTES];
    const struct tape *tape = &batch->tape;
    struct store *store = &batch->sandbox->store;
    if (!read_plan(batch, id_property))
        return;
    const char *flag = request_param(batch->request, "archived");
    bool archived = flag && strcmp(flag, "true") == 0;
    json_t *missing = json_array();
    for (int i = tape_first(batch->inputs); i < tape_end(tape, batch->inputs);
         i = tape->items[i].next) {
        if (tape_text(tape, i, "id", asked, sizeof asked) &&
            hs_resolve(store, batch->object, id_property, asked, id) &&
            store_get(store, batch->object, id, &batch->record) &&
            batch->record.deleted == archived) {
            hs_put_record(batch->sandbox, &batch->results, batch->object, &batch->record,
                          &batch->want, NULL);
            end_result(batch);
        } else
            json_array_append_new(missing, json_string(asked));
    }
    if (json_array_size(missing))
        put_missing(batch, missing);
    json_decref(missing);
    put_response(batch, 200);
}

static void read_item(struct batch *batch, int input, enum hs_verb verb, struct hs_item *item)
{
    const struct tape *tape = &batch->tape;
    item->verb = verb;
    item->tape = tape;
    item->properties = tape_get(tape, input, "properties");
    item->if_version = hs_if_version(tape, input);
    item->id[0] = item->id_property[0] = item->trace_id[0] = '\0';
    tape_text(tape, input, "id", item->id, sizeof item->id);
    if (verb != HS_CREATE)
        tape_text(tape, input, "idProperty", item->id_property, sizeof item->id_property);
    tape_text(tape, input, "objectWriteTraceId", item->trace_id, sizeof item->trace_id);
}

/* False: the whole batch fails. */
static bool write_input(struct batch *batch, int input, enum hs_verb verb)
{
    struct hs_item item;
    read_item(batch, input, verb, &item);
    struct hs_failure failure = {0};
    struct hs_extra extra = {.has_new = verb == HS_UPSERT,
                             .trace_id = item.trace_id[0] ? item.trace_id : NULL};
    if (item.properties && batch->tape.items[item.properties].type != TAPE_OBJECT)
        hs_fail(&failure, 400, "VALIDATION_ERROR",
                "Invalid input JSON: properties must be an object");
    else if (hs_write_item(batch->sandbox, batch->request, batch->object, batch->reply->who, &item,
                           &batch->record, &extra.is_new, &failure)) {
        hs_want_written(&batch->want, &batch->sandbox->store, batch->object, &item);
        hs_put_record(batch->sandbox, &batch->results, batch->object, &batch->record, &batch->want,
                      &extra);
        end_result(batch);
        return true;
    }
    if (batch->traced || failure.status == 412 || (failure.status == 404 && verb == HS_UPDATE)) {
        put_error(batch, &failure, extra.trace_id);
        return true;
    }
    hs_error(batch->reply, batch->request->id, failure.status, failure.category, "%s",
             failure.message);
    return false;
}

/* The same id twice in one batch fails it as a whole [M]. */
static bool ids_differ(struct batch *batch)
{
    const struct tape *tape = &batch->tape;
    struct span ids[HS_BATCH_MAX];
    int count = 0;
    for (int i = tape_first(batch->inputs); i < tape_end(tape, batch->inputs);
         i = tape->items[i].next) {
        int at = tape_get(tape, i, "id");
        struct span id = at ? tape->items[at].text : SPAN_NONE;
        for (int j = 0; id.data && j < count; j++)
            if (span_equal(ids[j], id)) {
                hs_error(batch->reply, batch->request->id, 400, "VALIDATION_ERROR",
                         "Duplicate IDs found in batch input: [%.*s]. ID must be unique",
                         (int)(id.len < 60 ? id.len : 60), id.data);
                return false;
            }
        ids[count++] = id;
    }
    return true;
}

static void write_batch(struct batch *batch, enum hs_verb verb)
{
    if (verb != HS_CREATE && !ids_differ(batch))
        return;
    for (int i = tape_first(batch->inputs); i < tape_end(&batch->tape, batch->inputs);
         i = batch->tape.items[i].next)
        if (!write_input(batch, i, verb))
            return;
    put_response(batch, verb == HS_CREATE ? 201 : 200);
}

static void archive_batch(struct batch *batch)
{
    char id[HS_ID_BYTES];
    for (int i = tape_first(batch->inputs); i < tape_end(&batch->tape, batch->inputs);
         i = batch->tape.items[i].next)
        if (tape_text(&batch->tape, i, "id", id, sizeof id))
            hs_archive(batch->sandbox, batch->request, batch->object, batch->reply->who, id);
    batch->reply->status = 204;
}

static bool check_inputs(struct batch *batch)
{
    int count = 0, traced = 0;
    const struct tape *tape = &batch->tape;
    for (int i = tape_first(batch->inputs); batch->inputs && i < tape_end(tape, batch->inputs);
         i = tape->items[i].next) {
        count++;
        traced += tape_get(tape, i, "objectWriteTraceId") != 0;
    }
    if (count == 0 || tape->items[batch->inputs].type != TAPE_ARRAY)
        hs_error(batch->reply, batch->request->id, 400, "VALIDATION_ERROR",
                 "Invalid input JSON: inputs must be a list with at least one item");
    else if (count > HS_BATCH_MAX)
        hs_error(batch->reply, batch->request->id, 400, "VALIDATION_ERROR",
                 "The maximum number of inputs supported in a batch request for object batch APIs "
                 "is %d",
                 HS_BATCH_MAX);
    else {
        batch->traced = traced == count;
        batch->reply->items = count;
        return true;
    }
    return false;
}

void hs_batch(struct sandbox *sandbox, const struct request *request, const char *object,
              struct reply *reply)
{
    struct batch batch = {.sandbox = sandbox,
                          .request = request,
                          .object = object,
                          .reply = reply,
                          .start_ms = store_now_ms(&sandbox->store)};
    const char *verb = request_part(request, 5);
    tape_init(&batch.tape);
    buf_init(&batch.results, 0);
    buf_init(&batch.errors, 0);
    record_init(&batch.record);
    if (tape_parse(&batch.tape, buf_span(&request->body)))
        batch.inputs = tape_get(&batch.tape, 0, "inputs");
    if (!check_inputs(&batch))
        ;
    else if (strcmp(verb, "read") == 0)
        read_batch(&batch);
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
    tape_clear(&batch.tape);
}
