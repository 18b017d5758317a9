/*
 * sf_merge — two Salesforce records become one
 * (https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_merge.htm).
 */
#include <stdio.h>
#include <string.h>

#include "tests/sandbox/merges.h"

/* The ids of records of one object that refer to id by one field. */
static json_t *children(struct store *store, const char *object, const char *field, const char *id)
{
    char sql[256];
    json_t *ids = json_array();
    (void)snprintf(sql, sizeof sql,
                   "SELECT id FROM records WHERE object=?1 AND deleted=0 AND "
                   "json_extract(fields,'$.%s')=?2",
                   field);
    sqlite3_stmt *rows = store_prepare(store, sql);
    bind_text(rows, 1, object);
    bind_text(rows, 2, id);
    while (store_row(store, rows))
        json_array_append_new(ids, json_string((const char *)sqlite3_column_text(rows, 0)));
    sqlite3_finalize(rows);
    return ids;
}

/* Automation does it: only SystemModstamp moves. */
static void reparent(struct store *store, const struct merge *merge,
                     const struct property *reference)
{
    json_t *ids = children(store, reference->object, reference->name, merge->loser), *id;
    struct record record;
    char patch[128];
    size_t i;
    (void)snprintf(patch, sizeof patch, "{\"%s\":\"%s\"}", reference->name, merge->winner);
    record_init(&record);
    json_array_foreach(ids, i, id)
    {
        struct write write = {.object = reference->object,
                              .id = json_string_value(id),
                              .patch = span_of(patch),
                              .who = merge->who,
                              .modstamp_ms = merge->modstamp_ms,
                              .automation = true,
                              .request_id = merge->request_id,
                              .late = merge->late};
        store_write(store, &write, &record, NULL);
    }
    record_clear(&record);
    json_decref(ids);
}

enum write_outcome sf_merge_records(struct store *store, const struct merge *merge,
                                    struct record *ret_record)
{
    char master[96];
    (void)snprintf(master, sizeof master, "{\"MasterRecordId\":\"%s\"}", merge->winner);
    if (strcmp(merge->winner, merge->loser) == 0 ||
        !store_get(store, merge->object, merge->winner, ret_record) || ret_record->deleted ||
        merges_lose(store, merge, merge->loser, merge->winner, span_of(master)) != WRITE_DONE)
        return WRITE_ABSENT;
    for (int i = 0; i < store->schema.count; i++) {
        const struct property *property = &store->schema.items[i];
        if (property->type == FT_REFERENCE && property->place == AT_JSON &&
            strcmp(property->options, merge->object) == 0 &&
            strcmp(property->name, "MasterRecordId") != 0)
            reparent(store, merge, property);
    }
    struct write write = {.object = merge->object,
                          .id = merge->winner,
                          .patch = merge->patch,
                          .who = merge->who,
                          .op = "merge",
                          .modstamp_ms = merge->modstamp_ms,
                          .request_id = merge->request_id,
                          .late = merge->late};
    return store_write(store, &write, ret_record, NULL);
}
