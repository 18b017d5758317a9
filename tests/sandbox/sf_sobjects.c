/*
 * sf_sobjects — single records: read, create, change, delete; reading many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/sf.h"
#include "tests/sandbox/write.h"

/* All fields, or those of ?fields=A,B. Returns their number, -1 with the error in reply. */
static int wanted_fields(struct store *store, const char *object, const char *list,
                         const struct property **ret_fields, struct reply *reply)
{
    int count = 0;
    const struct property *property;
    if (!list) {
        while (count < SF_FIELDS_MAX && (property = schema_at(&store->schema, object, count)))
            ret_fields[count++] = property;
        return count;
    }
    while (*list && count < SF_FIELDS_MAX) {
        char name[NAME_BYTES];
        size_t len = strcspn(list, ",");
        (void)snprintf(name, sizeof name, "%.*s", (int)len, list);
        if (!(property = schema_find(&store->schema, object, name))) {
            sf_error(reply, 400, "INVALID_FIELD", NULL, "No such column '%s' on entity '%s'.", name,
                     object);
            return -1;
        }
        ret_fields[count++] = property;
        list += len + (list[len] == ',');
    }
    return count;
}

static void get(struct sandbox *sandbox, const struct request *request, const char *object,
                const char *id, struct reply *reply)
{
    struct record record;
    record_init(&record);
    const struct property *fields[SF_FIELDS_MAX];
    int hints[SF_FIELDS_MAX] = {0};
    int count =
        wanted_fields(&sandbox->store, object, request_param(request, "fields"), fields, reply);
    if (count >= 0) {
        if (!store_get_visible(&sandbox->store, object, id, &record))
            sf_plain_error(reply, 404);
        else if (record.deleted)
            sf_error(reply, 404, "ENTITY_IS_DELETED", "", "entity is deleted");
        else {
            sf_put_record(&reply->body, request_part(request, 2), object, &record, fields, count,
                          hints);
            reply->items = 1;
        }
    }
    record_clear(&record);
}

static void write_record(struct sandbox *sandbox, const struct request *request, const char *object,
                         const char *id, struct reply *reply)
{
    json_t *fields = request_json(request);
    if (!fields) {
        sf_error(reply, 400, "JSON_PARSER_ERROR", NULL,
                 "The HTTP entity body is required, as a JSON object");
        return;
    }
    struct buf patch;
    struct record record;
    struct conflict conflict;
    buf_init(&patch, 0);
    record_init(&record);
    if (sf_put_fields(&sandbox->store, object, fields, !id, &patch, reply)) {
        struct write write = {.object = object,
                              .id = id,
                              .patch = buf_span(&patch),
                              .who = reply->who,
                              .request_id = request->id,
                              .late = request->late};
        enum write_outcome outcome = store_write(&sandbox->store, &write, &record, &conflict);
        if (outcome == WRITE_ABSENT && record.deleted)
            sf_error(reply, 404, "ENTITY_IS_DELETED", "", "entity is deleted");
        else if (outcome == WRITE_ABSENT)
            sf_plain_error(reply, 404);
        else if (outcome == WRITE_CONFLICT)
            sf_error(reply, 400, "DUPLICATE_VALUE", conflict.property,
                     "duplicate value found: %s duplicates value on record with id: %s",
                     conflict.property, conflict.id);
        else if (outcome != WRITE_DONE)
            sf_plain_error(reply, 400);
        else if (id)
            reply->status = 204;
        else
            reply_json(reply, 201,
                       json_pack("{s:s,s:b,s:[]}", "id", record.id, "success", 1, "errors"));
        reply->items = 1;
    }
    record_clear(&record);
    buf_clear(&patch);
    json_decref(fields);
}

static void delete_record(struct sandbox *sandbox, const struct request *request,
                          const char *object, const char *id, struct reply *reply)
{
    struct record record;
    record_init(&record);
    struct write write = {.object = object,
                          .id = id,
                          .who = reply->who,
                          .archive = true,
                          .request_id = request->id,
                          .late = request->late};
    if (store_write(&sandbox->store, &write, &record, NULL) == WRITE_DONE)
        reply->status = 204;
    else if (record.deleted)
        sf_error(reply, 404, "ENTITY_IS_DELETED", "", "entity is deleted");
    else
        sf_plain_error(reply, 404);
    record_clear(&record);
}

