/*
 * hs_batch_write — batch/create, update, upsert: items with a trace id of
 * their own fail alone, others take the whole batch with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/hs_batch.h"

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
        (void)snprintf(version, sizeof version, "%lld", (long long)failure->version);
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
        hs_batch_end_result(batch);
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

void hs_batch_write(struct batch *batch, enum hs_verb verb)
{
    if (verb != HS_CREATE && !ids_differ(batch))
        return;
    for (int i = tape_first(batch->inputs); i < tape_end(&batch->tape, batch->inputs);
         i = batch->tape.items[i].next)
        if (!write_input(batch, i, verb))
            return;
    hs_batch_put_response(batch, verb == HS_CREATE ? 201 : 200);
}
