/*
 * hs_write — one record created, changed or upserted, whichever endpoint asks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sandbox/hs_pipelines.h"
#include "tests/sandbox/merges.h"

const char *hs_singular(const char *object)
{
    return strcmp(object, "companies") == 0 ? "COMPANY"
           : strcmp(object, "deals") == 0   ? "DEAL"
                                            : "CONTACT";
}

const char *hs_singular_lower(const char *object)
{
    return strcmp(object, "companies") == 0 ? "company"
           : strcmp(object, "deals") == 0   ? "deal"
                                            : "contact";
}

static bool by_object_id(const char *id_property)
{
    return !id_property[0] || strcmp(id_property, "hs_object_id") == 0;
}

bool hs_resolve(struct store *store, const char *object, const char *id_property, const char *id,
                char ret_id[ID_BYTES])
{
    if (!id_property || by_object_id(id_property)) {
        if (!merges_winner(store, object, id, ret_id))
            (void)snprintf(ret_id, ID_BYTES, "%s", id);
        return true;
    }
    struct buf value;
    buf_init(&value, 0);
    if (strcmp(id_property, "email") == 0)
        hs_put_email(span_of(id), &value);
    else
        buf_puts(&value, id);
    bool found =
        value.len && store_find_unique(store, object, id_property, buf_span(&value), ret_id);
    buf_clear(&value);
    return found;
}

static bool not_found(struct hs_failure *failure, const char *object, const char *id)
{
    (void)snprintf(failure->id, sizeof failure->id, "%s", id);
    return hs_fail(
        failure, 404, "OBJECT_NOT_FOUND",
        "Could not get some %s objects, they may be deleted or not exist. Check that ids "
        "are valid.",
        hs_singular(object));
}

/* Our extension: what the caller believes the record's version to be. */
static bool version_fits(struct sandbox *sandbox, const char *object, const struct hs_item *item,
                         const char *id, struct record *record, struct hs_failure *failure)
{
    if (item->if_version < 0 || !settings_get(&sandbox->settings, SET_CONDITIONAL_WRITES))
        return true;
    int64_t version = id && store_get(&sandbox->store, object, id, record) && !record->deleted
                          ? record->version
                          : 0;
    if (version == item->if_version)
        return true;
    failure->version = version;
    (void)snprintf(failure->id, sizeof failure->id, "%s", version ? id : "");
    return hs_fail(failure, 412, "VERSION_MISMATCH", "the record's version is %lld, not %lld",
                   (long long)version, (long long)item->if_version);
}

static bool conflict(struct hs_failure *failure, const struct conflict *with)
{
    (void)snprintf(failure->id, sizeof failure->id, "%s", with->id);
    if (strcmp(with->property, "email") == 0)
        return hs_fail(failure, 409, "CONFLICT", "Contact already exists. Existing ID: %s",
                       with->id);
    return hs_fail(
        failure, 400, "VALIDATION_ERROR",
        "Property values were not valid: [{\"isValid\":false,\"message\":\"%s already has "
        "that value.\",\"error\":\"CONFLICTING_UNIQUE_VALUE\",\"name\":\"%s\"}]",
        with->id, with->property);
}

static bool id_property_fits(struct store *store, const char *object, const struct hs_item *item,
                             struct hs_failure *failure)
{
    if (by_object_id(item->id_property))
        return true;
    const struct property *property = schema_find(&store->schema, object, item->id_property);
    if (!property)
        return hs_fail(failure, 400, "VALIDATION_ERROR", "Property %.60s does not exist",
                       item->id_property);
    if (!property->unique || (item->verb == HS_UPSERT && property->place == AT_EMAIL))
        return hs_fail(failure, 400, "VALIDATION_ERROR",
                       "Property %.60s cannot be used as idProperty: it must be a custom property "
                       "with unique values",
                       item->id_property);
    return true;
}

