/*
 * hs_pipelines — reading, storing and checking pipelines.
 */
#include "tests/sandbox/hs_pipelines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *id, *label, *probability;
} DEFAULT_STAGES[] = {
    {"appointmentscheduled", "Appointment Scheduled", "0.2"},
    {"qualifiedtobuy", "Qualified To Buy", "0.4"},
    {"presentationscheduled", "Presentation Scheduled", "0.6"},
    {"decisionmakerboughtin", "Decision Maker Bought-In", "0.8"},
    {"contractsent", "Contract Sent", "0.9"},
    {"closedwon", "Closed Won", "1.0"},
    {"closedlost", "Closed Lost", "0.0"},
};

static json_t *stage_json(const char *id, const char *label, const char *probability, int order)
{
    double chance = strtod(probability, NULL);
    return json_pack("{s:s,s:s,s:i,s:{s:s,s:s},s:s,s:s,s:b}", "id", id, "label", label,
                     "displayOrder", order, "metadata", "isClosed",
                     chance <= 0 || chance >= 1 ? "true" : "false", "probability", probability,
                     "createdAt", "2022-01-01T00:00:00.000Z", "updatedAt",
                     "2022-01-01T00:00:00.000Z", "archived", 0);
}

static json_t *pipeline_json(const char *id, const char *label, int order, json_t *stages)
{
    return json_pack("{s:s,s:s,s:i,s:o,s:s,s:s,s:b}", "id", id, "label", label, "displayOrder",
                     order, "stages", stages, "createdAt", "2022-01-01T00:00:00.000Z", "updatedAt",
                     "2022-01-01T00:00:00.000Z", "archived", 0);
}

static json_t *find(const struct store *store, const char *id)
{
    size_t i;
    json_t *pipeline;
    json_array_foreach(store->pipelines, i, pipeline)
    {
        if (strcmp(json_string_value(json_object_get(pipeline, "id")), id) == 0)
            return pipeline;
    }
    return NULL;
}

static bool has_stage(const json_t *pipeline, const char *id)
{
    size_t i;
    json_t *stage;
    json_array_foreach(json_object_get(pipeline, "stages"), i, stage)
    {
        if (strcmp(json_string_value(json_object_get(stage, "id")), id) == 0)
            return true;
    }
    return false;
}

static void save(struct store *store)
{
    char *text = json_dumps(store->pipelines, JSON_COMPACT);
    sqlite3_stmt *put = store_prepare(store, "INSERT OR REPLACE INTO pipelines VALUES(1,?1)");
    bind_text(put, 1, text);
    store_run(store, put);
    sqlite3_finalize(put);
    free(text);
}

void hs_pipelines_open(struct store *store)
{
    sqlite3_stmt *get = store_prepare(store, "SELECT body FROM pipelines WHERE n=1");
    if (store_row(store, get))
        store->pipelines = json_loads((const char *)sqlite3_column_text(get, 0), 0, NULL);
    sqlite3_finalize(get);
    if (store->pipelines)
        return;
    json_t *stages = json_array();
    for (size_t i = 0; i < sizeof DEFAULT_STAGES / sizeof *DEFAULT_STAGES; i++)
        json_array_append_new(stages, stage_json(DEFAULT_STAGES[i].id, DEFAULT_STAGES[i].label,
                                                 DEFAULT_STAGES[i].probability, (int)i));
    store->pipelines = json_pack("[o]", pipeline_json("default", "Sales Pipeline", 0, stages));
    save(store);
}

void hs_pipelines_close(struct store *store)
{
    json_decref(store->pipelines);
}

bool hs_pipelines_put(struct store *store, json_t *pipeline, struct reply *reply)
{
    const char *id = json_string_value(json_object_get(pipeline, "id"));
    const char *label = json_string_value(json_object_get(pipeline, "label"));
    json_t *given = json_object_get(pipeline, "stages"), *stages = json_array(), *stage;
    size_t i, at = 0;
    bool ok = id && json_array_size(given) > 0;
    json_array_foreach(given, i, stage)
    {
        const char *stage_id = NULL, *stage_label = NULL, *probability = "0.5";
        ok = ok && json_unpack(stage, "{s:s,s?:s,s?:s}", "id", &stage_id, "label", &stage_label,
                               "probability", &probability) == 0;
        if (ok)
            json_array_append_new(stages, stage_json(stage_id, stage_label ? stage_label : stage_id,
                                                     probability, (int)i));
    }
    if (!ok) {
        reply_error(reply, 400, "a pipeline needs an id and stages with ids");
        json_decref(stages);
        return false;
    }
    json_t *old = find(store, id);
    while (at < json_array_size(store->pipelines) && json_array_get(store->pipelines, at) != old)
        at++;
    json_t *made = pipeline_json(id, label ? label : id, (int)at, stages);
    if (old)
        json_array_set_new(store->pipelines, at, made);
    else
        json_array_append_new(store->pipelines, made);
    save(store);
    return true;
}

