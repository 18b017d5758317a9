/*
 * admin_ends — people who merge, restore and empty the recycle bin.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sandbox/admin.h"
#include "tests/sandbox/merges.h"
#include "tests/sandbox/sf.h"

static void put_record_reply(const struct record *record, struct reply *reply)
{
    reply_json(reply, 200,
               json_pack("{s:s,s:I,s:I}", "id", record->id, "version", (json_int_t)record->version,
                         "modstamp_ms", (json_int_t)record->modstamp_ms));
}

static void id_at(const struct sandbox *sandbox, json_t *body, const char *key,
                  char ret_id[ID_BYTES])
{
    const char *id = json_string_value(json_object_get(body, key));
    if (sandbox->crm == CRM_HUBSPOT || !id || !sf_id_normalise(id, ret_id))
        (void)snprintf(ret_id, ID_BYTES, "%s", id ? id : "");
}

static const char *who_at(json_t *body)
{
    const char *who = json_string_value(json_object_get(body, "who"));
    return who ? who : "person:admin";
}

static bool read_patch(struct sandbox *sandbox, const char *object, json_t *fields,
                       struct buf *patch, struct reply *reply)
{
    return !fields || sandbox->crm == CRM_HUBSPOT ||
           sf_put_fields(&sandbox->store, object, fields, false, patch, reply);
}

static void merge_two(struct sandbox *sandbox, const struct request *request, json_t *body,
                      struct reply *reply)
{
    char winner[ID_BYTES], loser[ID_BYTES];
    struct merge merge = {.object = admin_object(sandbox, body, reply),
                          .winner = winner,
                          .loser = loser,
                          .who = who_at(body),
                          .request_id = request->id};
    struct record record;
    struct buf patch;
    record_init(&record);
    buf_init(&patch, 0);
    id_at(sandbox, body, "id", winner);
    id_at(sandbox, body, "loser", loser);
    if (merge.object && admin_modstamp(body, &merge.modstamp_ms, reply) &&
        read_patch(sandbox, merge.object, json_object_get(body, "fields"), &patch, reply)) {
        merge.patch = patch.len ? buf_span(&patch) : SPAN_NONE;
        enum write_outcome outcome = sandbox->crm == CRM_HUBSPOT
                                         ? hs_merge_records(&sandbox->store, &merge, &record)
                                         : sf_merge_records(&sandbox->store, &merge, &record);
        if (outcome == WRITE_DONE)
            put_record_reply(&record, reply);
        else
            reply_error(reply, 404, "no such two records");
    }
    record_clear(&record);
    buf_clear(&patch);
}

static void restore(struct sandbox *sandbox, const struct request *request, json_t *body,
                    struct reply *reply)
{
    char id[ID_BYTES];
    struct conflict conflict;
    struct record record;
    struct write write = {.object = admin_object(sandbox, body, reply),
                          .id = id,
                          .who = who_at(body),
                          .op = "restore",
                          .restore = true,
                          .request_id = request->id};
    id_at(sandbox, body, "id", id);
    if (!write.object || !admin_modstamp(body, &write.modstamp_ms, reply))
        return;
    record_init(&record);
    enum write_outcome outcome = store_write(&sandbox->store, &write, &record, &conflict);
    if (outcome == WRITE_DONE)
        put_record_reply(&record, reply);
    else if (outcome == WRITE_CONFLICT)
        reply_error(reply, 409, "%s is taken by %s", conflict.property, conflict.id);
    else
        reply_error(reply, 404, "no such deleted record");
    record_clear(&record);
}

/* Deleted records leave the recycle bin: nobody sees them any more, their ids stay used. */
static void purge(struct sandbox *sandbox, json_t *body, struct reply *reply)
{
    const char *object = admin_object(sandbox, body, reply);
    if (!object)
        return;
    sqlite3_stmt *note =
        store_prepare(&sandbox->store,
                      "INSERT OR REPLACE INTO purges SELECT object,max(modstamp_ms) FROM records "
                      "WHERE object=?1 AND deleted IN (1,2) GROUP BY object");
    bind_text(note, 1, object);
    store_run(&sandbox->store, note);
    sqlite3_finalize(note);
    sqlite3_stmt *put = store_prepare(
        &sandbox->store, "UPDATE records SET deleted=9 WHERE object=?1 AND deleted IN (1,2)");
    bind_text(put, 1, object);
    store_run(&sandbox->store, put);
    sqlite3_finalize(put);
    reply_json(reply, 200, json_pack("{s:i}", "count", sqlite3_changes(sandbox->store.db)));
}

bool admin_ends(struct sandbox *sandbox, const struct request *request, json_t *body,
                struct reply *reply)
{
    const char *verb = request_part(request, 2);
    if (strcmp(verb, "merge") == 0)
        merge_two(sandbox, request, body, reply);
    else if (strcmp(verb, "restore") == 0)
        restore(sandbox, request, body, reply);
    else if (strcmp(verb, "purge") == 0)
        purge(sandbox, body, reply);
    else
        return false;
    return true;
}
