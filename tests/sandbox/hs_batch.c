/*
 * hs_batch — batch/read and archive, and what all batches share: up to 100
 * items, results in no promised order, errors per item.
 */
#include "tests/sandbox/hs_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

void hs_batch_end_result(struct batch *batch)
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

void hs_batch_put_response(struct batch *batch, int status)
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

static void put_missing(struct batch *batch, json_t *missing)
{
    char message[200];
    (void)snprintf(
        message, sizeof message,
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
        (void)snprintf(name, sizeof name, "%.*s", (int)tape->items[i].text.len,
                       tape->items[i].text.data);
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
    if (batch->want.history_count && batch->reply->items > HS_HISTORY_MAX) {
        hs_error(batch->reply, batch->request->id, 400, "VALIDATION_ERROR",
                 "The maximum number of inputs supported in a batch request for property histories "
                 "is %d. Please reduce the number of items and try again",
                 HS_HISTORY_MAX);
        return;
    }
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
            hs_batch_end_result(batch);
        } else
            json_array_append_new(missing, json_string(asked));
    }
    if (json_array_size(missing))
        put_missing(batch, missing);
    json_decref(missing);
    hs_batch_put_response(batch, 200);
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
        hs_batch_write(&batch, HS_CREATE);
    else if (strcmp(verb, "update") == 0)
        hs_batch_write(&batch, HS_UPDATE);
    else if (strcmp(verb, "upsert") == 0)
        hs_batch_write(&batch, HS_UPSERT);
    else if (strcmp(verb, "archive") == 0)
        archive_batch(&batch);
    else
        hs_plain_error(reply, 404, request->id);
    record_clear(&batch.record);
    buf_clear(&batch.results);
    buf_clear(&batch.errors);
    tape_clear(&batch.tape);
}