/* The record's current id, or NULL in ret_id[0] when it is to be created. */
static bool find_target(struct sandbox *sandbox, const char *object, const struct hs_item *item,
                        char ret_id[ID_BYTES], struct hs_failure *failure)
{
    ret_id[0] = '\0';
    if (item->verb == HS_CREATE)
        return true;
    if (!item->id[0])
        return hs_fail(failure, 400, "VALIDATION_ERROR", "Invalid input: id is required");
    if (!id_property_fits(&sandbox->store, object, item, failure))
        return false;
    if (hs_resolve(&sandbox->store, object, item->id_property, item->id, ret_id))
        return true;
    ret_id[0] = '\0';
    return item->verb == HS_UPSERT || not_found(failure, object, item->id);
}

/* An upsert that creates stores its id as the id property's value. */
static void add_id_property(struct buf *patch, const struct hs_item *item)
{
    if (item->verb != HS_UPSERT || by_object_id(item->id_property) ||
        tape_get(item->tape, item->properties, item->id_property))
        return;
    patch->len--; /* its '}' */
    fields_put_text(patch, item->id_property, span_of(item->id));
    buf_putc(patch, '}');
}

int64_t hs_if_version(const struct tape *tape, int at)
{
    int i = tape_get(tape, at, "ifVersion");
    if (!i || tape->items[i].type != TAPE_NUMBER)
        return -1;
    return strtoll(tape->items[i].text.data, NULL, 10); /* a ',' or '}' ends it */
}

void hs_want_written(struct hs_want *want, const struct store *store, const char *object,
                     const struct hs_item *item)
{
    hs_want_system(want, store, object);
    if (item->verb == HS_UPSERT && item->id_property[0])
        hs_want_add(want, store, object, item->id_property);
    for (int k = tape_first(item->properties);
         item->properties && k < tape_end(item->tape, item->properties);
         k = item->tape->items[k + 1].next) {
        char name[NAME_BYTES];
        struct span key = item->tape->items[k].text;
        (void)snprintf(name, sizeof name, "%.*s", (int)key.len, key.data);
        hs_want_add(want, store, object, name);
    }
}

bool hs_write_item(struct sandbox *sandbox, const struct request *request, const char *object,
                   const char *who, const struct hs_item *item, struct record *ret_record,
                   bool *ret_new, struct hs_failure *failure)
{
    char id[ID_BYTES];
    if (!find_target(sandbox, object, item, id, failure))
        return false;
    if (!version_fits(sandbox, object, item, id[0] ? id : NULL, ret_record, failure))
        return false;
    struct buf *patch = &sandbox->store.patch;
    buf_reset(patch);
    bool ok =
        hs_put_properties(&sandbox->store, object, item->tape, item->properties, patch, failure) &&
        (strcmp(object, "deals") != 0 ||
         hs_pipelines_fit(&sandbox->store, id[0] ? id : NULL, patch, failure));
    if (ok) {
        add_id_property(patch, item);
        struct conflict with;
        struct write write = {.object = object,
                              .id = id[0] ? id : NULL,
                              .patch = buf_span(patch),
                              .who = who,
                              .trace_id = item->trace_id[0] ? item->trace_id : NULL,
                              .request_id = request->id,
                              .late = request->late};
        enum write_outcome outcome = store_write(&sandbox->store, &write, ret_record, &with);
        *ret_new = !id[0];
        if (outcome == WRITE_CONFLICT)
            ok = conflict(failure, &with);
        else if (outcome == WRITE_ABSENT)
            ok = not_found(failure, object, item->id);
        else if (outcome != WRITE_DONE)
            ok = hs_fail(failure, 400, "VALIDATION_ERROR", "too many properties");
    }
    return ok;
}

void hs_archive(struct sandbox *sandbox, const struct request *request, const char *object,
                const char *who, const char *id)
{
    struct record record;
    record_init(&record);
    struct write write = {.object = object,
                          .id = id,
                          .who = who,
                          .archive = true,
                          .request_id = request->id,
                          .late = request->late};
    store_write(&sandbox->store, &write, &record, NULL);
    record_clear(&record);
}

void hs_purge(struct sandbox *sandbox, const char *object, const char *id)
{
    sqlite3_stmt *put =
        store_prepare(&sandbox->store, "UPDATE records SET deleted=9 WHERE object=?1 AND id=?2");
    bind_text(put, 1, object);
    bind_text(put, 2, id);
    store_run(&sandbox->store, put);
    sqlite3_finalize(put);
}