static void one_record(struct sandbox *sandbox, const struct request *request, const char *object,
                       struct reply *reply)
{
    char id[SF_ID_BYTES];
    if (!sf_id_normalise(request_part(request, 5), id)) {
        sf_error(reply, 404, "NOT_FOUND", NULL,
                 "Provided external ID field does not exist or is not accessible: %.40s",
                 request_part(request, 5));
        return;
    }
    if (request_is(request, "GET"))
        get(sandbox, request, object, id, reply);
    else if (request_is(request, "PATCH"))
        write_record(sandbox, request, object, id, reply);
    else if (request_is(request, "DELETE"))
        delete_record(sandbox, request, object, id, reply);
    else
        sf_plain_error(reply, 405);
}

/* GET sobjects/{S}/{field}/{value}: by a unique field. */
static void get_by_field(struct sandbox *sandbox, const struct request *request, const char *object,
                         struct reply *reply)
{
    const struct property *property =
        schema_find(&sandbox->store.schema, object, request_part(request, 5));
    char id[ID_BYTES];
    if (!property || !property->unique)
        sf_error(reply, 404, "NOT_FOUND", NULL,
                 "Provided external ID field does not exist or is not accessible: %.40s",
                 request_part(request, 5));
    else if (!request_is(request, "GET"))
        sf_plain_error(reply, 405);
    else if (store_find_unique(&sandbox->store, object, property->name,
                               span_of(request_part(request, 6)), id))
        get(sandbox, request, object, id, reply);
    else
        sf_plain_error(reply, 404);
}

void sf_sobjects(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    if (request->part_count == 4) {
        sf_list_objects(sandbox, reply);
        return;
    }
    const char *object = schema_object(&sandbox->store.schema, request_part(request, 4));
    if (!object) {
        sf_plain_error(reply, 404);
        return;
    }
    (void)snprintf(reply->object, sizeof reply->object, "%s", object);
    if (request->part_count == 5 && request_is(request, "POST"))
        write_record(sandbox, request, object, NULL, reply);
    else if (request->part_count == 6 && strcmp(request_part(request, 5), "describe") == 0)
        sf_describe(sandbox, object, reply);
    else if (request->part_count == 6 && strcmp(request_part(request, 5), "deleted") == 0 &&
             request_is(request, "GET"))
        sf_deleted(sandbox, request, object, reply);
    else if (request->part_count == 6)
        one_record(sandbox, request, object, reply);
    else if (request->part_count == 7)
        get_by_field(sandbox, request, object, reply);
    else
        sf_plain_error(reply, request->part_count == 5 ? 405 : 404);
}

static void put_many(struct sandbox *sandbox, const struct request *request, json_t *ids,
                     const struct property **fields, int count, struct reply *reply)
{
    struct record record;
    record_init(&record);
    int hints[SF_FIELDS_MAX] = {0};
    buf_putc(&reply->body, '[');
    size_t i;
    json_t *value;
    json_array_foreach(ids, i, value)
    {
        char id[SF_ID_BYTES];
        const char *text = json_string_value(value);
        if (i)
            buf_putc(&reply->body, ',');
        if (text && sf_id_normalise(text, id) &&
            store_get_visible(&sandbox->store, reply->object, id, &record) && !record.deleted)
            sf_put_record(&reply->body, request_part(request, 2), reply->object, &record, fields,
                          count, hints);
        else
            buf_puts(&reply->body, "null");
    }
    buf_putc(&reply->body, ']');
    reply->items = (int)json_array_size(ids);
    record_clear(&record);
}

/* POST composite/sobjects/{S} {"ids":[…],"fields":[…]}: up to 2,000 records in the order of the ids. */
void sf_read_many(struct sandbox *sandbox, const struct request *request, struct reply *reply)
{
    const char *object = schema_object(&sandbox->store.schema, request_part(request, 5));
    json_t *body = object && request_is(request, "POST") ? request_json(request) : NULL;
    json_t *ids = json_object_get(body, "ids"), *names = json_object_get(body, "fields");
    const struct property *fields[SF_FIELDS_MAX];
    int count = 0;
    if (!json_is_array(ids) || json_array_size(ids) > 2000 || !json_is_array(names)) {
        sf_plain_error(reply, object ? 400 : 404);
        json_decref(body);
        return;
    }
    (void)snprintf(reply->object, sizeof reply->object, "%s", object);
    for (size_t i = 0; i < json_array_size(names) && count < SF_FIELDS_MAX; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        fields[count] = name ? schema_find(&sandbox->store.schema, object, name) : NULL;
        if (!fields[count++]) {
            sf_error(reply, 400, "INVALID_FIELD", NULL, "No such column '%s' on entity '%s'.",
                     name ? name : "", object);
            json_decref(body);
            return;
        }
    }
    put_many(sandbox, request, ids, fields, count, reply);
    json_decref(body);
}