void hs_pipelines(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *object = schema_object(&sandbox->store.schema, request_part(request, 3));
    json_t *pipeline = request->part_count > 4 ? find(&sandbox->store, request_part(request, 4))
                                               : sandbox->store.pipelines;
    if (!request_is(request, "GET"))
        hs_plain_error(reply, 405, request->id);
    else if (!object || strcmp(object, "deals") != 0 || !pipeline || request->part_count > 6)
        hs_plain_error(reply, 404, request->id);
    else if (request->part_count == 5)
        reply_json(reply, 200, json_incref(pipeline));
    else
        reply_json(
            reply, 200,
            json_pack("{s:O}", "results",
                      request->part_count == 6 ? json_object_get(pipeline, "stages") : pipeline));
}

bool hs_pipelines_know(const struct store *store, const char *property, const char *value)
{
    size_t i;
    json_t *pipeline;
    if (strcmp(property, "pipeline") == 0)
        return find(store, value) != NULL;
    json_array_foreach(store->pipelines, i, pipeline)
    {
        if (has_stage(pipeline, value))
            return true;
    }
    return false;
}

static void add_option(json_t *options, const json_t *of)
{
    json_t *option = json_pack("{s:O,s:O,s:b}", "label", json_object_get(of, "label"), "value",
                               json_object_get(of, "id"), "hidden", 0);
    json_array_append_new(options, option);
}

json_t *hs_pipelines_options(const struct store *store, const char *property)
{
    json_t *options = json_array(), *pipeline, *stage;
    size_t i, k;
    json_array_foreach(store->pipelines, i, pipeline)
    {
        if (strcmp(property, "pipeline") == 0) {
            add_option(options, pipeline);
            continue;
        }
        json_array_foreach(json_object_get(pipeline, "stages"), k, stage)
        {
            add_option(options, stage);
        }
    }
    return options;
}

/* A property of the patch, else of the record as it is. False: in neither. */
static bool value_of(const struct fields *patch, const struct fields *record, const char *name,
                     struct buf *ret_value)
{
    struct span json = fields_get(patch, span_of(name), NULL);
    if (!json.data)
        json = fields_get(record, span_of(name), NULL);
    buf_reset(ret_value);
    return fields_text(json, ret_value);
}

static void set_default(struct buf *patch)
{
    patch->len--; /* its '}' */
    fields_put_text(patch, "pipeline", span_of("default"));
    buf_putc(patch, '}');
}

bool hs_pipelines_fit(struct store *store, const char *id, struct buf *patch,
                      struct hs_failure *failure)
{
    struct record record;
    struct fields old, new;
    struct buf pipeline, stage;
    record_init(&record);
    buf_init(&pipeline, 0);
    buf_init(&stage, 0);
    bool there = id && store_get(store, "deals", id, &record);
    fields_parse(&old, there ? buf_span(&record.fields) : span_of("{}"));
    fields_parse(&new, buf_span(patch));
    bool ok = true, has_pipeline = value_of(&new, &old, "pipeline", &pipeline);
    bool touched = fields_get(&new, span_of("dealstage"), NULL).data ||
                   fields_get(&new, span_of("pipeline"), NULL).data;
    if (touched && value_of(&new, &old, "dealstage", &stage)) {
        const json_t *in = find(store, has_pipeline ? pipeline.data : "default");
        ok = in && has_stage(in, stage.data);
    }
    if (!ok)
        hs_fail(failure, 400, "VALIDATION_ERROR",
                "Property values were not valid: [{\"isValid\":false,\"message\":\"%s is not a "
                "stage of pipeline %s\",\"error\":\"INVALID_OPTION\",\"name\":\"dealstage\"}]",
                stage.data, has_pipeline ? pipeline.data : "default");
    else if (!id && !has_pipeline)
        set_default(patch);
    buf_clear(&pipeline);
    buf_clear(&stage);
    record_clear(&record);
    return ok;
}
